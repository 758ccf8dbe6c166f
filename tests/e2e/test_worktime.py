"""The working day as its people have it: one clock for all tabs, that stays while pages change."""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.people import Person
from tests.e2e.portal import Portal
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "Began at": "Начало",
    "Ended at": "Окончание",
    "Minutes of break": "Перерыв, минут",
    "Reason": "Причина",
    "Ask for the correction": "Отправить на согласование",
    "correction waits": "исправление на согласовании",
    "corrected": "исправлен",
    "Approve": "Одобрить",
    "Nothing waits for you": "Согласовывать пока нечего",
    "Send to the manager": "Отправить руководителю",
    "well done": "отлично",
    "Confirm": "Подтвердить",
    "The report is confirmed.": "Отчёт подтверждён.",
    "approved your correction": "ваше исправление одобрено",
    "confirmed your report": "ваш отчёт подтверждён",
}

SAID = {
    "en": {"start": "Start the day", "pause": "Take a break", "pulse": "The same as a table"},
    "ru": {"start": "Начать день", "pause": "Сделать перерыв", "pulse": "То же таблицей"},
}


def face(page: Page, state: str) -> None:
    expect(page.locator("#work-clock .clock-face").first).to_have_class(re.compile(state))


def press(page: Page, name: str) -> None:
    # The day begins with one press; the rest is in the menu.
    button = page.locator("#work-clock").get_by_role("button", name=name)
    if not page.locator("#work-clock > form").count():
        page.locator("#work-clock summary").click()
    button.click()


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_the_clock_goes_on_in_every_tab_and_through_all_pages(
    employee: Callable[..., Person], language: Words
) -> None:
    said = SAID[language.language]
    anna = employee("Anna", words=language)
    first, second = anna.open("/feed/"), anna.context.new_page()
    second.goto("/notifications/")
    face(first, "idle")
    face(second, "idle")
    press(first, said["start"])
    face(first, "working")
    second.bring_to_front()
    face(second, "working")
    anna.page.bring_to_front()
    anna.marks_the_page()
    first.locator(".menu-list a[data-entry=worktime]").click()
    expect(first.locator(".work-today")).to_be_visible()
    face(first, "working")
    anna.expect_the_same_page()
    press(first, said["pause"])
    face(first, "paused")
    expect(first.locator(".work-time[data-running]")).to_have_count(0)


@pytest.mark.parametrize("language", [EN, RU], ids=lambda words: words.language)
def test_pulse_draws_its_lines_and_says_them_in_a_table(
    employee: Callable[..., Person], language: Words
) -> None:
    page = employee("Anna", words=language).open("/pulse/")
    expect(page.locator("pulse-chart canvas")).to_be_visible()
    page.wait_for_function("() => document.querySelector('pulse-chart').chart !== undefined")
    page.get_by_text(SAID[language.language]["pulse"]).click()
    expect(page.locator(".pulse-table tbody tr")).to_have_count(13)


def test_a_manager_decides_on_a_day_and_a_report_while_both_look(
    employee: Callable[..., Person], olga: Portal, words: Words
) -> None:
    say, mark = words.saying(RUSSIAN), secrets.token_hex(3)
    department = olga.department(f"Workshop {mark}")
    anna = employee("Anna", f"A{mark}", words=words, department=department)
    boris = employee("Boris", words=words)
    olga.place(boris.login, department, "head")
    boris.open("/feed/")
    boris.marks_the_page()
    yesterday = (datetime.now(tz=UTC) - timedelta(days=1)).date()
    page = anna.open(f"/worktime/days/{yesterday}/correction/")
    page.get_by_label(say("Began at")).fill("09:00")
    page.get_by_label(say("Ended at")).fill("18:00")
    page.get_by_label(say("Minutes of break")).fill("60")
    page.get_by_label(say("Reason")).fill("I was with a customer")
    page.get_by_role("button", name=say("Ask for the correction")).click()
    expect(page).to_have_url(re.compile("/worktime/$"))
    page.goto(f"/worktime/?month={yesterday:%Y-%m}")
    expect(page.locator(".work-days .tag", has_text=say("correction waits"))).to_have_count(1)
    anna.marks_the_page()

    manager = answer_the_bell(boris)
    boris.expect_the_same_page()
    asked = manager.locator(".decisions > li")
    expect(asked).to_contain_text("I was with a customer")
    asked.get_by_role("button", name=say("Approve")).click()
    expect(manager.get_by_role("heading", name=say("Nothing waits for you"))).to_be_visible()
    expect(page.locator(".work-days .tag", has_text=re.compile(f"^{say('corrected')}$"))).to_have_count(1)
    expect(page.locator(".work-days tfoot")).to_contain_text("8:00")
    expect(page.locator("#bell-count")).to_have_text("1")
    anna.expect_the_same_page()

    page.goto("/worktime/reports/")
    page.locator("[name=text]").fill(f"All of it {mark}")
    page.get_by_role("button", name=say("Send to the manager")).click()
    answer_the_bell(boris)
    expect(manager.get_by_text(f"All of it {mark}")).to_be_visible()
    manager.locator("[name=score]").select_option(label=say("well done"))
    manager.get_by_role("button", name=say("Confirm"), exact=True).click()
    expect(manager.get_by_text(say("The report is confirmed."))).to_be_visible()
    expect(page.locator("#bell-count")).to_have_text("2")
    page.locator("#bell").click()
    for told in ("approved your correction", "confirmed your report"):
        expect(page.locator(".notices li", has_text=say(told))).to_have_count(1)

    manager.goto(f"/worktime/team/?month={yesterday:%Y-%m}")
    with manager.expect_download() as download:
        manager.get_by_role("link", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert any(mark in cell for row in rows for cell in row)


def answer_the_bell(person: Person) -> Page:
    """It rings in the open page, and leads to what it rang for."""
    page = person.page
    expect(page.locator("#bell-count")).to_have_text("1")
    page.locator("#bell").click()
    page.locator(".notices li.unread .text a").last.click()
    expect(page.locator("#bell-count")).to_be_empty()
    return page
