"""Calendars for programs: what their person may, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from box.apps.calendar.actions import (
    RoomDraft,
    Scope,
    create_calendar,
    create_event,
    create_room,
    main_calendar,
    move_event,
)
from box.apps.calendar.models import Attendance, Calendar, Event, Room
from box.core.access.principals import EVERYONE, code_of
from box.core.events.delivery import deliver_all
from box.core.groups.actions import NewGroup, create_group
from box.core.notify.models import Notification
from box.core.structure.actions import create_department, place
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


def test_a_time_that_is_another_event_is_changed_and_removed_alone(anna: User) -> None:
    series, second = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=3")), TEN + timedelta(weeks=1)
    once = move_event(series, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna).event
    asked(anna, "calendar.event.update", id=once.pk, type="user", name="Once")
    once.refresh_from_db()
    series.refresh_from_db()
    assert (once.title, series.title, series.rule) == ("Once", "Stand-up", "FREQ=WEEKLY;COUNT=3")
    assert asked(anna, "calendar.event.delete", id=once.pk) is True
    assert list(Event.objects.there()) == [series]


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


def test_a_departments_calendar_is_that_of_its_people(anna: User, boris: User) -> None:
    sales = create_department("Sales", parent=None, by=None)
    place(anna, {sales.pk: "member"}, by=None)
    theirs: dict[str, Any] = {"type": "department", "ownerId": sales.pk}
    day = stretch("2026-12-01T10:00:00+03:00", "2026-12-01T11:00:00+03:00")
    pk = asked(anna, "calendar.event.add", **theirs, **day, name="Morning round")
    event = Event.objects.get(pk=pk)
    assert event.calendar.code == f"DR{sales.pk}"
    (shown,) = asked(anna, "calendar.event.get", **theirs, **stretch("2026-12-01", "2026-12-01"))
    assert (shown["CAL_TYPE"], shown["OWNER_ID"]) == ("department", str(sales.pk))
    (section,) = asked(anna, "calendar.section.get", **theirs)
    assert (section["CAL_TYPE"], section["OWNER_ID"]) == ("department", str(sales.pk))
    asked(boris, "calendar.section.get", **theirs, expected=400)
    asked(boris, "calendar.event.add", **theirs, **day, name="Mine", expected=400)
    assert asked(boris, "calendar.event.get", **theirs, **stretch("2026-12-01", "2026-12-01")) == []


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


def test_a_migration_changes_what_it_has_brought_and_nobody_hears_of_it(
    anna: User, boris: User, olga: User
) -> None:
    group = create_group(NewGroup("Bridge"), by=anna)
    event = create_event(main_calendar(f"G{group.pk}"), draft("Then", invited=(code_of(boris),)), by=anna)
    told = {"id": event.pk, "type": "group", "ownerId": group.pk, "name": "Later", "rrule": {"FREQ": ""}}
    program = program_of(olga, "calendar", "korobka_transfer")
    assert program.error("calendar.event.update", **told)[0] == 403
    deliver_all()
    heard = Notification.objects.count()
    then = {"KOROBKA_BY": anna.pk, "KOROBKA_AT": "2025-11-01T10:00:00Z"}
    assert program.call("calendar.event.update", **told, **then) == event.pk
    deliver_all()
    event.refresh_from_db()
    assert (event.title, event.changed_by) == ("Later", anna)
    assert Notification.objects.count() == heard
    own = create_event(main_calendar(code_of(anna)), draft("Own", invited=(code_of(olga),)), by=anna)
    theirs = {**told, **then, "id": own.pk, "type": "user", "ownerId": anna.pk}
    assert program.error("calendar.event.update", **theirs)[0] == 403


def test_rooms_are_resources_for_who_keeps_them(anna: User, olga: User) -> None:
    asked(anna, "calendar.resource.add", name="Blue", expected=403)
    pk = asked(olga, "calendar.resource.add", name="Blue")
    assert asked(anna, "calendar.resource.list") == [{"ID": str(pk), "NAME": "Blue", "CREATED_BY": "0"}]
    asked(anna, "calendar.resource.update", resourceId=pk, name="Mine", expected=403)
    asked(olga, "calendar.resource.add", name="Blue", expected=400)
    assert asked(olga, "calendar.resource.update", resourceId=pk, name="Green") == pk
    assert Room.objects.get().bookers == [EVERYONE]
    asked(anna, "calendar.resource.delete", resourceId=pk, expected=403)
    assert asked(olga, "calendar.resource.delete", resourceId=pk) is True
    assert asked(anna, "calendar.resource.list") == []
    asked(olga, "calendar.resource.delete", resourceId=pk, expected=400)


def test_bookings_say_what_for_to_those_who_see_the_event(anna: User, boris: User, olga: User) -> None:
    blue = create_room(RoomDraft(name="Blue", bookers=(EVERYONE,)), by=olga)
    red = create_room(RoomDraft(name="Red", bookers=(code_of(anna),)), by=olga)
    review = planned(anna, draft("Review", room=blue))
    planned(anna, draft("Secret", room=red))
    period = {"from": "2026-12-01", "to": "2026-12-01"}
    both = {"resourceTypeIdList": [blue.pk, red.pk], **period}
    mine = asked(anna, "calendar.resource.booking.list", filter=both)
    assert [(one["NAME"], one["SECTION_ID"]) for one in mine] == [
        ("Review", str(blue.pk)),
        ("Secret", str(red.pk)),
    ]
    assert (mine[0]["ID"], mine[0]["CAL_TYPE"]) == (str(review.pk), "resource")
    assert (mine[0]["DATE_FROM"], mine[0]["DT_LENGTH"]) == ("2026-12-01T10:00:00+03:00", 3600)
    # He may book the blue one, and sees of it that it is taken.
    (his,) = asked(boris, "calendar.resource.booking.list", filter=both)
    assert (his["ID"], his["NAME"], his["CREATED_BY"]) == ("0", "Busy", "0")
    named = {"resourceIdList": [mine[1]["RESOURCE_BOOKING_ID"]]}
    assert asked(boris, "calendar.resource.booking.list", filter=named) == []
    assert len(asked(anna, "calendar.resource.booking.list", filter=named)) == 1
    later = {**both, "from": "2026-12-02", "to": "2026-12-03"}
    assert asked(anna, "calendar.resource.booking.list", filter=later) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"resourceTypeIdList": [1], "resourceIdList": [1]},
        {"resourceTypeIdList": ["x"]},
        {"resourceTypeIdList": list(range(101))},
        {"resourceTypeIdList": [1], "room": 1},
        {"resourceTypeIdList": [1], "from": "2026-01-01", "to": "2028-01-01"},
    ],
)
def test_bookings_that_are_not_understood_are_refused(anna: User, wrong: dict[str, Any]) -> None:
    asked(anna, "calendar.resource.booking.list", filter=wrong, expected=400)
