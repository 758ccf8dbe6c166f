"""A booking page from its making to a visitor who books, moves and cancels, and the host who hears of it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person
from tests.e2e.test_calendar import drag
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "This time is yours.": "Это время за вами.",
    "Your appointment is moved.": "Встреча перенесена.",
    "This appointment was cancelled.": "Эта запись отменена.",
    "Please choose a time.": "Выберите время.",
    "Choose another time": "Выбрать другое время",
    "Cancel the appointment": "Отменить запись",
    "Somebody from outside has booked": "Запись извне",
    "has moved your appointment": "переносит встречу на это время",
    "It suits me": "Мне подходит",
    "the new time is not confirmed yet": "новое время ещё не подтверждено",
    "Moved.": "Перенесено.",
}
# The narrowest that is supported, and a desk's.
WIDTHS = (360, 1440)


def free_time(page: Page, number: int) -> None:
    """Chooses one of the times of the second day that is shown: of the first some may be over already, and of
    the last some may be too far away still."""
    day = page.locator(".booking-day").nth(1)
    day.locator("summary").click()
    day.locator(".booking-time span").nth(number).click()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_somebody_outside_books_moves_and_cancels(
    employee: Callable[..., Person], visitor: Callable[..., Person], words: Words, width: int
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", secrets.token_hex(4), words=words)
    title = f"Consultation {secrets.token_hex(3)}"
    page = anna.open("/calendar/booking/new/")
    page.locator("[name=title]").fill(title)
    page.locator("[name=consent]").fill("I agree")
    page.locator("[data-more-questions]").click()
    row = page.locator(".question-row").first
    row.locator("select").select_option("line")
    row.locator("[name^=label]").fill("Topic")
    assert problems(page) == []
    page.locator("form.card [type=submit]").last.click()
    page.wait_for_url(re.compile(r"/calendar/booking/\d+/"))
    here = urlsplit(page.url).path
    address = page.locator(".copyable input").input_value()

    rose = visitor("Rose", words=words, width=width)
    # What the portal refuses, the browser writes down.
    rose.watch.tolerated.add("422")
    seen = rose.open(urlsplit(address).path)
    expect(seen.locator("h1")).to_have_text(title)
    assert problems(seen) == []
    # Nothing is wider than the screen.
    assert seen.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    book = seen.locator("#booking > [type=submit]")
    book.click()
    expect(seen.locator("[data-wrong=start]")).to_have_text(say("Please choose a time."))
    free_time(seen, 0)
    seen.locator("[name=name]").fill("Rose")
    seen.locator("[name=email]").fill("rose@example.com")
    seen.locator("[name=q1]").fill("Oak chairs")
    book.click()
    # The portal asks for it, and nothing else is wrong.
    expect(seen.locator("[data-wrong=consent]")).not_to_be_empty(timeout=60_000)
    seen.locator("[name=consent]").check()
    book.click()
    seen.wait_for_url(re.compile("/appointments/"), timeout=60_000)
    expect(seen.locator(".notice.good")).to_contain_text(say("This time is yours."))
    assert problems(seen) == []

    told = anna.open("/notifications/")
    expect(told.locator("main")).to_contain_text(say("Somebody from outside has booked"), timeout=30_000)
    listed = anna.open(here)
    expect(listed.locator(".rows")).to_contain_text("Oak chairs")

    before = seen.locator(".event-facts dd").first.inner_text()
    seen.get_by_role("link", name=say("Choose another time")).click()
    # The page comes once more, in the visitor's own time zone.
    seen.wait_for_url(re.compile("[?&]zone="))
    free_time(seen, 3)
    seen.locator("form [type=submit]").first.click()
    expect(seen.locator(".notice.good")).to_have_text(say("Your appointment is moved."))
    assert seen.locator(".event-facts dd").first.inner_text() != before
    seen.locator("summary", has_text=say("Cancel the appointment")).click()
    seen.locator(".btn-danger").click()
    expect(seen.locator(".notice")).to_have_text(say("This appointment was cancelled."))
    expect(anna.open(here).locator(".rows s")).to_have_text("Rose")


@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_a_host_moves_an_appointment_and_whoever_booked_it_confirms(
    employee: Callable[..., Person], visitor: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", secrets.token_hex(4), words=words)
    title = f"Consultation {secrets.token_hex(3)}"
    page = anna.open("/calendar/booking/new/")
    page.locator("[name=title]").fill(title)
    page.locator("[name=consent]").fill("I agree")
    page.locator("form.card [type=submit]").last.click()
    page.wait_for_url(re.compile(r"/calendar/booking/\d+/"))
    here = urlsplit(page.url).path
    address = page.locator(".copyable input").input_value()

    rose = visitor("Rose", words=words, width=360)
    seen = rose.open(urlsplit(address).path)
    free_time(seen, 1)
    begins = datetime.fromtimestamp(int(seen.locator("[name=start]:checked").input_value()), UTC)
    seen.locator("[name=name]").fill("Rose")
    seen.locator("[name=email]").fill("rose@example.com")
    seen.locator("[name=consent]").check()
    seen.locator("#booking > [type=submit]").click()
    seen.wait_for_url(re.compile("/appointments/"), timeout=60_000)
    when = seen.locator(".event-facts dd").first.inner_text()

    # The host sees it among the events of that day, and drags it to a later time.
    hers = anna.open(f"/calendar/?view=day&on={begins.date()}")
    event = hers.locator(".cal-event", has_text="Rose")
    expect(event).to_have_count(1)
    drag(hers, "Rose", hours=2)
    expect(hers.locator(".toast-note", has_text=say("Moved."))).to_be_visible()
    expect(anna.open(here).locator(".rows")).to_contain_text(say("the new time is not confirmed yet"))

    seen.reload()
    expect(seen.locator(".notice")).to_contain_text(say("has moved your appointment"))
    assert seen.locator(".event-facts dd").first.inner_text() != when
    assert problems(seen) == []
    seen.get_by_role("button", name=say("It suits me")).click()
    expect(seen.locator(".notice.good")).to_contain_text(say("This time is yours."))
    listed = anna.open(here).locator(".rows")
    expect(listed).to_contain_text("Rose")
    expect(listed).not_to_contain_text(say("the new time is not confirmed yet"))
