"""Calendars for programs: what their person may, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.calendar.actions import create_calendar, main_calendar
from box.apps.calendar.models import Attendance, Calendar, Event
from box.core.access.principals import EVERYONE
from box.core.groups.actions import NewGroup, create_group
from tests.box.apps.calendar.conftest import TEN, draft, planned, whole_days
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOUR = timedelta(hours=1)


def stretch(since: str, before: str) -> dict[str, Any]:
    """`from` is no name that Python lets a parameter have."""
    return {"from": since, "to": before}


def asked(by: User, method: str, *, scope: str = "calendar", expected: int = 200, **given: Any) -> Any:
    answer = program_of(by, scope).ask(method, **given)
    assert answer.status_code == expected, answer.content
    return answer.json().get("result", answer.json())


def test_a_program_plans_changes_and_removes(anna: User, boris: User) -> None:
    pk = asked(
        anna, "calendar.event.add", type="user", ownerId=anna.pk, name="Stand-up",
        **stretch("2026-12-01T10:00:00+03:00", "2026-12-01T11:00:00+03:00"),
        attendees=[anna.pk, boris.pk], remind=[{"type": "hour", "count": 1}], location="Room",
        rrule={"FREQ": "WEEKLY", "BYDAY": ["TU"], "COUNT": 4},
    )  # fmt: skip
    event = Event.objects.get(pk=pk)
    assert (event.title, event.starts_at, event.rule) == ("Stand-up", TEN, "FREQ=WEEKLY;BYDAY=TU;COUNT=4")
    assert event.attendances.get(user=anna).remind_minutes == 60
    assert set(event.attendances.values_list("user", flat=True)) == {anna.pk, boris.pk}
    shown = asked(anna, "calendar.event.getbyid", id=pk)
    assert (shown["NAME"], shown["CAL_TYPE"], shown["OWNER_ID"]) == ("Stand-up", "user", str(anna.pk))
    assert shown["DATE_FROM"] == "2026-12-01T10:00:00+03:00"
    assert shown["ATTENDEE_LIST"][1] == {"id": boris.pk, "entryId": str(pk), "status": "Q"}
    asked(anna, "calendar.event.update", id=pk, type="user", name="Daily")
    event.refresh_from_db()
    assert (event.title, event.rule) == ("Daily", "FREQ=WEEKLY;BYDAY=TU;COUNT=4")
    assert event.attendances.count() == 2
    assert asked(anna, "calendar.event.delete", id=pk) is True
    asked(anna, "calendar.event.getbyid", id=pk, expected=400)


def test_whole_days_are_the_days_that_were_said(anna: User) -> None:
    pk = asked(
        anna, "calendar.event.add", type="user", name="Fair", skip_time="Y",
        **stretch("2026-12-07", "2026-12-08"),
    )  # fmt: skip
    event, meant = Event.objects.get(pk=pk), whole_days(days=2)
    assert (event.is_all_day, event.starts_at, event.ends_at) == (True, meant.starts_at, meant.ends_at)
    shown = asked(anna, "calendar.event.getbyid", id=pk)
    assert (shown["DATE_FROM"], shown["DATE_TO"], shown["DT_SKIP_TIME"]) == ("2026-12-07", "2026-12-08", "Y")


def test_events_are_those_of_the_stretch_that_one_sees(anna: User, boris: User, cara: User) -> None:
    planned(anna, draft("Hidden"))
    seen = planned(anna, draft("Seen", invited=(f"U{boris.pk}",)))
    planned(anna, draft("Far", starts=TEN + timedelta(days=300), invited=(f"U{boris.pk}",)))
    said = {"type": "user", **stretch("2026-12-01", "2026-12-02")}
    assert [one["NAME"] for one in asked(boris, "calendar.event.get", ownerId=anna.pk, **said)] == ["Seen"]
    own = asked(boris, "calendar.event.get", ownerId=boris.pk, **said)
    assert [one["ID"] for one in own] == [str(seen.pk)]
    assert asked(cara, "calendar.event.get", ownerId=anna.pk, **said) == []
    asked(cara, "calendar.event.getbyid", id=seen.pk, expected=400)
    asked(anna, "calendar.event.get", expected=400, **{**said, "to": "2029-01-01"})
    asked(anna, "calendar.event.get", scope="task", expected=403, **said)


def test_who_is_invited_answers_and_changes_nothing(anna: User, boris: User, cara: User) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    assert asked(boris, "calendar.meeting.status.get", eventId=event.pk) == "Q"
    assert asked(anna, "calendar.meeting.status.get", eventId=event.pk) == "H"
    assert asked(boris, "calendar.meeting.status.set", eventId=event.pk, status="Y") is True
    assert event.attendances.get(user=boris).answer == Attendance.Answer.ACCEPTED
    asked(boris, "calendar.event.update", id=event.pk, type="user", name="Mine", expected=403)
    asked(cara, "calendar.meeting.status.get", eventId=event.pk, expected=400)
    event.refresh_from_db()
    assert event.title == "Stand-up"


def test_calendars_are_listed_made_and_removed(anna: User, boris: User) -> None:
    family = create_calendar("Family", "plum", by=anna)
    found = asked(anna, "calendar.section.get", type="user", ownerId=anna.pk)
    assert [one["NAME"] for one in found] == ["My calendar", "Family"]
    asked(boris, "calendar.section.get", type="user", ownerId=anna.pk, expected=400)
    (company,) = asked(anna, "calendar.section.get", type="company_calendar", ownerId=0)
    assert (company["ID"], company["PERM"]["edit"]) == (str(main_calendar(EVERYONE).pk), False)
    made = asked(anna, "calendar.section.add", type="user", name="Work", color="#7d4a86")
    assert Calendar.objects.get(pk=made).color == "plum"
    asked(anna, "calendar.section.update", type="user", id=made, name="Works")
    assert Calendar.objects.get(pk=made).name == "Works"
    asked(boris, "calendar.section.update", type="user", ownerId=anna.pk, id=made, name="Mine", expected=400)
    assert asked(anna, "calendar.section.delete", type="user", id=family.pk) is True
    assert not Calendar.objects.filter(pk=family.pk).exists()


def test_what_one_may_not_see_is_only_taken_time(anna: User, boris: User, cara: User) -> None:
    planned(anna, draft("Secret"))
    planned(anna, draft("Free", starts=TEN + 2 * HOUR, is_free=True))
    said = {"users": [anna.pk], **stretch("2026-12-01", "2026-12-01")}
    (busy,) = asked(boris, "calendar.accessibility.get", **said)[str(anna.pk)]
    assert (busy["NAME"], busy["ID"], busy["DATE_FROM"]) == ("Busy", "0", "2026-12-01T10:00:00+03:00")
    (own,) = asked(anna, "calendar.accessibility.get", **said)[str(anna.pk)]
    assert own["NAME"] == "Secret"
    asked(cara, "calendar.accessibility.get", expected=400, **{**said, "users": list(range(51))})


def test_what_is_not_understood_makes_nothing(anna: User) -> None:
    times = stretch("2026-12-01T10:00:00", "2026-12-01T11:00:00")
    whole = {"type": "user", "name": "Stand-up", **times}
    wrongs: tuple[dict[str, Any], ...] = (
        {"from": "tomorrow"},
        {"name": ""},
        {"rrule": {"FREQ": "HOURLY"}},
        {"section": 99999999},
    )
    for wrong in wrongs:
        asked(anna, "calendar.event.add", expected=400, **{**whole, **wrong})
    company = main_calendar(EVERYONE)
    there = {"type": "company_calendar", "section": company.pk}
    asked(anna, "calendar.event.add", expected=403, **{**whole, **there})
    assert not Event.objects.exists()


def test_a_migration_puts_events_into_calendars_of_groups(olga: User, anna: User, boris: User) -> None:
    group = create_group(NewGroup("Bridge"), by=anna)
    given = {"type": "group", "ownerId": group.pk, "name": "Then",
             **stretch("2025-12-01T10:00:00+03:00", "2025-12-01T11:00:00+03:00")}  # fmt: skip
    then = {"KOROBKA_BY": anna.pk, "KOROBKA_AT": "2025-11-01T10:00:00Z"}
    program = program_of(olga, "calendar", "korobka_transfer")
    event = Event.objects.get(pk=program.call("calendar.event.add", **given, **then))
    assert (event.organizer, event.created_at.year, event.calendar.code) == (anna, 2025, f"G{group.pk}")
    # Now and here an administrator writes into what is theirs to write into alone.
    assert program.error("calendar.event.add", **given) == (400, "ERROR_NOT_FOUND")
    own = {**given, "type": "user", "ownerId": boris.pk}
    assert program.error("calendar.event.add", **own, **then) == (400, "ERROR_NOT_FOUND")
    assert Event.objects.count() == 1
