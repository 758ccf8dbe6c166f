"""Rich text of people: what of HTML may be kept, so that it is safe and looks like the rest of the portal.

What is kept: paragraphs, two levels of headings (h3, h4), bold, italic, struck, code, lists, quotes, links,
tables, rules, mentions, tags, and pictures that the writer attached. All else goes, its text stays; of what
Word and Excel put on the clipboard the tables stay. Web addresses become links, `#words` lead to their tag,
and a mention is written anew from who is meant, so that nobody's name stands over another's profile.

It is done when something is written. What is stored is shown as it is, and cleaning it again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

import nh3

from box.lib.addresses import parts_of
from box.lib.plain_text import addresses_in
from box.lib.tag_balancing import TooMuch, balanced

# As it comes from a browser; a table of ten thousand cells fits.
LONGEST_HTML = 1_000_000
DEEPEST = 60
ROUNDS = 5
MOST_TAGS = 30
LONGEST_TAG = 50
MOST_LINKS = 2000
"""Further addresses and tags stay words: each is ten times as long as a link."""

MENTION = "mention"
HASHTAG = "hashtag"
OUTSIDE = "noopener noreferrer nofollow"

# By what is written for them here: what editors, Word and browsers call them.
_RENAMED = {
    "b": "strong",
    "i": "em",
    "strike": "s",
    "del": "s",
    "h1": "h3",
    "h2": "h3",
    "h5": "h4",
    "h6": "h4",
}
_INLINE = {"strong", "em", "s", "u", "code", "sub", "sup"}
_CELLS = {"td", "th"}
_BLOCKS = {
    "p",
    "h3",
    "h4",
    "ul",
    "ol",
    "li",
    "blockquote",
    "pre",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    *_CELLS,
}
_VOID = {"br", "hr", "img"}
_GONE_WITH_CONTENT = {
    *("script", "style", "title", "xml", "template", "textarea", "select"),
    *("svg", "math", "iframe", "object", "noscript", "head"),
}
_SPANS = {"colspan", "rowspan"}
# A wide table is moved sideways by itself, also with the keyboard.
_TABLE = '<div class="table-scroll" tabindex="0"><table>', "</table></div>"

_SCHEMES = {"http", "https", "mailto", "tel"}
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_SPAN = re.compile(r"[1-9]\d?", re.ASCII)
_PICTURE = re.compile(r"/files/([1-9]\d{0,17})/preview", re.ASCII)
_TAG = re.compile(rf"(?<![\w#/&])#([^\W\d_][\w-]{{1,{LONGEST_TAG - 1}}})")
_EMPTY = re.compile(r"<(p|h3|h4|li)>(?:\s|&nbsp;|<br>)*</\1>")

_AS_GIVEN = nh3.Cleaner(
    tags={*_RENAMED, *_INLINE, *_BLOCKS, *_VOID, "a", "div", "span"},
    clean_content_tags=_GONE_WITH_CONTENT,
    attributes={"a": {"href", "data-mention", "class"}, "span": {"data-mention"}, "img": {"src", "alt"},
                "td": _SPANS, "th": _SPANS},
    url_schemes=_SCHEMES,
    link_rel=None,
)  # fmt: skip
# The last word is the sanitiser's, over what was written here.
_AS_KEPT = nh3.Cleaner(
    tags={*_INLINE, *_BLOCKS, *_VOID, "a", "div"},
    clean_content_tags=_GONE_WITH_CONTENT,
    attributes={"a": {"href", "data-mention"}, "img": {"src", "alt", "loading"}, "td": _SPANS, "th": _SPANS},
    tag_attribute_values={
        "a": {"class": {MENTION, HASHTAG}, "rel": {OUTSIDE}, "target": {"_blank"}},
        "div": {"class": {"table-scroll"}, "tabindex": {"0"}},
    },
    url_schemes=_SCHEMES,
    link_rel=None,
)


@dataclass(frozen=True)
class Mentioned:
    """Who is meant, as it is written."""

    name: str
    url: str


def _nobody(ids: Collection[int]) -> Mapping[int, Mentioned]:
    return {}


@dataclass(frozen=True)
class Context:
    """What the text's place knows. Without it, mentions and tags are plain words, and pictures go.

    `people` is asked once, for those of the ids whom the writer may mention; `hosts` are the portal's own.
    """

    people: Callable[[Collection[int]], Mapping[int, Mentioned]] = _nobody
    tag_url: Callable[[str], str] | None = None
    pictures: Collection[int] = ()
    hosts: Collection[str] = ()


@dataclass(frozen=True)
class Rich:
    """A text as it is kept: `html` to show, `text` to search and to quote."""

    html: str
    text: str
    mentions: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Where its links lead within the portal: paths with their query."""
    pictures: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.text and not self.pictures


