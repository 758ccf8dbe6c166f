from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.worktime import actions
from box.apps.worktime.access import can_decide, managed_by, managers_of, visible_people
from box.apps.worktime.actions import Truth, ask_correction, decide_correction, forget_days, take_step
from box.apps.worktime.clock import Step
from box.apps.worktime.models import Correction, WorkDay
from box.apps.worktime.presenters import clock_of
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.notify.models import Counter, Notification
from box.core.push.models import PushMessage
from box.core.structure.actions import add_member, create_department
from box.core.structure.models import Membership

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.models import User
    from box.core.structure.models import Department
    from tests.clock import Clock

pytestmark = pytest.mark.usefixtures("in_utc")

# A Tuesday.
NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
ON = NINE.date()
HOUR = timedelta(hours=1)


def day_of(person: User, *steps: tuple[Step, int]) -> WorkDay:
    """Steps at so many hours after nine."""
    for step, hours in steps:
        day = take_step(step, by=person, at=NINE + hours * HOUR)
    return day


def truth(starts: int = 0, ends: int = 8, pause: int = 30, reason: str = "The train") -> Truth:
    return Truth(NINE + starts * HOUR, NINE + ends * HOUR, timedelta(minutes=pause), reason)


AFTERWARDS = NINE + timedelta(days=1)


def test_a_day_is_started_paused_resumed_and_finished(anna: User) -> None:
    day = day_of(anna, (Step.START, 0), (Step.PAUSE, 3), (Step.RESUME, 4), (Step.FINISH, 9))
    assert (day.on, day.state) == (ON, "finished")
    assert (day.worked_seconds, day.paused_seconds) == (8 * 3600, 3600)
    assert [event.payload["step"] for event in Event.objects.filter(kind="worktime.DayStepped")] == [
        *("start", "pause", "resume", "finish")
    ]


def test_a_step_taken_twice_is_one_step(anna: User) -> None:
    day_of(anna, (Step.START, 0), (Step.START, 1), (Step.PAUSE, 2), (Step.PAUSE, 3))
    day = WorkDay.objects.get()
    assert len(day.marks) == 2
    assert Event.objects.filter(kind="worktime.DayStepped").count() == 2


@pytest.mark.parametrize("step", [Step.PAUSE, Step.RESUME, Step.FINISH])
def test_before_it_has_begun_nothing_else_can_be_done(anna: User, step: Step) -> None:
    with pytest.raises(ValidationError, match="start it first"):
        take_step(step, by=anna, at=NINE)
    assert not WorkDay.objects.exists()


def test_a_finished_day_goes_on_with_what_lay_between_as_a_break(anna: User) -> None:
    day = day_of(anna, (Step.START, 0), (Step.FINISH, 8), (Step.RESUME, 10), (Step.FINISH, 11))
    assert (day.worked_seconds, day.paused_seconds) == (9 * 3600, 2 * 3600)


def test_open_tabs_hear_of_each_step(anna: User) -> None:
    day_of(anna, (Step.START, 0))
    deliver_all()
    message = PushMessage.objects.get(topic="worktime")
    assert (message.kind, message.audience) == ("clock", [f"U{anna.pk}"])


def test_a_shift_over_midnight_is_one_day(anna: User) -> None:
    day = day_of(anna, (Step.START, 13), (Step.FINISH, 21))
    assert (day.on, day.worked_seconds) == (ON, 8 * 3600)
    assert day_of(anna, (Step.START, 37)).on == ON + timedelta(days=1)


def test_a_day_belongs_to_the_date_where_the_person_is(anna: User) -> None:
    anna.time_zone = "Asia/Kamchatka"
    anna.save()
    assert take_step(Step.START, by=anna, at=NINE + 4 * HOUR).on == ON + timedelta(days=1)


def test_a_day_nobody_finished_is_noticed_in_the_morning_and_tells_the_person_once(anna: User) -> None:
    day_of(anna, (Step.START, 0))
    assert forget_days(WorkDay.objects.all(), now=NINE + 15 * HOUR) == 0
    assert forget_days(WorkDay.objects.all(), now=NINE + 20 * HOUR) == 1
    assert forget_days(WorkDay.objects.all(), now=NINE + 20 * HOUR) == 0
    deliver_all()
    assert Notification.objects.get(user=anna).kind == "worktime.forgotten"
    assert WorkDay.objects.get().worked_seconds == 0


