"""Calendars as other programs read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from icalendar import Calendar as Read

from box.apps.calendar.actions import Scope, create_feed, end_feed, main_calendar, move_event, remove_event
from box.apps.calendar.models import Feed
from box.core.accounts.actions import suspend_user
from box.core.events.models import Event as Told
from tests.box.apps.calendar.conftest import TEN, draft, planned, whole_days

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

type Browser = Callable[[User | None], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


def fetched(browser: Client, feed: Feed) -> list[Any]:
    answer = browser.get(feed.get_absolute_url())
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return list(Read.from_ical(answer.content).walk("VEVENT"))


def test_a_program_without_an_account_reads_what_is_in_the_calendar(as_person: Browser, anna: User) -> None:
    planned(anna, draft("Встреча; и, прочее", place="Office", description="One\nTwo"))
    planned(anna, whole_days(days=2))
    first, second = fetched(as_person(None), create_feed(main_calendar(f"U{anna.pk}"), by=anna))
    assert (str(first["SUMMARY"]), str(first["LOCATION"])) == ("Встреча; и, прочее", "Office")
    assert str(first["DESCRIPTION"]) == "One\nTwo"
    assert first["DTSTART"].dt == TEN
    assert (second["DTSTART"].dt, second["DTEND"].dt) == (date(2026, 12, 7), date(2026, 12, 9))


def test_a_series_its_exception_and_what_was_left_out_have_one_name(as_person: Browser, anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))
    second, third = TEN + WEEK, TEN + 2 * WEEK
    move_event(event, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna)
    remove_event(event, scope=Scope.THIS, at=third, by=anna)
    series, exception = fetched(as_person(None), create_feed(event.calendar, by=anna))
    assert series["UID"] == exception["UID"]
    assert series["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=4"
    assert [one.dt for one in series["EXDATE"].dts] == [third]
    assert (exception["RECURRENCE-ID"].dt, exception["DTSTART"].dt) == (second, second + HOUR)


def test_what_is_private_is_only_taken_time(as_person: Browser, anna: User) -> None:
    planned(anna, draft("Doctor", is_confidential=True, place="Clinic"))
    (event,) = fetched(as_person(None), create_feed(main_calendar(f"U{anna.pk}"), by=anna))
    assert str(event["SUMMARY"]) == "Busy"
    assert "LOCATION" not in event


def test_a_link_that_was_ended_changed_or_belongs_to_nobody_here_leads_nowhere(
    as_person: Browser, anna: User, olga: User
) -> None:
    feed, other = (create_feed(main_calendar(f"U{anna.pk}"), by=anna) for _ in range(2))
    browser = as_person(None)
    assert browser.get(feed.get_absolute_url().replace(f"/{feed.pk}:", f"/{other.pk}:")).status_code == 404
    end_feed(feed, by=anna)
    assert browser.get(feed.get_absolute_url()).status_code == 404
    assert browser.get(other.get_absolute_url()).status_code == 200
    suspend_user(anna, by=olga)
    assert browser.get(other.get_absolute_url()).status_code == 404


def test_only_who_writes_into_a_calendar_shows_it_outside(anna: User, cara: User, sales: Department) -> None:
    calendar = main_calendar(sales.code_with_below)
    assert create_feed(calendar, by=anna).calendar == calendar
    with pytest.raises(PermissionDenied):
        create_feed(calendar, by=cara)
    with pytest.raises(PermissionDenied):
        create_feed(main_calendar(f"U{anna.pk}"), by=cara)


def test_each_has_so_many_links_of_a_calendar_and_no_more(anna: User, boris: User, sales: Department) -> None:
    calendar = main_calendar(sales.code_with_below)
    feeds = [create_feed(calendar, by=anna) for _ in range(5)]
    with pytest.raises(ValidationError, match="5 links"):
        create_feed(calendar, by=anna)
    create_feed(calendar, by=boris)
    create_feed(main_calendar(f"U{anna.pk}"), by=anna)
    end_feed(feeds[0], by=anna)
    create_feed(calendar, by=anna)


def test_that_a_link_was_made_and_ended_is_told_once(anna: User) -> None:
    calendar = main_calendar(f"U{anna.pk}")
    feed = create_feed(calendar, by=anna)
    end_feed(feed, by=anna)
    feed.refresh_from_db()
    ended_at = feed.ended_at
    end_feed(feed, by=anna)
    feed.refresh_from_db()
    assert feed.ended_at == ended_at
    told = Told.objects.filter(kind__startswith="calendar.Feed").order_by("pk")
    said = {"feed_id": feed.pk, "calendar_id": calendar.pk, "by_id": anna.pk}
    assert [(one.kind, one.payload) for one in told] == [
        ("calendar.FeedMade", said), ("calendar.FeedEnded", said)
    ]  # fmt: skip
