"""What tasks are made of, as two people have it: lists, many at once, counters, reminders, time, reports."""

from __future__ import annotations

import csv
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.boxes import until
from tests.e2e.people import Person, settled
from tests.e2e.portal import Portal
from tests.e2e.test_accessibility import EVERY_LOOK, found_in
from tests.e2e.test_crm_clients import written
from tests.e2e.test_planning import fits, given
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
    "Undo": "Отменить",
    "In work": "В работе",
    "Remind me": "Напомнить",
    "You wanted to be reminded": "Вы просили напомнить",
    "Effectiveness": "Эффективность",
    "Were overdue": "Просрочены",
    "The same as a table": "То же таблицей",
}  # fmt: skip

type Say = Callable[[str], str]


def zone_of(person: Person) -> ZoneInfo:
    """In which the portal shows this person times."""
    (name,) = re.findall(r'data-zone="([^"]+)"', person.hand.get("/calendar/").data.decode())
    return ZoneInfo(name)


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
    # What it came of belongs to it, and names it in turn.
    belongs = page.locator(".relations")
    expect(belongs).to_contain_text("The scale is broken")
    belongs.locator("[name=link]").fill(f"{anna.hand.box.url}/employees/{boris.pk}/")
    belongs.locator("[name=link]").press("Enter")
    expect(belongs.locator(".relation-list li")).to_have_count(2)
    assert list(found_in(page, EVERY_LOOK)) == []
    title = "The scale is broken, buy another"
    expect(boris.open(f"/employees/{boris.pk}/").locator("main")).not_to_contain_text(title)
    profile = anna.open(f"/employees/{boris.pk}/").locator(".relations")
    profile.scroll_into_view_if_needed()
    expect(profile).to_contain_text(title)


def test_a_task_of_a_deal_stands_beside_it(anna: Person, say: Say) -> None:
    title = f"Delivery {secrets.token_hex(3)}"
    page = anna.open("/crm/")
    deal = written(page, "deal", title=title)
    page.get_by_role("link", name=say("Make a task")).click()
    page.wait_for_url(re.compile(r"/tasks/new/"))
    expect(page.locator("[name=about]")).to_be_checked()
    page.locator("[name=title]").fill(f"Pack {title}")
    page.get_by_role("button", name=say("Give the task")).click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    task = page.url
    expect(page.locator(".relation-list")).to_contain_text(title)
    page.goto(deal)
    belongs = page.locator(".relations")
    belongs.scroll_into_view_if_needed()
    expect(belongs).to_contain_text(f"Pack {title}")
    assert list(found_in(page, EVERY_LOOK)) == []
    # Taken away on the task, it is gone from the deal.
    page.goto(task)
    page.locator(".relation-list button").click()
    expect(page.locator(".relation-list")).to_have_count(0)
    page.goto(deal)
    page.wait_for_load_state("networkidle")
    expect(page.locator(".relations")).not_to_contain_text(f"Pack {title}")


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


def begin_to_change(page: Page, cell: Locator) -> None:
    cell.hover()
    cell.get_by_role("link").click()
    expect(cell.locator(".list-editing")).to_be_visible()
    settled(page)


def test_the_list_is_changed_where_it_stands_and_many_at_once(anna: Person, boris: Person, say: Say) -> None:
    first, second = (given(anna, title) for title in ("Count the boxes", "Weigh the boxes"))
    page = anna.open("/tasks/?role=do")
    begin_to_change(page, page.locator(f"tr[data-row='{first}'] td.list-edit").first)
    page.locator("[name=deadline_at]").fill("2031-03-04T18:00")
    page.locator(".list-editing [type=submit]").click()
    expect(page.locator(f"tr[data-row='{first}'] .task-due")).to_be_visible()

    # It is his from now on: he sees it arrive among what he does.
    his = boris.open("/tasks/?role=do")
    cell = page.locator(f"tr[data-row='{first}'] td.list-edit").nth(1)
    begin_to_change(page, cell)
    cell.get_by_role("searchbox").fill(boris.name)
    cell.get_by_label(boris.name).check()
    settled(page)
    assert problems(page) == []
    page.locator(".list-editing [type=submit]").click()
    expect(page.locator(".list-editing")).to_have_count(0)
    expect(page.locator(f"tr[data-row='{first}']")).to_contain_text(boris.name)
    his.reload()
    expect(his.locator("#list")).to_contain_text("Count the boxes")

    # The stage of its project, too.
    project = anna.hand.group(f"Store {secrets.token_hex(3)}")
    third = given(anna, "Paint the boxes", project=str(project))
    page.goto("/tasks/?role=do")
    row = page.locator(f"tr[data-row='{third}']")
    begin_to_change(page, row.locator("td.list-edit").nth(2))
    page.locator(".list-editing [name=stage]").select_option(label=say("In work"))
    page.locator(".list-editing [type=submit]").click()
    expect(page.locator(".list-editing")).to_have_count(0)
    expect(row).to_contain_text(say("In work"))
    board = anna.open(f"/tasks/projects/{project}/")
    expect(board.locator(".board-column", has_text=say("In work"))).to_contain_text("Paint the boxes")

    # Many at once, and back.
    page.goto("/tasks/?role=do")
    page.locator(f"tr[data-row='{second}'] [name=row]").check()
    page.locator("#list-bulk [value='bulk:complete']").click()
    expect(page.locator(".list-outcome")).to_be_visible()
    expect(page.locator(f"tr[data-row='{second}']")).to_have_count(0)
    page.locator(".list-outcome").get_by_role("button", name=say("Undo")).click()
    expect(page.locator(f"tr[data-row='{second}']")).to_be_visible()


