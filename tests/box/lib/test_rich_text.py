from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from box.lib.rich_text import MOST_LINKS, Context, Mentioned, Rich, cleaned, from_text
from box.lib.tag_balancing import TooMuch

PEOPLE = {17: Mentioned("Anna <b>Abramova</b>", "/people/17/")}
CONTEXT = Context(
    people=lambda ids: {pk: who for pk, who in PEOPLE.items() if pk in ids},
    tag_url=lambda tag: f"/feed/?tag={tag}",
    pictures={5},
    hosts={"box.example"},
)
OURS = {
    *("p", "h3", "h4", "strong", "em", "s", "u", "code", "sub", "sup", "ul", "ol", "li", "blockquote", "pre"),
    *("br", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "hr", "img", "a", "div"),
}
ATTRIBUTES = {
    *("href", "rel", "target", "class", "data-mention", "src", "alt", "loading", "colspan", "rowspan"),
    "tabindex",
}


def clean(html: str) -> str:
    return cleaned(html, CONTEXT).html


class Inspector(HTMLParser):
    """Finds what must not be there, as a browser would see it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in OURS:
            self.problems.append(tag)
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.problems.append(f"{tag} {name}")
            scheme = re.sub(r"[\x00-\x20]", "", value or "").partition(":")[0].lower()
            if name in {"href", "src"} and scheme in {"javascript", "data", "vbscript"}:
                self.problems.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        self.problems.append("a comment")


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<p>a <b>b</b> <i>c</i> <strike>d</strike></p>", "<p>a <strong>b</strong> <em>c</em> <s>d</s></p>"),
        ("<h1>a</h1><h2>b</h2><h5>c</h5>", "<h3>a</h3><h3>b</h3><h4>c</h4>"),
        ("<div>a</div><div><br></div><div>b</div>", "<p>a</p><p>b</p>"),
        ("bare <em>words</em><p>b</p>", "<p>bare <em>words</em></p><p>b</p>"),
        ("<ul><li><p>a</p></li><li></li></ul>", "<ul><li><p>a</p></li></ul>"),
        ("<p>&nbsp;</p><p>a</p><p> <br></p>", "<p>a</p>"),
        ('<p style="color:red" class="x" id="y" onclick="z()">a</p>', "<p>a</p>"),
        ("<pre><code>#a https://b.ex\n  c</code></pre>", "<pre><code>#a https://b.ex\n  c</code></pre>"),
        ('<a href="javascript:alert(1)">a</a>', "<p>a</p>"),
        ("<script>alert(1)</script><style>p{}</style>a", "<p>a</p>"),
        ("<svg><script>alert(1)</script></svg><math><mi>x</mi></math>b", "<p>b</p>"),
        ('<img src="https://other.example/pixel.gif">a', "<p>a</p>"),
        ('<img src="/files/6/preview">a', "<p>a</p>"),
        ('<p><img src="/files/5/preview" alt="A &quot;b"></p>',
         '<p><img alt="A &quot;b" loading="lazy" src="/files/5/preview"></p>'),
    ],
)  # fmt: skip
def test_only_what_is_ours_is_kept(html: str, kept: str) -> None:
    assert clean(html) == kept


def test_links_lead_out_in_a_tab_of_their_own_and_within_in_the_same() -> None:
    rich = cleaned(
        '<p><a href="https://x.example/a">a</a> <a href="/feed/5/">b</a> https://box.example/feed/6/?x=1.',
        CONTEXT,
    )
    assert rich.html == (
        '<p><a href="https://x.example/a" rel="noopener noreferrer nofollow" target="_blank">a</a> '
        '<a href="/feed/5/">b</a> <a href="https://box.example/feed/6/?x=1">https://box.example/feed/6/?x=1</a>.</p>'
    )
    assert rich.links == ("/feed/5/", "/feed/6/?x=1")


def test_an_address_with_two_slashes_leads_out() -> None:
    rich = cleaned(
        '<a href="//evil.example/feed/5/">a</a><a href="https://evil.example@box.example.evil/">b</a>',
        CONTEXT,
    )
    assert rich.links == ()
    assert rich.html.count('rel="noopener noreferrer nofollow"') == 2


def test_a_mention_says_who_is_meant_and_not_what_was_written() -> None:
    rich = cleaned(
        '<p><span data-mention="17">@Olga the boss</span>, <span data-mention="18">@Cara</span></p>', CONTEXT
    )
    assert rich.html == (
        '<p><a class="mention" data-mention="17" href="/people/17/">@Anna &lt;b&gt;Abramova&lt;/b&gt;</a>,'
        " @Cara</p>"
    )
    assert rich.mentions == (17,)
    assert rich.text == "@Anna <b>Abramova</b>, @Cara"


def test_a_link_cannot_pretend_to_be_a_mention() -> None:
    html = clean('<a class="mention" href="https://evil.example/">@Anna</a>')
    assert "mention" not in html


def test_tags_are_found_in_words_only() -> None:
    rich = cleaned(
        "<p>#Отпуск and #plan_2026, not a#b, <code>#c</code>, #1, https://x.example/#d</p>", CONTEXT
    )
    assert rich.tags == ("отпуск", "plan_2026")
    assert '<a class="hashtag" href="/feed/?tag=отпуск">#Отпуск</a>' in rich.html


WORD = """
<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style><!-- p.MsoNormal {mso:x} --></style>
<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]--></head>
<body lang=RU style='tab-interval:35.4pt'><!--StartFragment-->
<p class=MsoNormal><span lang=RU style='font-size:14.0pt'>План<o:p></o:p></span></p>
<table class=MsoTableGrid border=1 cellspacing=0 style='border-collapse:collapse;mso-yfti-tbllook:1184'>
 <tr style='mso-yfti-irow:0'><td width=200 valign=top colspan=2 style='border:solid windowtext 1.0pt'>
  <p class=MsoNormal align=center><b><span>Отдел<o:p></o:p></span></b></p></td></tr>
 <tr><td><p class=MsoNormal>Сбыт</p></td><td><p class=MsoNormal>12&nbsp;000</p></td></tr>
