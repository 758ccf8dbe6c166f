"""Tasks: given in a line, seen by the other at once, done, returned and accepted."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.accessibility import problems
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
}

type Say = Callable[[str], str]


@pytest.fixture(params=[EN, RU], ids=["en", "ru"])
def words(request: pytest.FixtureRequest) -> Words:
    found: Words = request.param
    return found


@pytest.fixture
def say(words: Words) -> Say:
    return words.saying(RUSSIAN)


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", words=words)


@pytest.fixture
def boris(employee: Callable[..., Person], words: Words) -> Person:
    # Of the many of that name on this box this one is meant.
    return employee("Boris", secrets.token_hex(4), words=words)


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
    expect(hers.locator("#list").get_by_role("link", name="Count the boxes")).to_be_visible()
    expect(line).to_have_value("")

    # He sees it arrive, and takes it up.
    his.get_by_text(say("1 new task")).click()
    his.locator("#list").get_by_role("link", name="Count the boxes").click()
    card = his.locator("#task")
    card.get_by_role("button", name=say("Start"), exact=True).click()
    expect(card.locator(".task-state").first).to_have_text(say("in progress"))
    assert problems(his) == []

    # She sees on the page that is open what he does.
    hers.locator("#list").get_by_role("link", name="Count the boxes").click()
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