def test_so_many_days_are_marked_at_once_and_none_that_is_not_forgotten_yet(
    anna: User, boris: User, cara: User
) -> None:
    day_of(anna, (Step.START, 0), (Step.PAUSE, 2), (Step.RESUME, 3))
    day_of(boris, (Step.START, 1))
    day_of(cara, (Step.START, 19))
    days, now = WorkDay.objects.all(), NINE + 20 * HOUR
    assert [forget_days(days, now=now, batch=1) for _time in range(3)] == [1, 1, 0]
    assert dict(days.values_list("user", "state")) == {
        anna.pk: "forgotten", boris.pk: "forgotten", cara.pk: "working"
    }  # fmt: skip
    assert set(days.values_list("worked_seconds", "paused_seconds")) == {(0, 0)}


def test_whoever_begins_a_day_marks_their_own_alone(anna: User, boris: User) -> None:
    for person, hours in ((anna, 0), (boris, 0), (anna, 24)):
        day_of(person, (Step.START, hours))
    states = dict(WorkDay.objects.filter(on=ON).values_list("user", "state"))
    assert states == {anna.pk: "forgotten", boris.pk: "working"}


def test_from_its_morning_on_a_day_is_forgotten(anna: User) -> None:
    day = day_of(anna, (Step.START, 0))
    before, after = (clock_of(anna, now=day.forgotten_at - timedelta(seconds=more)) for more in (1, 0))
    assert (before.state, after.state) == ("working", "idle")


def test_who_has_travelled_west_corrects_the_day_that_was_forgotten_first(anna: User) -> None:
    """There it is the same date still."""
    anna.time_zone = "Asia/Kamchatka"
    anna.save()
    take_step(Step.START, by=anna, at=NINE - 12 * HOUR)
    anna.time_zone = "UTC"
    anna.save()
    for step in (Step.START, Step.FINISH):
        with pytest.raises(ValidationError, match="correct it first"):
            take_step(step, by=anna, at=NINE + 9 * HOUR)


def test_who_has_travelled_west_goes_on_with_what_runs_although_that_date_is_finished(anna: User) -> None:
    anna.time_zone = "Asia/Kamchatka"
    anna.save()
    finished = day_of(anna, (Step.START, 4), (Step.FINISH, 5))
    anna.time_zone = "UTC"
    anna.save()
    running = day_of(anna, (Step.START, 13))
    assert (finished.on, running.on) == (ON + timedelta(days=1), ON)
    assert clock_of(anna, now=NINE + 16 * HOUR).state == "working"
    assert day_of(anna, (Step.FINISH, 17)) == running


def test_whoever_marks_their_own_days_waits_for_the_job_that_marks_all(anna: User, head: User) -> None:
    """A day that is just being marked is not open any more; the job passes over days that people mark."""
    with CaptureQueriesContext(connection) as patient:
        day_of(anna, (Step.START, -48))
        asked = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
        decide_correction(asked, is_approved=True, by=head, at=AFTERWARDS)
    with CaptureQueriesContext(connection) as job:
        forget_days(WorkDay.objects.all(), now=AFTERWARDS)
    skipping = [
        [
            sql.endswith("SKIP LOCKED")
            for one in queries
            if "FOR UPDATE" in (sql := one["sql"]) and "workday" in sql
        ]
        for queries in (patient, job)
    ]
    assert skipping == [[False, False, False], [True]]


def test_the_next_day_begins_although_the_last_was_forgotten(anna: User) -> None:
    """Also where the job that notices it has not run yet."""
    day_of(anna, (Step.START, 0))
    assert clock_of(anna, now=AFTERWARDS).state == "idle"
    assert day_of(anna, (Step.START, 24)).on == ON + timedelta(days=1)
    assert WorkDay.objects.get(on=ON).state == "forgotten"
    assert clock_of(anna, now=AFTERWARDS).forgotten_on == ON


def test_a_correction_holds_once_the_head_has_approved_it(anna: User, head: User) -> None:
    day_of(anna, (Step.START, 0))
    forget_days(WorkDay.objects.all(), now=AFTERWARDS)
    asked = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    assert WorkDay.objects.get().state == "forgotten"
    assert clock_of(anna, now=AFTERWARDS).forgotten_on is None
    decide_correction(asked, is_approved=True, by=head, at=AFTERWARDS)
    day = WorkDay.objects.get()
    assert (day.state, day.worked_seconds, day.paused_seconds) == ("finished", 7.5 * 3600, 1800)
    assert day.is_corrected
    deliver_all()
    assert Notification.objects.get(user=anna, kind="worktime.approved").actor == head


