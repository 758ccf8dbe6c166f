"""The Russian texts: gathered from the sources, compiled, and checked for what is missing.

python -m box.lib.messages gather     adds new texts to the catalogues
python -m box.lib.messages compile    makes what Django reads
python -m box.lib.messages check      fails on a text without a translation, or with a doubtful one

Every room keeps the texts that it alone uses, in its own `locale/`; those of several rooms, and those of no
room, lie in `box/locale`. So nothing is translated twice.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

BOX = Path(__file__).resolve().parent.parent
LANGUAGES = ("ru",)
LAZY = {f"{name}_lazy": spec for name, spec in DEFAULT_KEYWORDS.items()}
PLACEHOLDER = re.compile(r"%\(\w+\)s")
# Of the header only what programs read; who and when, git tells.
NEEDLESS = re.compile(
    rb'^"(Project-Id|Report|POT-Creation|PO-Revision|Last-Translator|Language-Team|Generated)\b.*\n',
    re.MULTILINE,
)
# Tests and libraries hold no texts of ours.
SKIPPED = {"node_modules", "dist", "tests", "__pycache__", "migrations"}


def catalogue_of(home: Path, language: str) -> Path:
    return home / "locale" / language / "LC_MESSAGES" / "django.po"


def homes() -> list[Path]:
    """The folders that may have a catalogue: the portal's own, and each room's."""
    return [BOX, *sorted(file.parent for file in BOX.glob("*/**/apps.py") if not SKIPPED & set(file.parts))]


def gathered() -> dict[Path, Catalog]:
    """Every text of the portal's sources, by the folder whose catalogue it belongs to."""
    users: dict[tuple[str | None, str], set[Path]] = {}
    texts = []
    rooms = set(homes())
    for filename, line, text, comments, context in _extracted():
        file = BOX / filename
        home = next(folder for folder in file.parents if folder in rooms)
        users.setdefault(_key(context, text), set()).add(home)
        texts.append((filename, line, text, comments, context))
    templates = {home: Catalog(charset="utf-8") for home in rooms}
    for filename, line, text, comments, context in texts:
        used_by = users[_key(context, text)]
        home = next(iter(used_by)) if len(used_by) == 1 else BOX
        templates[home].add(text, None, [(filename, line)], auto_comments=comments, context=context)
    return templates


def _extracted() -> Iterable[tuple[str, int, Any, list[str], str | None]]:
    with (BOX / "locale/babel.cfg").open() as config:
        methods, options = parse_mapping_cfg(config)  # type: ignore[no-untyped-call]
    return extract_from_dir(
        BOX,
        methods,
        options,
        keywords={**DEFAULT_KEYWORDS, **LAZY},
        comment_tags=("Translators:",),
        directory_filter=lambda folder: Path(folder).name not in SKIPPED,
    )


def read(home: Path, language: str) -> Catalog:
    path = catalogue_of(home, language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def rendered(catalogue: Catalog) -> bytes:
    """As its file holds it; nothing without texts."""
    if not len(catalogue):
        return b""
    catalogue.header_comment = ""
    catalogue.fuzzy = False
    text = io.BytesIO()
    write_po(text, catalogue, width=110, sort_output=True, ignore_obsolete=True, no_location=True)
    return NEEDLESS.sub(b"", text.getvalue())


def merged(language: str) -> Iterator[tuple[Path, bytes]]:
    """Each room's catalogue with what is new and without what is gone; a text whose users changed has moved
    with its translation."""
    templates = gathered()
    known = {
        _key(message.context, message.id): message.string
        for home in templates
        for message in read(home, language)
        if message.id and any(_forms(message.string))
    }
    for home, template in templates.items():
        catalogue = read(home, language)
        # A guess from a text that is nearly the same is more often wrong than right.
        catalogue.update(template, no_fuzzy_matching=True)
        for message in catalogue:
            if message.id and not any(_forms(message.string)):
                message.string = known.get(_key(message.context, message.id), message.string)
        yield home, rendered(catalogue)


def gather() -> None:
    for language in LANGUAGES:
        for home, content in merged(language):
            path = catalogue_of(home, language)
            if content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            else:
                path.unlink(missing_ok=True)


def compile_all() -> None:
    for language in LANGUAGES:
        for home in homes():
            compiled = catalogue_of(home, language).with_suffix(".mo")
            if not catalogue_of(home, language).exists():
                compiled.unlink(missing_ok=True)
                continue
            catalogue = read(home, language)
            # Babel would write down this very moment, and no release would be like another of its commit.
            catalogue.creation_date = catalogue.revision_date = datetime(2000, 1, 1, tzinfo=UTC)
            with compiled.open("wb") as file:
                write_mo(file, catalogue)


def problems(language: str) -> list[str]:
    """What is wrong with the catalogues, each as a sentence."""
    found = []
    for home, template in gathered().items():
        catalogue = read(home, language)
        where = f"{language}, {home.relative_to(BOX.parent)}"
        for wanted in template:
            if not wanted.id:
                continue
            source = _forms(wanted.id)[0]
            message = catalogue.get(source, wanted.context)
            if message is None:
                found.append(f"{where}: {source!r} is missing: run `make messages` and translate it.")
            else:
                found += [f"{where}: {source!r} {problem}" for problem in _problems_of(message)]
    return found


def unlike(language: str) -> list[str]:
    """The catalogues that the next `make setup` would change."""
    return [
        f"{language}, {home.relative_to(BOX.parent)}: run `make messages`, and commit what it changes."
        for home, content in merged(language)
        if content != (path.read_bytes() if (path := catalogue_of(home, language)).exists() else b"")
    ]


def _problems_of(message: Message) -> list[str]:
    translations = _forms(message.string)
    if not all(translations):
        return ["is not translated."]
    if message.fuzzy:
        return ["is marked as doubtful: check it and remove the mark."]
    wanted = _placeholders(_forms(message.id))
    # One of the plural forms may do without the number: "a file".
    if _placeholders(translations) != wanted:
        return [f"must have the same placeholders as its source: {', '.join(sorted(wanted)) or 'none'}."]
    return []


def _key(context: str | None, text: str | Sequence[str] | None) -> tuple[str | None, str]:
    return context, _forms(text)[0]


def _forms(text: str | Sequence[str] | None) -> list[str]:
    """A text has one form, or a list of them where it counts something."""
    return [text] if isinstance(text, str) else list(text or [""])


def _placeholders(forms: list[str]) -> set[str]:
    return {placeholder for form in forms for placeholder in PLACEHOLDER.findall(form)}


def main(command: str) -> int:
    match command:
        case "gather":
            gather()
        case "compile":
            compile_all()
        case "check":
            found = [problem for language in LANGUAGES for problem in problems(language) or unlike(language)]
            sys.stdout.writelines(f"{problem}\n" for problem in found)
            return 1 if found else 0
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
