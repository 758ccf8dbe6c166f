from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from box.lib.plain_text import linked, text_of, title_of


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("see https://example.com/a.", "https://example.com/a"),
        ("(https://example.com/a)", "https://example.com/a"),
        ("https://example.com/Box_(container), really", "https://example.com/Box_(container)"),
        ("«https://example.com/ящик»!", "https://example.com/ящик"),
        ("https://example.com/?a=1&b=2", "https://example.com/?a=1&amp;b=2"),
    ],
)
def test_an_address_is_a_link_and_the_sentence_around_it_is_not(text: str, address: str) -> None:
    assert f'<a href="{address}" ' in linked(text)


def test_markup_of_people_stays_text() -> None:
    shown = linked("<script>x</script> javascript:alert(1) https://a.example/\"onclick='x'")
    assert "<script" not in shown
    assert shown.count("<a ") == 1
    assert 'href="https://a.example/"' in shown


@given(st.text())
def test_nothing_that_was_written_is_lost(text: str) -> None:
    assert Markup(linked(text)).striptags().split() == Markup(Markup.escape(text)).unescape().split()


def test_a_page_is_read_without_its_html() -> None:
    html = (
        "<title>A  &amp;\n B</title><style>p {}</style><p>One\n two</p>"
        '<p>See <a href="https://x/?a=1&amp;b=2">there</a>.</p>'
    )
    assert title_of(html) == "A & B"
    assert text_of(html) == "One two\n\nSee there <https://x/?a=1&b=2>.\n"