def test_a_correction_is_of_one_persons_day_and_keeps_who_decided_it_and_when(
    clock: Clock, anna: User, boris: User, head: User, olga: User
) -> None:
    before = ON - timedelta(days=1)
    day_of(anna, (Step.START, -24), (Step.FINISH, -20))
    day_of(boris, (Step.START, 0), (Step.FINISH, 4))
    clock.now = AFTERWARDS
    asked = ask_correction(ON, truth(), by=anna)
    decide_correction(asked, is_approved=True, by=head, remark="Well", at=AFTERWARDS + HOUR)
    seconds = dict(WorkDay.objects.filter(user=anna).values_list("on", "worked_seconds"))
    assert seconds == {before: 4 * 3600, ON: 7.5 * 3600}
    assert WorkDay.objects.get(user=boris).worked_seconds == 4 * 3600
    again = ask_correction(before, truth(starts=-24, ends=-18), by=anna)
    clock.move(hours=2)
    decide_correction(again, is_approved=False, by=olga)
    rows = Correction.objects.order_by("pk")
    assert [(one.status, one.decided_by, one.remark) for one in rows] == [
        ("approved", head, "Well"), ("refused", olga, "")
    ]  # fmt: skip
    assert [(one.asked_at, one.decided_at) for one in rows] == [
        (AFTERWARDS, AFTERWARDS + HOUR), (AFTERWARDS, AFTERWARDS + 2 * HOUR)
    ]  # fmt: skip


def test_a_day_is_corrected_once_it_is_over(anna: User) -> None:
    day_of(anna, (Step.START, 0))
    with pytest.raises(ValidationError, match="finish this day first"):
        ask_correction(ON, truth(ends=2), by=anna, at=NINE + 3 * HOUR)
    ask_correction(ON - timedelta(days=1), truth(starts=-24, ends=-16), by=anna, at=NINE + 3 * HOUR)
    day_of(anna, (Step.FINISH, 3))
    ask_correction(ON, truth(ends=2), by=anna, at=NINE + 3 * HOUR)


@pytest.mark.parametrize("is_over", [True, False])
def test_what_is_worked_after_a_correction_was_asked_for_stays(is_over: bool, anna: User, head: User) -> None:
    """Nobody who asked, or who approves, has spoken of it."""
    day_of(anna, (Step.START, 0), (Step.FINISH, 3))
    asked = ask_correction(ON, truth(ends=2), by=anna, at=NINE + 4 * HOUR)
    day_of(anna, (Step.RESUME, 5), (Step.PAUSE, 6), (Step.RESUME, 7))
    if is_over:
        day_of(anna, (Step.FINISH, 8))
    decide_correction(asked, is_approved=True, by=head, at=NINE + 9 * HOUR)
    day = WorkDay.objects.get()
    assert (day.state, day.worked_seconds) == (
        ("finished", 3.5 * 3600) if is_over else ("working", 4.5 * 3600)
    )
    assert (day.started_at, day.is_corrected) == (NINE, True)
    if not is_over:
        assert day_of(anna, (Step.FINISH, 10)).worked_seconds == 5.5 * 3600


def test_a_day_that_was_begun_after_a_correction_was_asked_for_goes_on(anna: User, head: User) -> None:
    asked = ask_correction(ON, truth(ends=2), by=anna, at=NINE + 3 * HOUR)
    day_of(anna, (Step.START, 4))
    decide_correction(asked, is_approved=True, by=head, at=NINE + 6 * HOUR)
    assert WorkDay.objects.get().worked_seconds == 3.5 * 3600
    assert clock_of(anna, now=NINE + 6 * HOUR).state == "working"


def test_a_day_that_was_forgotten_after_a_correction_was_asked_for_is_what_it_says(
    anna: User, head: User
) -> None:
    day_of(anna, (Step.START, 0), (Step.FINISH, 3))
    asked = ask_correction(ON, truth(ends=2), by=anna, at=NINE + 4 * HOUR)
    day_of(anna, (Step.RESUME, 5))
    decide_correction(asked, is_approved=True, by=head, at=AFTERWARDS)
    assert WorkDay.objects.get().worked_seconds == 1.5 * 3600
    assert clock_of(anna, now=AFTERWARDS).forgotten_on is None


def test_a_correction_is_no_word_on_what_others_have_forgotten(anna: User, boris: User, head: User) -> None:
    for person in (anna, boris):
        day_of(person, (Step.START, 0))
    asked = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    assert {day.user: day.state for day in WorkDay.objects.all()} == {anna: "forgotten", boris: "working"}
    decide_correction(asked, is_approved=True, by=head, at=AFTERWARDS)
    assert WorkDay.objects.get(user=boris).state == "working"


