"""Tasks: given in a line, seen by the other at once, done, returned and accepted."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.accessibility import problems
from tests.e2e.boxes import until
from tests.e2e.people import Person, settled
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "A task in one line": "Задача одной строкой",
    "Count the boxes tomorrow 18:00 @{} #store !": "Count the boxes завтра в 18:00 @{} #store !",
    "What was understood": "Как понята строка",
    "1 new task": "1 новая задача",
    "Start": "Начать",
    "Complete": "Завершить",
    "Return": "Вернуть",
    "What is missing": "Чего не хватает",
    "Accept": "Принять",
    "waiting for acceptance": "ждёт приёмки",
    "in progress": "в работе",
    "waiting": "ждёт исполнения",
    "completed": "завершена",
    "Start the clock": "Запустить таймер",
    "Stop the clock": "Остановить таймер",
}

type Say = Callable[[str], str]


@pytest.fixture(params=[EN, RU], ids=["en", "ru"])
def words(request: pytest.FixtureRequest) -> Words:
    found: Words = request.param
    return found


def test_a_task_is_given_in_a_line_done_and_accepted(anna: Person, boris: Person, say: Say) -> None:
    his = boris.open("/tasks/")
    hers = anna.open("/tasks/")
    line = hers.get_by_label(say("A task in one line"))
    line.fill(say("Count the boxes tomorrow 18:00 @{} #store !").format(boris.name.replace(" ", "_")))
    said = hers.get_by_label(say("What was understood"))
    expect(said).to_contain_text(boris.name)
    expect(said).to_contain_text("18:00")
    assert problems(hers) == []
    line.press("Enter")
    expect(hers.locator(".quick-added")).to_contain_text("Count the boxes")
    expect(hers.locator("#list a.task-title", has_text="Count the boxes")).to_be_visible()
    expect(line).to_have_value("")

    # He sees it arrive, and takes it up.
    his.get_by_text(say("1 new task")).click()
    his.locator("#list a.task-title", has_text="Count the boxes").click()
    card = his.locator("#task")
    card.get_by_role("button", name=say("Start"), exact=True).click()
    expect(card.locator(".task-state").first).to_have_text(say("in progress"))
    assert problems(his) == []

    # She sees on the page that is open what he does.
    hers.locator("#list a.task-title", has_text="Count the boxes").click()
    state = hers.locator("#task .task-state").first
    expect(state).to_have_text(say("in progress"))
    settled(hers)
    card.get_by_role("button", name=say("Complete")).click()
    expect(state).to_have_text(say("waiting for acceptance"))

    # Not yet, and then it is.
    hers.locator("#task summary", has_text=say("Return")).click()
    hers.get_by_label(say("What is missing")).fill("The blue ones")
    hers.locator(".task-return").get_by_role("button", name=say("Return")).click()
    expect(state).to_have_text(say("waiting"))
    expect(card.locator(".task-state").first).to_have_text(say("waiting"))
    card.get_by_role("button", name=say("Complete")).click()
    expect(state).to_have_text(say("waiting for acceptance"))
    hers.locator("#task").get_by_role("button", name=say("Accept")).click()
    expect(state).to_have_text(say("completed"))
    expect(card.locator(".task-state").first).to_have_text(say("completed"))


def test_the_clock_of_a_task_runs_on_while_the_browser_is_closed(
    anna: Person, visitor: Callable[..., Person], words: Words, say: Say
) -> None:
    first, second = (given(anna, title) for title in ("Count the boxes", "Weigh the boxes"))
    page = anna.open(f"/tasks/{first}/")
    page.get_by_role("button", name=say("Start the clock")).click()
    clock = page.locator("#task-clock")
    expect(clock.get_by_role("timer")).to_be_visible()
    # It is above every page.
    page.locator(".menu-list a[data-entry=feed]").click()
    expect(page.locator("#task-clock")).to_contain_text("Count the boxes")
    assert problems(page) == []
    before = seconds(anna)
    anna.context.close()
    until(lambda: seconds(anna) > before)

    # Another day she opens her browser again, on a telephone for once.
    again = visitor("Anna", words=words, width=360)
    again.is_signed_in_as(anna.hand)
    page = again.open("/notifications/")
    timer = page.locator("#task-clock").get_by_role("timer")
    expect(timer).to_be_visible()
    assert int(timer.get_attribute("data-seconds") or 0) > before
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    settled(page)
    assert problems(page) == []
    # It runs for one task at a time.
    page = again.open(f"/tasks/{second}/")
    page.get_by_role("button", name=say("Start the clock")).click()
    expect(page.locator("#task-clock a")).to_have_attribute("title", "Weigh the boxes")
    page.locator("#task-clock").get_by_role("button", name=say("Stop the clock")).click()
    expect(page.locator("#task-clock").get_by_role("timer")).to_have_count(0)
    # What was worked is written down, for each of the two.
    for task in (first, second):
        expect(again.open(f"/tasks/{task}/time/").locator("#task-time .rows li")).to_have_count(1)


def given(person: Person, title: str) -> int:
    """A task for oneself; its number."""
    who = f"U{person.pk}"
    answer = person.hand.post(
        "/tasks/new/", nonce=secrets.token_hex(16), title=title, responsible=who, priority="1"
    )
    assert answer.status == 302, answer.data.decode()
    return int(re.findall(r"\d+", answer.headers["Location"])[0])


def seconds(person: Person) -> int:
    """What the clock in the bar says, without a browser."""
    (said,) = re.findall(r'data-seconds="(\d+)"', person.hand.get("/tasks/clock/").data.decode())
    return int(said)
