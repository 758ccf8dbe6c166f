"""Saved views, posts for later, and drafts that follow a person into another browser, in each language."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Response, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person
from tests.e2e.words import EN, RU, Words


@dataclass(frozen=True)
class Said:
    save_as: str
    save: str
    more: str
    later: str
    waiting: str
    publish_now: str
    keep: str
    take: str


SAID = {
    EN: Said(
        save_as="Save this choice as",
        save="Save",
        more="Poll",
        later="Publish later, at",
        waiting="Your scheduled posts",
        publish_now="Publish now",
        keep="Go on with this one",
        take="Take that one",
    ),
    RU: Said(
        save_as="Сохранить этот выбор как",
        save="Сохранить",
        more="Опрос",
        later="Опубликовать позже",
        waiting="Ваши отложенные записи",
        publish_now="Опубликовать сейчас",
        keep="Продолжить этот",
        take="Взять тот",
    ),
}


def test_a_choice_is_saved_and_stands_beside_the_feed(employee: Callable[..., Person], words: Words) -> None:
    said = SAID[words]
    anna = employee("Anna", words=words)
    page = anna.open("/feed/?kind=poll")
    page.locator(".feed-filters summary").last.click()
    page.get_by_label(said.save_as).fill("<b>Polls</b>")
    page.get_by_role("button", name=said.save, exact=True).click()
    chip = page.locator(".list-views a").last
    expect(chip).to_have_text("<b>Polls</b>")
    expect(chip).to_have_attribute("aria-current", "page")
    page.goto("/feed/")
    chip.click()
    expect(chip).to_have_attribute("aria-current", "page")
    page.locator(".feed-filters summary").last.click()
    assert problems(page) == []


def test_a_post_waits_until_its_author_lets_it_go(employee: Callable[..., Person], words: Words) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    anna, boris = employee("Anna", words=words), employee("Boris", words=words)
    page = anna.open("/feed/")
    anna.text_field.fill(f"Tomorrow {mark}")
    anna.composer.locator(".composer-more summary").click()
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    anna.composer.get_by_label(said.later).fill(tomorrow)
    anna.publish()
    expect(anna.written).to_have_value("")
    boris.open("/feed/")
    expect(boris.post(mark)).to_have_count(0)

    anna.composer.locator(".composer-more summary").click()
    anna.composer.get_by_role("link", name=said.waiting).click()
    waiting = anna.post(mark)
    expect(waiting).to_be_visible()
    assert problems(page) == []
    waiting.get_by_role("button", name=said.publish_now).click()
    expect(anna.post(mark)).to_be_visible()
    # It arrives as any post does.
    expect(boris.chip).to_have_text(words.new_posts[0])


def test_a_draft_follows_its_person_into_another_browser(
    employee: Callable[..., Person], visitor: Callable[..., Person], words: Words
) -> None:
    said, mark = SAID[words], secrets.token_hex(4)
    anna = employee("Anna", words=words)
    anna.watch.tolerated.add("409")
    anna.open("/feed/")
    with anna.page.expect_response(is_kept):
        anna.text_field.fill(f"Begun {mark}")

    other = visitor("Anna", words=words)
    other.login = anna.login
    other.open("/sign-in/")
    other.sign_in()
    other.open("/feed/")
    expect(other.written).to_have_value(f"Begun {mark}")
    with other.page.expect_response(is_kept):
        other.composer.locator("[contenteditable]").fill(f"Gone on {mark}")

    # The first browser has gone on as well: the person is asked, and nothing is lost.
    anna.composer.locator("[contenteditable]").fill(f"Elsewhere {mark}")
    choice = anna.page.locator(".draft-choice")
    expect(choice).to_be_visible()
    assert problems(anna.page) == []
    choice.get_by_role("button", name=said.take).click()
    expect(anna.written).to_have_value(f"Gone on {mark}")
    anna.publish()
    expect(anna.post(f"Gone on {mark}")).to_be_visible()

    # What was sent is no draft any more, there either.
    other.open("/feed/")
    expect(other.written).to_have_value("")


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_writing_for_later_is_accessible(employee: Callable[..., Person], width: int, theme: str) -> None:
    anna = employee("Anna", width=width)
    page = anna.open("/feed/?kind=poll")
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.locator(".feed-filters .list-form > .drop > summary").click()
    assert problems(page) == []
    anna.composer.locator(".composer-more summary").click()
    assert problems(page) == []
    page.goto("/feed/scheduled/")
    assert problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def is_kept(answer: Response) -> bool:
    """The box has answered that it keeps the draft."""
    return "/drafts/post/" in answer.url and answer.request.method == "POST"