def test_of_two_who_decide_the_first_does(anna: User, head: User, olga: User) -> None:
    asked = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    seen = Correction.objects.get()
    decide_correction(asked, is_approved=False, by=head, at=AFTERWARDS)
    decide_correction(seen, is_approved=True, by=olga, at=AFTERWARDS)
    assert Correction.objects.get().decided_by == head
    assert not WorkDay.objects.exists()


def test_a_refused_correction_changes_nothing_and_says_why(anna: User, head: User) -> None:
    day_of(anna, (Step.START, 0), (Step.FINISH, 2))
    asked = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    decide_correction(asked, is_approved=False, by=head, remark="You left at eleven", at=AFTERWARDS)
    decide_correction(asked, is_approved=True, by=head, at=AFTERWARDS)
    assert WorkDay.objects.get().worked_seconds == 2 * 3600
    asked.refresh_from_db()
    assert (asked.status, asked.remark) == ("refused", "You left at eleven")


def test_a_day_on_which_nobody_pressed_anything_can_be_told(anna: User, head: User) -> None:
    decide_correction(ask_correction(ON, truth(), by=anna, at=AFTERWARDS), is_approved=True, by=head)
    assert WorkDay.objects.get(user=anna, on=ON).worked_seconds == 7.5 * 3600


def test_asking_again_replaces_what_was_asked(anna: User) -> None:
    ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    ask_correction(ON, truth(ends=7), by=anna, at=AFTERWARDS)
    assert Correction.objects.get().ends_at == NINE + 7 * HOUR


def test_asking_again_replaces_neither_what_was_decided_nor_another_day_nor_what_others_ask(
    anna: User, boris: User, olga: User
) -> None:
    refused = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    decide_correction(refused, is_approved=False, by=olga, at=AFTERWARDS)
    others = [
        ask_correction(ON - timedelta(days=1), truth(starts=-24, ends=-16), by=anna, at=AFTERWARDS),
        ask_correction(ON, truth(), by=boris, at=AFTERWARDS),
    ]
    again = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    assert set(Correction.objects.all()) == {refused, *others, again}


