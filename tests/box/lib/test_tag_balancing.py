from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib import rich_text
from box.lib.tag_balancing import _VOID, DEEPEST, MOST_STYLES, MOST_TAGS, TooMuch, balanced


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ("<p>a<p>b<ul><li>x<li>y</ul>", "<p>a</p><p>b</p><ul><li>x</li><li>y</li></ul>"),
        (
            "<table><tr><td>a<td>b<tr><td>c</table>",
            "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
        ),
        ("<b>1<p>2</b>3</p>", "<b>1<p>2</p></b>3"),
        ("<p><b>x<div>y</div></b></p>", "<p><b>x</b></p><div>y</div>"),
        ("<table><tr><td><p>a<table></table></td></tr></table>", None),
        ("a < b > c &lt; &amp;nbsp;<br/>", "a &lt; b &gt; c &lt; &amp;nbsp;<br>"),
        ("<a href=http://x/y?a=1&amp;b=2 onclick=z>x</a>", '<a href="http://x/y?a=1&amp;b=2">x</a>'),
        ("<img src='a' alt=it's>", '<img src="a" alt="it&#x27;s">'),
        ("<a title='</a>' href=\"x>y\">q</a>", '<a href="x&gt;y">q</a>'),
        ("<STYLE><!-- x --></STYLE>ok<!-- <b> --><!DOCTYPE x><?xml?></b></ >", "ok"),
        ("<!-- never ended", ""),
        ("<p", "<p></p>"),
        ("<o:p></o:p>", "<o:p></o:p>"),
    ],
)
def test_tags_are_closed_where_they_belong(html: str, written: str | None) -> None:
    found = balanced(html)
    assert found == (written or found)
    assert balanced(found) == found


def test_a_text_is_refused_before_the_sanitiser_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sanitiser:
        def clean(self, html: str) -> str:
            raise AssertionError("it was asked")

    monkeypatch.setattr(rich_text, "_AS_GIVEN", Sanitiser())
    for html in ("<div>" * 40_000, "<b>x<br>" * (MOST_TAGS + 1), "<div><!--</div>-->" * 5000):
        with pytest.raises(TooMuch):
            rich_text.cleaned(html)


def test_the_deepest_text_and_one_deeper() -> None:
    assert balanced("<div>" * DEEPEST) == "<div>" * DEEPEST + "</div>" * DEEPEST
    with pytest.raises(TooMuch):
        balanced("<div>" * (DEEPEST + 1))


def test_as_many_tags_as_there_may_be_and_one_more() -> None:
    assert balanced("<br>" * MOST_TAGS) == "<br>" * MOST_TAGS
    with pytest.raises(TooMuch):
        balanced("<br>" * (MOST_TAGS + 1))


def test_styles_in_each_other_are_left_out_from_some_number_on() -> None:
    """A parser makes all that are open anew wherever it goes on."""
    html = balanced("".join(f'<a href="{number}">' for number in range(60)) + "x")
    assert html.count("<a") == html.count("</a>") == MOST_STYLES


@pytest.mark.parametrize(
    "html",
    [
        # Ends that a parser overlooks close nothing here either.
        "<div><!--</div>-->",
        '<div title="</div>">',
        "<div a\"=' </div>'>",
        "<div><textarea></div></textarea>",
        "<div></span>",
        "<div><![CDATA[</div>]]>",
    ],
)
def test_what_closes_nothing_hides_no_depth(html: str) -> None:
    with pytest.raises(TooMuch):
        balanced(html * (DEEPEST + 1))


class Reader(HTMLParser):
    """Fails where an end is not that of the last beginning."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


_names = ["p", "b", "i", "a", "div", "table", "tr", "td", "ul", "li", "br", "span"]
_pieces = st.sampled_from(
    [
        *(f"<{name}>" for name in _names),
        *(f"</{name}>" for name in _names),
        *("<!--", "-->", "<", ">", '"', "'", "=", "/", " ", "x", "&lt;", "<a href=", "<?", "<![CDATA["),
    ]
)


@given(st.lists(_pieces, max_size=30).map("".join))
def test_whatever_comes_is_balanced(html: str) -> None:
    written = balanced(html)
    Reader(written)
    assert balanced(written) == written
