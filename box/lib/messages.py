"""The Russian texts: gathered from the sources, compiled, and checked for what is missing.

python -m box.lib.messages gather     adds new texts to the catalogue
python -m box.lib.messages compile    makes what Django reads
python -m box.lib.messages check      fails on a text without a translation, or with a doubtful one
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

BOX = Path(__file__).resolve().parent.parent
LOCALE = BOX / "locale"
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


def catalogue_of(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "django.po"


def gathered() -> Catalog:
    """Every text of the portal's sources."""
    with (LOCALE / "babel.cfg").open() as config:
        methods, options = parse_mapping_cfg(config)  # type: ignore[no-untyped-call]
    template = Catalog(charset="utf-8")
    found = extract_from_dir(
        BOX,
        methods,
        options,
        keywords={**DEFAULT_KEYWORDS, **LAZY},
        comment_tags=("Translators:",),
        directory_filter=lambda folder: Path(folder).name not in SKIPPED,
    )
    for filename, line, text, comments, context in found:
        template.add(text, None, [(filename, line)], auto_comments=comments, context=context)
    return template


def read(language: str) -> Catalog:
    path = catalogue_of(language)
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def write(language: str, catalogue: Catalog) -> None:
    catalogue.header_comment = ""
    catalogue.fuzzy = False
    text = io.BytesIO()
    write_po(text, catalogue, width=110, sort_output=True, ignore_obsolete=True, no_location=True)
    path = catalogue_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(NEEDLESS.sub(b"", text.getvalue()))


def gather() -> None:
    for language in LANGUAGES:
        catalogue = read(language)
        # A guess from a text that is nearly the same is more often wrong than right.
        catalogue.update(gathered(), no_fuzzy_matching=True)
        write(language, catalogue)


def compile_all() -> None:
    for language in LANGUAGES:
        with catalogue_of(language).with_suffix(".mo").open("wb") as file:
            write_mo(file, read(language))


def problems(language: str) -> list[str]:
    """What is wrong with the catalogue, each as a sentence."""
    catalogue = read(language)
    found = []
    for wanted in gathered():
        if not wanted.id:
            continue
        source = wanted.id if isinstance(wanted.id, str) else wanted.id[0]
        message = catalogue.get(source, wanted.context)
        if message is None:
            found.append(f"{language}: {source!r} is missing: run `make messages` and translate it.")
        else:
            found += [f"{language}: {source!r} {problem}" for problem in _problems_of(message)]
    return found


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
            found = [problem for language in LANGUAGES for problem in problems(language)]
            sys.stdout.writelines(f"{problem}\n" for problem in found)
            return 1 if found else 0
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
