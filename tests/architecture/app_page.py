"""The app of `docs/dev/add-an-app.md`, as files; and the same app under another name.

    python -m tests.architecture.app_page trips [trip]

writes it into this tree with the names changed: what `make app NAME=trips` calls.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/dev/add-an-app.md"
BLOCK = re.compile(
    r"^\*\*(?P<path>[\w./-]+)\*\*\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
NAME = re.compile(r"[a-z][a-z0-9]{1,29}")


@dataclass(frozen=True)
class Block:
    """A file of the page, or lines for one that is there."""

    path: str
    kind: str
    text: str

    def put_into(self, tree: Path) -> None:
        file = tree / self.path
        if self.kind == "diff":
            file.write_text(with_lines(file.read_text(), self.text, self.path))
            return
        if file.exists():
            raise ValueError(f"{self.path} is there already: the page adds to it with a diff.")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.text)

    def called(self, many: str, one: str) -> Block:
        return Block(renamed(self.path, many, one), self.kind, renamed(self.text, many, one))


def with_lines(source: str, change: str, path: str) -> str:
    """The source with the change's `+` lines below the lines that the change names."""
    lines = change.splitlines()
    above = "".join(f"{line[1:]}\n" for line in lines if line.startswith(" "))
    added = "".join(f"{line[1:]}\n" for line in lines if line.startswith("+"))
    if source.count(above) != 1:
        raise ValueError(f"{path} has no place for the page's lines: it no longer holds\n{above}")
    return source.replace(above, above + added)


def blocks() -> list[Block]:
    return [Block(**found.groupdict()) for found in BLOCK.finditer(PAGE.read_text())]


def renamed(text: str, many: str, one: str) -> str:
    """With another name for ideas and for one of them, however it is written."""
    names = {"ideas": many, "idea": one}
    return re.sub(
        "ideas?",
        lambda found: _as_written(names[found[0].lower()], found[0]),
        text,
        flags=re.IGNORECASE,
    )


def _as_written(name: str, as_in: str) -> str:
    if as_in.isupper():
        return name.upper()
    return name.capitalize() if as_in[0].isupper() else name


def write_app(many: str, one: str, tree: Path) -> list[str]:
    """The paths that it wrote or added to. Raises ValueError for a name that is taken, or none."""
    if not NAME.fullmatch(many) or not NAME.fullmatch(one):
        raise ValueError("An app is called by a word of small letters, such as trips.")
    if (tree / "box/apps" / many).exists():
        raise ValueError(f"box/apps/{many} is there already.")
    for block in (found := [block.called(many, one) for block in blocks()]):
        block.put_into(tree)
    return [block.path for block in found]


def main(many: str, one: str = "") -> None:
    try:
        paths = write_app(many, one or many.removesuffix("s"), ROOT)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write("".join(f"{path}\n" for path in paths))
    sys.stdout.write(
        f"Now: manage.py makemigrations {many} --name initial; make messages frontend;"
        " and docs/dev/add-an-app.md for what to take away.\n"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
