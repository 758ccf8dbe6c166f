"""The Gantt chart: a bar that is dragged moves what follows, and a baseline says by how much."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.e2e.accessibility import problems
from tests.e2e.people import Person, settled
from tests.e2e.words import EN, RU, Words

RUSSIAN = {
    "2 tasks are moved.": "Перенесены 2 задачи.",
    "3 days later now": "позже на 3 дня",
    "Undo": "Отменить",
}


def given(anna: Person, title: str, project: int, day: int) -> int:
    """A task of one day, so many days from now; its number."""
    starts = datetime.combine(timezone.localdate() + timedelta(days=day), time(9))
    answer = anna.hand.post(
        "/tasks/new/", nonce=secrets.token_hex(16), title=title, project=str(project),
        responsible=f"U{anna.pk}", starts_at=f"{starts:%Y-%m-%dT%H:%M}",
        ends_at=f"{starts + timedelta(days=1):%Y-%m-%dT%H:%M}",
        priority="1",
    )  # fmt: skip
    assert answer.status == 302, answer.data.decode()
    return int(re.findall(r"\d+", answer.headers["Location"])[0])


def bar(page: Page, task: int) -> tuple[float, float]:
    """The middle of its bar on the screen."""
    box = page.locator(f'.gantt-task[data-task="{task}"] .gantt-bar').bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("words", [EN, RU], ids=["en", "ru"])
def test_a_drag_moves_what_follows_and_a_baseline_says_by_how_much(
    employee: Callable[..., Person], words: Words
) -> None:
    say = words.saying(RUSSIAN)
    anna = employee("Anna", secrets.token_hex(4), words=words)
    project = anna.hand.group(f"House {secrets.token_hex(3)}")
    dig, build = given(anna, "Dig", project, 3), given(anna, "Build", project, 4)
    link = anna.hand.post(f"/tasks/{build}/dependencies/", before=f"#{dig}", kind="fs", lag="0")
    assert link.status in {200, 302}, link.data.decode()
    page = anna.open(f"/tasks/projects/{project}/baselines/")
    page.locator("[name=name]").fill("First plan")
    page.locator("form .btn-primary").last.click()
    kept = page.get_by_role("link", name="First plan")
    expect(kept).to_be_visible()
    settled(page)
    assert problems(page) == []
    kept.click()
    expect(page.locator(".gantt-kept")).to_have_count(2)
    assert problems(page) == []
    page.locator(f'.gantt-task[data-task="{dig}"]').scroll_into_view_if_needed()
    x, y = bar(page, dig)
    page.mouse.move(x, y)
    page.mouse.down()
    # Days are 40 pixels wide.
    page.mouse.move(x + 60, y, steps=4)
    page.mouse.move(x + 120, y, steps=4)
    # Before it is dropped, both are named.
    expect(page.locator(".gantt-plan [data-task]")).to_have_count(2)
    page.mouse.up()
    expect(page.locator(".toast-note", has_text=say("2 tasks are moved."))).to_be_visible()
    expect(page.locator(".gantt-kept.late")).to_have_count(2)
    expect(page.locator(f'.gantt-task[data-task="{build}"] a')).to_have_attribute(
        "aria-label", re.compile(say("3 days later now"))
    )
    page.locator(".toast-note").get_by_role("button", name=say("Undo")).click()
    expect(page.locator(".gantt-kept.late")).to_have_count(0)
    expect(page.locator(".gantt-kept")).to_have_count(2)