def cleaned(html: str, context: Context | None = None) -> Rich:
    """The text with only what may be kept of it. Raises TooMuch for what nobody wrote by hand."""
    context = context or Context()
    if len(html) > LONGEST_HTML:
        raise TooMuch("longer than a text may be")
    given = _AS_GIVEN.clean(balanced(html.replace("\x00", "")))
    ids = mentioned_in(given)
    people = context.people(ids) if ids else {}
    for _ in range(ROUNDS):
        writer = _written(given, context, people)
        kept = _without_empty(writer.html)
        if kept == given:
            break
        # Most often the second round finds nothing to do. What a browser's parser moves, text out of a table
        # for one, is written once more.
        given = kept
    else:
        writer = _written(from_text(plain(kept)), context, people)
        kept = _without_empty(writer.html)
    return Rich(
        html=kept,
        text=plain(kept),
        mentions=tuple(dict.fromkeys(writer.mentions)),
        tags=tuple(dict.fromkeys(writer.tags))[:MOST_TAGS],
        links=tuple(dict.fromkeys(writer.links)),
        pictures=tuple(dict.fromkeys(writer.pictures)),
    )


def _written(html: str, context: Context, people: Mapping[int, Mentioned]) -> _Writer:
    writer = _Writer(context, people)
    writer.feed(html)
    writer.close()
    return writer


def _without_empty(html: str) -> str:
    """Without the empty paragraphs with which editors make room; what held only them is empty in its turn."""
    html = _AS_KEPT.clean(html)
    while (fewer := _EMPTY.sub("", html)) != html:
        html = _AS_KEPT.clean(fewer)
    return html


def mentioned_in(html: str) -> set[int]:
    """Whom a cleaned text mentions."""
    return {int(found) for found in re.findall(r'data-mention="([1-9]\d{0,17})"', html)}


