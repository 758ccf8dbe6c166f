"""What is written down once and given again and again, by hand or by a rule."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from box.apps.tasks.actions.tasks import TaskDraft
from box.apps.tasks.actions.templates import (
    MOST_DUE_DAYS,
    Plan,
    add_template,
    change_template,
    delete_template,
    give_next,
    pass_templates_on,
    pause_template,
)
from box.apps.tasks.models import Participant, Task, Template
from box.core.accounts.actions import return_user, suspend_user
from box.core.events.delivery import deliver_all
from box.core.events.models import Event
from box.core.groups.actions import NewGroup, create_group
from box.core.notify.models import Notification
from box.core.registry.company import LANGUAGE
from box.core.registry.settings import store as set_settings
from tests import cast
from tests.box.apps.tasks.conftest import Give
from tests.box.processes import configuration, hanging_at, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client

    from box.core.accounts.models import User
    from tests.clock import Clock

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

MOSCOW = ZoneInfo("Europe/Moscow")
# A Monday, after the test runs.
MONDAY = datetime(2035, 1, 1, 9, tzinfo=MOSCOW)
DAY, WEEK, MINUTE = timedelta(days=1), timedelta(weeks=1), timedelta(minutes=1)


def weekly(**more: Any) -> Plan:
    given: dict[str, Any] = {"rule": "FREQ=WEEKLY", "starts_at": MONDAY, "zone": "Europe/Moscow", **more}
    return Plan(**given)


def kept(by: User, to: User, plan: Plan | None = None, **more: Any) -> Template:
    return add_template(TaskDraft(title="Report", responsible=to, **more), plan or weekly(), by=by)


def give_all(now: datetime) -> int:
    count = 0
    while give_next(now):
        count += 1
    return count


def test_it_is_given_at_its_moment_and_not_before(anna: User, boris: User) -> None:
    kept(anna, boris, weekly(due_days=4, due_at=time(17, 30)), items=("Gather", "Write"), tags=("#Week",))
    assert give_all(MONDAY - MINUTE) == 0
    assert give_all(MONDAY) == 1
    task = Task.objects.get()
    assert (task.title, task.created_by, task.responsible, task.tags) == ("Report", anna, boris, ["week"])
    assert task.deadline_at == datetime(2035, 1, 5, 17, 30, tzinfo=MOSCOW)
    assert [item.text for item in task.items.order_by("rank")] == ["Gather", "Write"]
    assert (task.template_at, task.times_missed) == (MONDAY, 0)


def test_a_moment_is_given_once_and_the_next_a_week_later(anna: User, boris: User) -> None:
    template = kept(anna, boris)
    assert [give_all(MONDAY), give_all(MONDAY + DAY), give_all(MONDAY + WEEK)] == [1, 0, 1]
    template.refresh_from_db()
    assert template.next_at == MONDAY + 2 * WEEK
    assert Task.objects.count() == 2


def test_what_passed_while_the_box_was_off_is_given_once_and_says_so(
    as_person: Browser, anna: User, boris: User
) -> None:
    kept(anna, boris)
    give_all(MONDAY)
    give_all(MONDAY + 4 * WEEK)
    task = Task.objects.latest("id")
    assert Task.objects.count() == 2
    assert (task.template_at, task.times_missed) == (MONDAY + 4 * WEEK, 3)
    deliver_all()
    assert "It stands for 3 more times" in as_person(anna).get(task.get_absolute_url()).content.decode()
    told = as_person(boris).get(f"/history/tasks.task/{task.pk}/").content.decode()
    assert "3 more times that were missed" in told


def test_one_that_ends_gives_no_more(anna: User, boris: User) -> None:
    kept(anna, boris, weekly(rule="FREQ=WEEKLY;COUNT=2"))
    assert [give_all(MONDAY), give_all(MONDAY + WEEK), give_all(MONDAY + 5 * WEEK)] == [1, 1, 0]


def test_while_it_is_paused_nothing_is_given_and_nothing_is_made_up_for(
    anna: User, boris: User, clock: Any
) -> None:
    template = kept(anna, boris)
    pause_template(template, True, by=anna)
    assert give_all(MONDAY + WEEK) == 0
    clock.now = MONDAY + WEEK + DAY
    pause_template(template, False, by=anna)
    template.refresh_from_db()
    assert template.next_at == MONDAY + 2 * WEEK


def test_the_hour_stays_where_it_is_kept(anna: User, boris: User) -> None:
    """In March the clocks of Berlin are moved, those of UTC are not."""
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2035, 3, 19, 9, tzinfo=berlin)
    kept(anna, boris, weekly(starts_at=start, zone="Europe/Berlin"))
    give_all(start)
    give_all(start + 2 * WEEK)
    moments = Task.objects.order_by("id").values_list("template_at", flat=True)
    assert [moment.astimezone(berlin).hour for moment in moments if moment] == [9, 9]
    assert [moment.astimezone(UTC).hour for moment in moments if moment] == [8, 7]


def test_whoever_does_it_hears_of_it_also_where_they_gave_it_themselves(anna: User) -> None:
    kept(anna, anna)
    give_all(MONDAY)
    deliver_all()
    assert Notification.objects.get(kind="tasks.given").user == anna


def test_one_that_cannot_be_given_stops_and_its_keeper_is_told(
    as_person: Browser, anna: User, boris: User
) -> None:
    template = kept(anna, boris)
    other = kept(anna, anna)
    boris.status = boris.Status.SUSPENDED
    boris.save(update_fields=["status"])
    assert give_all(MONDAY) == 2
    deliver_all()
    template.refresh_from_db()
    assert "not there any more" in template.problem
    assert template.next_at is None
    assert Task.objects.get().template == other, "the others go on"
    told = Notification.objects.get(kind="tasks.stopped")
    assert (told.user, told.about_kind, told.about_id) == (anna, "tasks.template", template.pk)
    draft = TaskDraft(title="Report", responsible=anna)
    change_template(template, draft, weekly(), by=anna)
    template.refresh_from_db()
    assert template.problem == ""
    assert Template.objects.due(MONDAY).get() == template


def test_one_that_breaks_off_keeps_no_other_waiting(anna: User) -> None:
    broken, other = kept(anna, anna), kept(anna, anna)
    Template.objects.filter(pk=broken.pk).update(rule="FREQ=NEVER")
    assert give_all(MONDAY) == 2
    broken.refresh_from_db()
    assert "broke off" in broken.problem
    assert broken.next_at is None
    assert Task.objects.get().template == other


def test_of_several_the_one_is_given_first_that_was_due_first(anna: User) -> None:
    kept(anna, anna, weekly(starts_at=MONDAY + DAY))
    first = kept(anna, anna)
    assert give_next(MONDAY + 2 * DAY)
    assert Task.objects.get().template == first


def test_one_that_is_due_at_no_moment_of_its_rule_is_given_once_and_one_without_a_rule_never(
    anna: User,
) -> None:
    """As after a zone has got other laws, or by whoever was at the table by hand."""
    moved, bare = kept(anna, anna), kept(anna, anna)
    Template.objects.filter(pk=moved.pk).update(next_at=MONDAY - 2 * MINUTE)
    Template.objects.filter(pk=bare.pk).update(rule="", next_at=MONDAY - 3 * MINUTE)
    assert give_all(MONDAY - MINUTE) == 2
    task = Task.objects.get()
    assert (task.template, task.template_at, task.times_missed) == (moved, MONDAY - 2 * MINUTE, 0)
    moved.refresh_from_db()
    bare.refresh_from_db()
    assert (moved.next_at, bare.next_at, bare.problem) == (MONDAY, None, "")


@pytest.mark.parametrize(("company", "own", "said_in"), [("en", "ru", "ru"), ("ru", "", "ru")])
def test_why_it_stops_is_said_in_its_keepers_language_and_not_at_length(
    anna: User, company: str, own: str, said_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings({LANGUAGE.key: company})
    anna.language = own
    anna.save(update_fields=["language"])
    templates = kept(anna, anna), kept(anna, anna)
    problems: list[Exception] = [ValidationError("x" * 600), PermissionDenied("y" * 600)]
    spoken: list[str | None] = []

    def refuse(*_args: Any, **_more: Any) -> None:
        spoken.append(translation.get_language())
        raise problems[len(spoken) - 1]

    monkeypatch.setattr("box.apps.tasks.actions.templates.add_task", refuse)
    assert give_all(MONDAY) == 2
    assert spoken == [said_in] * 2
    found = Template.objects.in_bulk()
    assert {found[one.pk].problem for one in templates} == {"x" * 500, "y" * 500}


def test_while_the_database_is_away_no_template_stops(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    template = kept(anna, anna)

    def break_off(*_args: Any, **_more: Any) -> None:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr("box.apps.tasks.actions.templates.add_task", break_off)
        with pytest.raises(OperationalError):
            give_next(MONDAY)
    template.refresh_from_db()
    assert (template.problem, template.next_at) == ("", MONDAY)
    assert give_next(MONDAY)


def test_two_rules_of_an_end_are_refused_and_nothing_is_kept(as_person: Browser, anna: User) -> None:
    sent = {"title": "Report", "responsible": f"U{anna.pk}", "priority": "1", "nonce": str(uuid4())}
    rule = {"repeats": "weekly", "first_on": "2035-01-01", "until": "2035-05-01", "times": "3"}
    answer = as_person(anna).post("/tasks/templates/new/", {**sent, **rule})
    assert answer.status_code == 422
    assert b"Choose one end" in answer.content
    answer = as_person(anna).post("/tasks/templates/new/", {**sent, "repeats": "daily"})
    assert b"Say on which day it is given first." in answer.content
    assert not Template.objects.exists()


def test_it_is_kept_by_the_form_and_shown_as_it_was_said(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    sent = {
        "title": "Report",
        "responsible": f"U{boris.pk}",
        "observers": f"U{anna.pk}",
        "accomplices": "",
        "priority": "2",
        "items": "Gather\n- Write",
        "due_days": "2",
        "due_at": "12:00",
        "repeats": "weekly",
        "first_on": "2035-01-01",
        "first_at": "08:30",
        "nonce": str(uuid4()),
    }
    del sent["accomplices"]
    first, second = (browser.post("/tasks/templates/new/", sent) for _ in range(2))
    template = Template.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == template.get_absolute_url()
    assert (template.responsible, template.items, template.due_days) == (boris, ["Gather", "Write"], 2)
    assert template.local_start.time() == time(8, 30)
    page = browser.get(template.get_absolute_url()).content.decode()
    assert "every Monday" in page
    assert "Gather\nWrite" in page


def test_it_keeps_its_place_when_somebody_elsewhere_corrects_a_word(
    as_person: Browser, anna: User, boris: User
) -> None:
    plan = weekly(starts_at=datetime(2035, 1, 1, 8, 30, tzinfo=MOSCOW), due_days=1, due_at=time(12))
    template = kept(anna, boris, plan)
    anna.time_zone = "Asia/Vladivostok"
    anna.save(update_fields=["time_zone"])
    browser, here = as_person(anna), template.get_absolute_url()
    assert 'value="08:30"' in browser.get(here).content.decode()
    sent = {
        "title": "The report", "responsible": f"U{boris.pk}", "priority": "1", "repeats": "weekly",
        "first_on": "2035-01-01", "first_at": "08:30", "due_days": "1", "due_at": "12:00",
    }  # fmt: skip
    assert browser.post(here, sent).status_code == 302
    template.refresh_from_db()
    assert (template.title, template.zone) == ("The report", "Europe/Moscow")
    assert template.starts_at == plan.starts_at


def test_what_is_due_already_is_given_also_when_a_word_is_corrected_meanwhile(
    clock: Clock, anna: User, boris: User
) -> None:
    clock.now = MONDAY - DAY
    template = kept(anna, boris)
    draft = TaskDraft(title="The report", responsible=boris)
    clock.now = MONDAY + MINUTE / 2
    change_template(template, draft, weekly(), by=anna)
    assert give_all(clock.now) == 1
    task = Task.objects.get()
    assert (task.title, task.template_at) == ("The report", MONDAY)
    clock.now = MONDAY + WEEK + MINUTE / 2
    # Another rhythm begins with what is to come.
    change_template(template, draft, weekly(rule="FREQ=DAILY"), by=anna)
    assert give_all(clock.now) == 0


def test_a_template_is_begun_of_a_task(as_person: Browser, anna: User, boris: User, give: Give) -> None:
    task = give("Count the boxes", deadline_at=timezone.now() + 3 * DAY, observer_ids=(anna.pk,))
    page = as_person(anna).get(f"/tasks/templates/new/?of={task.pk}").content.decode()
    assert "Count the boxes" in page
    assert boris.name in page
    assert 'name="due_days" value="3"' in page


def test_a_task_is_given_by_hand_with_all_that_the_template_says(
    as_person: Browser, anna: User, boris: User
) -> None:
    template = kept(anna, boris, Plan(zone="UTC", due_days=1), items=("Gather",), text="Ask Olga.")
    browser = as_person(anna)
    page = browser.get(f"/tasks/new/?template={template.pk}").content.decode()
    assert "Report" in page
    assert "Ask Olga." in page
    sent = {"title": "Report of May", "responsible": f"U{boris.pk}", "priority": "1", "nonce": str(uuid4())}
    browser.post("/tasks/new/", {**sent, "template": template.pk})
    task = Task.objects.get()
    assert (task.title, task.template, task.template_at) == ("Report of May", template, None)
    assert task.items.get().text == "Gather"


def test_only_its_keeper_changes_it(anna: User, boris: User, olga: User) -> None:
    template = kept(anna, boris)
    for attempt in (
        lambda: pause_template(template, True, by=boris),
        lambda: delete_template(template, by=boris),
        lambda: change_template(template, TaskDraft(title="Mine", responsible=boris), weekly(), by=boris),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    delete_template(template, by=olga)
    assert not Template.objects.exists()


def test_of_two_templates_the_one_is_paused_that_is_meant(anna: User) -> None:
    first, second, gone = (kept(anna, anna) for _number in range(3))
    delete_template(Template.objects.get(pk=gone.pk), by=anna)
    pause_template(second, True, by=anna)
    assert list(Template.objects.filter(is_paused=False)) == [first]
    with pytest.raises(ValidationError, match="not there any more"):
        pause_template(gone, True, by=anna)


def test_every_change_of_a_template_is_told_and_what_changes_nothing_is_not(anna: User) -> None:
    template = kept(anna, anna)
    change_template(template, TaskDraft(title="Report", responsible=anna), weekly(), by=anna)
    for is_paused in (True, True, False, False):
        pause_template(template, is_paused, by=anna)
    delete_template(Template.objects.get(), by=anna)
    told = Event.objects.filter(kind="tasks.TemplateChanged").order_by("pk")
    assert [one.payload for one in told] == [
        {"template_id": template.pk, "by_id": anna.pk, "change": change}
        for change in ("added", "changed", "paused", "resumed", "deleted")
    ]


def test_a_task_is_all_that_its_template_says_by_then(
    anna: User, boris: User, cara: User, olga: User, clock: Any
) -> None:
    html = "<p>Ask <strong>Olga</strong></p>"
    template = kept(anna, boris, html=html, accomplice_ids=(cara.pk,), observer_ids=(olga.pk,))
    assert (template.text, template.html) == ("Ask Olga", html)
    assert give_next(MONDAY)
    first = Task.objects.get()
    assert (first.text, first.html) == ("Ask Olga", html)
    assert dict(first.participants.values_list("user", "role")) == {
        cara.pk: "accomplice", olga.pk: "observer"
    }  # fmt: skip
    before = template.changed_at
    clock.move(minutes=1)
    draft = TaskDraft(title=" Weekly   report ", responsible=anna, observer_ids=(olga.pk,))
    change_template(template, draft, weekly(), by=anna)
    template.refresh_from_db()
    assert (template.title, template.text, template.changed_at > before) == ("Weekly report", "", True)
    assert give_next(MONDAY + WEEK)
    second = Task.objects.latest("pk")
    assert (second.title, second.text, second.responsible) == ("Weekly report", "", anna)
    assert dict(second.participants.values_list("user", "role")) == {olga.pk: "observer"}


def test_what_could_be_no_task_is_no_template(
    anna: User, boris: User, cara: User, erik: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.tasks.actions.templates.MOST_ITEMS", 2)
    strange = create_group(NewGroup("Cara's"), by=cara)
    table: list[tuple[dict[str, Any], Plan, str]] = [
        ({"title": " "}, weekly(), "what is to be done"),
        ({"responsible": erik}, weekly(), "guest"),
        ({"accomplice_ids": (10**9,)}, weekly(), "not there any more"),
        ({"project": strange}, weekly(), "member of"),
        ({"items": ("a", "b", "c")}, weekly(), "2 lines"),
        ({}, weekly(rule="FREQ=NEVER"), "FREQ is"),
        ({}, weekly(starts_at=None), "Say when"),
        ({}, weekly(due_days=-1), str(MOST_DUE_DAYS)),
    ]
    for wrong, plan, said in table:
        with pytest.raises(ValidationError, match=said):
            add_template(TaskDraft(**{"title": "Report", "responsible": boris, **wrong}), plan, by=anna)
    with pytest.raises(PermissionDenied, match="right to give tasks"):
        kept(erik, anna)
    assert not Template.objects.exists()
    template = kept(anna, boris, weekly(due_days=0), items=("a", "b"))
    assert (template.due_days, template.items) == (0, ["a", "b"])


def test_its_tasks_stay_when_it_is_deleted(anna: User, boris: User) -> None:
    template = kept(anna, boris)
    give_all(MONDAY)
    delete_template(template, by=anna)
    assert Task.objects.get().template is None


def test_whoever_leaves_leaves_their_templates_to_the_successor(anna: User, boris: User, cara: User) -> None:
    own = kept(anna, boris, observer_ids=(cara.pk,))
    theirs = kept(boris, anna, observer_ids=(cara.pk,))
    pass_templates_on(anna, cara)
    own.refresh_from_db()
    theirs.refresh_from_db()
    assert (own.created_by, own.audience) == (cara, [f"U{cara.pk}"])
    assert theirs.responsible == cara
    assert not Participant.objects.exists()
    assert not theirs.participants.exists()


def test_a_template_waits_while_whoever_keeps_it_is_suspended(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    template = kept(anna, boris)
    kept(cara, boris)
    suspend_user(anna, by=olga)
    give_all(MONDAY + MINUTE)
    assert Task.objects.get().created_by == cara
    template.refresh_from_db()
    assert (template.next_at, template.problem) == (MONDAY, "")
    return_user(anna, by=olga)
    give_all(MONDAY + WEEK + MINUTE)
    given = Task.objects.get(template=template)
    assert (given.template_at, given.times_missed) == (MONDAY + WEEK, 1)


def test_what_was_others_stays_theirs_when_somebody_leaves(
    anna: User, boris: User, cara: User, olga: User
) -> None:
    theirs = kept(boris, anna, observer_ids=(cara.pk, olga.pk))
    others = kept(boris, olga, observer_ids=(cara.pk, anna.pk))
    pass_templates_on(anna, cara)
    for template in (theirs, others):
        template.refresh_from_db()
    assert [(one.created_by, one.responsible) for one in (theirs, others)] == [(boris, cara), (boris, olga)]
    assert list(theirs.participants.values_list("user", flat=True)) == [olga.pk]
    assert set(others.participants.values_list("user", flat=True)) == {cara.pk, anna.pk}


def test_a_deadline_is_bounded(anna: User, boris: User) -> None:
    kept(anna, boris, weekly(due_days=366))
    with pytest.raises(ValidationError, match="366 days"):
        kept(anna, boris, weekly(due_days=367))


def test_the_list_costs_the_same_for_many(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    kept(anna, boris)
    browser.get("/tasks/templates/")
    with CaptureQueriesContext(connection) as for_one:
        browser.get("/tasks/templates/")
    for _ in range(12):
        kept(anna, boris)
    with CaptureQueriesContext(connection) as for_many:
        assert "every Monday" in browser.get("/tasks/templates/").content.decode()
    assert len(for_many) == len(for_one) <= 10


# Schedulers


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_give_each_moment_once() -> None:
    anna, boris = cast.person("Anna"), cast.person("Boris")
    for _ in range(6):
        kept(anna, boris)
    begin = Barrier(2)

    def run(_number: int) -> int:
        try:
            begin.wait(60)
            return give_all(MONDAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        given = list(pool.map(run, range(2)))
    assert sum(given) == Task.objects.count() == 6
    assert set(Template.objects.values_list("next_at", flat=True)) == {MONDAY + WEEK}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["within the transaction", "after it"])
def test_a_scheduler_that_is_killed_leaves_no_task_out_and_makes_none_double(
    point: str, tmp_path: Path
) -> None:
    anna, boris = cast.person("Anna"), cast.person("Boris")
    kept(anna, boris, weekly(starts_at=MONDAY - 52 * 20 * WEEK, rule="FREQ=YEARLY;INTERVAL=1000"))
    Template.objects.update(next_at=MONDAY - 52 * 20 * WEEK)
    act = "tests.box.apps.tasks.recurring.give_and_die"
    with hanging_at(point, act, env=configuration(tmp_path)):
        assert not give_next(timezone.now()), "the row is locked, or given already"

    def is_given() -> bool:
        give_all(timezone.now())
        return Task.objects.exists()

    until(is_given)  # PostgreSQL has noticed that its client is gone
    assert Task.objects.count() == 1
