"""Texts as the cloud writes them, and back: what is written here comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.bbcode.reading import DEEPEST, as_html
from box.lib.bbcode.reading import LONGEST as LONGEST_READ
from box.lib.bbcode.reading import people_in as mentioned
from box.lib.bbcode.writing import LONGEST, Meanings, as_bbcode, people_in
from box.lib.rich_text import plain


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("<p><strong>Read</strong> <em>this</em><br>now</p>", "[b]Read[/b] [i]this[/i]\nnow"),
        ("<ul><li>price</li><li>terms</li></ul>", "[list][*]price[*]terms[/list]"),
        ("<ol><li>first</li></ol>", "[list=1][*]first[/list]"),
        ('<p><a href="https://example.com/a?b=1&amp;c=2">here</a></p>', "[url=https://example.com/a?b=1&c=2]here[/url]"),
        ('<p><a href="/feed/7/">there</a></p>', "[url=https://box.example/feed/7/]there[/url]"),
        ("<pre>a &lt; b</pre>", "[code]a < b[/code]"),
        ('<p><a class="mention" href="/people/5/" data-mention="5">@Anna</a></p>', "[user=12]Anna[/user]"),
        ('<p><a class="mention" href="/people/6/" data-mention="6">@Boris</a></p>', "@Boris"),
        ('<p><a class="hashtag" href="/feed/?tag=x">#spring</a></p>', "#spring"),
        ('<p><img src="/files/3/preview" alt=""></p>', "[disk file id=n77]"),
        ('<p><img src="/files/4/preview" alt=""></p>', ""),
        ('<p><a href="https://e.example/[x]">odd</a></p>', "odd"),
    ],
)  # fmt: skip
def test_what_a_text_becomes(html: str, said: str) -> None:
    meanings = Meanings({5: "12"}, {3: "n77"})
    assert as_bbcode(html, meanings, base="https://box.example") == said


def test_brackets_that_somebody_wrote_are_no_tags() -> None:
    said = as_bbcode("<p>Press [b] and [user=1]me[/user], or a[0]</p>")
    assert mentioned(said) == set()
    assert "<strong>" not in as_html(said)
    assert "a[0]" in said


def test_a_text_is_not_longer_than_the_portal_holds() -> None:
    assert len(as_bbcode(f"<p>{'a' * (LONGEST + 10)}</p>")) == LONGEST


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters="[]&<>\xa0"), max_size=50))
def test_words_come_back(words: str) -> None:
    assert plain(as_html(as_bbcode(f"<p>{words}</p>"))).split() == words.split()


def test_who_is_mentioned() -> None:
    assert people_in('<a data-mention="5">@A</a> <a data-mention="17">@B</a>') == {5, 17}


@pytest.mark.parametrize(
    "odd",
    [
        "[img]" * 90_000 + "[/im" * 112_000,
        "[b=" + " " * 890_000,
        "[b " + " " * 890_000,
        "[" + "b" * 890_000,
        "[b]x" * 225_000,
        "[b]" * 150_000 + "[/i]" * 112_000,
        "[b]" * 150_000 + "[*]" * 150_000,
        "[url]" * 180_000,
    ],
    ids=lambda odd: odd[:3] + odd[-3:],
)
def test_no_text_takes_long_to_read(odd: str) -> None:
    """Each took minutes, as often as somebody liked to send it."""
    assert len(odd) <= LONGEST_READ
    assert as_html(odd).count("<strong>") <= DEEPEST
