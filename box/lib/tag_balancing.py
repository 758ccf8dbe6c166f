"""HTML of anybody, written so that what reads it next has little work: every tag closed where it belongs.

A parser of HTML takes any soup, at any cost: 40,000 `<div>` within each other take it half a minute, because
at each it looks through all that are open, and 60 `<b>` that a paragraph's end has cut off are made anew for
every paragraph behind. Here tags are read once, from left to right, and counted; what is written is balanced.
It is no sanitiser: that comes behind it, and reads nothing but this.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape, unescape

DEEPEST = 100
"""As it comes from a browser: around what is kept Word has its own."""
MOST_TAGS = 60_000
"""A table of ten thousand cells has a few in each."""
MOST_STYLES = 8
"""Tags such as `<b>` in each other; further ones are left out."""

# What a parser opens again by itself where something else has closed it.
_STYLES = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_VOID = frozenset(
    {
        *("area", "base", "br", "col", "embed", "hr", "img"),
        *("input", "link", "meta", "param", "source", "track", "wbr"),
    }
)
# What ends a paragraph that is open, and is no part of it.
_BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "center",
            "details",
            "dialog",
            "div",
            "dl",
            "dd",
            "dt",
        ),
        *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header"),
        *("hgroup", "hr", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table", "ul"),
    }
)
# Which of those on top are ended by another one: writers leave their ends out.
_ENDED_BY = {
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "option": {"option"},
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
    "tbody": {"td", "th", "tr", "thead", "tbody", "tfoot"},
    "tfoot": {"td", "th", "tr", "thead", "tbody", "tfoot"},
}
# A paragraph is not looked for beyond these.
_WALLS = frozenset({"table", "td", "th", "caption", "button", "object", "li"})
_KEPT = frozenset({"href", "src", "alt", "class", "data-mention", "colspan", "rowspan"})

# What never ends reaches to the end, so that each character is read once.
_TOKEN = re.compile(
    r"""<(?P<raw>script|style|xmp|iframe|noembed|noframes|noscript|title|textarea|svg|math)\b
          .*?(?:</(?P=raw)\s*+>|\Z)
      | <!--.*?(?:--!?>|\Z)
      | <[!?][^>]*+>?
      | </(?P<closed>[a-z][^\s/>]*+)[^>]*+>?
      | </[^>]*+>?
      | <(?P<opened>[a-z][^\s/>]*+)
         (?P<attributes>(?:[^>=]++|=\s*+(?:"[^"]*+"?|'[^']*+'?)?)*+)>?""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""([^\s/>="']++)\s*+(?:=\s*+(?:"([^"]*+)"?|'([^']*+)'?|([^\s>"'][^\s>]*+)))?""", re.DOTALL
)
_NAME = re.compile(r"[a-z][a-z0-9:.-]{0,29}")


class TooMuch(ValueError):
    """More than a text of people ever is."""


def balanced(html: str) -> str:
    """The same text and tags, with only such attributes as a text of people needs. Raises TooMuch."""
    return "".join(_Balance().written(html))


class _Balance:
    def __init__(self) -> None:
        self.open: list[str] = []
        self.count = 0
        self.styles = 0

    def written(self, html: str) -> Iterator[str]:
        end = 0
        for token in _TOKEN.finditer(html):
            yield _text(html[end : token.start()])
            end = token.end()
            if name := token["opened"]:
                yield from self._opened(name.lower(), token["attributes"])
            elif name := token["closed"]:
                yield from self._closed(name.lower())
        yield _text(html[end:])
        yield from self._close(len(self.open))

    def _opened(self, name: str, attributes: str) -> Iterator[str]:
        self.count += 1
        if self.count > MOST_TAGS:
            raise TooMuch("more tags than a text has")
        if not _NAME.fullmatch(name) or (name in _STYLES and self.styles >= MOST_STYLES):
            return
        yield from self._end_what_ends_here(name)
        yield f"<{name}{_attributes(attributes)}>"
        if name in _VOID:
            return
        if len(self.open) >= DEEPEST:
            raise TooMuch("nested deeper than a text is")
        self.open.append(name)
        self.styles += name in _STYLES

    def _end_what_ends_here(self, name: str) -> Iterator[str]:
        if name in _BLOCKS:
            for back, one in enumerate(reversed(self.open), start=1):
                if one == "p":
                    yield from self._close(back)
                    break
                if one in _WALLS:
                    break
        while self.open and self.open[-1] in _ENDED_BY.get(name, ()):
            yield from self._close(1)

    def _closed(self, name: str) -> Iterator[str]:
        """With all that is open in it. What nobody has opened is nothing."""
        if name in self.open:
            yield from self._close(self.open[::-1].index(name) + 1)

    def _close(self, count: int) -> Iterator[str]:
        for _one in range(count):
            name = self.open.pop()
            self.styles -= name in _STYLES
            yield f"</{name}>"


def _text(text: str) -> str:
    return text.replace("<", "&lt;").replace(">", "&gt;")


def _attributes(text: str) -> str:
    found = {
        match[1].lower(): unescape(match[2] or match[3] or match[4] or "")
        for match in _ATTRIBUTE.finditer(text)
        if match[1].lower() in _KEPT
    }
    return "".join(f' {name}="{escape(value)}"' for name, value in found.items())