def from_text(text: str) -> str:
    """Plain text as HTML: an empty line begins a paragraph."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\x00", "").strip())
    return "".join(
        f"<p>{escape(one, quote=False).replace('\n', '<br>')}</p>" for one in paragraphs if one.strip()
    )


def plain(html: str) -> str:
    """What a cleaned text says, without what it looks like: blocks are lines, cells are apart by a tab."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (re.sub(r"[^\S\t]+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    """Gathers the text of a cleaned text."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.in_pre = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_pre = self.in_pre or tag == "pre"
        if tag == "br":
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n• ")
        elif tag in {"table", "ul", "ol", "pre", "blockquote", "hr"}:
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        self.in_pre = self.in_pre and tag != "pre"
        if tag in _CELLS:
            self.parts.append("\t")
        elif tag == "tr":
            self.parts.append("\n")
        elif tag in {"p", "h3", "h4", "ul", "ol", "pre", "blockquote", "table"}:
            self.parts.append("\n\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data if self.in_pre else data.replace("\n", " "))


@dataclass(frozen=True)
class _Open:
    """A tag that is open: `given` by its first name, written with `end` when it closes."""

    given: str
    end: str
    is_block: bool
    is_literal: bool
    is_muted: bool


class _Writer(HTMLParser):
    """Writes in our own words what the sanitiser has left. Its input is balanced."""

    def __init__(self, context: Context, people: Mapping[int, Mentioned]) -> None:
        super().__init__()
        self.context = context
        self.people = people
        self.mentions: list[int] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.pictures: list[int] = []
        self._linked = 0
        self._out: list[str] = []
        self._open: list[_Open] = []
        # Gathered over tags that are left out: `#a<b></b>b` is one word when it is read again, too.
        self._text: list[str] = []
        # Words that stand in no block get a paragraph of their own.
        self._is_implied = False

    @property
    def html(self) -> str:
        return "".join(self._out)

    def close(self) -> None:
        super().close()
        self._end_implied()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = _RENAMED.get(tag, tag)
        if name == "img":
            self._picture(given)
        elif name in _VOID:
            self._put(f"<{name}>", is_block=name == "hr")
        elif len(self._open) >= DEEPEST:
            raise TooMuch("nested deeper than a text is")
        elif name in {"a", "span"}:
            self._begin_link(tag, given)
        elif name == "table":
            self._begin(tag, *_TABLE, is_block=True)
        elif name in _CELLS:
            self._begin(tag, f"<{name}{_spans(given)}>", f"</{name}>", is_block=True)
        elif name in _INLINE:
            self._begin(tag, f"<{name}>", f"</{name}>", is_literal=name == "code")
        else:
            name = "p" if name == "div" else name
            self._begin(tag, f"<{name}>", f"</{name}>", is_block=True, is_literal=name == "pre")

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            if self._open[-1].end:
                self._flush()
            closed = self._open.pop()
            self._out.append(closed.end)
            if closed.given == tag:
                return

    def handle_data(self, data: str) -> None:
        if not any(one.is_muted for one in self._open):
            self._text.append(data)

    def _begin(
        self, given: str, start: str, end: str,
        *, is_block: bool = False, is_literal: bool = False, is_muted: bool = False,
    ) -> None:  # fmt: skip
        if start:
            self._put(start, is_block=is_block)
        self._open.append(_Open(given, end, is_block, is_literal, is_muted))

    def _put(self, html: str, *, is_block: bool = False) -> None:
        if is_block:
            self._end_implied()
        else:
            self._flush()
            self._imply()
        self._out.append(html)

    @property
    def _is_between_blocks(self) -> bool:
        return not self._is_implied and not any(one.is_block for one in self._open)

    def _imply(self) -> None:
        if self._is_between_blocks:
            self._out.append("<p>")
            self._is_implied = True

    def _end_implied(self) -> None:
        self._flush()
        if self._is_implied:
            self._out.append("</p>")
            self._is_implied = False

    def _flush(self) -> None:
        text = "".join(self._text)
        self._text.clear()
        if not text:
            return
        if not text.strip() and self._is_between_blocks:
            return
        self._imply()
        is_literal = any(one.is_literal for one in self._open)
        self._out.append(_escaped(text) if is_literal else "".join(self._words(text)))

    def _words(self, text: str) -> Iterator[str]:
        """The text with its web addresses and its tags as links."""
        end = 0
        for start, address in addresses_in(text):
            if not self._may_link():
                break
            yield from self._tagged(text[end:start])
            self._note(address)
            yield f"{_start_of_link(address, self.context.hosts)}{_escaped(address)}</a>"
            end = start + len(address)
        yield from self._tagged(text[end:])

    def _tagged(self, text: str) -> Iterator[str]:
        end = 0
        tag_url = self.context.tag_url
        if tag_url is None:
            yield _escaped(text)
            return
        for match in _TAG.finditer(text):
            if not self._may_link():
                break
            name = match[1].lower()
            self.tags.append(name)
            yield _escaped(text[end : match.start()])
            url = _quoted(tag_url(name))
            yield f'<a class="{HASHTAG}" href="{url}">{_escaped(match[0])}</a>'
            end = match.end()
        yield _escaped(text[end:])

    def _may_link(self) -> bool:
        """Counts it: also what came as a link, so that a text that is cleaned again gets no more of them."""
        self._linked += 1
        return self._linked <= MOST_LINKS

    def _begin_link(self, tag: str, given: Mapping[str, str]) -> None:
        address = given.get("href", "").strip()
        meant = given.get("data-mention", "")
        if _NUMBER.fullmatch(meant) and (who := self.people.get(int(meant))):
            self.mentions.append(int(meant))
            start = (
                f'<a class="{MENTION}" data-mention="{meant}" href="{_quoted(who.url)}">@{_escaped(who.name)}'
            )
            self._begin(tag, start, "</a>", is_literal=True, is_muted=True)
        elif not address or meant or given.get("class") == HASHTAG:
            # A mention of nobody stays its words, and so does a tag: what is one is found again.
            self._begin(tag, "", "")
        else:
            self._may_link()
            self._note(address)
            self._begin(tag, _start_of_link(address, self.context.hosts), "</a>", is_literal=True)

    def _note(self, address: str) -> None:
        if path := _path_within(address, self.context.hosts):
            self.links.append(path)

    def _picture(self, given: Mapping[str, str]) -> None:
        match = _PICTURE.fullmatch(given.get("src", ""))
        if match and int(match[1]) in self.context.pictures:
            self.pictures.append(int(match[1]))
            alt = _quoted(given.get("alt", "")[:300])
            self._put(f'<img alt="{alt}" loading="lazy" src="{match[0]}">')


def _path_within(address: str, hosts: Collection[str]) -> str:
    """Where in the portal the address leads; nothing for one that leads out of it."""
    parts = parts_of(address)
    is_own = parts.scheme in {"http", "https"} and parts.netloc.lower() in hosts
    if is_own or (not parts.scheme and not parts.netloc and parts.path.startswith("/")):
        return f"{parts.path}?{parts.query}" if parts.query else parts.path
    return ""


def _start_of_link(address: str, hosts: Collection[str]) -> str:
    if _path_within(address, hosts):
        return f'<a href="{_quoted(address)}">'
    return f'<a href="{_quoted(address)}" rel="{OUTSIDE}" target="_blank">'


def _spans(given: Mapping[str, str]) -> str:
    """How many columns and rows a cell is wide and high, where it is more than one."""
    return "".join(
        f' {name}="{value}"'
        for name in sorted(_SPANS)
        if (value := given.get(name, "1")) != "1" and _SPAN.fullmatch(value)
    )


def _escaped(text: str) -> str:
    return escape(text, quote=False).replace("\xa0", "&nbsp;")


def _quoted(value: str) -> str:
    return escape(value).replace("\xa0", "&nbsp;")
