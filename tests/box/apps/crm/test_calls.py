"""Calls and clients: who is behind a number, and what stands on their time line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.calls.events import CallFinished, CallNoted, MissedCallSettled, RecordingKept
from box.apps.crm.actions.calls import note_call, settle_call, show_recording, write_call_down
from box.apps.crm.actions.records import change_record
from box.apps.crm.callers import cards, responsible
from box.apps.crm.contact_points import Reach
from box.apps.crm.field_rights import give
from box.apps.crm.layers import next_steps
from box.apps.crm.models import Activity, Record
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.actions import dismiss_user
from box.core.events.models import Event
from tests.box.apps.crm.conftest import added, type_of

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

NUMBER = "+79161234567"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def rose(anna: User) -> Record:
    return added("contact", anna, "Rose", reached_by=(Reach("phone", "8 (916) 123-45-67"),))


def call(**more: Any) -> CallFinished:
    usual = {"call_id": 7, "number": NUMBER, "direction": "in", "is_missed": False, "user_id": None}
    times = {
        "started_at": NOW,
        "ended_at": NOW + timedelta(minutes=2),
        "wait_seconds": 5,
        "talk_seconds": 100,
    }
    return CallFinished(**{**usual, **times, **more})


def missed(rang: tuple[int, ...] = ()) -> CallFinished:
    return call(is_missed=True, talk_seconds=0, rang_ids=rang, call_back_by=NOW + timedelta(hours=1))


def test_a_client_is_found_by_number_for_who_may_see_them(rose: Record, anna: User, cara: User) -> None:
    assert [card.title for card in cards([NUMBER, "+79990000000"], anna)[NUMBER]] == ["Rose"]
    assert cards([NUMBER], cara) == {}


def test_a_person_is_nearer_than_what_is_yet_to_become_a_client(rose: Record, anna: User) -> None:
    added("lead", anna, "Rose wants chairs", reached_by=(Reach("phone", NUMBER),))
    assert [card.title for card in cards([NUMBER], anna)[NUMBER]] == ["Rose", "Rose wants chairs"]


def test_a_call_stands_with_so_many_of_those_whom_its_number_reaches_the_nearest_first(
    rose: Record, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    added("lead", anna, "Rose wants chairs", reached_by=(Reach("phone", NUMBER),))
    monkeypatch.setattr("box.apps.crm.actions.calls.MOST_TIME_LINES", 1)
    activity = write_call_down(call(user_id=anna.pk))
    assert activity is not None
    assert [one.record for one in activity.bindings.all()] == [rose]


def test_a_call_says_who_was_called_and_which_way_it_went(
    rose: Record, anna: User, boris: User, olga: User
) -> None:
    activity = write_call_down(call(direction="out", user_id=anna.pk, rang_ids=(boris.pk,)))
    assert activity is not None
    assert activity.subject == "Outgoing call"
    assert set(activity.text.split(", ")) == {anna.name, boris.name}


def test_a_number_that_nobody_knows_becomes_one_lead_where_the_company_wants_that(
    anna: User, boris: User
) -> None:
    def leads() -> list[Record]:
        return list(Record.objects.filter(type__slug="lead").order_by("pk"))

    assert write_call_down(call(user_id=anna.pk)) is None
    assert leads() == []
    activity = write_call_down(call(user_id=anna.pk, begins_lead=True))
    (lead,) = leads()
    assert activity is not None
    assert (lead.responsible, lead.title) == (anna, "8 (916) 123-45-67")
    assert list(activity.bindings.values_list("record_id", flat=True)) == [lead.pk]
    # Told again, or calling again, they are known.
    write_call_down(call(user_id=anna.pk, begins_lead=True))
    write_call_down(call(call_id=8, user_id=boris.pk, begins_lead=True))
    assert leads() == [lead]


def test_whoever_calls_twice_in_a_row_is_waited_for_before_it_is_asked_who_they_are(anna: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        write_call_down(call(user_id=anna.pk, begins_lead=True))
    asked = [one["sql"] for one in queries.captured_queries]
    (held,) = [at for at, sql in enumerate(asked) if "pg_advisory_xact_lock" in sql and NUMBER in sql]
    assert held < min(at for at, sql in enumerate(asked) if "crm_contactpoint" in sql)


def test_nobody_becomes_a_lead_by_a_number_that_is_withheld(anna: User) -> None:
    assert write_call_down(call(number="", user_id=anna.pk, begins_lead=True)) is None
    assert not Record.objects.exists()


def test_open_cards_hear_of_a_recording_of_a_call_that_stands_on_them(rose: Record, anna: User) -> None:
    show_recording(RecordingKept(call_id=7, recording_id=1))
    assert not Event.objects.filter(kind="crm.ActivityChanged").exists()
    activity = write_call_down(call(user_id=anna.pk))
    assert activity is not None
    show_recording(RecordingKept(call_id=8, recording_id=2))
    assert not Event.objects.filter(kind="crm.ActivityChanged").exists()
    show_recording(RecordingKept(call_id=7, recording_id=1))
    assert Event.objects.get(kind="crm.ActivityChanged").payload == {
        "activity_id": activity.pk, "record_ids": [rose.pk], "by_id": None
    }  # fmt: skip


def test_a_missed_call_of_a_new_lead_is_to_be_returned_by_who_works_here(
    anna: User, boris: User, olga: User
) -> None:
    dismiss_user(anna, by=olga)
    told = call(
        is_missed=True, talk_seconds=0, rang_ids=(anna.pk, boris.pk), call_back_by=NOW, begins_lead=True
    )
    activity = write_call_down(told)
    assert activity is not None
    assert activity.responsible == boris
    assert activity.is_planned
    # Nobody works here any more whose telephone rang.
    other = call(call_id=9, number="+79161234568", rang_ids=(anna.pk,), begins_lead=True)
    assert write_call_down(other) is None


def test_a_lead_is_of_the_first_who_works_here_of_those_whose_telephones_rang(boris: User) -> None:
    nobody = boris.pk + 1000
    activity = write_call_down(call(rang_ids=(nobody, boris.pk), begins_lead=True))
    assert activity is not None
    assert activity.responsible == boris


def test_many_numbers_cost_as_many_queries_as_one(rose: Record, anna: User) -> None:
    for n in range(10):
        added("contact", anna, f"C{n}", reached_by=(Reach("phone", f"+7916000000{n}"),))
    cards([NUMBER], anna)
    with CaptureQueriesContext(connection) as one:
        cards([NUMBER], anna)
    with CaptureQueriesContext(connection) as many:
        assert len(cards([NUMBER, *(f"+7916000000{n}" for n in range(10))], anna)) == 11
    assert len(many) == len(one)


def test_who_left_looks_after_nobody(rose: Record, anna: User, olga: User) -> None:
    assert responsible(NUMBER) == anna
    dismiss_user(anna, by=olga)
    assert responsible(NUMBER) is None


def test_a_call_stands_on_the_clients_time_line_once(rose: Record, boris: User) -> None:
    for _ in range(2):
        write_call_down(call(user_id=boris.pk))
    activity = Activity.objects.get()
    assert (activity.kind, activity.direction, activity.seconds) == ("call", "in", 100)
    assert (activity.responsible, activity.about, activity.is_planned) == (boris, "calls.call:7", False)
    assert [one.record for one in activity.bindings.all()] == [rose]


def test_a_missed_call_is_the_next_step_of_who_is_responsible(rose: Record, anna: User, boris: User) -> None:
    write_call_down(missed((boris.pk,)))
    activity = Activity.objects.get()
    assert (activity.responsible, activity.deadline) == (anna, NOW + timedelta(hours=1))
    rose.refresh_from_db()
    assert rose.next_step_at == activity.deadline


def test_of_who_left_it_becomes_the_step_of_whose_telephone_rang(
    rose: Record, anna: User, boris: User, olga: User
) -> None:
    dismiss_user(anna, by=olga)
    write_call_down(missed((boris.pk,)))
    assert Activity.objects.get().responsible == boris


def test_where_nobody_is_left_to_call_back_it_is_nobodys_step(rose: Record, anna: User, olga: User) -> None:
    dismiss_user(anna, by=olga)
    activity = write_call_down(missed())
    assert activity is not None
    assert (activity.responsible, activity.deadline) == (anna, None)


def test_the_step_is_done_when_somebody_has_spoken_with_the_client(rose: Record, anna: User) -> None:
    write_call_down(missed())
    for _ in range(2):
        settle_call(MissedCallSettled(call_id=7, by_id=anna.pk))
    assert Activity.objects.get().done_at is not None
    rose.refresh_from_db()
    assert rose.next_step_at is None


def test_what_was_agreed_stands_there_too(rose: Record, anna: User) -> None:
    write_call_down(call())
    note_call(CallNoted(call_id=7, by_id=anna.pk, note="Ten chairs, in oak"))
    assert Activity.objects.get().result == "Ten chairs, in oak"


def test_what_becomes_of_a_call_is_told_once_and_touches_no_other(rose: Record, anna: User) -> None:
    for call_id in (7, 8):
        write_call_down(replace(missed(), call_id=call_id))
    for call_id in (8, 99):
        settle_call(MissedCallSettled(call_id=call_id, by_id=anna.pk))
        for _twice in range(2):
            note_call(CallNoted(call_id=call_id, by_id=anna.pk, note="Ten chairs"))
    other, settled = Activity.objects.order_by("pk")
    assert (other.done_at, other.result) == (None, "")
    assert (settled.done_at is None, settled.result) == (False, "Ten chairs")
    assert Event.objects.get(kind="crm.ActivityChanged").payload == {
        "activity_id": settled.pk, "record_ids": [rose.pk], "by_id": anna.pk
    }  # fmt: skip


def test_a_call_that_was_answered_is_no_step_that_could_be_done(rose: Record, anna: User) -> None:
    write_call_down(call(user_id=anna.pk))
    settle_call(MissedCallSettled(call_id=7, by_id=anna.pk))
    assert Activity.objects.get().done_at is None
    assert not Event.objects.filter(kind="crm.ActivityDone").exists()


def test_its_number_is_told_to_whom_telephones_are_not_hidden(
    as_person: Callable[[User], Client], rose: Record, anna: User
) -> None:
    write_call_down(call(user_id=anna.pk))
    write_call_down(replace(missed((anna.pk,)), call_id=8, call_back_by=timezone.now() + timedelta(hours=1)))
    browser = as_person(anna)
    pages = (rose.get_absolute_url(), f"{rose.get_absolute_url()}history/", "/crm/day/")

    def told() -> list[bool]:
        found = [browser.get(page).content.decode() for page in pages]
        assert all("Incoming call" in page for page in found[:2])
        assert "Call back" in found[2]
        steps = next_steps(anna, timezone.now(), timezone.now() + timedelta(days=2))
        return ["123-45-67" in said for said in (*found, *(one.title for one in steps))]

    assert told() == [True] * 4
    give(employees_role(), type_of("contact"), "reached_by", FieldLevel.HIDDEN, by=None)
    assert told() == [False] * 4
    assert not Activity.objects.filter(subject__contains="123").exists()


def test_a_contacts_number_is_not_told_on_its_companys_page_to_whom_it_is_hidden(
    as_person: Callable[[User], Client], rose: Record, anna: User
) -> None:
    works = added("company", anna, "Works")
    change_record(rose, {"company": works}, by=None)
    write_call_down(call(user_id=anna.pk))
    browser = as_person(anna)

    def told() -> list[bool]:
        pages = (works.get_absolute_url(), f"{works.get_absolute_url()}history/")
        found = [browser.get(page).content.decode() for page in pages]
        assert all("Incoming call" in page for page in found)
        return ["123-45-67" in page.partition("crm-timeline")[2] for page in found]

    assert told() == [True, True]
    give(employees_role(), type_of("contact"), "reached_by", FieldLevel.HIDDEN, by=None)
    assert told() == [False, False]


def test_the_title_of_a_callers_lead_names_no_number_that_is_hidden_from_some(anna: User) -> None:
    give(employees_role(), type_of("lead"), "reached_by", FieldLevel.HIDDEN, by=None)
    write_call_down(call(user_id=anna.pk, begins_lead=True))
    (lead,) = Record.objects.filter(type__slug="lead")
    assert lead.title == "Incoming call"
    assert lead.contact_points.get().normal == NUMBER


def test_as_long_a_number_as_a_program_may_tell_of_is_written_down(anna: User) -> None:
    """Of digits that no plan of numbers knows there may be as many as a call and a client both hold."""
    digits = "7" * 80
    added("contact", anna, "Rose", reached_by=(Reach("phone", digits),))
    written = write_call_down(call(number=digits))
    assert written is not None
    assert written.number == digits[:50]


def test_a_stranger_leaves_nothing(anna: User) -> None:
    assert write_call_down(call()) is None
    assert write_call_down(call(number="")) is None
    assert not Activity.objects.exists()
