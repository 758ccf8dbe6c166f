"""Robots: what calls them, what they do and leave alone; nothing is done twice, and nobody runs for ever."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, transaction
from django.urls import reverse
from django.utils import timezone

from box.apps.crm.actions.activities import NewActivity, add_activity, move_activity
from box.apps.crm.actions.records import change_record, delete_records, move_record
from box.apps.crm.actions.stages import set_demands
from box.apps.crm.contact_points import Reach
from box.apps.crm.field_rights import give
from box.apps.crm.models import Activity, Record, Robot, RobotCall, RobotRun, Source
from box.apps.crm.permissions import Level
from box.apps.crm.robots import jobs, webhooks
from box.apps.crm.robots.actions import (
    MOST_AGAIN,
    RobotDraft,
    call_by_time,
    call_robots,
    remove_robot,
    run_due,
    save_robot,
    switch_robot,
)
from box.apps.crm.robots.candidates import candidates_of
from box.apps.crm.robots.letters import MOST_A_DAY
from box.apps.crm.robots.webhooks import (
    LASTS_SECONDS,
    LONGEST_PAUSE,
    MOST_ATTEMPTS,
    TAKEN_FOR,
    discard_waiting,
    send_due,
    token_of,
)
from box.apps.tasks.actions.states import complete_task, return_task
from box.apps.tasks.actions.tasks import change_task, delete_tasks
from box.apps.tasks.events import TaskChanged
from box.apps.tasks.models import Task
from box.apps.worktime.actions.schedules import give_schedule
from box.apps.worktime.models import Schedule
from box.core.access.actions import create_role, employees_role, grant_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.events.outbox import emit
from box.core.history.presenters import history_of
from box.core.notify.mail import message_of
from box.core.notify.models import Notification, QueuedLetter
from box.core.people.models import Absence
from box.core.registry.company import company_day, company_zone
from box.core.registry.settings import store
from box.lib.egress import TIMEOUT_SECONDS, TOTAL_SECONDS
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of
from tests.box.ear import LOOPBACK, Ear, listening_ear

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

FRIDAY_EVENING = datetime(2026, 11, 27, 16, tzinfo=UTC)
CALL = {"kind": "call", "text": "Call the client", "in_days": 1}


def robot(trigger: str = "stage", effect: str = "activity", code: str = "EXECUTING", **more: Any) -> Robot:
    stage = stage_of("deal", code) if code else None
    given = {"name": "A robot", "stage": stage, "settings": CALL, **more}
    return save_robot(None, type_of("deal"), RobotDraft(trigger=trigger, effect=effect, **given), by=None)


def work(now: datetime | None = None) -> list[tuple[str, str]]:
    """Delivers what happened and runs what is due; what the runs came to."""
    deliver_all()
    run_due(now or timezone.now())
    return list(RobotRun.objects.order_by("id").values_list("status", "said"))


def into(deal: Record, code: str) -> None:
    move_record(deal, stage_of("deal", code), by=None)


# What calls them


def test_coming_into_a_stage_calls_the_robot_of_that_stage_alone(anna: User) -> None:
    robot()
    deal = added("deal", anna)
    into(deal, "PREPARATION")
    assert work() == []
    into(deal, "EXECUTING")
    assert work() == [("done", "")]
    step = Activity.objects.get()
    assert (step.subject, step.kind, step.responsible) == ("Call the client", "call", anna)
    deal.refresh_from_db()
    assert deal.next_step_at == step.deadline


def test_what_is_added_comes_into_its_first_stage_too(anna: User) -> None:
    robot(code="NEW")
    robot("added", code="")
    added("deal", anna)
    added("lead", anna)
    assert work() == [("done", ""), ("done", "")]


def test_an_event_that_is_delivered_twice_calls_once(anna: User) -> None:
    one, deal = robot(), added("deal", anna)
    into(deal, "EXECUTING")
    now = timezone.now()
    for _again in range(2):
        call_robots([one], [deal], "event:7", now)
        run_due(now)
    assert Activity.objects.count() == 1


def test_days_without_a_plan_call_once_until_something_happens(anna: User) -> None:
    robot("idle", "notice", code="", days=3)
    deal, planned = added("deal", anna), added("deal", anna, "planned")
    later = timezone.now() + timedelta(days=3, minutes=1)
    add_activity(
        NewActivity(kind="call", subject="x", responsible=anna, deadline=later + timedelta(days=1)),
        [planned],
        by=None,
    )
    call_by_time(timezone.now() + timedelta(days=2))
    assert work() == []
    for _hour in range(2):
        call_by_time(later)
        assert work(later) == [("done", "")]
    assert Notification.objects.get(user=anna).about_id == deal.pk


def test_a_date_calls_so_many_days_before_it_and_once(anna: User) -> None:
    robot("date", code="", days=-2, date_field="expected_on")
    added("deal", anna, expected_on=date(2026, 5, 6))
    for day, runs in ((3, 0), (4, 1), (4, 1), (5, 1)):
        call_by_time(datetime(2026, 5, day, 12, tzinfo=UTC))
        assert RobotRun.objects.count() == runs


# What they do


@pytest.mark.parametrize(
    ("effect", "settings", "changed"),
    [
        ("field", {"field": "comment", "text": "Soon"}, {"comment": "Soon"}),
        ("field", {"field": "source_note", "text": "Fair"}, {"source_note": "Fair"}),
        ("stage", {"stage_id": "WON"}, {"stage": "WON"}),
        ("responsible", {"user_id": "boris"}, {"responsible": "boris"}),
    ],
)
def test_each_effect_does_its_one_thing(
    effect: str, settings: dict[str, Any], changed: dict[str, str], anna: User, boris: User
) -> None:
    meant = {"WON": stage_of("deal", "WON"), "boris": boris}
    settings = {name: meant[value].pk if value in meant else value for name, value in settings.items()}
    robot(effect=effect, settings=settings)
    deal = added("deal", anna)
    into(deal, "EXECUTING")
    assert work()[0] == ("done", "")
    deal.refresh_from_db()
    for name, value in changed.items():
        assert getattr(deal, name) == meant.get(value, value)


def test_it_waits_as_long_as_it_was_told_to(anna: User) -> None:
    robot(delay_hours=24)
    into(added("deal", anna), "EXECUTING")
    now = timezone.now()
    assert [status for status, _said in work(now + timedelta(hours=23))] == ["waiting"]
    assert [status for status, _said in work(now + timedelta(hours=25))] == ["done"]


def test_what_is_due_at_night_waits_for_the_morning_where_it_was_told_to(anna: User) -> None:
    store({"company.time_zone": "UTC", "work.country": ""})
    deal, always, by_day = added("deal", anna), robot(delay_hours=2), robot(delay_hours=2, in_hours=True)
    for number, called in enumerate((datetime(2026, 11, 27, 15, tzinfo=UTC), FRIDAY_EVENING)):
        call_robots([always, by_day], [deal], f"x{number}", called)
    due = list(RobotRun.objects.filter(robot=by_day).order_by("id").values_list("due_at", flat=True))
    # 17:00 is within the hours; 18:00 is not any more, and Monday begins at nine.
    assert due == [datetime(2026, 11, 27, 17, tzinfo=UTC), datetime(2026, 11, 30, 9, tzinfo=UTC)]
    assert RobotRun.objects.filter(robot=always).latest("id").due_at == FRIDAY_EVENING + timedelta(hours=2)
    run_due(datetime(2026, 11, 30, 8, 59, tzinfo=UTC))
    assert RobotRun.objects.get(due_at=due[1]).status == "waiting"


def test_a_task_is_given_once_and_is_the_next_step_until_it_is_done(anna: User, boris: User) -> None:
    given = {"text": "Draw the chair", "in_days": 2, "user_id": boris.pk}
    robot(effect="task", settings=given)
    deal = added("deal", anna, "Chairs of somebody")
    into(deal, "EXECUTING")
    assert work()[0] == ("done", "")
    task = Task.objects.get()
    assert (task.title, task.responsible, task.created_by) == ("Draw the chair", boris, anna)
    # Boris does not see the deal: the card of the link says what it is called to whoever does.
    assert deal.get_absolute_url() in task.text
    assert deal.title not in task.text
    step = Activity.objects.get()
    assert (step.kind, step.responsible, step.deadline) == ("task", boris, task.deadline_at)
    deal.refresh_from_db()
    assert deal.next_step_at == step.deadline

    complete_task(task, by=anna)
    deliver_all()
    deal.refresh_from_db()
    assert deal.next_step_at is None
    return_task(Task.objects.get(), by=anna)
    deliver_all()
    deal.refresh_from_db()
    assert deal.next_step_at == step.deadline
    delete_tasks([Task.objects.get()], by=anna)
    deliver_all()
    deal.refresh_from_db()
    assert deal.next_step_at is None
    assert not Activity.objects.exists()


def told_of(record: Record) -> list[tuple[str, str]]:
    """Who has moved which step, the first move first."""
    deliver_all()
    lines = history_of(record.ref).lines[::-1]
    return [(one.who, one.sentence) for one in lines if one.sentence.startswith("moved “")]


def test_a_task_and_the_step_that_it_is_have_one_deadline(anna: User, boris: User) -> None:
    robot(effect="task", settings={"text": "Draw the chair", "in_days": 2, "user_id": boris.pk})
    deal = added("deal", anna, "Chairs of somebody")
    into(deal, "EXECUTING")
    work()
    task, step, later = Task.objects.get(), Activity.objects.get(), timedelta(days=1)
    first = task.deadline_at
    assert first is not None

    def deadlines() -> set[datetime | None]:
        for one in (task, step, deal):
            one.refresh_from_db()
        return {task.deadline_at, step.deadline, step.at, deal.next_step_at}

    change_task(task, {"deadline_at": first + later}, by=boris)
    assert [who for who, _said in told_of(deal)] == [boris.name]
    assert deadlines() == {first + later}
    # It is told once, however often it is delivered; other changes are none of it.
    for event in (TaskChanged(task.pk, boris.pk, (("deadline_at", "", ""),)), TaskChanged(task.pk, boris.pk)):
        with transaction.atomic():
            emit(event)
    change_task(task, {"title": "Draw two chairs"}, by=anna)
    assert len(told_of(deal)) == 1

    move_activity(step, first + 2 * later, by=anna)
    assert [who for who, _said in told_of(deal)] == [boris.name, anna.name]
    assert deadlines() == {first + 2 * later}
    said = [line.sentence for line in history_of(task.ref, reader=anna).lines]
    # One of them the test itself has said.
    assert sum("Deadline: " in sentence for sentence in said) == 3

    # Without a deadline the step stays where it is.
    change_task(task, {"deadline_at": None}, by=anna)
    told_of(deal)
    step.refresh_from_db()
    assert step.deadline == first + 2 * later
    # What is done is moved when it is open again.
    complete_task(task, by=anna)
    deliver_all()
    change_task(task, {"deadline_at": first + 3 * later}, by=anna)
    assert len(told_of(deal)) == 2
    return_task(Task.objects.get(), by=anna)
    assert len(told_of(deal)) == 3
    assert deadlines() == {first + 3 * later}


def test_who_may_not_move_the_task_moves_no_step_and_the_other_way(
    anna: User, boris: User, cara: User
) -> None:
    allow(employees_role(), "t2", Level.ALL)
    robot(effect="task", settings={"text": "Draw the chair", "in_days": 2, "user_id": boris.pk})
    deal = added("deal", anna)
    into(deal, "EXECUTING")
    work()
    task, step = Task.objects.get(), Activity.objects.get()
    first, moved = task.deadline_at, timezone.now() + timedelta(days=9)
    # She may change the deal, and has nothing to do with the task.
    with pytest.raises(PermissionDenied):
        move_activity(step, moved, by=cara)
    change_task(task, {"may_move_deadline": False}, by=anna)
    with pytest.raises(PermissionDenied):
        move_activity(step, moved, by=boris)
    delete_tasks([task], by=anna)
    with pytest.raises(ValidationError, match="not there any more"):
        move_activity(step, moved, by=anna)
    step.refresh_from_db()
    assert (step.deadline, told_of(deal)) == (first, [])
    # A step that no task is behind moves alone.
    call = add_activity(
        NewActivity(kind="call", subject="Call", responsible=anna, deadline=moved), [deal], by=anna
    )
    move_activity(call, moved + timedelta(days=1), by=cara)
    ((who, said),) = told_of(deal)
    assert who == cara.name
    assert said.startswith("moved “Call”: ")


def test_where_there_are_no_tasks_none_is_given_and_that_is_said(anna: User) -> None:
    store({"services.tasks": False})
    robot(effect="task", settings={"text": "Draw the chair"})
    into(added("deal", anna), "EXECUTING")
    assert work() == [("left", "Tasks are switched off in this portal.")]
    assert not Activity.objects.exists()


@pytest.mark.parametrize(("amount", "status"), [(1000, "left"), (1001, "done")])
def test_a_condition_is_asked_when_it_is_due(amount: int, status: str, anna: User) -> None:
    robot(delay_hours=1, condition={"all": [{"field": "amount", "is": "more", "value": "1000"}]})
    deal = added("deal", anna)
    into(deal, "EXECUTING")
    deliver_all()
    change_record(deal, {"amount": amount}, by=None)
    assert [one for one, _said in work(timezone.now() + timedelta(hours=2))] == [status]


# What they leave alone


def test_what_was_closed_moved_on_deleted_or_switched_off_is_left_alone(anna: User) -> None:
    one = robot(delay_hours=1)
    deals = [added("deal", anna, str(number)) for number in range(4)]
    for deal in deals:
        into(deal, "EXECUTING")
    deliver_all()
    into(deals[0], "WON")
    into(deals[1], "PREPARATION")
    delete_records([deals[2]], by=None)
    later = timezone.now() + timedelta(hours=2)
    run_due(later)
    said = {run.record_id: run.said for run in RobotRun.objects.filter(status="left")}
    assert "another stage" in said[deals[0].pk]
    assert "another stage" in said[deals[1].pk]
    assert "gone" in said[deals[2].pk]
    into(deals[3], "NEW")
    into(deals[3], "EXECUTING")
    deliver_all()
    switch_robot(one, False, by=None)
    run_due(later)
    assert "switched off" in RobotRun.objects.filter(status="left").latest("id").said
    assert Activity.objects.count() == 1


def test_a_robot_of_any_stage_stops_when_the_record_is_closed(anna: User) -> None:
    robot("added", code="", delay_hours=1)
    deal = added("deal", anna)
    deliver_all()
    into(deal, "WON")
    assert work(timezone.now() + timedelta(hours=2)) == [("left", "It was closed meanwhile.")]
    assert not Activity.objects.exists()


def test_what_a_stage_demands_is_said_and_not_passed_over(anna: User) -> None:
    set_demands(stage_of("deal", "WON"), ["amount"], by=None)
    robot(effect="stage", settings={"stage_id": stage_of("deal", "WON").pk})
    deal = added("deal", anna)
    into(deal, "EXECUTING")
    (run,) = work()
    assert (run[0], "asks for this" in run[1]) == ("failed", True)
    deal.refresh_from_db()
    assert deal.stage == stage_of("deal", "EXECUTING")


def test_two_that_call_each_other_stop_with_a_word(anna: User) -> None:
    robot(effect="stage", code="PREPARATION", settings={"stage_id": stage_of("deal", "EXECUTING").pk})
    robot(effect="stage", code="EXECUTING", settings={"stage_id": stage_of("deal", "PREPARATION").pk})
    into(added("deal", anna), "PREPARATION")
    for _round in range(4 * MOST_AGAIN):
        work()
    last = RobotRun.objects.latest("id")
    assert (last.status, "perhaps robots call each other" in last.said) == ("left", True)
    assert RobotRun.objects.filter(status="done").count() == 2 * MOST_AGAIN
    assert RobotRun.objects.count() == 2 * MOST_AGAIN + 1


# Faults


def test_killed_before_the_end_it_has_done_nothing_and_does_it_once(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot()
    into(added("deal", anna), "EXECUTING")
    deliver_all()
    saved = RobotRun.save

    def die(*_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RobotRun, "save", die)
    with pytest.raises(KeyboardInterrupt):
        run_due(timezone.now())
    assert not Activity.objects.exists()
    monkeypatch.setattr(RobotRun, "save", saved)
    for _again in range(2):
        run_due(timezone.now())
    assert Activity.objects.count() == 1


@pytest.mark.parametrize("broken", ["condition", "value"])
def test_one_that_breaks_off_keeps_no_other_waiting(broken: str, anna: User) -> None:
    """What was stored is no condition any more, or what a record holds cannot be asked."""
    asks = {"all": [{"field": "utm_source", "is": "contains", "value": "x"}]}
    first = robot(condition=asks)
    robot(name="Another")
    deal = added("deal", anna)
    if broken == "condition":
        Robot.objects.filter(pk=first.pk).update(condition={"all": [{"field": "gone", "is": "equal"}]})
    else:
        Record.objects.filter(pk=deal.pk).update(utm={"utm_source": 5})
    into(deal, "EXECUTING")
    assert [status for status, _said in work()] == ["failed", "done"]


def test_the_minutes_job_finds_what_was_left(anna: User) -> None:
    robot()
    into(added("deal", anna), "EXECUTING")
    deliver_all()
    jobs.run_waiting_robots.call_local()
    assert RobotRun.objects.get().status == "done"


# Handing out among several


def route(people: list[User], **settings: Any) -> Robot:
    given = {"people": [one.pk for one in people], "way": "in-turn", **settings}
    return robot("added", "route", code="", settings=given)


def given_to(deals: list[Record]) -> list[str]:
    work()
    found = Record.objects.in_bulk([deal.pk for deal in deals])
    return [found[deal.pk].responsible.first_name for deal in deals]


def test_what_is_added_goes_to_several_in_turn(olga: User, anna: User, boris: User) -> None:
    route([anna, boris])
    assert given_to([added("deal", olga) for _each in range(3)]) == ["Anna", "Boris", "Anna"]


def test_the_least_load_gets_it_and_who_has_enough_does_not(olga: User, anna: User, boris: User) -> None:
    added("deal", anna)
    first = route([anna, boris], way="least-load")
    assert given_to([added("deal", olga)]) == ["Boris"]
    switch_robot(first, False, by=None)
    route([anna, boris], most_open=1)
    deal = added("deal", olga)
    assert given_to([deal]) == ["Olga"]
    assert RobotRun.objects.latest("id").said.startswith("Nobody could take it")


def test_who_is_away_or_not_in_hours_is_passed_over(
    olga: User, anna: User, boris: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    route([anna, boris], waits_for_work=True)
    today = company_day()
    Absence.objects.create(user=anna, kind="vacation", starts_on=today, ends_on=today, by=anna)
    monkeypatch.setattr("box.apps.crm.robots.candidates.is_open", lambda moment: True)
    assert given_to([added("deal", olga)]) == ["Boris"]
    monkeypatch.setattr("box.apps.crm.robots.candidates.is_open", lambda moment: False)
    assert given_to([added("deal", olga)]) == ["Olga"]


def test_hours_of_ones_own_come_before_the_companys(olga: User, anna: User, boris: User) -> None:
    """Anna works at night, boris when the company does."""
    night = Schedule.objects.create(name="Night", starts=time(21), ends=time(5))
    give_schedule(anna, night, by=olga)
    User.objects.filter(pk__in=[anna.pk, boris.pk]).update(joined_at=datetime(2026, 1, 1, tzinfo=UTC))
    robot = route([boris, anna], waits_for_work=True)
    zone = company_zone()

    def at_work(month: int, day: int, hour: int, minute: int = 0) -> list[bool]:
        moment = datetime(2026, month, day, hour, minute, tzinfo=zone)
        found = candidates_of(robot, [anna.pk, boris.pk], 2, moment)
        return [found[one.pk].is_at_work for one in (anna, boris)]

    assert at_work(10, 14, 22) == [True, False]
    # Until five in the morning of the day after, and not from then on.
    assert at_work(10, 15, 4, 59) == [True, False]
    assert at_work(10, 15, 5) == [False, False]
    assert at_work(10, 15, 12) == [False, True]
    # In the night after Friday, but not on Saturday's own.
    assert at_work(10, 17, 2) == [True, False]
    assert at_work(10, 17, 22) == [False, False]
    store({"services.worktime": False})
    assert at_work(10, 14, 22) == [False, False]


def test_the_first_that_has_somebody_decides(olga: User, anna: User, boris: User) -> None:
    route([anna])
    route([boris])
    assert given_to([added("deal", olga)]) == ["Anna"]
    assert [run.status for run in RobotRun.objects.order_by("id")] == ["done", "left"]


def test_a_condition_says_which_leads_are_handed_out(olga: User, anna: User) -> None:
    web = Source.objects.get(code="WEB")
    given = {"people": [anna.pk], "way": "in-turn"}
    of_web = {"all": [{"field": "source", "is": "one_of", "value": ["WEB"]}]}
    robot("added", "route", code="", settings=given, condition=of_web)
    assert given_to([added("deal", olga), added("deal", olga, source=web)]) == ["Olga", "Anna"]


# Writing letters

LETTER = {
    "to": "client", "text": "Your {title}", "letter": "Dear {client},\n{title} is {amount}.\n{responsible}",
}  # fmt: skip


@pytest.fixture
def mail() -> None:
    store({"mail.host": "127.0.0.1"})


@pytest.mark.usefixtures("mail")
def test_a_client_is_written_to_once_and_it_stands_on_the_time_line(anna: User) -> None:
    rose = added("contact", anna, "Rose", reached_by=[Reach("email", "Rose@Example.com")])
    robot(effect="letter", settings=LETTER)
    deal = added("deal", anna, "oak chairs", contact=rose, amount=Decimal(1200), currency="RUB")
    into(deal, "EXECUTING")
    assert work() == [("done", "")]
    letter = QueuedLetter.objects.get(key__startswith="crm.robot:")
    assert (letter.to, letter.subject) == ("rose@example.com", "Your oak chairs")
    assert "Dear Rose," in letter.text
    assert "oak chairs is 1" in letter.text
    assert f"please write to {anna.name}" in letter.text
    activity = Activity.objects.get(about__startswith="crm.robot_letter:")
    assert (activity.kind, activity.direction, activity.subject) == ("email", "out", "Your oak chairs")
    assert set(activity.bindings.values_list("record", flat=True)) == {deal.pk, rose.pk}


@pytest.mark.usefixtures("mail")
def test_answers_go_to_the_responsible_where_the_company_wishes_so(anna: User, cara: User) -> None:
    anna.email = "anna@corp.example"
    anna.save(update_fields=["email"])
    robot(effect="letter", settings=LETTER)
    robot(effect="letter", settings={**LETTER, "to": "colleague", "user_id": cara.pk})
    into(added("deal", anna, "chairs", contact=_rose(anna), observers=[cara]), "EXECUTING")
    work()
    letters = QueuedLetter.objects.filter(key__startswith="crm.robot:")
    to_client, to_cara = letters.get(to="rose@example.com"), letters.get(to=cara.email)

    def answered(letter: QueuedLetter) -> Any:
        return message_of(letter, sender="korobka@corp.example")["Reply-To"]

    assert (answered(to_client), answered(to_cara)) == (None, None)
    store({"crm.answers_to_responsible": True})
    assert (answered(to_client), answered(to_cara)) == ("anna@corp.example", None)
    # Nobody reads what comes for who has left.
    User.objects.filter(pk=anna.pk).update(status=User.Status.DISMISSED)
    assert answered(to_client) is None


@pytest.mark.usefixtures("mail")
def test_what_is_hidden_from_some_is_written_to_the_client_and_not_on_the_time_line(anna: User) -> None:
    give(employees_role(), type_of("deal"), "amount", FieldLevel.HIDDEN, by=None)
    give(employees_role(), type_of("deal"), "contacts", FieldLevel.HIDDEN, by=None)
    robot(effect="letter", settings=LETTER)
    deal = added("deal", anna, "oak chairs", contact=_rose(anna), amount=Decimal(3400), currency="RUB")
    into(deal, "EXECUTING")
    assert work() == [("done", "")]
    letter = QueuedLetter.objects.get(key__startswith="crm.robot:")
    assert "Dear Rose," in letter.text
    assert "400" in letter.text
    activity = Activity.objects.get(about__startswith="crm.robot_letter:")
    assert activity.text == f"Dear oak chairs,\noak chairs is ….\n{anna.name}"


@pytest.mark.usefixtures("mail")
def test_a_colleague_is_not_told_of_a_client_whom_they_do_not_see(anna: User, cara: User) -> None:
    robot(effect="letter", settings={**LETTER, "to": "colleague", "user_id": cara.pk})
    into(added("deal", anna, "lamps", contact=_rose(anna), observers=[cara]), "EXECUTING")
    assert work() == [("done", "")]
    letter = QueuedLetter.objects.get(key__startswith="crm.robot:")
    assert "Rose" not in letter.text + letter.html
    assert "Dear lamps," in letter.text


@pytest.mark.usefixtures("mail")
def test_a_title_with_braces_or_a_long_one_is_written_as_it_stands(anna: User) -> None:
    robot(effect="letter", settings={**LETTER, "text": "{title} {title}"})
    title = f"{{amount}} {{responsible}} {'x' * 200}"
    into(added("deal", anna, title, contact=_rose(anna), amount=Decimal(3400)), "EXECUTING")
    assert work() == [("done", "")]
    letter = QueuedLetter.objects.get(key__startswith="crm.robot:")
    assert letter.subject.startswith("{amount} {responsible} xxx")
    assert len(letter.subject) == 255


@pytest.mark.usefixtures("mail")
def test_an_address_is_written_to_a_few_times_a_day(anna: User) -> None:
    robot(effect="letter", settings=LETTER)
    rose = _rose(anna)
    for _deal in range(MOST_A_DAY + 1):
        into(added("deal", anna, "chairs", contact=rose), "EXECUTING")
    deliver_all()
    now = timezone.now()
    run_due(now)
    assert [status for status, _said in work(now)] == [*["done"] * MOST_A_DAY, "left"]
    into(added("deal", anna, "chairs", contact=rose), "EXECUTING")
    assert work(timezone.now() + timedelta(days=1))[-1] == ("done", "")


@pytest.mark.usefixtures("mail")
def test_killed_before_the_end_no_letter_is_queued_and_afterwards_one(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot(effect="letter", settings=LETTER)
    into(added("deal", anna, "chairs", contact=_rose(anna)), "EXECUTING")
    deliver_all()

    def killed(*_given: object, **_named: object) -> None:
        raise OperationalError("killed")

    with monkeypatch.context() as broken:
        broken.setattr("box.apps.crm.robots.letters.add_activity", killed)
        with pytest.raises(OperationalError):
            run_due(timezone.now())
    assert not QueuedLetter.objects.filter(key__startswith="crm.robot:").exists()
    for _again in range(2):
        run_due(timezone.now())
    assert QueuedLetter.objects.filter(key__startswith="crm.robot:").count() == 1


def _rose(responsible: User) -> Record:
    return added("contact", responsible, "Rose", reached_by=[Reach("email", "rose@example.com")])


@pytest.mark.usefixtures("mail")
def test_a_colleague_is_written_what_they_see_and_nothing_of_what_they_do_not(anna: User, cara: User) -> None:
    robot(effect="letter", settings={**LETTER, "to": "colleague", "user_id": cara.pk})
    unseen = added("deal", anna, "chairs", amount=Decimal(1200), currency="RUB")
    seen = added("deal", anna, "lamps", observers=[cara], amount=Decimal(3400), currency="RUB")
    give(employees_role(), type_of("deal"), "amount", FieldLevel.HIDDEN, by=None)
    for deal in (unseen, seen):
        into(deal, "EXECUTING")
    assert work() == [("left", f"{cara.name} does not see this record."), ("done", "")]
    letter = QueuedLetter.objects.get(key__startswith="crm.robot:")
    assert (letter.to, letter.subject) == (cara.email, "Your lamps")
    assert "400" not in letter.text
    assert not Activity.objects.exists()


def test_without_an_address_or_a_mail_server_it_is_left_alone(anna: User, request: Any) -> None:
    robot(effect="letter", settings=LETTER)
    into(added("deal", anna, "x", contact=_rose(anna)), "EXECUTING")
    ((status, said),) = work()
    assert (status, said.partition(":")[0]) == ("left", "There is no mail server")
    request.getfixturevalue("mail")
    into(added("deal", anna, "y"), "EXECUTING")
    assert work()[-1] == ("left", "The client has no e-mail address.")
    assert not QueuedLetter.objects.filter(key__startswith="crm.robot:").exists()


# Telling an address outside


@pytest.fixture
def ear(settings: Any) -> Iterator[Ear]:
    settings.REACHABLE_NETWORKS = list(LOOPBACK)
    with listening_ear() as found:
        yield found


def test_an_address_is_told_a_number_with_a_signature_and_the_card_says_so(
    anna: User, ear: Ear, as_person: Browser
) -> None:
    one = robot(effect="webhook", settings={"address": ear.address})
    deal = added("deal", anna, "Secret chairs")
    into(deal, "EXECUTING")
    assert work() == [("done", "")]
    assert ear.heard == []
    assert send_due(timezone.now()) == 1
    ((headers, body),) = ear.heard
    sent = dict(parse_qsl(body))
    assert sent["document_id[2]"] == f"DEAL_{deal.pk}"
    assert sent["auth[application_token]"] == token_of(one)
    assert "Secret" not in body
    moment, _comma, signature = headers["X-Korobka-Signature"].partition(",v1=")
    said = f"{moment.removeprefix('t=')}.{body}".encode()
    assert signature == hmac.new(token_of(one).encode(), said, hashlib.sha256).hexdigest()
    assert send_due(timezone.now()) == 0
    page = as_person(anna).get(deal.get_absolute_url()).content.decode()
    assert "A robot" in page.partition('id="crm-robots"')[2].partition("</section>")[0]


def test_a_receiver_keeps_its_token_when_the_robot_is_changed() -> None:
    one = robot(effect="webhook", settings={"address": "https://example.com/a"})
    draft = RobotDraft(
        name="x", trigger="added", effect="webhook", settings={"address": "https://example.com/b"}
    )
    again = save_robot(one, one.type, draft, by=None)
    assert token_of(again) == token_of(one)
    assert again.settings["address"] == "https://example.com/b"


def test_who_does_not_answer_is_asked_again_and_at_last_given_up(anna: User) -> None:
    """The address is the box's own: it is refused where the connection is made."""
    robot(effect="webhook", settings={"address": "http://127.0.0.1:9/"})
    into(added("deal", anna), "EXECUTING")
    work()
    now = timezone.now()
    for attempt in range(MOST_ATTEMPTS):
        assert send_due(now) == 0
        call = RobotCall.objects.get()
        assert call.attempts == attempt + 1
        assert send_due(now) == 0
        now += LONGEST_PAUSE
    call = RobotCall.objects.get()
    assert call.failed_at is not None
    run = RobotRun.objects.get()
    assert (run.status, run.said) == ("failed", call.error)
    assert "127.0.0.1" in call.error


