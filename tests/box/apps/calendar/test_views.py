from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from box.apps.calendar.actions import (
    Scope,
    answer_event,
    change_event,
    create_calendar,
    create_event,
    main_calendar,
    move_event,
    remove_event,
)
from box.apps.calendar.models import Attendance, Calendar, Event, Revision
from box.core.access.principals import EVERYONE
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification
from box.core.people.absences import Away, write_absence
from box.core.registry.origin import importing
from tests.box.apps.calendar.conftest import TEN, draft, planned, whole_days

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

WINDOW = {"start": "2026-12-01T00:00:00+03:00", "end": "2026-12-08T00:00:00+03:00"}


def shown(client: Client, **more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/calendar/items/", {**WINDOW, **more}).json()
    return found


def titles(client: Client, **more: str) -> list[str]:
    return [one["title"] for one in shown(client, **more)]


def sent(into: Calendar, /, **more: Any) -> dict[str, Any]:
    return {
        "title": "Review", "starts_on": "2026-12-02", "starts": "10:00", "ends_on": "2026-12-02",
        "ends": "11:00", "zone": "Europe/Moscow", "calendar": into.pk, "nonce": str(uuid4()), **more,
    }  # fmt: skip


def test_a_page_shows_what_one_takes_part_in_and_what_one_shares(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    planned(anna, draft("Mine"))
    planned(boris, draft("Invited", invited=(f"U{anna.pk}",)))
    planned(boris, draft("Sales"), code=sales.code_with_below)
    planned(boris, draft("His own"))
    assert sorted(titles(as_person(anna))) == ["Invited", "Mine", "Sales"]
    assert titles(as_person(cara)) == []


def test_an_event_may_be_in_utc_and_keeps_whichever_zone_it_has(as_person: Browser, anna: User) -> None:
    browser, calendar = as_person(anna), main_calendar(f"U{anna.pk}")
    browser.post("/calendar/events/new/", sent(calendar, zone="UTC"))
    made = Event.objects.get()
    assert made.zone == "UTC"
    for zone, status in (("CET", 422), ("Etc/Nowhere", 422)):
        assert browser.post("/calendar/events/new/", sent(calendar, zone=zone)).status_code == status
    Event.objects.update(zone="CET")
    browser.post(f"/calendar/events/{made.pk}/edition/", sent(calendar, zone="CET", title="Kept"))
    made.refresh_from_db()
    assert (made.title, made.zone) == ("Kept", "CET")


def test_whole_days_are_days_and_times_are_moments(as_person: Browser, anna: User) -> None:
    planned(anna, whole_days(first=2, days=2))
    planned(anna, draft("Call"))
    day, call = sorted(shown(as_person(anna)), key=lambda one: not one["allDay"])
    assert (day["start"], day["end"]) == ("2026-12-02", "2026-12-04")
    assert datetime.fromisoformat(call["start"]) == TEN


def test_a_stretch_has_bounds(as_person: Browser, anna: User) -> None:
    browser = as_person(anna)
    for end, status in (("2027-03-11", 200), ("2027-03-12", 400), ("2026-12-01", 400), ("x", 400)):
        assert browser.get("/calendar/items/", {"start": "2026-12-01", "end": end}).status_code == status


def test_a_month_costs_the_same_for_many_events_as_for_one(
    as_person: Browser, anna: User, boris: User, sales: Department
) -> None:
    browser = as_person(anna)
    planned(boris, draft("Sales", rule="FREQ=DAILY"), code=sales.code_with_below)
    shown(browser)
    with CaptureQueriesContext(connection) as for_one:
        shown(browser)
    for number in range(20):
        planned(anna, draft(f"{number}", TEN + timedelta(minutes=number), rule="FREQ=DAILY"))
        planned(boris, draft(f"S{number}"), code=sales.code_with_below)
        planned(boris, draft(f"I{number}", invited=(f"U{anna.pk}",)))
    with CaptureQueriesContext(connection) as for_many:
        assert len(shown(browser)) > 160
    assert len(for_many) == len(for_one) <= 8


def test_the_plan_finds_a_persons_time_by_its_index(anna: User) -> None:
    first = planned(anna)
    events = Event.objects.bulk_create(
        Event(
            calendar=first.calendar, organizer=anna, changed_by=anna, title="x", starts_at=first.starts_at,
            ends_at=first.ends_at, zone=first.zone, span=first.span, audience=first.audience,
        )
        for _number in range(500)
    )  # fmt: skip
    Attendance.objects.bulk_create(Attendance(event=one, user=anna, span=one.span) for one in events)
    with connection.cursor() as cursor:
        # Of empty tables the planner says what those who were there before have left it.
        cursor.execute("ANALYZE calendar_attendance")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM calendar_attendance WHERE user_id = %s"
            " AND span && tstzrange('2027-12-01', '2027-12-08')",
            [anna.pk],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "attendance_of_person" in plan


def test_an_event_is_made_once_however_often_it_is_sent(as_person: Browser, anna: User, boris: User) -> None:
    calendar = main_calendar(f"U{anna.pk}")
    form = sent(calendar, audience=[f"U{boris.pk}"], repeats="weekly", every=2, times=3)
    for _ in range(2):
        assert as_person(anna).post("/calendar/events/new/", form).status_code == 302
    event = Event.objects.get()
    assert (event.rule, event.local_start.hour) == ("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE;COUNT=3", 10)
    assert sorted(event.attendances.values_list("user_id", flat=True)) == sorted([anna.pk, boris.pk])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"title": ""}, "This field is required."),
        ({"starts": ""}, "Say the time, or choose"),
        ({"ends": "09:00"}, "ends before it begins"),
        ({"repeats": "daily", "until": "2026-12-09", "times": "2"}, "Choose one end"),
        ({"repeats": "daily", "until": "2026-12-01"}, "ends before it begins"),
        ({"calendar": "999999"}, "not one of the available choices"),
        ({"audience": "U999999"}, "cannot invite all of these"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_made(
    as_person: Browser, anna: User, more: dict[str, str], why: str
) -> None:
    answer = as_person(anna).post("/calendar/events/new/", sent(main_calendar(f"U{anna.pk}"), **more))
    assert answer.status_code == 422
    assert why in answer.content.decode()
    assert not Event.objects.exists()


def test_the_form_of_an_event_holds_it_as_it_is(as_person: Browser, anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=MONTHLY;BYDAY=1TU;UNTIL=20270301"))
    page = as_person(anna).get(f"/calendar/events/{event.pk}/edition/").content.decode()
    assert '<option value="monthly-nth" selected' in page
    assert 'value="2027-03-01"' in page
    calendar = main_calendar(f"U{anna.pk}")
    form = sent(calendar, title="Stand-up", starts_on="2026-12-01", ends_on="2026-12-01", scope="all")
    form |= {"repeats": "monthly-nth", "every": 1, "until": "2027-03-01"}
    assert as_person(anna).post(f"/calendar/events/{event.pk}/edition/", form).status_code == 302
    event.refresh_from_db()
    assert event.rule == "FREQ=MONTHLY;BYDAY=1TU;UNTIL=20270301"


def test_a_drop_moves_one_time_and_can_be_undone(as_person: Browser, anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=2"))
    at = TEN + timedelta(weeks=1)
    moved = {"starts": (at + timedelta(hours=1)).isoformat(), "ends": (at + timedelta(hours=2)).isoformat()}
    dropped = {**moved, "scope": "this", "at": at.isoformat()}
    browser = as_person(anna)
    answer = browser.post(f"/calendar/events/{event.pk}/times/", dropped, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    undo = json.loads(answer.headers["HX-Trigger"])["toast"]["action"]["url"]
    assert Event.objects.there().count() == 2
    assert browser.post(undo).status_code == 302
    assert Event.objects.there().count() == 1
    assert browser.post(undo, headers={"HX-Request": "true"}).status_code == 422


def test_a_time_that_is_another_event_is_moved_alone(as_person: Browser, anna: User) -> None:
    event, second = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=3")), TEN + timedelta(weeks=1)
    hour = timedelta(hours=1)
    once = move_event(event, second + hour, second + 2 * hour, scope=Scope.THIS, at=second, by=anna).event
    moved = {"starts": (second + 3 * hour).isoformat(), "ends": (second + 4 * hour).isoformat()}
    # So the calendar's script sends it.
    sent = {**moved, "scope": "all", "at": ""}
    answer = as_person(anna).post(f"/calendar/events/{once.pk}/times/", sent, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    event.refresh_from_db()
    once.refresh_from_db()
    assert (event.rule, event.starts_at, event.excluded) == ("FREQ=WEEKLY;COUNT=3", TEN, [second])
    assert (once.starts_at, once.removed_at) == (second + 3 * hour, None)


def test_an_event_is_put_where_one_chooses_and_one_time_of_a_series_stays_with_it(
    as_person: Browser, anna: User
) -> None:
    event, family = (
        planned(anna, draft(rule="FREQ=WEEKLY;COUNT=3")),
        create_calendar("Family", "plum", by=anna),
    )
    second = TEN + timedelta(weeks=1)
    once = change_event(event, draft("Once", second), scope=Scope.THIS, at=second, by=anna).event
    browser, here = as_person(anna), f"/calendar/events/{once.pk}/edition/"
    assert "Family" not in browser.get(here).content.decode()
    form = sent(family, title="Again", starts_on="2026-12-08", ends_on="2026-12-08")
    assert browser.post(here, form).status_code == 422
    assert browser.post(here, {**form, "calendar": event.calendar_id}).status_code == 302
    once.refresh_from_db()
    assert (once.title, once.calendar) == ("Again", event.calendar)
    assert "Family" in browser.get(f"/calendar/events/{event.pk}/edition/").content.decode()


def test_the_form_offers_the_calendar_that_an_event_is_in_also_where_one_writes_no_more(
    as_person: Browser, anna: User
) -> None:
    company = main_calendar(EVERYONE)
    with importing(at=TEN):
        event = create_event(company, draft(), by=anna)
    browser, here = as_person(anna), f"/calendar/events/{event.pk}/edition/"
    assert f'<option value="{company.pk}" selected' in browser.get(here).content.decode()
    assert browser.post(here, sent(company, title="Renamed")).status_code == 302
    event.refresh_from_db()
    assert (event.title, event.calendar) == ("Renamed", company)


def test_who_is_invited_hears_of_it_once_answers_and_is_heard(
    as_person: Browser, anna: User, boris: User
) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    deliver_all()
    deliver_all()
    assert list(Notification.objects.values_list("user", "kind")) == [(boris.pk, "calendar.invited")]
    answer = {"answer": "declined", "comment": "On leave", "proposed_at": "2026-12-03T12:00"}
    assert as_person(boris).post(f"/calendar/events/{event.pk}/answer/", answer).status_code == 200
    deliver_all()
    assert Notification.objects.get(user=anna).kind == "calendar.declined"
    page = as_person(anna).get(event.get_absolute_url()).content.decode()
    assert "On leave" in page
    assert "proposes another time" in page
    assert titles(as_person(boris)) == []


def test_a_moved_event_asks_anew_and_a_renamed_one_does_not(
    as_person: Browser, anna: User, boris: User
) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    answer_event(event, "accepted", by=boris)
    deliver_all()
    calendar = main_calendar(f"U{anna.pk}")
    form = sent(calendar, title="Renamed", starts_on="2026-12-01", ends_on="2026-12-01")
    form["audience"] = f"U{boris.pk}"
    as_person(anna).post(f"/calendar/events/{event.pk}/edition/", form)
    deliver_all()
    mine = event.attendances.get(user=boris)
    assert mine.answer == "accepted"
    as_person(anna).post(f"/calendar/events/{event.pk}/edition/", {**form, "ends": "12:00"})
    deliver_all()
    mine.refresh_from_db()
    assert mine.answer == "waiting"
    kinds = Notification.objects.filter(user=boris).order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["calendar.invited", "calendar.changed", "calendar.moved"]


def test_whoever_was_asked_hears_that_it_is_cancelled(anna: User, boris: User) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    deliver_all()
    remove_event(event, by=anna)
    deliver_all()
    assert Notification.objects.filter(user=boris, kind="calendar.cancelled").count() == 1


def test_who_is_in_no_department_is_shown_the_companys_day(
    as_person: Browser, cara: User, boris: User, sales: Department
) -> None:
    assert f"/employees/{boris.pk}/" in as_person(cara).get("/calendar/team/").content.decode()


def test_others_see_that_time_is_taken_and_not_what_for(
    as_person: Browser, anna: User, boris: User, sales: Department
) -> None:
    planned(anna, draft("Doctor"))
    planned(boris, draft("Together", TEN + timedelta(hours=3), invited=(f"U{anna.pk}",)))
    planned(anna, draft("Free note", TEN + timedelta(hours=5), is_free=True))
    page = as_person(boris).get("/calendar/team/", {"on": "2026-12-01"}).content.decode()
    assert "Busy" in page
    assert "Together" in page
    assert "Doctor" not in page
    assert "Free note" not in page
    assert page.count("10:00 – 11:00") == 2  # for the pointer, and for who listens
    assert "Doctor" in as_person(anna).get("/calendar/team/", {"on": "2026-12-01"}).content.decode()


def test_an_open_calendar_shows_what_is_in_it_but_for_what_is_private(
    as_person: Browser, anna: User, cara: User
) -> None:
    calendar = create_calendar("Talks", "plum", is_open=True, by=anna)
    talk = create_event(calendar, draft("Talk"), by=anna)
    secret = create_event(calendar, draft("Secret", is_confidential=True), by=anna)
    assert as_person(cara).get(talk.get_absolute_url()).status_code == 200
    assert as_person(cara).get(secret.get_absolute_url()).status_code == 404
    form = {"name": "Talks", "color": "plum"}
    assert as_person(anna).post(f"/calendar/calendars/{calendar.pk}/", form).status_code == 302
    assert as_person(cara).get(talk.get_absolute_url()).status_code == 404


def test_the_company_calendar_is_for_who_has_the_right(as_person: Browser, anna: User, olga: User) -> None:
    calendar = main_calendar(EVERYONE)
    assert as_person(anna).post("/calendar/events/new/", sent(calendar)).status_code == 422
    assert as_person(olga).post("/calendar/events/new/", sent(calendar)).status_code == 302
    assert titles(as_person(anna)) == ["Review"]


def test_layers_show_who_is_away_and_not_why(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    first = datetime(2026, 12, 2, tzinfo=UTC).date()
    write_absence(boris, Away("sick", first, first + timedelta(days=1)), by=boris)
    (item,) = shown(as_person(anna), layers="calendar.absences,nothing.there")
    assert (item["title"], item["start"], item["end"]) == (
        f"{boris.name} is away",
        "2026-12-02",
        "2026-12-04",
    )
    assert shown(as_person(cara), layers="calendar.absences") == []
    assert shown(as_person(anna)) == []


def test_birthdays_are_of_those_who_show_theirs(as_person: Browser, anna: User, boris: User) -> None:
    boris.birthday_on = datetime(1990, 12, 3, tzinfo=UTC).date()
    boris.save(update_fields=["birthday_on"])
    assert titles(as_person(anna), layers="calendar.birthdays") == [boris.name]
    boris.birthday_shown = "nobody"
    boris.save(update_fields=["birthday_shown"])
    assert titles(as_person(anna), layers="calendar.birthdays") == []


def test_a_calendar_in_which_something_is_to_come_is_not_removed(as_person: Browser, anna: User) -> None:
    calendar = create_calendar("Family", "plum", by=anna)
    event = create_event(calendar, draft(rule="FREQ=YEARLY"), by=anna)
    browser = as_person(anna)
    assert browser.post(f"/calendar/calendars/{calendar.pk}/removal/").status_code == 422
    remove_event(event, by=anna)
    assert browser.post(f"/calendar/calendars/{calendar.pk}/removal/").status_code == 302
    assert not Calendar.objects.filter(pk=calendar.pk).exists()
    assert not Revision.objects.exists()


def test_it_reads_in_russian(as_person: Browser, anna: User) -> None:
    anna.language = "ru"
    anna.save()
    event = planned(anna, draft(rule="FREQ=WEEKLY;INTERVAL=2"))
    page = as_person(anna).get(event.get_absolute_url()).content.decode()
    assert "каждый второй вторник" in page
    assert "Что показывать" in as_person(anna).get("/calendar/").content.decode()


def test_a_form_that_is_older_than_a_change_is_asked_about(
    as_person: Browser, anna: User, boris: User
) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    browser, here = as_person(anna), f"/calendar/events/{event.pk}/edition/"

    def version(page: str) -> str:
        return page.partition('name="version" value="')[2].partition('"')[0]

    form = sent(event.calendar, title="Mine", audience=[f"U{boris.pk}"])
    form["version"] = version(browser.get(here).content.decode())
    move_event(event, TEN + timedelta(hours=1), TEN + timedelta(hours=2), by=anna)
    answer = browser.post(here, form)
    event.refresh_from_db()
    assert (answer.status_code, event.title) == (422, "Stand-up")
    page = answer.content.decode()
    assert "changed meanwhile" in page
    assert 'value="Mine"' in page
    form["version"] = version(page)
    # An answer is no change of it.
    answer_event(event, Attendance.Answer.ACCEPTED, by=boris)
    assert browser.post(here, form).status_code == 302
    event.refresh_from_db()
    assert (event.title, event.starts_at) == ("Mine", TEN + timedelta(days=1))
