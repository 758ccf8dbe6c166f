"""Texts of the old portal become ours."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.bbcode.reading import Meanings, as_html, people_in
from box.lib.rich_text import Context, Mentioned, cleaned
from box.transfer.addresses import rewritten, target_of

PORTAL = "company.bitrix24.com"
MEANINGS = Meanings({"7": 70}, {"n5": 50}, frozenset({50}))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain & <simple>", "plain &amp; &lt;simple&gt;"),
        ("[b]a[/b] [i]b[/i] [s]c[/s]", "<strong>a</strong> <em>b</em> <s>c</s>"),
        ("a\r\nb", "a<br>b"),
        ("[url=https://x.com/?a=1&b=2]here[/url]", '<a href="https://x.com/?a=1&amp;b=2">here</a>'),
        ("[URL]https://x.com[/URL]", '<a href="https://x.com">https://x.com</a>'),
        ("[url=anna@x.com]write[/url]", '<a href="mailto:anna@x.com">write</a>'),
        ("[list][*]a[*]b[/list]", "<ul><li>a</li><li>b</li></ul>"),
        ("[list=1][*]a[/list]", "<ol><li>a</li></ol>"),
        ("[code][b]x[/b]\ny[/code]", "<pre>[b]x[/b]\ny</pre>"),
        ("[color=#ff0000]red[/color]", "red"),
        ("[user=7]Anna[/user]", '<span data-mention="70">Anna</span>'),
        ("[user=8]Nobody[/user]", "Nobody"),
        ("[disk file id=n5]", '<img src="/files/50/preview" alt="">'),
        ("[disk file id=n6]", ""),
        ("[b]never closed", "<strong>never closed</strong>"),
        ("closed[/b] only", "closed only"),
        ("[unknown]kept[/unknown]", "[unknown]kept[/unknown]"),
        ("&quot;stored&quot; &amp; more", '"stored" &amp; more'),
        ("[table][tr][td]1[/td][/tr][/table]", "<table><tr><td>1</td></tr></table>"),
    ],
)
def test_each_of_its_tags(text: str, html: str) -> None:
    assert as_html(text, MEANINGS) == html


def test_a_text_that_is_html_already_stays_what_it_is() -> None:
    assert as_html("<p>Hello <b>you</b></p>") == "<p>Hello <b>you</b></p>"


@pytest.mark.parametrize(
    "text",
    [
        "[url=javascript:alert(1)]click[/url]",
        "[img]javascript:alert(1)[/img]",
        "<script>alert(1)</script>",
        "[b]<img src=x onerror=alert(1)>[/b]",
        '[url=https://x.com/" onclick="alert(1)]x[/url]',
        "[user=7]<script>alert(1)</script>[/user]",
        "<p onclick=alert(1)>x</p>",
    ],
)
def test_no_script_comes_along(text: str) -> None:
    known = Context(people=lambda ids: {70: Mentioned("Anna", "/people/70/")})
    html = cleaned(as_html(text, MEANINGS), known).html.lower()
    assert "<script" not in html and 'href="javascript' not in html
    seen = Attributes()
    seen.feed(html)
    assert not any(name.startswith("on") for name in seen.names)


class Attributes(HTMLParser):
    """The names of all attributes: what only looks like one is a word of the text, or of an address."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {name for name, _value in attrs}


@given(st.text(alphabet='[]/=*abuiuserlistquotecode 0123456789\n<>&"', max_size=300))
def test_whatever_is_written_becomes_something(text: str) -> None:
    cleaned(as_html(text, MEANINGS))


def test_who_stands_in_a_text_is_found() -> None:
    assert people_in("[user=7]A[/user] [USER=12]B[/USER] [user=x]C[/user]") == {"7", "12"}


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("https://company.bitrix24.com/company/personal/user/5/", ("person", "5")),
        ("https://company.bitrix24.com/company/personal/user/5/tasks/task/view/9/", ("task", "9")),
        ("https://company.bitrix24.com/workgroups/group/3/tasks/task/view/9/?x=1", ("task", "9")),
        ("https://company.bitrix24.com/workgroups/group/3/", ("group", "3")),
        ("https://company.bitrix24.com/company/personal/user/5/blog/12/", ("post", "12")),
        ("https://COMPANY.bitrix24.com/crm/deal/details/8/", ("deal", "8")),
        ("https://company.bitrix24.com.evil.com/workgroups/group/3/", None),
        ("https://other.com/workgroups/group/3/", None),
        ("https://company.bitrix24.com/stream/", None),
        ("mailto:anna@company.bitrix24.com", None),
    ],
)
def test_what_an_address_leads_to(address: str, target: tuple[str, str] | None) -> None:
    assert target_of(address, PORTAL) == target


def test_addresses_are_rewritten_and_others_stay() -> None:
    old = "https://company.bitrix24.com/workgroups/group/3/"
    html = f'<a href="{old}">{old}</a> <a href="{old}">the group</a> <a href="https://x.com/">x</a>'
    ours = {("group", "3"): "/groups/30/"}
    found = rewritten(html, PORTAL, lambda kind, theirs: ours.get((kind, theirs)))
    assert found == (
        '<a href="/groups/30/">/groups/30/</a> <a href="/groups/30/">the group</a> <a href="https://x.com/">x</a>'
    )
    assert rewritten(html, PORTAL, lambda kind, theirs: None) == html