def test_killed_between_sending_and_noting_it_is_sent_again_under_the_same_number(
    anna: User, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot(effect="webhook", settings={"address": ear.address})
    into(added("deal", anna), "EXECUTING")
    work()
    save = RobotCall.save

    def die(self: RobotCall, **kwargs: Any) -> None:
        if "sent_at" in kwargs["update_fields"]:
            raise KeyboardInterrupt
        save(self, **kwargs)

    now = timezone.now()
    monkeypatch.setattr(RobotCall, "save", die)
    with pytest.raises(KeyboardInterrupt):
        send_due(now)
    monkeypatch.setattr(RobotCall, "save", save)
    # Whoever has taken it may still be at it.
    assert send_due(now) == 0
    assert send_due(now + TAKEN_FOR) == 1
    numbers = {headers["X-Korobka-Delivery"] for headers, _body in ear.heard}
    assert (len(ear.heard), len(numbers)) == (2, 1)


def test_who_has_waited_for_slow_addresses_takes_nothing_more(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken for a time that is over by then, and somebody else would send it too."""
    for port in (7, 9):
        robot(effect="webhook", settings={"address": f"http://127.0.0.1:{port}/"})
    into(added("deal", anna), "EXECUTING")
    work()
    passed = [0.0]

    def slow(*_: object, **__: object) -> int:
        passed[0] += TAKEN_FOR.total_seconds()
        return 500

    monkeypatch.setattr(webhooks, "monotonic", lambda: passed[0])
    monkeypatch.setattr(webhooks, "post", slow)
    send_due(timezone.now())
    assert sorted(RobotCall.objects.values_list("attempts", flat=True)) == [0, 1]
    assert TAKEN_FOR.total_seconds() > LASTS_SECONDS + TOTAL_SECONDS + 2 * TIMEOUT_SECONDS


@pytest.mark.parametrize("how", ["off", "gone", "other", "broken"])
def test_what_a_robot_tells_no_more_is_not_sent_and_keeps_nothing_else_waiting(
    how: str, anna: User, ear: Ear
) -> None:
    one = robot(effect="webhook", settings={"address": ear.address})
    robot(effect="webhook", settings={"address": ear.address}, name="Another")
    into(added("deal", anna), "EXECUTING")
    work()
    if how == "off":
        switch_robot(one, False, by=None)
    elif how == "gone":
        remove_robot(one, by=None)
    elif how == "other":
        draft = RobotDraft(name="x", trigger="stage", stage=one.stage, effect="activity", settings=CALL)
        save_robot(one, one.type, draft, by=None)
    else:
        Robot.objects.filter(pk=one.pk).update(settings={"address": ear.address, "token": "another-box"})
    assert send_due(timezone.now()) == 1
    call = RobotCall.objects.get(run__robot=one)
    assert (call.attempts, call.failed_at is not None) == (1, True)
    run = RobotRun.objects.get(robot=one)
    assert run.status == "failed"
    assert run.said == call.error != ""


def test_after_a_restore_nothing_that_waited_is_sent(anna: User, ear: Ear) -> None:
    robot(effect="webhook", settings={"address": ear.address})
    into(added("deal", anna), "EXECUTING")
    work()
    assert discard_waiting() == 1
    assert send_due(timezone.now()) == 0
    assert ear.heard == []


# Making them


@pytest.mark.parametrize(
    "more",
    [
        {"name": " "},
        {"code": ""},
        {"trigger": "never"},
        {"effect": "code"},
        {"trigger": "idle", "days": 0},
        {"trigger": "idle", "days": 366},
        {"trigger": "date", "days": 366, "date_field": "expected_on"},
        {"trigger": "date", "days": -366, "date_field": "expected_on"},
        {"trigger": "date", "date_field": "born_on"},
        {"delay_hours": 24 * 90 + 1},
        {"delay_hours": -1},
        {"settings": {}},
        {"settings": {**CALL, "kind": "note"}},
        {"settings": {**CALL, "in_days": 366}},
        {"settings": {**CALL, "user_id": 10**9}},
        {"effect": "field", "settings": {"field": "responsible", "text": "x"}},
        {"effect": "field", "settings": {"field": "source", "text": "NOWHERE"}},
        {"effect": "responsible", "settings": {}},
        {"effect": "stage", "settings": {"stage_id": 0}},
        {"effect": "webhook", "settings": {"address": "javascript:alert(1)"}},
        {"effect": "webhook", "settings": {"address": "ftp://example.com/"}},
        {"effect": "webhook", "settings": {"address": f"https://example.com/{'x' * 2000}"}},
        {"effect": "letter", "settings": {**LETTER, "to": "everybody"}},
        {"effect": "letter", "settings": {**LETTER, "text": " "}},
        {"effect": "letter", "settings": {**LETTER, "letter": "x" * 5001}},
        {"effect": "route", "settings": {"people": [], "way": "in-turn"}},
        {"effect": "route", "settings": {"people": [10**9], "way": "in-turn"}},
        {"condition": {"all": [{"field": "password", "is": "filled"}]}},
    ],
)
def test_what_is_no_robot_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        robot(**more)
    assert not Robot.objects.exists()


@pytest.mark.parametrize(
    "more",
    [
        {"trigger": "idle", "days": 1},
        {"trigger": "idle", "days": 365},
        {"trigger": "date", "days": 365, "date_field": "expected_on"},
        {"trigger": "date", "days": -365, "date_field": "expected_on"},
        {"delay_hours": 24 * 90},
    ],
)
def test_a_robot_waits_for_as_long_as_this(more: dict[str, Any]) -> None:
    assert robot(**more).is_on


def test_there_are_so_many_robots_and_those_that_are_there_are_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("box.apps.crm.robots.actions.MOST_ROBOTS", 1)
    first = robot()
    with pytest.raises(ValidationError, match="at most"):
        robot()
    draft = RobotDraft(
        name="Another name", trigger="stage", effect="activity", stage=first.stage, settings=CALL
    )
    assert save_robot(first, first.type, draft, by=None) == first
    remove_robot(first, by=None)
    robot()


def test_a_stage_of_another_type_is_none(anna: User) -> None:
    with pytest.raises(ValidationError, match="no such stage"):
        robot(stage=stage_of("lead", "NEW"))


def test_a_robot_is_made_changed_switched_and_removed_on_its_pages(
    as_person: Browser, olga: User, anna: User
) -> None:
    browser, page = as_person(olga), reverse("crm:setup-robots", args=["deal"])
    sent = {
        "name": "Calls", "trigger": "stage", "stage": stage_of("deal", "EXECUTING").pk, "effect": "activity",
        "kind": "call", "text": "Call them", "in_days": "2", "holds": "all", "person": anna.name,
        "field-0": "amount", "is-0": "more", "value-0": "1 000,5", "nonce": str(uuid4()),
    }  # fmt: skip
    for _again in range(2):
        assert browser.post(page, sent).status_code == 302
    one = Robot.objects.get()
    assert one.condition == {"all": [{"field": "amount", "is": "more", "value": "1000.5"}]}
    assert one.settings == {"kind": "call", "subject": "Call them", "days": 2, "user_id": anna.pk}
    form = browser.get(reverse("crm:setup-robot", args=[one.pk])).content.decode()
    assert 'value="Call them"' in form
    assert f'value="{anna.name}"' in form
    changed = {**sent, "name": "Calls again", "field-0": "", "person": ""}
    assert browser.post(reverse("crm:setup-robot", args=[one.pk]), changed).status_code == 302
    one.refresh_from_db()
    assert (one.name, one.condition, one.settings["user_id"]) == ("Calls again", {"all": []}, None)
    wrong = browser.post(page, {**sent, "person": "Nobody At All", "nonce": str(uuid4())})
    assert (wrong.status_code, b"There is no employee" in wrong.content) == (422, True)
    switch = reverse("crm:setup-robot-switch", args=[one.pk])
    browser.post(switch, {"to": "off"})
    one.refresh_from_db()
    assert not one.is_on
    into(added("deal", anna, "Chairs for Rose"), "EXECUTING")
    assert work() == []
    browser.post(switch, {"to": "on"})
    into(added("deal", anna, "Tables for Rose"), "EXECUTING")
    work()
    assert b"Tables for Rose" in browser.get(page).content
    browser.post(switch, {"to": "away"})
    one.refresh_from_db()
    assert one.retired_at is not None
    assert b"Calls again" not in browser.get(page).content.split(b"<form")[1]


def test_whoever_does_not_see_a_record_reads_no_name_in_the_log(
    as_person: Browser, anna: User, cara: User
) -> None:
    robot()
    into(added("deal", cara, "Hidden chairs"), "EXECUTING")
    work()
    grant_role(create_role("Sales heads", ["crm.administer"], by=None), f"U{anna.pk}", by=None)
    text = as_person(anna).get(reverse("crm:setup-robots", args=["deal"])).content.decode()
    assert "Hidden chairs" not in text
    assert "a record that you don" in text


def test_a_robot_that_was_removed_does_nothing_more(anna: User) -> None:
    one = robot(delay_hours=1)
    into(added("deal", anna), "EXECUTING")
    deliver_all()
    remove_robot(one, by=None)
    assert [status for status, _said in work(timezone.now() + timedelta(hours=2))] == ["left"]
