"""Work that is planned: stages of a project and one's own plan by drags, who has too much, and templates."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.test_crm import drag
from tests.e2e.words import Words

RUSSIAN = {
    "Stages": "Стадии",
    "Add": "Добавить",
    "Save": "Сохранить",
    "Name of the stage": "Название стадии",
    "A new stage": "Новая стадия",
    "Move up": "Выше",
    "To the board": "К доске",
    "Not planned": "Не распределено",
    "Today": "Сегодня",
    "In work": "В работе",
    "Give a task by it": "Поставить задачу по шаблону",
    "Give the task": "Поставить задачу",
    "every Monday": "каждый понедельник",
    "Files that come along": "Файлы, которые войдут в задачу",
}

type Say = Callable[[str], str]


def given(by: Person, title: str, **more: str) -> int:
    """A task, given without a browser; its number."""
    fields = {"title": title, "priority": "1", "responsible": f"U{by.pk}", **more}
    answer = by.hand.post("/tasks/new/", nonce=secrets.token_hex(16), **fields)
    assert answer.status == 302, answer.data.decode()
    return int(re.findall(r"\d+", answer.headers["Location"])[0])


def column(page: Page, label: str) -> Locator:
    return page.locator(".board-column", has=page.locator("h2", has_text=re.compile(f"^{label}")))


def can_be_dragged(page: Page) -> None:
    """What drags cards is loaded after the board."""
    settled(page)
    page.wait_for_function("() => document.querySelector('card-board').sortables?.length")


def is_kept(page: Page, card: str) -> None:
    """The portal has answered: until then the card is pale, and may be replaced by its newer self."""
    expect(page.locator(f"{card}[data-sent]")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    settled(page)


def moved_by_keys(page: Page, card: str, arrow: str) -> None:
    is_kept(page, card)
    page.locator(card).focus()
    page.keyboard.press("Space")
    expect(page.locator(f"{card}[data-lifted]")).to_be_visible()
    for key in (arrow, "Enter"):
        page.keyboard.press(key)


def fits(page: Page) -> bool:
    """Nothing is wider than the screen."""
    return bool(page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"))


def test_stages_are_made_and_a_card_is_dragged_which_the_other_sees(
    anna: Person, boris: Person, say: Say
) -> None:
    project = anna.hand.group(f"Store {secrets.token_hex(3)}")
    joined = boris.hand.post(f"/groups/{project}/membership/")
    assert joined.status == 302, joined.data.decode()
    given(anna, "Count the boxes", project=str(project), responsible=f"U{boris.pk}")

    page = anna.open(f"/tasks/projects/{project}/")
    page.get_by_role("link", name=say("Stages")).click()
    new = page.get_by_label(say("A new stage"))
    new.fill("Checking")
    new.press("Enter")
    names = page.get_by_label(say("Name of the stage"))
    expect(names).to_have_count(4)
    expect(names.last).to_have_value("Checking")
    # No taller than a line: it once took all that the page had left.
    box = page.get_by_label(say("A new stage")).bounding_box()
    assert box is not None
    assert box["height"] < 60
    page.get_by_role("button", name=say("Move up")).last.click()
    expect(names.nth(2)).to_have_value("Checking")
    names.nth(2).fill("To be checked")
    names.nth(2).press("Enter")
    expect(names.nth(2)).to_have_value("To be checked")
    settled(page)
    assert problems(page) == []
    page.get_by_role("link", name=say("To the board")).click()

    his = boris.open(f"/tasks/projects/{project}/")
    card = "[data-card]:has-text('Count the boxes')"
    expect(his.locator(".board-column").first.locator(card)).to_be_visible()
    checked = column(page, "To be checked")
    expect(checked).to_be_visible()
    can_be_dragged(page)
    drag(page, page.locator(card), checked)
    expect(checked.locator(card)).to_be_visible()
    expect(column(his, "To be checked").locator(card)).to_be_visible(timeout=30_000)
    settled(page)
    assert problems(page) == []


def test_ones_own_plan_is_nobody_elses(anna: Person, boris: Person, say: Say) -> None:
    given(anna, "Weigh the boxes", responsible=f"U{boris.pk}", accomplices=f"U{anna.pk}")
    page, card = boris.open("/tasks/plan/"), "[data-card]:has-text('Weigh the boxes')"
    expect(column(page, say("Not planned")).locator(card)).to_be_visible()
    can_be_dragged(page)
    drag(page, page.locator(card), column(page, say("Today")))
    expect(column(page, say("Today")).locator(card)).to_be_visible()
    # Carried on by keys, as who uses no mouse does.
    moved_by_keys(page, card, "ArrowLeft")
    expect(column(page, say("Not planned")).locator(card)).to_be_visible()
    moved_by_keys(page, card, "ArrowRight")
    expect(column(page, say("Today")).locator(card)).to_be_visible()
    is_kept(page, card)
    assert problems(page) == []
    expect(column(boris.open("/tasks/plan/"), say("Today")).locator(card)).to_be_visible()
    hers = anna.open("/tasks/plan/")
    expect(column(hers, say("Not planned")).locator(card)).to_be_visible()


@pytest.mark.parametrize("width", [360, 1440])
def test_who_has_too_much_is_seen_before_it_is_too_late(
    employee: Callable[..., Person], anna: Person, words: Words, width: int
) -> None:
    boris = employee("Boris", secrets.token_hex(4), words=words)
    given(anna, "A little", responsible=f"U{boris.pk}", **planned(1, "0:30"))
    address = f"/tasks/workload/?role=all&responsible=U{boris.pk}"
    anna.page.set_viewport_size({"width": width, "height": 900})
    page = anna.open(address)
    row = page.locator(".load-table tbody tr", has_text=boris.name)
    weeks = row.locator("td.load")
    expect(weeks).to_have_count(8)
    assert fits(page)
    settled(page)
    assert problems(page) == []
    # The first week to come in which he works: there are weeks of holidays.
    able = [re.findall(r"\d+:\d\d", one.inner_text()) for one in weeks.all()]
    number, hours = next(
        (number, said[1]) for number, said in enumerate(able) if number and said[1] != "0:00"
    )
    expect(page.locator("td.load.over")).to_have_count(0)
    given(anna, "A week's work", responsible=f"U{boris.pk}", **planned(number, hours))
    given(anna, "And a bit", responsible=f"U{boris.pk}", **planned(number, "1:00"))
    page = anna.open(address)
    over = page.locator("td.load.over")
    expect(over).to_have_count(1)
    expect(over.locator("strong")).not_to_have_text(hours)
    over.locator("a").click()
    chart = page.locator(".gantt-task", has_text="A week's work").first
    expect(chart).to_be_visible()


def planned(week: int, hours: str) -> dict[str, str]:
    """From Monday to Friday of the week that begins so many weeks after this one."""
    today: date = timezone.localdate()
    monday = today - timedelta(days=today.weekday()) + timedelta(weeks=week)
    return {
        "starts_at": f"{monday}T09:00",
        "ends_at": f"{monday + timedelta(days=4)}T18:00",
        "estimate_minutes": hours,
    }


def test_a_template_takes_its_files_and_its_list_along(
    anna: Person, boris: Person, say: Say, tmp_path: Path
) -> None:
    form = tmp_path / "form.txt"
    form.write_text("What is to be counted", encoding="utf-8")
    page = anna.open("/tasks/templates/new/")
    page.locator("[name=title]").fill("Weekly count")
    page.locator("[name=items]").fill("Count\nWrite it down")
    page.locator("[name=repeats]").select_option("weekly")
    # A Monday, far enough from now.
    page.locator("[name=first_on]").fill("2035-01-01")
    page.locator("input[type=file]").set_input_files(str(form))
    expect(page.locator(".uploads [name=files]")).to_have_count(1)
    settled(page)
    assert problems(page) == []
    page.locator("main form [type=submit]").last.click()
    expect(page.locator(".template-now")).to_contain_text(say("every Monday"))
    kept = page.get_by_role("group", name=say("Files that come along"))
    expect(kept).to_contain_text("form.txt")
    settled(page)
    assert problems(page) == []

    page.get_by_role("link", name=say("Give a task by it")).click()
    page.wait_for_url(re.compile("template="))
    expect(page.locator("[name=title]")).to_have_value("Weekly count")
    expect(page.get_by_role("group", name=say("Files that come along"))).to_contain_text("form.txt")
    more = tmp_path / "more.txt"
    more.write_text("This time also the bags", encoding="utf-8")
    page.locator("input[type=file]").set_input_files(str(more))
    expect(page.locator(".uploads [name=files]")).to_have_count(1)
    page.get_by_role("button", name=say("Give the task")).click()
    card = page.locator("#task")
    expect(card).to_contain_text("Write it down")
    expect(card.locator(".attached")).to_contain_text("form.txt")
    expect(card.locator(".attached")).to_contain_text("more.txt")
    assert fits(page)