</table><p class=MsoNormal><o:p>&nbsp;</o:p></p><!--EndFragment--></body></html>"""

EXCEL = """
<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta name=ProgId content=Excel.Sheet>
<style>td {mso-number-format:General}</style></head><body><table border=0 width=128 style='width:96pt'>
<!--StartFragment--> <col width=64 span=2 style='width:48pt'>
<tr height=20><td height=20 class=xl65 width=64>Январь</td><td align=right x:num="1.5">1,5</td></tr>
<tr><td>Февраль</td><td align=right>2</td></tr><!--EndFragment--></table></body></html>"""


def test_a_table_from_word_stays_a_table() -> None:
    rich = cleaned(WORD, CONTEXT)
    assert re.sub(r">\s+<", "><", rich.html) == (
        '<p>План</p><div class="table-scroll" tabindex="0"><table><tbody><tr><td colspan="2"><p><strong>Отдел'
        "</strong></p></td></tr><tr><td><p>Сбыт</p></td><td><p>12&nbsp;000</p></td></tr></tbody></table></div>"
    )
    assert re.sub(r"\s+", " ", rich.text) == "План Отдел Сбыт 12 000"


def test_a_table_from_excel_stays_a_table() -> None:
    html = re.sub(r">\s+<", "><", clean(EXCEL))
    assert html == (
        '<div class="table-scroll" tabindex="0"><table><tbody><tr><td>Январь</td><td>1,5</td></tr>'
        "<tr><td>Февраль</td><td>2</td></tr></tbody></table></div>"
    )


def test_the_text_of_it_reads_like_the_page() -> None:
    rich = cleaned(
        "<h3>Plan</h3><p>a<br>b</p><ul><li>c</li><li>d</li></ul><table><tr><td>1</td><td>2</td></tr></table>"
    )
    assert rich.text == "Plan\n\na\nb\n\n• c\n• d\n\n1\t2"


def test_plain_text_becomes_paragraphs_and_comes_back() -> None:
    text = "Good morning <all> & sundry\nsecond line\n\nthird"
    assert from_text(text) == "<p>Good morning &lt;all&gt; &amp; sundry<br>second line</p><p>third</p>"
    assert cleaned(from_text(text)).text == text


@pytest.mark.parametrize("html", ["a" * 1_000_001, "<blockquote>" * 100, "<b>" * 100_000, "<ul><li>" * 5000])
def test_what_nobody_writes_is_refused(html: str) -> None:
    with pytest.raises(TooMuch):
        cleaned(html, CONTEXT)


@pytest.mark.parametrize(
    ("word", "links"),
    [
        ("http://a.b ", MOST_LINKS),
        ("#ab ", MOST_LINKS),
        # What came as a link stays one; it is counted before the words that stand before it.
        ('<a href="http://a.b">http://a.b</a> http://a.b ', MOST_LINKS + 1 + MOST_LINKS // 2 - 1),
    ],
)
def test_so_many_links_and_the_rest_stays_words(word: str, links: int) -> None:
    rich = cleaned(word * (MOST_LINKS + 1), CONTEXT)
    assert rich.text.count("b") == (MOST_LINKS + 1) * (2 if "<a" in word else 1)
    assert rich.html.count("<a ") == links
    assert cleaned(rich.html, CONTEXT) == rich


ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<table><td><svg><desc><table><td><a href='javascript:1'>x</table>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<a class='hashtag' href='https://evil.example'>#x</a>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<p><a href='&quot;onmouseover=&quot;alert(1)'>x</a>",
    "<span data-mention='17\" onclick=\"alert(1)'>x</span>",
    "<select><style></select><img src=x onerror=alert(1)></style>",
    "<td>alone</td><li>alone</li>",
    "<table>text <b>in</b> a table<tr>x<td>y</table>",
    "<p>a<table><tr><td><p>b</table>c",
    "<a href='/a'>x<a href='/b'>y</a></a>",
    "<ul><p>x</p>y<li>z</ul>",
    "#a<b></b>b https://x.example/<i>y</i>",
    "<pre>\n\n a</pre>",
    "<h3><p>x</p></h3>",
    "<b><p>x<i></b>y</i>",
]  # fmt: skip


@pytest.mark.parametrize("html", ATTACKS)
def test_an_attack_leaves_nothing_that_runs(html: str) -> None:
    expect_clean(cleaned(html, CONTEXT))


ODDITIES = [
    *("&lt;", "&", "<", ">", "'", '"', "#tag", "https://x.example", "@", "<div>", "<span>", "<caption>"),
    *("<col>", "<o:p>", "<![if>", "<?xml?>", "<svg>", "<math>", "<style>", "<textarea>", "<template>"),
    *("<body>", "<frameset>"),
]
_pieces = st.one_of(
    st.sampled_from(
        [*ATTACKS, *(f"<{one}>" for one in sorted(OURS)), *(f"</{one}>" for one in sorted(OURS))]
    ),
    st.sampled_from([*ODDITIES, "\xa0", "\n", " "]),
    st.text(max_size=5),
)


@settings(max_examples=400)
@given(st.lists(_pieces, max_size=14).map("".join))
def test_whatever_is_written_is_safe_and_cleaning_it_again_changes_nothing(html: str) -> None:
    expect_clean(cleaned(html, CONTEXT))


def expect_clean(rich: Rich) -> None:
    assert Inspector(rich.html).problems == []
    assert cleaned(rich.html, CONTEXT) == rich
