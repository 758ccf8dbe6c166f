"""Plain text: of people, as it is shown; and of pages, as those read it who see no HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from markupsafe import Markup, escape

# Up to what certainly ends an address; what a sentence puts after it is given back.
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_AFTER = ".,;:!?»”’)]}"


def addresses_in(text: str) -> Iterator[tuple[int, str]]:
    """The web addresses of a text, each with where it begins."""
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(_AFTER)
        # A bracket that the address itself opened belongs to it: /wiki/Box_(container)
        if address.count("(") > address.count(")") and match[0][len(address) :].startswith(")"):
            address += ")"
        yield match.start(), address


def linked(text: str) -> Markup:
    """The text with its web addresses as links; everything else in it is text."""
    parts: list[Markup] = []
    end = 0
    for start, address in addresses_in(text):
        parts += [escape(text[end:start]), _link(address)]
        end = start + len(address)
    return Markup("").join([*parts, escape(text[end:])])


def _link(address: str) -> Markup:
    return Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>').format(address)


_LINES = frozenset({"p", "div", "li", "tr", "h1", "h2", "h3", "br", "blockquote", "ul", "ol", "table", "hr"})


class _Reader(HTMLParser):
    """Gathers what a page says: its title, and its text with the addresses of the links in it."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ""
        self.text = ""
        self._silent = ""
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("title", "style", "script"):
            self._silent = tag
        elif tag in _LINES:
            self.text += "\n"
        elif tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""
        elif tag in _LINES:
            self.text += "\n"
        elif tag == "a" and self._link:
            self.text += f" <{self._link}>"
            self._link = ""

    def handle_data(self, data: str) -> None:
        if self._silent == "title":
            self.title += data
        elif not self._silent:
            self.text += re.sub(r"\s+", " ", data)


def text_of(html: str) -> str:
    """What the page says, a paragraph a block, with the address of each link behind it."""
    lines = "\n".join(line.strip() for line in _read(html).text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def title_of(html: str) -> str:
    """The page's title, on one line."""
    return " ".join(_read(html).title.split())


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader
