"""Calendars in phones: what is there, what a phone may change, and what its faults do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from vobject.icalendar import registerTzid

from box.apps.calendar.actions import (
    GuestDraft,
    Scope,
    answer_event,
    change_event,
    main_calendar,
    move_event,
    remove_event,
    take_back,
)
from box.apps.calendar.actions.events import draft_of
from box.apps.calendar.models import Attendance, Calendar, Event, Guest
from box.apps.calendar.occurrences import of_event
from box.core.access.principals import EVERYONE
from box.core.registry.dav import dav_host
from box.core.structure.models import Department
from tests.box.apps.calendar.conftest import MOSCOW, TEN, draft, planned, whole_days
from tests.box.bridges.dav.phones import NAMES, Phone

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
WEEKLY = (
    "UID:phone-1", "SUMMARY:Weekly", "DTSTART;TZID=Europe/Moscow:20261201T100000",
    "DTEND;TZID=Europe/Moscow:20261201T110000", "RRULE:FREQ=WEEKLY;COUNT=4",
)  # fmt: skip
LATER = (
    "END:VEVENT", "BEGIN:VEVENT", "UID:phone-1", "SUMMARY:Weekly, later", "DTSTAMP:20261101T000000Z",
    "RECURRENCE-ID:20261208T070000Z", "DTSTART;TZID=Europe/Moscow:20261208T150000",
    "DTEND;TZID=Europe/Moscow:20261208T160000",
)  # fmt: skip


def own(phone: Phone) -> str:
    return f"{phone.home}calendar-{main_calendar(f'U{phone.user.pk}').pk}/"


def times(event: Event) -> list[str]:
    rows = [event, *event.exceptions.filter(removed_at=None).order_by("original_at")]
    return [f"{one.starts_at.astimezone(MOSCOW):%d %H:%M} {one.title}" for one in rows]


def test_it_is_found_from_the_host_alone(anna: User, sales: Department) -> None:
    phone = Phone(anna)
    assert phone.client.get("/.well-known/caldav").headers["Location"] == "/dav/"
    principal = phone.properties("/dav/", "D:current-user-principal")["/dav/"]["current-user-principal"]
    assert principal == phone.home
    said = phone.properties(principal, "C:calendar-home-set", "C:calendar-user-address-set")[principal]
    assert said["calendar-home-set"] == phone.home
    # By these it is invited, and by nothing else: the address of its calendars is none.
    assert said["calendar-user-address-set"].split() == [
        "mailto:anna@example.com", f"mailto:u{anna.pk}@{dav_host()}"
    ]  # fmt: skip
    assert {"My calendar", "Company", sales.name} <= set(phone.calendars())
    assert "calendar-auto-schedule" in phone.ask("OPTIONS", phone.home).headers["DAV"]


def test_an_event_comes_goes_and_is_the_same_on_both_sides(anna: User) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}abc.ics"
    assert phone.put(address, *WEEKLY, "X-COLOUR:red", "LOCATION:Room 3").status_code == 201
    event = Event.objects.get()
    assert (event.title, event.place, event.rule, event.zone) == (
        "Weekly",
        "Room 3",
        "FREQ=WEEKLY;COUNT=4",
        "Europe/Moscow",
    )
    assert event.attendances.get().remind_minutes is None
    assert "X-COLOUR:red" in phone.text(address)
    assert "UID:phone-1" in phone.text(address)
    assert phone.change(address, "SUMMARY:Weekly", "SUMMARY:Every week").status_code == 204
    event.refresh_from_db()
    assert event.title == "Every week"
    revision = event.revisions.latest("pk")
    assert phone.ask("DELETE", address).status_code == 200
    assert phone.ask("GET", address).status_code == 404
    take_back(event.revisions.latest("pk"), by=anna)
    take_back(revision, by=anna)
    assert "SUMMARY:Weekly" in phone.text(address)


def test_what_has_no_place_here_is_given_back_as_it_came(anna: User) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}abc.ics"
    said = ("CLASS:CONFIDENTIAL", "RELATED-TO;RELTYPE=CHILD:one", "RELATED-TO:other", "SEQUENCE:3")
    assert phone.put(address, *WEEKLY, *said).status_code == 201
    event = Event.objects.get()
    assert event.is_confidential
    assert [line for line in said if f"{line}\r\n" not in phone.text(address)] == []
    change_event(event, replace(draft_of(event), is_confidential=False, rule=""), by=anna)
    text = phone.text(address)
    assert "CLASS" not in text
    assert "SEQUENCE:4" in text


@pytest.mark.parametrize("said", ["CLASS:PUBLIC", "CLASS:PRIVATE"])
def test_how_private_it_is_is_said_here_in_the_end(anna: User, said: str) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}abc.ics"
    phone.put(address, *WEEKLY, said)
    event = Event.objects.get()
    assert event.is_confidential == (said == "CLASS:PRIVATE")
    change_event(event, replace(draft_of(event), is_confidential=not event.is_confidential), by=anna)
    assert ("CLASS:PRIVATE" in phone.text(address)) == (said == "CLASS:PUBLIC")
    assert "CLASS:PUBLIC" not in phone.text(address)


def test_what_recurs_in_utc_stays_there_when_clocks_are_put_forward(anna: User) -> None:
    anna.time_zone = "Europe/Berlin"
    anna.save()
    phone = Phone(anna)
    address = f"{own(phone)}abc.ics"
    phone.put(
        address, "UID:u", "DTSTART:20270301T120000Z", "DTEND:20270301T130000Z", "RRULE:FREQ=MONTHLY;COUNT=2"
    )
    event = Event.objects.get()
    begins = datetime(2027, 3, 1, tzinfo=UTC)
    times = [one.starts_at for one in of_event(event, begins, begins + 10 * WEEK)]
    assert [f"{one.astimezone(UTC):%d.%m %H:%M}" for one in times] == ["01.03 12:00", "01.04 12:00"]
    assert "DTSTART:20270301T120000Z" in phone.text(address)


@pytest.mark.parametrize("name", ["Встреча в 10.ics", "a" * 196 + ".ics"])
def test_an_object_is_called_as_its_program_likes(anna: User, name: str) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}{quote(name)}"
    assert phone.put(address, *WEEKLY).status_code == 201
    assert "SUMMARY:Weekly" in phone.text(address)
    assert list(phone.sync(own(phone))[1]) == [quote(name)]
    assert phone.change(address, "SUMMARY:Weekly", "SUMMARY:Other").status_code == 204
    assert phone.ask("DELETE", address).status_code == 200


@pytest.mark.parametrize("name", ["a" * 201, "two\nlines", "\x85", "\u202edesrever"])
def test_a_name_that_nobody_means_is_refused(anna: User, name: str) -> None:
    phone = Phone(anna)
    assert phone.put(f"{own(phone)}{quote(name)}", *WEEKLY).status_code in {400, 403, 404}
    assert not Event.objects.exists()


def test_an_absurd_number_of_changes_breaks_nothing(anna: User) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}abc.ics"
    assert phone.put(address, *WEEKLY, f"SEQUENCE:{10**30}").status_code == 201
    assert phone.change(address, "SUMMARY:Weekly", "SUMMARY:Other").status_code == 204


@pytest.mark.parametrize(
    ("since", "before", "times"),
    [
        (
            "20261101T170000Z", "20261215T170000Z",
            ["DTSTART;VALUE=DATE:20261102", "DTSTART:20261201T070000Z", "DTSTART:20261208T120000Z"],
        ),
        ("20271101T170000Z", "20271103T170000Z", ["DTSTART;VALUE=DATE:20271102"]),
        ("20261208T110000Z", "20261208T130000Z", ["DTSTART:20261208T120000Z"]),
    ],
)  # fmt: skip
def test_a_series_is_told_time_by_time_to_who_asks_so(
    anna: User, since: str, before: str, times: list[str]
) -> None:
    """RFC 4791, section 9.6.5."""
    phone = Phone(anna)
    phone.put(
        f"{own(phone)}days.ics", "UID:d", "DTSTART;VALUE=DATE:19971102", "RRULE:FREQ=YEARLY", "SUMMARY:D"
    )
    phone.put(f"{own(phone)}abc.ics", *WEEKLY, *LATER)
    names = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMES.items())
    span = f'start="{since}" end="{before}"'
    asked = (
        f"<C:calendar-query {names}><D:prop><C:calendar-data><C:expand {span}/></C:calendar-data>"
        "<D:getetag/></D:prop>"
        '<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
        f"<C:time-range {span}/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    )
    answer = phone.ask("REPORT", own(phone), asked, Depth="1")
    assert answer.status_code == 207, answer.content
    told = answer.content.decode()
    assert "RRULE" not in told
    for begins in times:
        assert told.count(begins) == 1, told


def test_what_was_changed_meanwhile_is_not_written_over(anna: User, boris: User) -> None:
    phone = Phone(anna)
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    address = f"{own(phone)}{event.pk}.ics"
    etag = phone.ask("GET", address).headers["ETag"]
    answer_event(event, "accepted", by=boris)
    changed = phone.ask("GET", address).headers["ETag"]
    assert changed != etag
    assert phone.put(address, *WEEKLY, etag=etag).status_code == 412
    assert phone.ask("DELETE", address, If_Match=etag).status_code == 412
    assert phone.put(address, "UID:other", *WEEKLY[1:], etag=changed).status_code == 409
    event.refresh_from_db()
    assert event.title == "Stand-up"


def test_sync_tells_what_is_new_changed_and_gone(anna: User) -> None:
    phone = Phone(anna)
    first, second = planned(anna), planned(anna, draft("Second"))
    token, changed = phone.sync(own(phone))
    assert changed == {f"{first.pk}.ics": 200, f"{second.pk}.ics": 200}
    assert phone.sync(own(phone), token) == (token, {})
    remove_event(first, by=anna)
    move_event(second, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    third = planned(anna, draft("Third"))
    newer, changed = phone.sync(own(phone), token)
    assert changed == {f"{first.pk}.ics": 404, f"{second.pk}.ics": 200, f"{third.pk}.ics": 200}
    assert phone.sync(own(phone), newer)[1] == {}
    answer = phone.ask(
        "REPORT", own(phone),
        '<sync-collection xmlns="DAV:"><sync-token>urn:korobka:sync:old</sync-token><prop/>'
        "</sync-collection>",
    )  # fmt: skip
    assert answer.status_code == 403
    assert b"valid-sync-token" in answer.content


def test_a_sync_asks_the_same_however_much_is_planned(anna: User) -> None:
    phone = Phone(anna)
    planned(anna)
    place = own(phone)
    phone.sync(place, phone.sync(place)[0])
    token = phone.sync(place)[0]
    with CaptureQueriesContext(connection) as for_one:
        phone.sync(place, token)
    for _ in range(8):
        planned(anna)
    phone.sync(place)
    token = phone.sync(place)[0]
    with CaptureQueriesContext(connection) as for_many:
        phone.sync(place, token)
    assert len(for_many) == len(for_one) <= 13


def test_what_one_may_not_see_any_more_is_gone_at_the_next_sync(anna: User, boris: User) -> None:
    phone = Phone(boris)
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    token, changed = phone.sync(own(phone))
    assert changed == {f"{event.pk}.ics": 200}
    change_event(event, draft(), by=anna)
    assert phone.sync(own(phone), token)[1] == {f"{event.pk}.ics": 404}


def test_exceptions_are_made_kept_and_taken_away(anna: User) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}abc.ics"
    assert phone.put(address, *WEEKLY, *LATER).status_code == 201
    event = Event.objects.get(series=None)
    assert times(event) == ["01 10:00 Weekly", "08 15:00 Weekly, later"]
    assert phone.change(address, "20261208T150000", "20261208T153000").status_code == 204
    assert times(event) == ["01 10:00 Weekly", "08 15:30 Weekly, later"]
    etag = phone.ask("GET", address).headers["ETag"]
    left_out = "EXDATE;TZID=Europe/Moscow:20261215T100000"
    assert phone.put(address, *WEEKLY, left_out, etag=etag).status_code == 204
    event.refresh_from_db()
    assert times(event) == ["01 10:00 Weekly"]
    assert [one.astimezone(MOSCOW).day for one in event.excluded] == [15]


def test_an_exception_without_its_series_trashes_nothing(anna: User) -> None:
    phone = Phone(anna)
    address = f"{own(phone)}abc.ics"
    phone.put(address, *WEEKLY)
    etag = phone.ask("GET", address).headers["ETag"]
    # In another zone, as some programs write it.
    alone = (*LATER[2:4], "RECURRENCE-ID;TZID=Europe/Berlin:20261208T080000", *LATER[6:])
    assert phone.put(address, *alone, etag=etag).status_code == 204
    event = Event.objects.get(series=None)
    assert times(event) == ["01 10:00 Weekly", "08 15:00 Weekly, later"]
    assert event.rule == "FREQ=WEEKLY;COUNT=4"
    # And one that comes for a series of which nobody here knows.
    unknown = f"{own(phone)}other.ics"
    assert phone.put(unknown, "UID:else", *alone[1:]).status_code == 201
    assert Event.objects.get(uid="else").rule == ""


def test_who_is_invited_answers_and_changes_nothing_else(anna: User, boris: User) -> None:
    phone = Phone(boris)
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    address = f"{own(phone)}{event.pk}.ics"
    text = phone.text(address)
    assert "mailto:boris@example.com" in text
    assert "ORGANIZER" in text
    before = "PARTSTAT=NEEDS-ACTION"
    answer = phone.ask("GET", address)
    changed = text.replace(before, "PARTSTAT=TENTATIVE").replace("SUMMARY:Stand-up", "SUMMARY:Taken over")
    assert phone.ask("PUT", address, changed, If_Match=answer.headers["ETag"]).status_code == 204
    event.refresh_from_db()
    assert event.title == "Stand-up"
    assert event.attendances.get(user=boris).answer == Attendance.Answer.TENTATIVE
    assert phone.ask("DELETE", address).status_code == 200
    event.refresh_from_db()
    assert event.removed_at is None
    assert event.attendances.get(user=boris).answer == Attendance.Answer.DECLINED
    assert phone.sync(own(phone))[1] == {}


def test_people_of_the_portal_are_invited_and_others_are_guests(anna: User, boris: User) -> None:
    phone = Phone(anna)
    people = (
        "ORGANIZER:mailto:anna@example.com", "ATTENDEE:mailto:Boris@example.com",
        "ATTENDEE;CN=Zoe:mailto:zoe@example.org",
    )  # fmt: skip
    assert phone.put(f"{own(phone)}abc.ics", *WEEKLY, *people).status_code == 201
    event = Event.objects.get()
    assert set(event.attendances.values_list("user", flat=True)) == {anna.pk, boris.pk}
    assert [(one.email, one.name) for one in event.guests.all()] == [("zoe@example.org", "Zoe")]
    assert phone.change(f"{own(phone)}abc.ics", "zoe@example.org", "yan@example.org").status_code == 204
    assert [one.email for one in Guest.objects.asked()] == ["yan@example.org"]


def test_an_invitation_of_elsewhere_is_kept_and_writes_to_nobody(anna: User) -> None:
    phone = Phone(anna)
    people = ("ORGANIZER:mailto:boss@example.com", "ATTENDEE:mailto:zoe@example.com")
    assert phone.put(f"{own(phone)}abc.ics", *WEEKLY, *people).status_code == 201
    assert not Guest.objects.exists()


def test_others_private_events_and_calendars_are_not_there(
    anna: User, boris: User, cara: User, sales: Department
) -> None:
    planned(anna, draft("Doctor", is_confidential=True), code=sales.code_with_below)
    seen = planned(anna, draft("Known"), code=sales.code_with_below)
    phone = Phone(boris)
    shared = phone.calendars()[sales.name]
    assert phone.sync(shared)[1] == {f"{seen.pk}.ics": 200}
    assert sales.name not in Phone(cara).calendars()
    stranger = Phone(cara)
    assert stranger.ask("PROPFIND", shared).status_code in (403, 404)
    assert stranger.ask("GET", f"/dav/{boris.pk}/").status_code in (403, 404)
    assert stranger.put(shared.replace(f"/{boris.pk}/", f"/{cara.pk}/") + "x.ics", *WEEKLY).status_code in (
        403,
        409,
    )
    assert not Event.objects.filter(uid="phone-1").exists()


def test_what_one_only_reads_is_not_written_into(anna: User) -> None:
    phone = Phone(anna)
    company = f"{phone.home}calendar-{main_calendar(EVERYONE).pk}/"
    assert phone.put(f"{company}x.ics", *WEEKLY).status_code == 403
    rights = phone.properties(company, "D:current-user-privilege-set")[company]["current-user-privilege-set"]
    assert "write" not in rights
    assert not Event.objects.exists()


def test_a_query_reads_only_its_stretch(anna: User) -> None:
    phone = Phone(anna)
    near, far = planned(anna), planned(anna, draft("Far", starts=TEN + 20 * WEEK))
    series = planned(anna, draft(rule="FREQ=WEEKLY"))
    fair = planned(anna, whole_days())
    assert set(phone.query(own(phone), "20261201T000000Z", "20261203T000000Z")) == {
        f"{near.pk}.ics",
        f"{series.pk}.ics",
    }
    found = phone.query(own(phone), "20270419T000000Z", "20270421T000000Z")
    assert set(found) == {f"{far.pk}.ics", f"{series.pk}.ics"}
    assert phone.query(own(phone), "20261207T000000Z", "20261208T000000Z") == [f"{fair.pk}.ics"]


def test_free_and_busy_are_told(anna: User) -> None:
    # What some program has described as Moscow's time is not what ours say.
    registerTzid("Europe/Moscow", timezone(timedelta(hours=4)))
    phone = Phone(anna)
    planned(anna)
    planned(anna, draft("Open", starts=TEN + 3 * HOUR, is_free=True))
    body = (
        '<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">'
        '<C:time-range start="20261201T000000Z" end="20261202T000000Z"/></C:free-busy-query>'
    )
    text = phone.ask("REPORT", own(phone), body).content.decode()
    assert "20261201T070000Z/20261201T080000Z" in text
    assert text.count("FREEBUSY;") == 1


def test_calendars_are_made_called_coloured_and_removed(anna: User) -> None:
    phone = Phone(anna)
    address = f"{phone.home}family/"
    made = phone.ask(
        "MKCALENDAR", address,
        '<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set><D:prop>'
        "<D:displayname>Family</D:displayname></D:prop></D:set></C:mkcalendar>",
    )  # fmt: skip
    assert made.status_code == 201
    calendar = Calendar.objects.get(name="Family")
    assert phone.calendars()["Family"] == address
    assert phone.put(f"{address}a.ics", *WEEKLY).status_code == 201
    assert calendar.events.get().title == "Weekly"
    remove_event(calendar.events.get(), by=anna)
    place = address
    changed = phone.ask(
        "PROPPATCH", place,
        '<D:propertyupdate xmlns:D="DAV:" xmlns:I="http://apple.com/ns/ical/"><D:set><D:prop>'
        "<D:displayname>Home</D:displayname><I:calendar-color>#7D4A86FF</I:calendar-color></D:prop></D:set>"
        "</D:propertyupdate>",
    )  # fmt: skip
    assert changed.status_code == 207
    calendar.refresh_from_db()
    assert (calendar.name, calendar.color) == ("Home", "plum")
    assert phone.ask("DELETE", own(phone)).status_code == 403
    assert phone.ask("DELETE", place).status_code == 200
    assert not Calendar.objects.filter(pk=calendar.pk).exists()


def test_a_list_costs_the_same_for_many_events(anna: User) -> None:
    phone = Phone(anna)
    phone.sync(own(phone))
    counts = []
    for _ in range(2):
        for number in range(5):
            event = planned(anna, draft(f"Event {number}", guests=(GuestDraft(f"g{number}@example.com"),)))
            move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna, scope=Scope.ALL)
        with CaptureQueriesContext(connection) as asked:
            phone.sync(own(phone))
        counts.append(len(asked))
    assert counts[0] == counts[1]
