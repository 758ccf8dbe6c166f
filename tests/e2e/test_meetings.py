"""A meeting from its agenda to the record: two write at once, and a decision becomes a task."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.planning import planned
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "Prepare the agenda": "Подготовить повестку",
    "A new topic": "Новый вопрос",
    "Minutes of “Budget”": "Протокол по вопросу «Budget»",
    "Settled: Budget": "Вопрос решён: Budget",
    "What was decided": "Что решили",
    "Decide": "Записать решение",
    "is there": "присутствует",
    "Send the record to all": "Отправить протокол участникам",
    "The record goes to all who take part.": "Протокол отправляется всем участникам.",
}


@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_a_meeting_from_its_agenda_to_a_decision_that_became_a_task(
    employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna, boris = (employee(name, secrets.token_hex(4), words=words) for name in ("Anna", "Boris"))
    event = planned(anna, f"Review {secrets.token_hex(3)}", audience=f"U{boris.pk}")
    page = anna.open(f"/calendar/events/{event}/")
    page.get_by_role("button", name=say("Prepare the agenda")).click()
    page.wait_for_url(re.compile(r"/calendar/meetings/\d+/"))
    topic = page.get_by_label(say("A new topic"))
    for number, title in enumerate(("Budget", "Hiring"), 1):
        topic.fill(title)
        topic.press("Enter")
        expect(page.locator(".meeting-topic")).to_have_count(number)
    settled(page)
    assert problems(page) == []

    # Both write about the same at once: what either has written stays.
    his = boris.open(re.sub(r"^https://[^/]+", "", page.url))
    minutes = say("Minutes of “Budget”")
    hers_text, his_text = (one.get_by_label(minutes) for one in (page, his))
    hers_text.fill("The chairs are too dear.")
    expect(his_text).to_have_value("The chairs are too dear.", timeout=30_000)
    hers_text.fill("The chairs are too dear. We ask for a discount.")
    his_text.press("Control+End")
    his_text.press_sequentially("\nTables are fine.")
    for one in (hers_text, his_text):
        expect(one).to_have_value(
            "The chairs are too dear. We ask for a discount.\nTables are fine.", timeout=30_000
        )

    # He has done with writing: what the others decide appears.
    his_text.blur()
    page.get_by_label(say("What was decided")).fill("Ask for a discount")
    decide = page.locator(".meeting-decide")
    decide.locator("[name=responsible]").select_option(str(boris.pk))
    decide.locator("[name=due_on]").fill(f"{timezone.localdate() + timedelta(days=7)}")
    decide.get_by_role("button", name=say("Decide")).click()
    decision = page.locator(".meeting-decisions li", has_text="Ask for a discount")
    expect(decision).to_contain_text(boris.name)
    page.get_by_role("checkbox", name=say("Settled: Budget")).click()
    expect(page.locator(".meeting-topic.done")).to_have_count(1)
    present = page.locator(".meeting-present li", has_text=boris.name).get_by_role("button")
    present.click()
    expect(present).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name=say("Send the record to all")).click()
    expect(page.locator(".toast-note", has_text=say("The record goes to all who take part."))).to_be_visible()
    settled(page)
    assert problems(page) == []

    # It is work like any other: boris has it among his tasks, and the meeting says how it stands.
    his_task = his.locator(".meeting-decisions li", has_text="Ask for a discount").get_by_role("link")
    his_task.click()
    expect(his.locator("#task")).to_contain_text("Ask for a discount")
    expect(boris.open("/tasks/").locator("#list")).to_contain_text("Ask for a discount")
