"""To which records robots are called, how often and in which order, and what their log says of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from box.apps.crm.actions.records import change_record, delete_records
from box.apps.crm.actions.stages import change_stage, set_demands
from box.apps.crm.models import Record, Robot, RobotRun
from box.apps.crm.robots.actions import (
    MOST_AGAIN,
    RobotDraft,
    call_by_time,
    call_for_addition,
    call_for_stage,
    call_robots,
    run_due,
    save_robot,
    switch_robot,
)
from box.core.accounts.models import User
from box.core.registry.company import company_day
from tests.box.apps.crm.conftest import added, stage_of
from tests.box.apps.crm.test_robots import into, robot, work

pytestmark = pytest.mark.django_db

LATER = timedelta(days=40)


def called() -> list[tuple[str, str]]:
    """Which robots to which records."""
    return sorted(RobotRun.objects.values_list("robot__name", "record__title"))


# What calls them


def test_what_is_added_calls_those_at_work_that_wait_for_that(anna: User) -> None:
    switch_robot(robot("added", code=""), False, by=None)
    robot("idle", "notice", code="NEW", days=1)
    deal, rose = added("deal", anna), added("contact", anna, first_name="Rose")
    now = timezone.now()
    assert [call_for_addition(deal, now), call_for_stage(deal, now), call_for_stage(rose, now)] == [0, 0, 0]
    assert called() == []


def test_a_date_calls_to_what_is_open_and_there_of_the_robots_type_and_stage(anna: User) -> None:
    now = timezone.now() + LATER
    day = company_day(now)
    for name, code in (("Any", ""), ("In work", "EXECUTING"), ("Off", "")):
        one = robot("date", code=code, date_field="expected_on", name=name)
    switch_robot(one, False, by=None)
    robot("added", code="", name="Added")
    for title, code in (("here", "NEW"), ("there", "EXECUTING"), ("closed", "WON")):
        added("deal", anna, title, stage=stage_of("deal", code), expected_on=day)
    delete_records([added("deal", anna, "gone", expected_on=day)], by=None)
    added("lead", anna, "lead", expected_on=day)
    assert [call_by_time(now), call_by_time(now)] == [3, 0]
    assert called() == [("Any", "here"), ("Any", "there"), ("In work", "there")]


def test_a_date_that_is_put_off_calls_again_whatever_another_robot_was_called_by(anna: User) -> None:
    now = timezone.now() + LATER
    first, second = company_day(now), company_day(now) + timedelta(days=5)
    deal = added("deal", anna, "deal", begins_on=first)
    robot("date", code="", date_field="begins_on", name="Old")
    assert call_by_time(now) == 1
    robot("date", code="", date_field="begins_on", name="Another", days=-1)
    change_record(deal, {"begins_on": second}, by=None)
    assert call_by_time(now + timedelta(days=4)) == 1
    Robot.objects.filter(name="Another").update(days=0)
    # The one comes to this date first: the other is still called by it, though it was called before.
    change_record(deal, {"begins_on": second + timedelta(days=5)}, by=None)
    assert call_by_time(now + timedelta(days=10)) == 2


def test_only_what_nobody_has_touched_for_so_long_is_idle(anna: User) -> None:
    robot("idle", "notice", code="EXECUTING", days=3, name="Idle")
    now = timezone.now() + LATER
    long_ago, yesterday = now - timedelta(days=4), now - timedelta(days=1)
    for title, changed, moved in (
        ("idle", long_ago, long_ago), ("changed", yesterday, long_ago), ("moved", long_ago, yesterday)
    ):  # fmt: skip
        deal = added("deal", anna, title, stage=stage_of("deal", "EXECUTING"))
        Record.objects.filter(pk=deal.pk).update(changed_at=changed, stage_since=moved)
    added("deal", anna, "elsewhere")
    assert call_by_time(now) == 1
    assert called() == [("Idle", "idle")]


def test_days_after_something_has_happened_it_is_idle_once_more(anna: User) -> None:
    first, deal = robot("added", "notice", code="", name="First"), added("deal", anna, "deal")
    assert call_for_addition(deal, timezone.now()) == 1
    idle = RobotDraft(name="First", trigger="idle", effect="notice", days=3)
    save_robot(first, first.type, idle, by=None)
    robot("idle", "notice", code="", days=3, name="Second")
    now = timezone.now() + LATER
    assert [call_by_time(now), call_by_time(now)] == [2, 0]
    Record.objects.filter(pk=deal.pk).update(changed_at=now + timedelta(days=1))
    assert [call_by_time(now + timedelta(days=days)) for days in (3, 5)] == [0, 2]


@pytest.mark.parametrize(("trigger", "effect"), [("date", "activity"), ("idle", "notice")])
def test_so_many_are_called_to_at_once_and_the_rest_the_next_time(
    trigger: str, effect: str, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.robots.actions.AT_ONCE", 1)
    now = timezone.now() + LATER
    robot(trigger, effect, code="", days=1, date_field="expected_on", name="A robot")
    for title in ("first", "second"):
        added("deal", anna, title, expected_on=company_day(now) - timedelta(days=1))
    assert [call_by_time(now) for _hour in range(3)] == [1, 1, 0]
    assert called() == [("A robot", "first"), ("A robot", "second")]


def test_who_was_called_again_and_again_is_left_alone_for_an_hour(anna: User) -> None:
    one, deal, begun = robot("added", code=""), added("deal", anna), timezone.now()
    for number in range(MOST_AGAIN):
        call_robots([one], [deal], f"{number}", begun)
    soon, later = begun + timedelta(minutes=59), begun + timedelta(hours=2)
    call_robots([one], [deal], "soon", soon)
    call_robots([one], [deal], "later", later)
    runs = RobotRun.objects.order_by("pk").values_list("status", "finished_at")
    assert list(runs) == [*[("waiting", None)] * MOST_AGAIN, ("left", soon), ("waiting", None)]


# Doing it


def test_what_is_due_first_is_done_first_and_all_of_it_once(anna: User) -> None:
    slow, fast = (
        robot("added", "field", code="", delay_hours=hours, settings={"field": "comment", "text": f"{hours}"})
        for hours in (2, 0)
    )
    deal, now = added("deal", anna), timezone.now()
    call_robots([slow, fast], [deal], "x", now)
    later = now + timedelta(hours=3)
    assert [run_due(later), run_due(later)] == [2, 0]
    deal.refresh_from_db()
    assert deal.comment == "2"
    assert set(RobotRun.objects.values_list("status", "finished_at")) == {("done", later)}


def test_why_it_failed_is_said_in_words_as_far_as_there_is_room(anna: User) -> None:
    won = stage_of("deal", "WON")
    set_demands(won, ["amount"], by=None)
    robot(effect="stage", settings={"stage_id": won.pk})
    into(added("deal", anna), "EXECUTING")
    assert work() == [("failed", "“Deal won” asks for this.")]
    won.refresh_from_db()
    set_demands(won, ["amount", "comment", "expected_on", "source"], by=None)
    change_stage(won, "W" * 100, "#123456", by=None)
    into(added("deal", anna), "EXECUTING")
    assert work()[-1] == ("failed", " ".join([f"“{'W' * 100}” asks for this."] * 4)[:400])


def test_somebody_who_is_not_there_any_more_gets_nothing_and_that_is_a_failure(
    anna: User, boris: User
) -> None:
    one = robot(effect="responsible", settings={"user_id": boris.pk})
    Robot.objects.filter(pk=one.pk).update(settings={"user_id": boris.pk + 1000})
    into(added("deal", anna), "EXECUTING")
    ((status, said),) = work()
    assert status == "failed"
    assert "does not exist" in said


def test_a_robot_of_the_stage_in_which_it_is_won_does_its_work(anna: User) -> None:
    robot(code="WON")
    into(added("deal", anna), "WON")
    assert work() == [("done", "")]


def test_what_was_closed_meanwhile_is_left_alone_by_a_robot_of_an_open_stage(anna: User) -> None:
    robot("date", code="EXECUTING", date_field="expected_on", delay_hours=1)
    now = timezone.now() + LATER
    deal = added("deal", anna, stage=stage_of("deal", "EXECUTING"), expected_on=company_day(now))
    assert call_by_time(now) == 1
    into(deal, "WON")
    assert work(now + timedelta(hours=2)) == [("left", "It was closed meanwhile.")]
