"""Two people write below one thing at once: nothing is lost, nothing moves, each sees the other's words."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.words import Words

RUSSIAN = {
    "1 new comment": "1 новый комментарий",
    "Reply": "Ответить",
    "Your answer to": "Ваш ответ",
    "Earlier comments": "Более ранние комментарии",
    "History": "История",
}


def field(person: Person) -> Locator:
    return person.page.locator("form[data-answer] [contenteditable]")


def says(person: Person, text: str) -> None:
    """By keyboard alone."""
    field(person).focus()
    person.page.keyboard.type(text)
    person.page.keyboard.press("Control+Enter")
    expect(person.page.locator(".comment").filter(has_text=text)).to_be_visible()
    settled(person.page)


@pytest.mark.parametrize("width", [360, 1440])
def test_two_comment_at_once_and_neither_is_lost(
    employee: Callable[..., Person], words: Words, width: int
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    anna, boris = employee("Anna", words=words, width=width), employee("Boris", words=words)
    post = anna.hand.publish(f"Where shall we go? {mark}")
    for person in (anna, boris):
        person.open(f"/feed/{post}/")
        # The editor takes the field's place once somebody stands in it.
        person.page.get_by_label(words.your_comment).first.focus()
        expect(field(person)).to_be_visible()
        person.marks_the_page()

    boris.page.keyboard.type("half a th")
    says(anna, f"to the sea {mark}")
    news = boris.page.locator("news-chip a")
    expect(news).to_contain_text(say("1 new comment"))
    expect(boris.page.locator(".comment")).to_have_count(0)
    expect(field(boris)).to_have_text("half a th")

    boris.page.keyboard.type("ought")
    boris.page.keyboard.press("Control+Enter")
    expect(boris.page.locator(".comment")).to_have_count(1)
    expect(field(boris)).to_have_text("")
    expect(boris.page.locator(".talk-foot [data-comments] .number")).to_have_text("2")
    expect(anna.page.locator("news-chip a")).to_contain_text(say("1 new comment"))
    news.click()
    expect(boris.page.locator(".comment .prose")).to_have_text([f"to the sea {mark}", "half a thought"])

    anna.page.locator("news-chip a").click()
    theirs = anna.page.locator(".comment").filter(has_text="half a thought")
    theirs.get_by_role("button", name=say("Reply")).press("Enter")
    expect(anna.page.locator(".replying")).to_contain_text(say("Your answer to"))
    anna.page.keyboard.type("and the other half")
    anna.page.keyboard.press("Control+Enter")
    expect(anna.page.locator(".replies .comment")).to_contain_text("and the other half")
    expect(anna.page.locator(".replying")).to_be_hidden()

    # The next one answers nobody.
    says(anna, "so be it")
    expect(anna.page.locator(".replies .comment")).to_have_count(1)
    for person in (anna, boris):
        person.expect_the_same_page()
    assert anna.page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert problems(anna.page) == []


def test_earlier_words_come_on_demand(employee: Callable[..., Person], words: Words) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    post = anna.hand.publish("A long story")
    for number in range(23):
        anna.hand.post(
            f"/discussion/feed.post/{post}/comments/", text=f"word {number}.", nonce=secrets.token_hex(8)
        )
    page = anna.open(f"/feed/{post}/")
    expect(page.locator(".comment")).to_have_count(20)
    page.get_by_role("link", name=say("Earlier comments")).press("Enter")
    expect(page.locator(".comment .prose")).to_have_text([f"word {number}." for number in range(23)])


def test_what_became_of_a_group_is_told_in_its_settings(
    employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", words=words)
    group = anna.hand.group("Plans")
    page = anna.open(f"/groups/{group}/settings/")
    page.locator("input[name=name]").fill("Spring plans")
    page.locator("form[method=post] .btn-primary").first.click()
    settled(page)
    page.goto(f"/groups/{group}/settings/")
    page.locator("details.history summary").filter(has_text=say("History")).press("Enter")
    expect(page.locator("details.history li").first).to_contain_text("Plans → Spring plans")