@pytest.mark.parametrize(
    ("on", "told", "word"),
    [
        (ON, truth(ends=30), "still to come"),
        (ON, truth(starts=8), "ends after"),
        (ON, truth(pause=480), "shorter than the day"),
        (ON, truth(starts=24, ends=25), "own date"),
        (ON + timedelta(days=1), truth(), "own date"),
        (date(2026, 1, 5), truth(), "three months"),
        (ON + timedelta(days=30), truth(), "three months"),
    ],
)
def test_what_cannot_have_been_is_refused(anna: User, on: date, told: Truth, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        ask_correction(on, told, by=anna, at=AFTERWARDS)
    assert not Correction.objects.exists()


@pytest.mark.parametrize("minutes", [0, 1])
def test_a_day_is_24_hours_at_most_and_its_break_shorter(anna: User, minutes: int) -> None:
    long = Truth(NINE, NINE + 24 * HOUR + timedelta(minutes=minutes), timedelta(), "A long day")
    on_break = replace(truth(), pause=8 * HOUR - timedelta(minutes=1 - minutes))
    before = replace(truth(), pause=timedelta(minutes=-minutes))
    for told, word in ((long, "24 hours"), (on_break, "shorter"), (before, "shorter")):
        if minutes:
            with pytest.raises(ValidationError, match=word):
                ask_correction(ON, told, by=anna, at=NINE + 40 * HOUR)
        else:
            ask_correction(ON, told, by=anna, at=NINE + 40 * HOUR)


@pytest.mark.parametrize(
    ("steps", "collides"),
    [
        ([(Step.START, -12), (Step.FINISH, -4)], False),
        ([(Step.START, -12), (Step.FINISH, -3)], True),
        ([(Step.START, -12)], False),
        ([(Step.START, 16), (Step.FINISH, 20)], True),
        ([(Step.START, 17), (Step.FINISH, 20)], False),
        ([(Step.START, 16)], True),
        ([(Step.START, 17)], False),
    ],
)
def test_hours_collide_with_what_is_known_of_the_days_beside_them(
    anna: User, boris: User, steps: list[tuple[Step, int]], collides: bool
) -> None:
    """Of a day that was forgotten its beginning is known. What others did is no matter."""
    day_of(anna, *steps)
    day_of(boris, (Step.START, 15), (Step.FINISH, 16))
    forget_days(WorkDay.objects.all(), now=NINE + 80 * HOUR)
    told = truth(starts=-4, ends=17)
    if collides:
        with pytest.raises(ValidationError, match="another of your days"):
            ask_correction(ON, told, by=anna, at=NINE + 80 * HOUR)
    else:
        ask_correction(ON, told, by=anna, at=NINE + 80 * HOUR)


def test_hours_belong_to_one_day_only(anna: User, head: User) -> None:
    day_of(anna, (Step.START, 13), (Step.FINISH, 18))
    take_step(Step.START, by=anna, at=NINE + 24 * HOUR)
    tomorrow = ON + timedelta(days=1)
    told = Truth(NINE + 15 * HOUR, NINE + 20 * HOUR, timedelta(), "?")
    with pytest.raises(ValidationError, match="another of your days"):
        ask_correction(tomorrow, told, by=anna, at=NINE + 30 * HOUR)
    # What was free when it was asked may be taken when it is decided.
    asked = ask_correction(ON, truth(starts=13, ends=23, pause=0), by=anna, at=NINE + 30 * HOUR)
    WorkDay.objects.filter(on=tomorrow).update(started_at=NINE + 22 * HOUR)
    with pytest.raises(ValidationError, match="another day already"):
        decide_correction(asked, is_approved=True, by=head, at=NINE + 30 * HOUR)
    assert not WorkDay.objects.get(on=ON).is_corrected


def test_hours_collide_with_a_day_before_that_goes_on_still(anna: User) -> None:
    """A shift over midnight, of which nobody knows yet when it ends."""
    day_of(anna, (Step.START, 13))
    with pytest.raises(ValidationError, match="another of your days"):
        ask_correction(ON + timedelta(days=1), truth(starts=16, ends=18), by=anna, at=NINE + 20 * HOUR)


def test_a_day_of_long_ago_that_nobody_has_finished_is_in_nobodys_way(anna: User) -> None:
    day_of(anna, (Step.START, -72))
    assert ask_correction(ON, truth(), by=anna, at=AFTERWARDS).on == ON


def test_the_heads_menu_says_how_much_waits_for_a_decision(anna: User, head: User, cara: User) -> None:
    asked = ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    deliver_all()
    assert dict(Counter.objects.values_list("user", "value")) == {head.pk: 1}
    decide_correction(asked, is_approved=True, by=head, at=AFTERWARDS)
    deliver_all()
    assert not Counter.objects.exists()


def test_the_head_is_told_of_what_is_asked(anna: User, head: User, cara: User) -> None:
    ask_correction(ON, truth(), by=anna, at=AFTERWARDS)
    deliver_all()
    assert Notification.objects.get(kind="worktime.asked").user == head


def test_heads_and_deputies_manage_those_below_them_and_never_themselves(
    anna: User, boris: User, cara: User, olga: User, sales: Department, person: Callable[..., User]
) -> None:
    assert sales.parent is not None
    dora, west = person("Dora"), create_department("West", parent=sales, by=None)
    add_member(sales.parent, cara, role=Membership.Role.HEAD, by=None)
    add_member(sales, boris, role=Membership.Role.HEAD, by=None)
    add_member(sales, anna, role=Membership.Role.DEPUTY, by=None)
    add_member(west, dora, role=Membership.Role.HEAD, by=None)
    assert set(managed_by(cara)) == {anna, boris, dora}
    assert set(managed_by(boris)) == {anna, dora}
    assert set(managed_by(anna)) == {dora}
    assert not managed_by(dora).exists()
    assert managers_of(dora) == managers_of(anna) == [boris]
    assert managers_of(boris) == [cara]
    assert managers_of(cara) == []
    assert set(visible_people(anna)) == {anna, dora}
    assert not can_decide(anna, boris.pk)
    assert can_decide(olga, cara.pk)


def test_who_is_nowhere_in_the_structure_manages_nobody(cara: User) -> None:
    assert not managed_by(cara).exists()
    assert managers_of(cara) == []
    assert set(visible_people(cara)) == {cara}


def test_only_the_last_three_months_are_open_to_correction_and_hours_that_are_over(anna: User) -> None:
    assert timedelta(days=92) == actions.CORRECTABLE
    ask_correction(ON, truth(), by=anna, at=NINE + actions.CORRECTABLE)
    with pytest.raises(ValidationError, match="three months"):
        ask_correction(ON, truth(), by=anna, at=NINE + actions.CORRECTABLE + timedelta(days=1))
    ask_correction(ON, truth(ends=8), by=anna, at=NINE + 8 * HOUR)
