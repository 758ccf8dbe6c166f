"""Texts of people, kept HTML (see `box.lib.rich_text`), as BBCode.

Pure. The other way is `box.lib.bbcode.reading`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import override

LONGEST = 60_000
"""Of a text: the portal's columns hold 64 KB."""

_TAGS = {
    "strong": "b",
    "em": "i",
    "u": "u",
    "s": "s",
    "blockquote": "quote",
    "pre": "code",
    "table": "table",
    "tr": "tr",
    "td": "td",
    "th": "th",
    "h3": "b",
    "h4": "b",
}
_LINES = {"p", "h3", "h4", "ul", "ol", "blockquote", "pre", "table"}
_PICTURE = re.compile(r"/files/(\d{1,18})/preview", re.ASCII)
# What somebody wrote in brackets is no tag: an invisible joiner keeps the portal from taking it for one.
_LITERAL = re.compile(r"\[(?=/?(?:\*|[a-zA-Z]+\d?)[\s=\]])")


@dataclass(frozen=True)
class Meanings:
    """What our numbers are there: people, and files as a disk of theirs knows them."""

    people: Mapping[int, str] = field(default_factory=dict)
    files: Mapping[int, str] = field(default_factory=dict)


def people_in(html: str) -> set[int]:
    """Ids of whoever is mentioned."""
    return {int(found) for found in re.findall(r'data-mention="(\d{1,18})"', html, re.ASCII)}


def as_bbcode(html: str, meanings: Meanings | None = None, *, base: str = "") -> str:
    """`base` is the address that links within this box stand on."""
    writer = _Writer(meanings or Meanings(), base)
    writer.feed(html)
    writer.close()
    text = "".join(writer.out)
    return re.sub(r"\n{3,}", "\n\n", text).strip()[:LONGEST]


class _Writer(HTMLParser):
    def __init__(self, meanings: Meanings, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.meanings, self.base = meanings, base
        self.out: list[str] = []
        self.links: list[str] = []
        """What ends each link that is open."""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in _LINES:
            self._line()
        if tag in _TAGS:
            self.out.append(f"[{_TAGS[tag]}]")
        elif tag == "br":
            self.out.append("\n")
        elif tag == "hr":
            self.out.append("\n—\n")
        elif tag in ("ul", "ol"):
            self.out.append("[list=1]" if tag == "ol" else "[list]")
        elif tag == "li":
            self.out.append("[*]")
        elif tag == "a":
            self._link(given)
        elif tag == "img" and (match := _PICTURE.fullmatch(given.get("src", ""))):
            theirs = self.meanings.files.get(int(match[1]))
            self.out.append(f"[disk file id={theirs}]" if theirs else "")

    @override
    def handle_endtag(self, tag: str) -> None:
        if tag in _TAGS:
            self.out.append(f"[/{_TAGS[tag]}]")
        elif tag in ("ul", "ol"):
            self.out.append("[/list]")
        elif tag == "a" and self.links:
            self.out.append(self.links.pop())
        if tag in _LINES:
            self.out.append("\n")

    @override
    def handle_data(self, data: str) -> None:
        if self.out and self.out[-1].startswith("[user="):
            # The portal shows names of people without a sign.
            data = data.removeprefix("@")
        self.out.append(_LITERAL.sub("[\u2060", data))

    def _link(self, given: Mapping[str, str]) -> None:
        if mention := given.get("data-mention"):
            theirs = self.meanings.people.get(int(mention))
            self.out.append(f"[user={theirs}]" if theirs else "")
            self.links.append("[/user]" if theirs else "")
            return
        address = given.get("href", "")
        is_tag = given.get("class") == "hashtag"
        if address.startswith("/"):
            address = f"{self.base}{address}"
        is_link = bool(address) and not is_tag and not re.search(r"[\]\[\s]", address)
        self.out.append(f"[url={address}]" if is_link else "")
        self.links.append("[/url]" if is_link else "")

    def _line(self) -> None:
        if self.out and not self.out[-1].endswith("\n"):
            self.out.append("\n")
