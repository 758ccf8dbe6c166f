"""BBCode as HTML of people, which `box.lib.rich_text` then cleans.

Pure. Source of the tags: https://helpdesk.bitrix24.com/ and the editor's own buttons; what is none of them
stays as it is written, and what nobody closes is closed by whoever cleans it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape, unescape

LONGEST = 900_000
"""Of a text: longer ones are cut, and said to be."""
DEEPEST = 100
"""Tags within each other; what is opened beyond that is left out, and its text stays."""

# Possessive throughout: no text makes it try anything twice.
_TAG = re.compile(r"\[(/?+)(\*|[a-zA-Z]++\d?+)(?:\s*+=\s*+([^\]\[]{0,2000}+)|\s++([^\]\[]{0,500}+))?\]")
_SIMPLE = {
    "b": "strong",
    "i": "em",
    "u": "u",
    "s": "s",
    "del": "s",
    "quote": "blockquote",
    "code": "pre",
    "table": "table",
    "tr": "tr",
    "td": "td",
    "th": "th",
    "p": "p",
}
# What says only how a text looks: it goes, and the text stays.
_DRESS = {"color", "size", "font", "left", "center", "right", "justify", "background", "spoiler", "cut"}
_KNOWN = {*_SIMPLE, *_DRESS, "list", "url", "img", "user", "project", "department", "video", "disk"}
# These have nothing behind their name: `b[i + 1]` is no italics.
_BARE = {"b", "i", "u", "s", "p", "del"}
_BLOCKS = {"blockquote", "pre", "table", "tr", "td", "th", "p", "ul", "ol", "li"}
_OBJECT = re.compile(r"\bid\s*=\s*(n?\d{1,18})\b", re.IGNORECASE)
_HTML = re.compile(r"</?(?:p|div|br|b|i|u|strong|em|a|ul|ol|li|table|tr|td|span|h\d|img|blockquote)\b", re.I)
_EMAIL = re.compile(r"[^@\s<>\"]{1,64}@[^@\s<>\"]{1,190}")


@dataclass(frozen=True)
class Meanings:
    """What its numbers are here. `files` are by the id of the disk's object, with `n` before
    it, and by that of its attachment."""

    people: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)
    pictures: frozenset[int] = frozenset()


def people_in(text: str) -> set[str]:
    """The ids of whoever is mentioned."""
    return {
        (match[3] or "").strip()
        for match in _TAG.finditer(text)
        if match[2].lower() == "user" and not match[1] and (match[3] or "").strip().isdecimal()
    }


def has_tags(text: str) -> bool:
    """Whether anything in it is more than plain text."""
    return any(match[2].lower() in _KNOWN and not _is_said(match) for match in _TAG.finditer(text))


def _is_said(match: re.Match[str]) -> bool:
    return match[2].lower() in _BARE and bool(match[4])


def as_html(text: str, meanings: Meanings | None = None) -> str:
    """Not clean yet. A text that is HTML already stays what it is."""
    text = text.replace("\x00", "")[:LONGEST]
    if _HTML.search(text) and not _TAG.search(text):
        return text
    return _Writer(text, meanings or Meanings()).written()


class _Writer:
    """One pass over the text. `open` are the tags that were opened, the innermost last."""

    def __init__(self, text: str, meanings: Meanings) -> None:
        # The portal stores some texts with entities: they are written anew.
        self.text, self.meanings = unescape(text), meanings
        self.out: list[str] = []
        self.open: list[str] = []
        self.endless: set[str] = set()
        """Names of tags that nothing ends from here on."""

    def written(self) -> str:
        at = 0
        while match := _TAG.search(self.text, at):
            self._say(self.text[at : match.start()])
            at = self._tag(match)
        self._say(self.text[at:])
        while self.open:
            self.out.append(f"</{self.open.pop()}>")
        return "".join(self.out)

    def _say(self, text: str) -> None:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        kept = escape(text, quote=False)
        self.out.append(kept if "pre" in self.open else kept.replace("\n", "<br>"))

    def _tag(self, match: re.Match[str]) -> int:
        """Writes it; where to read on."""
        is_end, name, value = bool(match[1]), match[2].lower(), (match[3] or "").strip().strip("\"'")
        if "pre" in self.open and not (is_end and name == "code"):
            self._say(match[0])
            return match.end()
        if _is_said(match):
            self._say(match[0])
        elif name in _SIMPLE:
            self._close(_SIMPLE[name]) if is_end else self._begin(_SIMPLE[name])
        elif name == "list":
            self._close_list() if is_end else self._begin("ol" if value in ("1", "a") else "ul")
        elif name == "*":
            self._item()
        elif name == "br":
            self.out.append("<br>")
        elif name == "url" and not is_end:
            return self._link(match, value)
        elif name == "img" and not is_end:
            return self._up_to("img", match, lambda address: self._out_link(address.strip(), address.strip()))
        elif name == "user" and not is_end:
            return self._up_to("user", match, lambda said: self._person(value, said))
        elif name in ("project", "department", "video") and not is_end:
            return self._up_to(name, match, lambda said: self.out.append(escape(said)))
        elif name == "disk" and not is_end:
            self._object(match[4] or "")
        elif name not in _DRESS:
            self._say(match[0])
        return match.end()

    def _begin(self, tag: str) -> None:
        if len(self.open) < DEEPEST:
            self.open.append(tag)
            self.out.append(f"<{tag}>")

    def _close(self, tag: str) -> None:
        """With all that was opened within it; an end without a beginning is nothing."""
        if tag in self.open:
            while (last := self.open.pop()) != tag:
                self.out.append(f"</{last}>")
            self.out.append(f"</{tag}>")

    def _close_list(self) -> None:
        innermost = next((tag for tag in reversed(self.open) if tag in ("ul", "ol")), None)
        if innermost:
            self._close(innermost)

    def _item(self) -> None:
        innermost = next((tag for tag in reversed(self.open) if tag in ("ul", "ol", "li")), None)
        if innermost is None:
            self._say("• ")
            return
        if innermost == "li":
            self._close("li")
        self._begin("li")

    def _up_to(self, name: str, match: re.Match[str], write: Callable[[str], object]) -> int:
        """What stands up to the end of the tag, as it is; without an end, up to the end of the line."""
        if name in self.endless:
            return match.end()
        end = re.compile(rf"\[/{name}\]", re.IGNORECASE).search(self.text, match.end())
        if end is None:
            self.endless.add(name)
            return match.end()
        write(self.text[match.end() : end.start()])
        return end.end()

    def _link(self, match: re.Match[str], value: str) -> int:
        def write(said: str) -> None:
            said = _TAG.sub("", said).strip()
            self._out_link(value or said, said or value)

        return self._up_to("url", match, write)

    def _out_link(self, address: str, said: str) -> None:
        if _EMAIL.fullmatch(address):
            address = f"mailto:{address}"
        self.out.append(f'<a href="{escape(address)}">{escape(said)}</a>')

    def _person(self, theirs: str, said: str) -> None:
        ours = self.meanings.people.get(theirs)
        name = escape(said.strip())
        self.out.append(f'<span data-mention="{ours}">{name}</span>' if ours else name)

    def _object(self, words: str) -> None:
        found = _OBJECT.search(words)
        ours = self.meanings.files.get(found[1].lower()) if found else None
        # What is no picture hangs below the text anyway.
        if ours in self.meanings.pictures:
            self.out.append(f'<img src="/files/{ours}/preview" alt="">')