def test_a_number_in_the_menu_and_a_reminder_come_by_themselves(
    anna: Person, boris: Person, say: Say
) -> None:
    his = boris.open("/feed/")
    boris.marks_the_page()
    counter = his.locator(".menu-list a[data-entry=tasks]")
    late = f"{timezone.localtime() - timedelta(days=1):%Y-%m-%dT%H:%M}"
    task = given(anna, "Count the boxes", responsible=f"U{boris.pk}", deadline_at=late)
    expect(counter).to_contain_text("1", timeout=30_000)
    boris.expect_the_same_page()
    assert problems(his) == []
    # Beside the role it is in the colour of what is late.
    page = boris.open("/tasks/")
    expect(page.locator(".tabs .task-count.bad").first).to_have_text("1")

    page = boris.open(f"/tasks/{task}/")
    # A whole minute, and still to come when it is sent, at whichever second this begins.
    soon = (datetime.now(tz=zone_of(boris)) + timedelta(seconds=90)).replace(second=0)
    page.locator("dt", has_text=say("Remind me")).locator("xpath=following-sibling::dd[1]").locator(
        "summary"
    ).click()
    page.locator("[name=at]").fill(f"{soon:%Y-%m-%dT%H:%M}")
    with page.expect_response(lambda one: "/reminder/" in one.url):
        page.locator("form[action$='/reminder/'] [type=submit]").click()
    settled(page)
    assert problems(page) == []
    # A page of its own says what was kept, not what was typed.
    page = boris.open(f"/tasks/{task}/")
    expect(page.locator("[name=at]")).to_have_value(f"{soon:%Y-%m-%dT%H:%M}")
    # The job comes by once a minute.
    said = say("You wanted to be reminded")
    until(lambda: said in boris.hand.get("/notifications/").data.decode(), patience=180)
    expect(boris.open("/notifications/").locator(".notices li", has_text=said)).to_have_count(1)


@pytest.mark.usefixtures("words")
def test_time_is_written_down_corrected_and_summed(anna: Person, boris: Person) -> None:
    project = anna.hand.group(f"Store {secrets.token_hex(3)}")
    assert boris.hand.post(f"/groups/{project}/membership/").status == 302
    title = f"Count {secrets.token_hex(3)}"
    task = given(anna, title, responsible=f"U{boris.pk}", project=str(project), estimate_minutes="3:00")
    page = boris.open(f"/tasks/{task}/time/")
    page.locator("[name=minutes]").first.fill("1:30")
    page.locator("#task-time form [type=submit]").first.click()
    entry = page.locator("#task-time .rows li")
    expect(entry).to_contain_text("1:30")
    entry.locator("summary").click()
    entry.locator("[name=minutes]").fill("2:00")
    entry.locator("[name=reason]").fill("The way back")
    entry.locator("[type=submit]").click()
    expect(entry).to_contain_text("The way back")
    expect(page.locator("#task-time .task-section .number")).to_contain_text("2:00")
    assert list(found_in(page, EVERY_LOOK)) == []

    # She sees what it came to beside what was planned, and takes the sums along as a file.
    hers = anna.open(f"/tasks/{task}/")
    expect(hers.locator(".task-facts")).to_contain_text("2:00")
    expect(hers.locator(".task-facts")).to_contain_text("3:00")
    hers = anna.open("/tasks/time/?by=project")
    expect(hers.locator("tbody tr", has_text="2:00").first).to_be_visible()
    assert problems(hers) == []
    with hers.expect_download() as download:
        hers.locator("[data-list-file=csv]").evaluate("(link) => link.click()")
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert any(title in cell for one in rows for cell in one)


def test_every_figure_of_the_report_opens_its_tasks(
    employee: Callable[..., Person], olga: Portal, words: Words, say: Say
) -> None:
    department = olga.department(f"Store {secrets.token_hex(3)}")
    boris = employee("Boris", secrets.token_hex(4), words=words, department=department)
    anna = employee("Anna", secrets.token_hex(4), words=words)
    olga.place(anna.login, department, "head")
    late = f"{timezone.localtime() - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    given(boris, "Count the boxes", deadline_at=late)
    given(boris, "Weigh the boxes")
    page = anna.open("/tasks/report/person/")
    found = page.locator(".task-report tr", has_text=boris.name)
    expect(found).to_contain_text("50")
    expect(page.locator(".task-report thead")).to_contain_text(say("Effectiveness"))
    page.get_by_text(say("The same as a table")).click()
    assert list(found_in(page, EVERY_LOOK)) == []
    page.set_viewport_size({"width": 1440, "height": 900})
    found.locator(f"[data-label='{say('Were overdue')}'] a").click()
    expect(page.locator("#list")).to_contain_text("Count the boxes")
    expect(page.locator("#list")).not_to_contain_text("Weigh the boxes")
    assert fits(page)


def test_what_two_have_is_found_by_both_and_by_nobody_else(
    employee: Callable[..., Person], anna: Person, boris: Person, words: Words
) -> None:
    word = "".join(secrets.choice("glmnprst") for _ in range(8))
    given(anna, f"Count {word}", responsible=f"U{boris.pk}")
    until(lambda: f"Count {word}" in anna.hand.get(f"/search/?q={word}").data.decode(), patience=60)
    for person, count in ((anna, 1), (boris, 1), (employee("Cara", words=words), 0)):
        page = person.open(f"/search/?q={word}")
        expect(page.locator("#main").get_by_role("link", name=f"Count {word}")).to_have_count(count)
    # The page of help that belongs to it, in the reader's language.
    page = anna.open("/help/tasks/")
    expect(page.locator("#main h1")).to_have_text("Tasks" if words.language == "en" else "Задачи")
    assert problems(page) == []
