"""What tasks are made of, as two people have it: checklists, and the ways in which tasks come about."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from playwright.sync_api import FilePayload, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.test_planning import given
from tests.e2e.words import Words

RUSSIAN = {
    "A line for the checklist": "Пункт чек-листа",
    "A task in one line": "Задача одной строкой",
    "2 tasks are given.": "Поставлены 2 задачи.",
    "Make a task": "Поставить задачу",
    "Give the task": "Поставить задачу",
    "Table": "Таблица",
    "Go on": "Дальше",
    "Import": "Импорт",
    "Added: 2. Corrected: 0. Unchanged: 0. Refused: 1.":
        "Добавлено: 2. Исправлено: 0. Без изменений: 0. Не принято: 1.",
    "Undo the whole import": "Отменить весь импорт",
    "Undone: nothing of this table is left.": "Отменено: из этой таблицы ничего не осталось.",
}  # fmt: skip

type Say = Callable[[str], str]


@pytest.fixture
def say(words: Words) -> Say:
    return words.saying(RUSSIAN)


@pytest.fixture
def anna(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Anna", secrets.token_hex(4), words=words)


@pytest.fixture
def boris(employee: Callable[..., Person], words: Words) -> Person:
    return employee("Boris", secrets.token_hex(4), words=words)


def test_a_list_is_pasted_by_one_and_ticked_off_by_the_other(anna: Person, boris: Person, say: Say) -> None:
    task = given(anna, "Count the boxes", responsible=f"U{boris.pk}")
    part = given(anna, "Buy a scale", responsible=f"U{anna.pk}", parent=str(task))
    page, his = anna.open(f"/tasks/{task}/"), boris.open(f"/tasks/{task}/")
    line = page.get_by_label(say("A line for the checklist"))
    line.fill("- Open the door\n- Count\n- Write it down")
    line.press("Enter")
    expect(page.locator(".task-item")).to_have_count(3)
    # She has done with writing: what he does appears.
    line.blur()
    # It arrives on the page that he has open; what he ticks off, on hers.
    expect(his.locator(".task-item")).to_have_count(3, timeout=30_000)
    settled(his)
    his.get_by_role("checkbox", name="Count", exact=True).click()
    expect(his.locator(".task-item.done")).to_have_count(1)
    expect(page.locator(".task-item.done")).to_have_text(re.compile("Count"), timeout=30_000)
    settled(page)

    # One of the lines is his; the subtask stands below, and leads back.
    page.locator(".task-item", has_text="Write it down").locator("summary").click()
    page.locator(".task-item", has_text="Write it down").get_by_role("button", name=boris.name).click()
    whose = page.locator(".task-item", has_text="Write it down").locator(f"span[title='{boris.name}']")
    expect(whose).to_be_visible()
    settled(page)
    assert problems(page) == []
    page.get_by_role("link", name="Buy a scale").click()
    page.wait_for_url(re.compile(f"/tasks/{part}/"))
    expect(page.locator("#task").get_by_role("link", name="Count the boxes")).to_be_visible()


def test_tasks_come_of_lines_of_a_comment_and_of_a_table(anna: Person, boris: Person, say: Say) -> None:
    mark = secrets.token_hex(3)
    page, his = anna.open("/tasks/"), boris.open("/tasks/")
    line = page.get_by_label(say("A task in one line"))
    him = boris.name.replace(" ", "_")
    line.fill(f"Count {mark} @{him}\nWeigh {mark} !")
    expect(page.locator(".quick-said")).to_have_count(2)
    assert problems(page) == []
    line.press("Enter")
    expect(page.locator(".quick-added")).to_have_text(say("2 tasks are given."))
    expect(page.locator("#list")).to_contain_text(f"Weigh {mark}")
    expect(his.locator("news-chip a").first).to_be_visible(timeout=30_000)

    # Of what he wrote about it she takes a part: the way back stands below.
    number = re.search(r"/tasks/(\d+)/", boris.hand.get(f"/tasks/?q=Count+{mark}").data.decode())
    assert number is not None
    his.goto(f"/tasks/{number[1]}/")
    his.locator(".task-below").get_by_label(boris.words.your_comment).fill("The scale is broken, buy another")
    his.locator(".task-below").get_by_role("button", name=boris.words.send).click()
    expect(his.locator(".comment", has_text="The scale is broken")).to_be_visible()
    page.goto(f"/tasks/{number[1]}/")
    comment = page.locator(".comment", has_text="The scale is broken")
    expect(comment).to_be_visible()
    comment.hover()
    comment.get_by_role("link", name=say("Make a task")).first.click()
    page.wait_for_url(re.compile(r"/tasks/new/"))
    expect(page.locator("[name=title]")).to_have_value("The scale is broken, buy another")
    settled(page)
    assert problems(page) == []
    page.get_by_role("button", name=say("Give the task")).click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(page.locator(".task-text a").first).to_have_attribute("href", re.compile(r"/tasks/\d+/"))


def test_a_table_of_tasks_is_taken_in_and_taken_back(anna: Person, boris: Person, say: Say) -> None:
    mark = secrets.token_hex(3)
    page = anna.open("/tasks/")
    page.locator("a[href='/imports/tasks.tasks/']").click()
    rows = f"Task;Responsible;Deadline\nCount {mark};{boris.name};01.12.2031\nWeigh {mark};;\nPaint;Zoltan;\n"
    file = FilePayload(name="tasks.csv", mimeType="text/csv", buffer=rows.encode())
    page.get_by_label(say("Table"), exact=True).set_input_files(file)
    page.get_by_role("button", name=say("Go on")).click()
    expect(page.get_by_role("row").filter(has_text=f"Count {mark}")).to_be_visible()
    assert list(found_in(page, EVERY_LOOK)) == []
    page.get_by_role("button", name=say("Import"), exact=True).click()
    expect(page.get_by_text(say("Added: 2. Corrected: 0. Unchanged: 0. Refused: 1."))).to_be_visible()
    expect(boris.open("/tasks/").locator("#list")).to_contain_text(f"Count {mark}")
    page.get_by_role("button", name=say("Undo the whole import")).click()
    expect(page.get_by_text(say("Undone: nothing of this table is left."))).to_be_visible()
    expect(boris.open("/tasks/").locator("#main")).not_to_contain_text(f"Count {mark}")
