"""The pages of docs/user/, as the box shows them: in the reader's language, and from the box itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from django.conf import settings
from django.urls import Resolver404, resolve, reverse
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from box.core.registry.capabilities import help_pages

INDEX = "index"
FOLDER = settings.BASE_DIR / "docs/user"
# English lies in the folder itself, every other language in one of its own.
SOURCE_LANGUAGE = "en"


@dataclass(frozen=True)
class HelpPage:
    name: str
    title: str
    body: Markup


def page_for(address: str) -> str:
    """The name of the page that explains the screen at this address; the index where none does."""
    try:
        match = resolve(address)
    except Resolver404:
        return INDEX
    wanted = [match.view_name, *reversed(match.namespaces)]
    names = [help_pages[key] for key in wanted if key in help_pages] + match.namespaces[::-1]
    return next((name for name in names if _file(name, SOURCE_LANGUAGE).is_file()), INDEX)


@cache
def help_page(name: str, language: str) -> HelpPage | None:
    """None where there is no such page. One that is not translated yet is shown in English."""
    if name not in names():
        return None
    own = _file(name, language)
    text = (own if own.is_file() else _file(name, SOURCE_LANGUAGE)).read_text(encoding="utf-8")
    # What people wrote into it would be shown as text: the pages are ours, and still nobody's HTML.
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    _lead_within(tokens)
    headings = (text.content for head, text in pairwise(tokens) if head.type == "heading_open")
    body = Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - of our own pages
    return HelpPage(name, next(headings, name), body)


@cache
def names() -> frozenset[str]:
    return frozenset(file.stem for file in FOLDER.glob("*.md"))


def contents(language: str) -> list[HelpPage]:
    """All pages but the index, by their titles."""
    pages = [help_page(name, language) for name in names() if name != INDEX]
    return sorted((page for page in pages if page), key=lambda page: page.title)


def _file(name: str, language: str) -> Path:
    folder = FOLDER if language == SOURCE_LANGUAGE else FOLDER / language
    return folder / f"{name}.md"


def _lead_within(tokens: list[Token]) -> None:
    """Links between the files become links between the pages."""
    for token in tokens:
        for one in (token, *(token.children or ())):
            target = str(one.attrGet("href") or "")
            name = Path(target.partition("#")[0]).stem
            if one.type == "link_open" and target.partition("#")[0].endswith(".md") and name in names():
                one.attrSet("href", reverse("portal:help-page", args=[name]))
