"""The calendar as two people have it: a meeting is planned, answered and moved, and each sees it at once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import Person
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "New event": "Новое событие",
    "Save": "Сохранить",
    "Invite": "Пригласить",
    "Which times?": "Какие повторы?",
    "Only this time": "Только этот раз",
    "Moved.": "Перенесено.",
    "Undo": "Отменить",
    "comes": "придёт",
}


def said(words: Words, text: str) -> str:
    return text if words is EN else RUSSIAN[text]


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_a_meeting_is_planned_answered_and_moved(employee: Callable[..., Person], language: Words) -> None:
    # Of the many of that name on this box this one is meant.
    anna, boris = (employee(name, secrets.token_hex(4), words=language) for name in ("Anna", "Boris"))
    his = boris.open("/calendar/?view=week&on=2027-02-02")
    expect(his.locator(".calendar-title")).not_to_be_empty()
    page = anna.open("/calendar/?view=week&on=2027-02-02")
    page.get_by_role("link", name=said(language, "New event")).click()
    form = page.locator("[data-event-form]")
    form.locator("[name=title]").fill("Budget")
    for name, value in (
        ("starts_on", "2027-02-02"), ("starts", "10:00"), ("ends_on", "2027-02-02"), ("ends", "11:00"),
    ):  # fmt: skip
        form.locator(f"[name={name}]").fill(value)
    form.locator("[name=repeats]").select_option("daily")
    form.get_by_role("button", name=said(language, "Invite")).click()
    form.locator("[name=q]").fill(boris.name)
    form.locator(".options .item", has_text=boris.name).click()
    form.get_by_role("button", name=said(language, "Save")).click()
    expect(page.locator(".cal-event", has_text="Budget").first).to_be_visible()
    # Boris has it without loading anything anew, not answered yet.
    arrived = his.locator(".cal-event.is-open", has_text="Budget")
    expect(arrived.first).to_be_visible(timeout=30_000)
    arrived.first.click()
    his.locator(".event-answer [value=accepted]").click()
    expect(his.locator(".event-people .tag.good")).to_have_text(said(language, "comes"))
    # Anna drags the first of the times two hours later, and takes it back.
    drag(page, "Budget", hours=2)
    dialog = page.locator("#calendar-scope")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name=said(language, "Only this time")).click()
    expect(page.locator(".toast-note", has_text=said(language, "Moved."))).to_be_visible()
    expect(page.locator(".cal-event", has_text=re.compile("12:00"))).to_have_count(1)
    page.locator(".toast-note").get_by_role("button", name=said(language, "Undo")).click()
    expect(page.locator(".cal-event", has_text=re.compile("12:00"))).to_have_count(0)


def drag(page: Page, title: str, *, hours: int) -> None:
    """The first of these, so many hours later on the same day."""
    event = page.locator(".cal-event", has_text=title).first
    event.scroll_into_view_if_needed()
    box = event.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x, y + step * hours * box["height"] / 5)
    page.mouse.up()
