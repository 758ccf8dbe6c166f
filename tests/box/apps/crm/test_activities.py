"""What was done with a client and what comes next; and a lead that becomes a client and a deal."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.crm.actions.activities import (
    NewActivity,
    add_activity,
    complete_activity,
    delete_activity,
    follow_task,
    move_activity,
    remove_activities,
    reopen_activity,
)
from box.apps.crm.actions.conversion import Conversion, convert_lead
from box.apps.crm.actions.records import change_record, delete_records
from box.apps.crm.agenda import PAGE
from box.apps.crm.contact_points import Reach
from box.apps.crm.layers import next_steps
from box.apps.crm.models import Activity, LineItem, Link, Record
from box.apps.crm.permissions import Level
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.core.access.actions import employees_role
from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.registry.settings import as_of, read_version, store
from tests.box.apps.crm.conftest import added, allow

pytestmark = pytest.mark.django_db


def planned(by: User, record: Record, deadline: datetime, subject: str = "Call Rose") -> Activity:
    new = NewActivity(kind=Activity.Kind.CALL, subject=subject, responsible=by, deadline=deadline)
    return add_activity(new, [record], by=by)


def next_step(record: Record) -> datetime | None:
    return Record.objects.get(pk=record.pk).next_step_at


def test_a_moment_that_could_not_be_shown_again_is_refused(anna: User, deal: Record) -> None:
    distant = datetime(9999, 12, 31, 23, tzinfo=timezone.get_fixed_timezone(-300))
    with pytest.raises(ValidationError, match="too far away"):
        planned(anna, deal, distant)
    call = planned(anna, deal, timezone.now())
    with pytest.raises(ValidationError, match="too far away"):
        move_activity(call, distant, by=anna)


def test_what_was_is_written_down_at_the_moment_that_it_was(anna: User, deal: Record) -> None:
    then = timezone.now() - timedelta(days=3)
    new = NewActivity(kind=Activity.Kind.CALL, subject=" Called  Rose ", responsible=anna, at=then)
    activity = add_activity(new, [deal], by=anna)
    assert (activity.at, activity.subject, activity.is_planned) == (then, "Called Rose", False)
    assert next_step(deal) is None
    with pytest.raises(ValidationError, match="what it is about"):
        add_activity(NewActivity(kind=Activity.Kind.CALL, subject=" ", responsible=anna), [deal], by=anna)


def test_what_is_open_again_is_open_when_it_was_to_be_done(anna: User, deal: Record) -> None:
    deadline = timezone.now() + timedelta(days=1)
    step = planned(anna, deal, deadline)
    complete_activity(step, result="Said yes", by=anna)
    assert next_step(deal) is None
    for _twice in range(2):
        reopen_activity(step, by=anna)
    step.refresh_from_db()
    assert (step.done_at, step.done_by, step.at) == (None, None, deadline)
    assert next_step(deal) == deadline
    complete_activity(step, by=anna)
    with pytest.raises(ValidationError, match="done already"):
        move_activity(step, deadline, by=anna)


def test_who_may_change_one_of_its_records_changes_what_is_about_several(
    anna: User, boris: User, cara: User
) -> None:
    allow(employees_role(), "t2", Level.ALL, "read")
    mine, theirs = added("deal", anna), added("deal", boris)
    new = NewActivity(kind=Activity.Kind.CALL, subject="Call", responsible=anna, deadline=timezone.now())
    call = add_activity(new, [mine, theirs], by=anna)
    later = timezone.now() + timedelta(days=1)
    assert move_activity(call, later, by=boris).deadline == later
    with pytest.raises(PermissionDenied, match="not change it"):
        move_activity(call, later, by=cara)


def test_the_portal_itself_moves_a_step_and_not_the_task_behind_it(anna: User, deal: Record) -> None:
    now = timezone.now()
    task = add_task(TaskDraft(title="Call Rose", responsible=anna, deadline_at=now), by=anna)
    new = NewActivity(
        kind=Activity.Kind.CALL, subject="Call", responsible=anna, deadline=now, about=f"tasks.task:{task.pk}"
    )
    step = add_activity(new, [deal], by=None)
    move_activity(step, now + timedelta(days=1), by=None)
    task.refresh_from_db()
    assert (task.deadline_at, next_step(deal)) == (now, now + timedelta(days=1))
    move_activity(step, now + timedelta(days=2), by=anna)
    task.refresh_from_db()
    assert task.deadline_at == now + timedelta(days=2)


def test_the_next_step_is_the_earliest_that_is_open(anna: User, deal: Record) -> None:
    assert list(Record.objects.without_next_step()) == [deal]
    now = timezone.now()
    later = planned(anna, deal, now + timedelta(days=2))
    sooner = planned(anna, deal, now - timedelta(hours=1))
    assert next_step(deal) == sooner.deadline
    assert list(Record.objects.overdue(now)) == [deal]
    complete_activity(sooner, result="She wants six.", by=anna)
    assert next_step(deal) == later.deadline
    move_activity(later, now + timedelta(days=3), by=anna)
    assert next_step(deal) == now + timedelta(days=3)
    reopen_activity(sooner, by=anna)
    assert next_step(deal) == sooner.deadline
    delete_activity(sooner, by=anna)
    delete_activity(later, by=anna)
    assert next_step(deal) is None
    assert list(Record.objects.without_next_step()) == [deal]


def test_what_was_is_no_next_step(anna: User, deal: Record) -> None:
    note = NewActivity(kind=Activity.Kind.NOTE, subject="Likes oak", responsible=anna)
    add_activity(note, [deal], by=anna)
    assert next_step(deal) is None
    assert not Activity.objects.open().exists()


def test_an_activity_stands_on_the_time_lines_of_the_clients_too(anna: User, deal: Record) -> None:
    rose = added("contact", anna, first_name="Rose")
    company = added("company", anna, "Weber & Sons")
    change_record(deal, {"contact": rose, "company": company}, by=anna)
    activity = planned(anna, deal, timezone.now())
    assert set(activity.bindings.values_list("record", flat=True)) == {deal.pk, rose.pk, company.pk}
    assert next_step(rose) == activity.deadline
    complete_activity(activity, by=anna)
    assert {next_step(one) for one in (deal, rose, company)} == {None}


def test_doing_it_twice_is_doing_it_once(anna: User, boris: User, deal: Record) -> None:
    activity = planned(anna, deal, timezone.now())
    first = complete_activity(activity, result="Yes", by=anna)
    again = complete_activity(activity, result="No", by=anna)
    assert (again.done_at, again.result) == (first.done_at, "Yes")
    with pytest.raises(ValidationError, match="done already"):
        move_activity(activity, timezone.now(), by=anna)


def told() -> list[tuple[str, dict[str, Any]]]:
    """What was said of activities since this was last asked."""
    kinds = ("ActivityPlanned", "ActivityDone", "ActivityChanged", "StepMoved")
    rows = Event.objects.filter(kind__in=[f"crm.{kind}" for kind in kinds]).order_by("pk")
    found = [(row.kind.removeprefix("crm."), row.payload) for row in rows]
    rows.delete()
    return found


def test_each_step_of_an_activity_is_told_once(anna: User, olga: User, deal: Record) -> None:
    deadline = timezone.now() + timedelta(days=1)
    step = planned(anna, deal, deadline)
    one = {"activity_id": step.pk, "by_id": anna.pk}
    assert told() == [("ActivityPlanned", {**one, "is_planned": True})]
    for _twice in range(2):
        complete_activity(step, by=anna)
    assert told() == [("ActivityDone", one)]
    changed = ("ActivityChanged", {**one, "record_ids": [deal.pk]})
    for _twice in range(2):
        reopen_activity(step, by=anna)
    assert told() == [changed]
    later = deadline + timedelta(days=1)
    move_activity(step, later, by=anna)
    moved = {
        "record_id": deal.pk, "by_id": anna.pk, "subject": "Call Rose",
        "deadline_before": deadline.isoformat(), "deadline": later.isoformat(),
    }  # fmt: skip
    assert told() == [changed, ("StepMoved", moved)]
    # To where it is already it is not moved.
    move_activity(step, later, by=anna)
    assert told() == [changed]
    delete_activity(step, by=anna)
    assert told() == [changed]


def test_what_was_done_says_by_whom_and_what_came_of_it(anna: User, olga: User, deal: Record) -> None:
    step = planned(anna, deal, timezone.now() + timedelta(days=1))
    with pytest.raises(ValidationError):
        complete_activity(step, result="x" * 20_001, by=olga)
    complete_activity(step, result="She wants six.", by=olga)
    step.refresh_from_db()
    assert (step.done_by, step.result, step.at) == (olga, "She wants six.", step.done_at)
    assert {one.at for one in step.bindings.all()} == {step.done_at}


def test_who_has_left_is_given_no_next_step_and_what_they_did_is_theirs(
    anna: User, boris: User, deal: Record
) -> None:
    User.objects.filter(pk=boris.pk).update(status=User.Status.DISMISSED)
    boris.refresh_from_db()
    step = NewActivity(kind=Activity.Kind.CALL, subject="Call", responsible=boris, deadline=timezone.now())
    with pytest.raises(ValidationError, match="does not work here"):
        add_activity(step, [deal], by=anna)
    note = NewActivity(kind=Activity.Kind.NOTE, subject="Likes oak", responsible=boris)
    assert add_activity(note, [deal], by=anna).responsible == boris


def test_an_activity_is_about_records_that_are_there_and_not_about_too_many(
    anna: User, olga: User, deal: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.activities.MOST_BOUND", 2)
    note = NewActivity(kind=Activity.Kind.NOTE, subject="Likes oak", responsible=anna)
    rose, gone = (added("contact", anna, first_name=name) for name in ("Rose", "Paul"))
    change_record(deal, {"contacts": [rose, gone]}, by=anna)
    delete_records([gone], by=olga)
    for records in ([], [deal, rose, gone]):
        with pytest.raises(ValidationError, match="between 1 and 2 records"):
            add_activity(note, records, by=anna)
    with pytest.raises(ValidationError, match="not there any more"):
        add_activity(note, [gone], by=anna)
    # A client in the trash has no time line.
    made = add_activity(note, [deal], by=anna)
    assert set(made.bindings.values_list("record", flat=True)) == {deal.pk, rose.pk}


def test_what_was_planned_by_mistake_is_no_next_step_any_more(anna: User, deal: Record) -> None:
    now = timezone.now()
    mistake, other = planned(anna, deal, now), planned(anna, deal, now + timedelta(days=1))
    remove_activities([mistake.pk])
    assert list(Activity.objects.all()) == [other]
    assert next_step(deal) == other.deadline


def test_the_portal_itself_takes_away_what_came_from_elsewhere(anna: User, deal: Record) -> None:
    call = NewActivity(kind=Activity.Kind.CALL, subject="Rose", responsible=anna, about="telephony.call:7")
    delete_activity(add_activity(call, [deal], by=None), by=None)
    assert not Activity.objects.exists()


def test_who_may_not_change_the_record_plans_nothing_with_it(anna: User, cara: User, deal: Record) -> None:
    change_record(deal, {"observers": [cara]}, by=anna)
    with pytest.raises(PermissionDenied):
        planned(cara, deal, timezone.now())
    activity = planned(anna, deal, timezone.now())
    with pytest.raises(PermissionDenied):
        complete_activity(activity, by=cara)
    assert Activity.objects.get().done_at is None


def test_who_may_change_another_deal_does_nothing_with_this_one(anna: User, cara: User) -> None:
    added("deal", cara, "Hers")
    step = planned(anna, added("deal", anna), timezone.now())
    with pytest.raises(PermissionDenied):
        complete_activity(step, by=cara)
    step.refresh_from_db()
    assert step.done_at is None


def test_only_its_own_clients_have_it_on_their_time_lines(anna: User, lead: Record) -> None:
    """Neither those of another deal, nor the lead that it came of."""
    deal = convert_lead(lead, Conversion(), by=anna).deal
    assert deal is not None
    added("deal", anna, contact=added("contact", anna, first_name="Paul"))
    step = planned(anna, deal, timezone.now())
    assert set(step.bindings.values_list("record", flat=True)) == {deal.pk, deal.contact_id}


def test_so_many_time_lines_have_it_as_the_first_ones_that_there_are(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.activities.MOST_BOUND", 2)
    rose, paul = (added("contact", anna, first_name=name) for name in ("Rose", "Paul"))
    deal, other = added("deal", anna, contacts=[rose, paul]), added("deal", anna)
    deal.links.filter(to=paul).update(rank="1")
    for given, bound in (([deal], {deal, paul}), ([deal, other], {deal, other})):
        note = NewActivity(kind=Activity.Kind.NOTE, subject="Likes oak", responsible=anna)
        made = add_activity(note, given, by=anna)
        assert {one.record for one in made.bindings.select_related("record")} == bound


def test_a_note_that_was_done_was_never_to_be_done_again(anna: User, deal: Record) -> None:
    note = NewActivity(kind=Activity.Kind.NOTE, subject="Likes oak", responsible=anna)
    done = complete_activity(add_activity(note, [deal], by=anna), by=anna)
    told()
    assert reopen_activity(done, by=anna).done_at == done.done_at
    assert told() == []


def test_what_came_of_it_is_as_long_as_a_text_may_be(anna: User, deal: Record) -> None:
    step = planned(anna, deal, timezone.now())
    assert len(complete_activity(step, result="x" * 20_000, by=anna).result) == 20_000


def test_a_step_that_no_task_of_this_portal_is_behind_moves_alone(anna: User, deal: Record) -> None:
    now = timezone.now()
    later = now + timedelta(days=1)
    task = add_task(TaskDraft(title="Call Rose", responsible=anna, deadline_at=now), by=anna)
    for about in ("telephony.call:7", str(task.ref)):
        if about == str(task.ref):
            store({"services.tasks": False})
        new = NewActivity(kind="call", subject="Call", responsible=anna, deadline=now, about=about)
        step = add_activity(new, [deal], by=None)
        assert move_activity(step, later, by=anna).deadline == later
    task.refresh_from_db()
    assert task.deadline_at == now


def test_a_step_that_is_where_its_task_is_follows_it_nowhere(anna: User, deal: Record) -> None:
    now = timezone.now()
    task = add_task(TaskDraft(title="Call Rose", responsible=anna, deadline_at=now), by=anna)
    new = NewActivity(kind="call", subject="Call", responsible=anna, deadline=now, about=str(task.ref))
    step = add_activity(new, [deal], by=None)
    told()
    follow_task(step, by_id=anna.pk)
    assert told() == []


@pytest.mark.parametrize(
    "fields", [{"subject": " "}, {"subject": "x" * 256}, {"kind": "dance"}, {"text": "x" * 20_001}]
)
def test_what_is_no_activity_is_refused(anna: User, deal: Record, fields: dict[str, str]) -> None:
    given: dict[str, Any] = {"kind": Activity.Kind.CALL, "subject": "Call Rose", "text": "", **fields}
    with pytest.raises(ValidationError):
        add_activity(NewActivity(responsible=anna, **given), [deal], by=anna)
    assert not Activity.objects.exists()


def test_a_thing_of_another_app_is_told_once(anna: User, deal: Record) -> None:
    call = NewActivity(kind=Activity.Kind.CALL, subject="Rose", responsible=anna, about="telephony.call:7")
    activity = add_activity(call, [deal], by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        add_activity(call, [deal], by=None)
    with pytest.raises(ValidationError, match="comes from elsewhere"):
        delete_activity(activity, by=anna)


def test_a_lead_becomes_a_client_and_a_deal_and_all_goes_along(anna: User, cara: User, lead: Record) -> None:
    change_record(
        lead,
        {
            "first_name": "Rose",
            "last_name": "Weber",
            "amount": Decimal(100),
            "observers": [cara],
            "reached_by": [Reach("phone", "+79161234567"), Reach("email", "rose@example.com")],
        },
        by=anna,
    )
    LineItem.objects.create(record=lead, name="Chair", price=Decimal(50), quantity=Decimal(2), rank="i")
    activity = planned(anna, lead, timezone.now() + timedelta(days=1))
    how = Conversion(makes_company=True, company_title="Weber & Sons")
    became = convert_lead(lead, how, by=anna)
    assert became.contact is not None
    assert became.company is not None
    assert became.deal is not None
    assert (became.contact.title, became.company.title) == ("Rose Weber", "Weber & Sons")
    assert set(became.contact.contact_points.values_list("normal", flat=True)) == {
        "+79161234567",
        "rose@example.com",
    }
    deal = Record.objects.get(pk=became.deal.pk)
    assert (deal.amount, deal.contact, deal.company) == (Decimal(100), became.contact, became.company)
    assert [(line.name, line.quantity) for line in deal.lines.all()] == [("Chair", Decimal(2))]
    assert next_step(deal) == activity.deadline
    assert deal.observers.get().user == cara
    lead.refresh_from_db()
    assert lead.stage is not None
    assert (lead.stage.code, lead.closed_at is not None) == ("CONVERTED", True)
    with pytest.raises(ValidationError, match="converted already"):
        convert_lead(lead, how, by=anna)
    assert Record.objects.count() == 4


def test_a_lead_becomes_a_deal_of_a_client_that_is_there(anna: User, lead: Record) -> None:
    rose = added("contact", anna, first_name="Rose")
    became = convert_lead(lead, Conversion(contact=rose), by=anna)
    assert became.contact == rose
    assert became.deal is not None
    assert became.deal.contact == rose
    assert Record.objects.of_type(3).count() == 1


def test_what_came_of_a_lead_names_it_has_its_time_line_and_is_told(anna: User, lead: Record) -> None:
    step = planned(anna, lead, timezone.now() + timedelta(days=1))
    company = added("company", anna, "Weber & Sons")
    became = convert_lead(lead, Conversion(company=company), by=anna)
    assert became.contact is not None
    assert became.deal is not None
    made = [became.contact, company, became.deal]
    assert {one.record for one in Link.objects.filter(to=lead, role=Link.Role.ORIGIN)} == set(made)
    assert {next_step(one) for one in made} == {step.deadline}
    assert became.contact.company == company
    (event,) = Event.objects.filter(kind="crm.LeadConverted")
    assert event.payload == {"lead_id": lead.pk, "by_id": anna.pk, "made": [one.pk for one in made]}


def test_a_company_has_the_numbers_of_a_lead_where_nobody_there_has(anna: User, lead: Record) -> None:
    LineItem.objects.create(record=lead, name="Chair", price=Decimal(50), quantity=Decimal(2), rank="i")
    change_record(lead, {"tax_number": "7707083893", "reached_by": [Reach("phone", "+79161234567")]}, by=anna)
    alone = convert_lead(lead, Conversion(makes_contact=False, makes_company=True, makes_deal=False), by=anna)
    assert (alone.contact, alone.deal) == (None, None)
    assert alone.company is not None
    assert (alone.company.title, alone.company.tax_number) == (lead.title, "7707083893")
    assert [one.normal for one in alone.company.contact_points.all()] == ["+79161234567"]
    # What was written into the lead stays there.
    assert lead.lines.count() == 1


def test_a_client_that_was_named_is_the_one_whatever_else_was_asked_for(anna: User, lead: Record) -> None:
    oak = added("company", anna, "Oak Ltd")
    change_record(lead, {"company": oak, "reached_by": [Reach("phone", "+79161234567")]}, by=anna)
    # It stands on the company's time line already.
    step = planned(anna, lead, timezone.now() + timedelta(days=1))
    became = convert_lead(lead, Conversion(company=oak, makes_company=True), by=None)
    assert became.company == oak
    assert Record.objects.of_type(oak.type_id).count() == 1
    assert not oak.contact_points.exists()
    assert next_step(oak) == step.deadline
    assert Event.objects.get(kind="crm.LeadConverted").payload["by_id"] is None


def test_no_company_comes_of_itself_and_one_beside_a_contact_has_no_numbers(anna: User) -> None:
    first, second = (added("lead", anna, reached_by=[Reach("phone", "+79161234567")]) for _n in range(2))
    assert convert_lead(first, Conversion(), by=anna).company is None
    both = convert_lead(second, Conversion(makes_company=True), by=anna)
    assert both.company is not None
    assert both.contact is not None
    assert (both.company.contact_points.count(), both.contact.contact_points.count()) == (0, 1)


def test_a_deal_is_not_converted_and_a_lead_not_into_nothing(anna: User, lead: Record, deal: Record) -> None:
    with pytest.raises(ValidationError, match="Only a lead"):
        convert_lead(deal, Conversion(), by=anna)
    with pytest.raises(ValidationError, match="what the lead becomes"):
        convert_lead(lead, Conversion(makes_contact=False, makes_deal=False), by=anna)


def test_next_steps_stand_in_the_calendar_of_whose_they_are(anna: User, boris: User) -> None:
    now = timezone.now()
    deal = added("deal", anna, "Chairs")
    for who, subject, hours in ((anna, "Call", 2), (anna, "Late", -2), (boris, "His", 2), (anna, "Far", 999)):
        new = NewActivity(
            kind="call", subject=subject, responsible=who, deadline=now + timedelta(hours=hours)
        )
        add_activity(new, [deal], by=None)
    day = timedelta(days=1)
    with as_of(read_version()):
        list(next_steps(anna, now - day, now + day))
        with CaptureQueriesContext(connection) as queries:
            items = list(next_steps(anna, now - day, now + day))
    assert [(one.title, one.tone) for one in items] == [("Late · Chairs", "bad"), ("Call · Chairs", "")]
    assert items[0].url == deal.get_absolute_url()
    assert len(queries) <= 3
    allow(employees_role(), "t2", Level.NONE)
    again = User.objects.get(pk=anna.pk)
    assert [one.title for one in next_steps(again, now, now + day)] == ["Call"]


def test_ones_day_goes_on_by_key_and_misses_and_repeats_nothing(
    as_person: Callable[[User], Client], anna: User
) -> None:
    """Three days late, today and tomorrow; some of one moment."""
    browser, now = as_person(anna), timezone.now()
    moments = [now + timedelta(days=day) for day in (-3, -2, -1, 1) for _one in range(PAGE // 2)]
    for number, moment in enumerate(moments):
        planned(anna, added("deal", anna, f"Deal {number:03}"), moment)
    address, told, pages = "/crm/day/", [], 0
    while address:
        page = browser.get(address).content.decode()
        told += re.findall(r"Deal (\d{3})</a>", page)
        # What is not known yet is not said.
        assert "Nothing is planned for today" not in page
        found = re.search(r'class="more"\s+href="([^"]+after=[^"]+)"', page)
        address, pages = unescape(found[1]) if found else "", pages + 1
    assert pages == 2
    assert told == [f"{number:03}" for number in range(len(moments))]
    Activity.objects.filter(deadline__lt=now).delete()
    assert "Nothing is planned for today" in browser.get("/crm/day/").content.decode()


@pytest.mark.parametrize("after", ["x", "2026-11-28T10:00:00,7", "2026-11-28T10:00:00+00:00,x", ","])
def test_what_is_no_place_in_ones_day_is_its_beginning(
    as_person: Callable[[User], Client], anna: User, after: str
) -> None:
    planned(anna, added("deal", anna, "Chairs"), timezone.now() + timedelta(hours=1))
    assert "Chairs" in as_person(anna).get("/crm/day/", {"after": after}).content.decode()


def test_ones_day_costs_as_many_queries_whatever_it_holds(
    as_person: Callable[[User], Client], anna: User
) -> None:
    browser, counts = as_person(anna), []
    for _more in range(2):
        for number in range(3):
            planned(anna, added("deal", anna), timezone.now() + timedelta(hours=number + 1))
        browser.get("/crm/day/")
        with CaptureQueriesContext(connection) as queries:
            browser.get("/crm/day/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
