"""How long who has worked on what."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from box.apps.tasks.actions.states import complete_task, pause_task, start_task
from box.apps.tasks.actions.time import (
    LONGEST_STRETCH,
    add_time,
    correct_time,
    delete_time,
    end_forgotten,
    start_timer,
    stop_timer,
)
from box.apps.tasks.models import LONGEST_NOTE, TimeEntry
from box.apps.tasks.time_lists import totals
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.groups.actions import NewGroup, create_group
from box.core.history.presenters import history_of
from box.core.push.models import PushMessage
from box.core.registry.origin import importing

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.apps.tasks.models import Task
    from box.core.accounts.models import User
    from tests.box.apps.tasks.conftest import Give

    type Browser = Callable[[User], Client]

NOON = datetime(2030, 1, 31, 12, tzinfo=timezone.get_default_timezone())
HOUR = timedelta(hours=1)
DAY = NOON.date()


def spent(task: Task) -> int:
    """In minutes."""
    task.refresh_from_db()
    return task.spent_seconds // 60


def test_the_clock_runs_until_it_is_stopped(give: Give, boris: User) -> None:
    task = give()
    start_timer(task, by=boris, now=NOON)
    assert TimeEntry.objects.get().elapsed(NOON + HOUR) == 3600
    assert spent(task) == 0
    stop_timer(by=boris, now=NOON + HOUR)
    assert (TimeEntry.objects.get().seconds, spent(task)) == (3600, 60)
    assert stop_timer(by=boris, now=NOON + 2 * HOUR) is None
    assert spent(task) == 60


def test_one_clock_runs_at_a_time(give: Give, boris: User) -> None:
    first, second = give("First"), give("Second")
    start_timer(first, by=boris, now=NOON)
    start_timer(second, by=boris, now=NOON + HOUR)
    assert spent(first) == 60
    assert TimeEntry.objects.running().get().task == second
    # Pressed again it goes on.
    start_timer(second, by=boris, now=NOON + 2 * HOUR)
    assert TimeEntry.objects.running().get().started_at == NOON + HOUR


def test_the_database_lets_no_second_one_run(give: Give, boris: User) -> None:
    task = give()
    TimeEntry.objects.create(task=task, user=boris, started_at=NOON)
    with pytest.raises(IntegrityError, match="task_one_clock_runs"), transaction.atomic():
        TimeEntry.objects.create(task=task, user=boris, started_at=NOON)


def test_each_has_a_clock_of_their_own(give: Give, anna: User, boris: User) -> None:
    task = give()
    start_timer(task, by=anna, now=NOON)
    start_timer(task, by=boris, now=NOON)
    stop_timer(by=anna, now=NOON + HOUR)
    assert TimeEntry.objects.running().get().user == boris


def test_who_pauses_or_completes_it_stops_the_clocks(give: Give, anna: User, boris: User) -> None:
    task = give(needs_acceptance=False)
    start_task(task, by=boris)
    start_timer(task, by=boris)
    pause_task(task, by=boris)
    assert not TimeEntry.objects.running().exists()
    start_timer(task, by=boris)
    start_timer(task, by=anna)
    complete_task(task, by=boris)
    assert not TimeEntry.objects.running().exists()
    with pytest.raises(ValidationError, match="done"):
        start_timer(task, by=boris)


def test_a_clock_of_another_task_runs_on(give: Give, boris: User) -> None:
    task, other = give("First", needs_acceptance=False), give("Second")
    start_timer(other, by=boris)
    complete_task(task, by=boris)
    assert TimeEntry.objects.running().get().task == other


def test_whoever_begins_a_task_lets_the_clock_run_that_runs_for_it(give: Give, boris: User) -> None:
    task = give()
    start_timer(task, by=boris)
    start_task(task, by=boris)
    assert TimeEntry.objects.running().get().task == task
    PushMessage.objects.all().delete()
    pause_task(task, by=boris)
    assert shown() == [[f"U{boris.pk}"]], "the bar shows that it has stopped"


def shown() -> list[list[str]]:
    """Whose clocks."""
    return [one.audience for one in PushMessage.objects.filter(topic="tasks", kind="clock")]


def test_who_only_watches_has_no_clock(give: Give, cara: User) -> None:
    task = give(observer_ids=(cara.pk,))
    with pytest.raises(PermissionDenied):
        start_timer(task, by=cara)
    with pytest.raises(PermissionDenied):
        add_time(task, 60, on=timezone.localdate(), by=cara)
    assert not TimeEntry.objects.exists()


def test_a_forgotten_clock_counts_as_long_as_anybody_works(give: Give, boris: User) -> None:
    task = give()
    start_timer(task, by=boris, now=NOON)
    assert end_forgotten(NOON + LONGEST_STRETCH - timedelta(seconds=1)) == 0
    assert end_forgotten(NOON + LONGEST_STRETCH + 5 * HOUR) == 1
    assert spent(task) == LONGEST_STRETCH.total_seconds() // 60


def test_a_clock_is_forgotten_from_the_moment_on_that_is_said(give: Give, boris: User) -> None:
    start_timer(give(), by=boris, now=NOON)
    PushMessage.objects.all().delete()
    assert end_forgotten(NOON + LONGEST_STRETCH) == 1
    assert shown() == [[f"U{boris.pk}"]]


@pytest.mark.parametrize(
    ("minutes", "is_taken"), [(0, False), (1, True), (24 * 60, True), (24 * 60 + 1, False)]
)
def test_by_hand_between_a_minute_and_a_day(give: Give, boris: User, minutes: int, is_taken: bool) -> None:
    task = give()
    if is_taken:
        add_time(task, minutes, on=timezone.localdate(), note="At the store", by=boris)
    else:
        with pytest.raises(ValidationError):
            add_time(task, minutes, on=timezone.localdate(), by=boris)
    assert spent(task) == (minutes if is_taken else 0)


def test_what_is_taken_over_was_written_down_when_it_was_there(give: Give, boris: User) -> None:
    then = timezone.now() - timedelta(days=400)
    with importing(at=then):
        entry = add_time(give(), 30, on=timezone.localdate(then), by=boris)
    assert entry.written_at == then


def test_nothing_was_worked_tomorrow_nor_in_another_century(give: Give, boris: User) -> None:
    for on, said in (
        (timezone.localdate() + timedelta(days=1), "still to come"),
        (date(1899, 12, 31), "too far away"),
    ):
        with pytest.raises(ValidationError, match=said):
            add_time(give(), 60, on=on, by=boris)


def test_a_clock_that_runs_is_neither_corrected_nor_deleted(give: Give, boris: User) -> None:
    running = start_timer(give(), by=boris, now=NOON)
    with pytest.raises(TimeEntry.DoesNotExist):
        correct_time(running, 5, "Too long", by=boris)
    delete_time(running, by=boris)
    assert TimeEntry.objects.running().get() == running


def test_time_is_of_its_task_alone_and_what_is_deleted_leaves_none(give: Give, boris: User) -> None:
    task, other = give(), give("Weigh")
    entry = add_time(task, 60, on=DAY.replace(year=2020), by=boris)
    assert timezone.localtime(entry.started_at).time() == time(9)
    correct_time(entry, 90, "The way back", by=boris)
    entry = TimeEntry.objects.get()
    assert (entry.seconds, entry.reason) == (90 * 60, "The way back")
    other.refresh_from_db()
    assert other.spent_seconds == 0
    delete_time(entry, by=boris)
    task.refresh_from_db()
    assert task.spent_seconds == 0


def test_one_corrects_ones_own_time_with_a_reason(give: Give, anna: User, boris: User) -> None:
    task = give()
    entry = add_time(task, 60, on=timezone.localdate(), by=boris)
    with pytest.raises(ValidationError, match="why"):
        correct_time(entry, 90, " ", by=boris)
    with pytest.raises(PermissionDenied):
        correct_time(entry, 90, "Not enough", by=anna)
    assert spent(task) == 60
    correct_time(entry, 90, "Forgot the way back", by=boris)
    assert spent(task) == 90
    deliver_all()
    assert "Forgot the way back" in history_of(task.ref).lines[0].sentence
    with pytest.raises(PermissionDenied):
        delete_time(entry, by=anna)
    delete_time(entry, by=boris)
    assert spent(task) == 0


def test_what_was_deleted_is_not_taken_away_twice(give: Give, boris: User) -> None:
    task = give()
    add_time(task, 60, on=timezone.localdate(), by=boris)
    entry = add_time(task, 30, on=timezone.localdate(), by=boris)
    for _time in range(2):
        delete_time(entry, by=boris)
    assert spent(task) == 60
    told = Event.objects.filter(kind="tasks.TimeWritten").order_by("id")
    assert [one.payload["seconds"] for one in told] == [3600, 1800, -1800]


def test_seconds_are_kept_where_they_are_known(give: Give, boris: User) -> None:
    task = give()
    entry = add_time(task, 0, on=DAY.replace(year=2020), seconds=90, by=boris)
    assert (entry.seconds, entry.ended_at) == (90, entry.started_at + timedelta(seconds=90))
    assert (entry.is_by_hand, entry.user) == (True, boris)
    task.refresh_from_db()
    assert task.spent_seconds == 90


def test_a_note_has_an_end(give: Give, boris: User) -> None:
    task, today = give(), timezone.localdate()
    assert add_time(task, 1, on=today, note=f" {'x' * LONGEST_NOTE} ", by=boris).note == "x" * LONGEST_NOTE
    with pytest.raises(ValidationError, match="Write less"):
        add_time(task, 1, on=today, note="x" * (LONGEST_NOTE + 1), by=boris)


def test_a_clock_that_is_set_back_meanwhile_has_not_run(give: Give, boris: User) -> None:
    start_timer(give(), by=boris, now=NOON)
    stop_timer(by=boris, now=NOON - HOUR)
    entry = TimeEntry.objects.get()
    assert (entry.seconds, entry.ended_at) == (0, entry.started_at)


def test_a_clock_is_shown_to_whose_it_is_and_told_of_once(give: Give, boris: User) -> None:
    task = give()
    for _time in range(2):
        start_timer(task, by=boris, now=NOON)
    stop_timer(by=boris, now=NOON + HOUR)
    stop_timer(by=boris, now=NOON + HOUR)
    own = PushMessage.objects.filter(topic="tasks", kind="clock")
    assert [message.audience for message in own] == [[f"U{boris.pk}"]] * 2
    kinds = Event.objects.filter(kind__in=["tasks.TimerStarted", "tasks.TimeWritten"]).order_by("id")
    assert [one.kind for one in kinds] == ["tasks.TimerStarted", "tasks.TimeWritten"]


def test_sums_by_person_project_task_and_week(give: Give, anna: User, boris: User) -> None:
    group = create_group(NewGroup("Website"), by=anna)
    drawn, told = give("Draw", project=group, to=anna), give("Tell")
    today = timezone.localdate()
    add_time(drawn, 60, on=today, by=anna)
    add_time(told, 30, on=today, by=boris)
    add_time(told, 15, on=today - timedelta(days=7), by=anna)
    rows = TimeEntry.objects.visible_to(anna)

    def said(group: str) -> list[tuple[str, int]]:
        return [(one.name, one.minutes) for one in totals(rows, group)]

    assert said("person") == [("Anna Test", 75), ("Boris Test", 30)]
    assert said("project") == [("Website", 60), ("no project", 45)]
    assert said("task") == [("Draw", 60), ("Tell", 45)]
    assert [minutes for _week, minutes in said("week")] == [90, 15]


def test_the_report_holds_what_one_sees(
    as_person: Browser, give: Give, anna: User, boris: User, cara: User
) -> None:
    add_time(give("Count the boxes"), 90, on=timezone.localdate(), by=boris)
    assert "1:30" in as_person(anna).get("/tasks/time/?by=task").content.decode()
    assert "Count the boxes" not in as_person(cara).get("/tasks/time/?by=task").content.decode()
    file = as_person(anna).get("/tasks/time/?as=csv")
    lines = b"".join(file.streaming_content).decode()  # type: ignore[attr-defined]
    assert "Count the boxes" in lines
    assert "90" in lines


def test_the_bar_shows_the_clock_wherever_it_was_started(as_person: Browser, give: Give, boris: User) -> None:
    task = give()
    as_person(boris).post(f"/tasks/{task.pk}/timer/", {"on": "1"})
    # Another browser, as after closing this one.
    other = as_person(boris)
    assert "Count the boxes" in other.get("/tasks/clock/").content.decode()
    assert (
        "Count the boxes"
        not in other.delete("/tasks/clock/", headers={"HX-Request": "true"}).content.decode()
    )
    assert not TimeEntry.objects.running().exists()


def test_time_is_written_down_on_the_page_of_the_task(as_person: Browser, give: Give, boris: User) -> None:
    task, browser = give(), as_person(boris)
    sent = {"minutes": "1:30", "on": timezone.localdate().isoformat(), "note": "At the store"}
    assert browser.post(f"/tasks/{task.pk}/time/", sent).status_code == 302
    assert browser.post(f"/tasks/{task.pk}/time/", {**sent, "minutes": "soon"}).status_code == 422
    entry = TimeEntry.objects.get()
    htmx = {"HX-Request": "true"}
    address = f"/tasks/time/{entry.pk}/"
    assert browser.post(address, {"minutes": "2"}, headers=htmx).status_code == 422
    sent = {"minutes": "2", "reason": "The way back"}
    assert "2:00" in browser.post(address, sent, headers=htmx).content.decode()
    assert spent(task) == 120
    browser.delete(address, headers=htmx)
    assert spent(task) == 0
