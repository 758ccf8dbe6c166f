"""Boards: what stands in which column, and what a move does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from box.apps.tasks.boards import spans, task_board
from box.apps.tasks.lists import FILTERS, MINE
from box.apps.tasks.models import Task
from box.apps.tasks.states import State
from box.core.boards.definition import PAGE
from box.core.boards.paging import first_rows
from box.core.lists.filters import Context
from box.core.lists.query import Chosen, Query
from box.core.registry.company import company_day

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse
    from django.test import Client

    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
PRIORITY = next(one for one in FILTERS if one.key == "priority")
MOSCOW = ZoneInfo("Europe/Moscow")
MINUTES_OF_YEARS = 20 * 366 * 24 * 60
MOMENTS = st.integers(0, MINUTES_OF_YEARS).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=MOSCOW) + timedelta(minutes=minutes)
)


def move(browser: Client, way: str, task: Task, to: str, **place: int) -> HttpResponse:
    sent = {"do": "move", "card": task.pk, "column": to, **place}
    answer: HttpResponse = browser.post(f"/tasks/board/{way}/", sent, headers=HTMX)  # type: ignore[assignment]
    return answer


def state(task: Task) -> str:
    task.refresh_from_db()
    return task.state


@given(MOMENTS, MOMENTS)
def test_every_deadline_is_in_one_column(now: datetime, deadline: datetime) -> None:
    assert sum(span.holds(deadline) for span in spans(now).values()) == 1


@given(MOMENTS)
def test_what_is_moved_into_a_column_gets_a_day_of_it(now: datetime) -> None:
    for key, span in spans(now).items():
        if (
            span.suggests is not None
            and span.first is not None
            and (span.end is None or span.first < span.end)
        ):
            late = datetime.combine(span.suggests.date(), time(23, 59), MOSCOW)
            assert span.holds(late) or late < now, key


def test_a_move_is_a_step(as_person: Browser, give: Give, boris: User) -> None:
    task, browser = give(), as_person(boris)
    assert move(browser, "state", task, "in-progress").status_code == 200
    assert state(task) == State.IN_PROGRESS
    # What he has done she accepts: it goes there first.
    answer = move(browser, "state", task, "completed")
    assert state(task) == State.IN_REVIEW
    assert 'data-column="in-review"' in answer.content.decode()


def test_a_step_that_is_not_ones_own_puts_the_card_back(
    as_person: Browser, give: Give, anna: User, boris: User
) -> None:
    task = give()
    answer = move(as_person(anna), "state", task, "in-progress")
    assert answer.status_code == 403
    assert "not yours" in answer.content.decode()
    assert state(task) == State.WAITING
    assert move(as_person(boris), "state", task, "nowhere").status_code == 404


def test_a_move_is_another_day_at_the_same_hour(as_person: Browser, give: Give, boris: User) -> None:
    now = timezone.localtime()
    deadline = (now - timedelta(days=3)).replace(hour=9, minute=30, second=0, microsecond=0)
    task, browser = give(deadline_at=deadline), as_person(boris)
    assert move(browser, "deadline", task, "next-week").status_code == 200
    task.refresh_from_db()
    moved = timezone.localtime(task.deadline_at)
    assert spans(now)["next-week"].holds(moved)
    assert (moved.weekday(), moved.time()) == (4, time(9, 30))
    move(browser, "deadline", task, "none")
    task.refresh_from_db()
    assert task.deadline_at is None


def test_nothing_is_put_off_into_the_past_nor_where_the_deadline_is_fixed(
    as_person: Browser, give: Give, boris: User
) -> None:
    browser = as_person(boris)
    assert move(browser, "deadline", give(), "overdue").status_code == 409
    fixed = give(may_move_deadline=False)
    assert move(browser, "deadline", fixed, "next-week").status_code == 403
    fixed.refresh_from_db()
    assert fixed.deadline_at is None


def test_cards_keep_the_order_in_which_they_were_put(as_person: Browser, give: Give, boris: User) -> None:
    one, two, three = (give(str(number)) for number in range(3))
    browser = as_person(boris)
    move(browser, "state", one, "waiting", before=three.pk)
    move(browser, "state", two, "waiting", after=three.pk)
    shown = Task.objects.filter(state="waiting").order_by("rank", "-id")
    assert [task.title for task in shown] == ["0", "2", "1"]


@pytest.mark.parametrize("way", ["state", "deadline"])
def test_a_board_costs_the_same_for_many_as_for_one(
    as_person: Browser, give: Give, boris: User, way: str
) -> None:
    browser, address = as_person(boris), f"/tasks/board/{way}/"
    give("The first")
    browser.get(address)
    with CaptureQueriesContext(connection) as for_one:
        browser.get(address)
    for number in range(6):
        give(f"Number {number}", deadline_at=timezone.now() + timedelta(days=number))
    with CaptureQueriesContext(connection) as for_many:
        page = browser.get(address).content.decode()
    assert "Number 5" in page
    assert len(for_many) == len(for_one) <= 14


def test_a_board_shows_no_more_than_its_role(as_person: Browser, give: Give, cara: User, boris: User) -> None:
    give("Boris counts")
    for way in ("state", "deadline"):
        assert "Boris counts" not in as_person(cara).get(f"/tasks/board/{way}/?role=all").content.decode()
        assert "Boris counts" in as_person(boris).get(f"/tasks/board/{way}/?role=do").content.decode()
    assert as_person(boris).get("/tasks/board/colour/").status_code == 404


@pytest.mark.parametrize("way", ["state", "deadline"])
def test_what_is_composed_once_shows_what_the_long_way_shows(
    give: Give, anna: User, boris: User, way: str
) -> None:
    now = timezone.localtime()
    for number in range(25):
        deadline = now + timedelta(hours=(-30, 1, 40, 300, 900)[number % 5]) if number % 6 else None
        give(f"T{number}", by=boris if number % 2 else anna, to=anna, deadline_at=deadline)
    give("Another's", by=boris, to=boris)
    Task.objects.filter(title__in=["T3", "T4"]).update(state=State.COMPLETED, closed_at=now)
    Task.objects.filter(title="T5").update(state=State.COMPLETED, closed_at=now - timedelta(days=30))
    board = task_board(anna, way=way, role=MINE, now=now)
    nothing = Query(Context(anna, company_day()))
    # A filter that leaves nothing out.
    all_of_it = replace(nothing, chosen=(Chosen(PRIORITY, ("0", "1", "2")),))
    rows = all_of_it.apply(board.listed.rows)
    usual, long = (board.columns(rows, query) for query in (nothing, all_of_it))
    assert usual == long
    assert sum(column.count or 0 for column in usual) == (24 if way == "state" else 22)
    cards = board.usual(usual, nothing)
    assert cards is not None
    assert board.usual(usual, all_of_it) is None
    wanted = first_rows(rows, [board.rows_in(rows, column) for column in long], size=PAGE)
    assert {card.pk for card in cards} == {card.pk for card in wanted}
