"""The company's working calendar: its week, its country's holidays, its own decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from typing import TYPE_CHECKING

import pytest

from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.portal.actions import change_settings, decide_day, forget_day
from box.core.portal.calendar import COUNTRY, DAYS, RUSSIA, work_calendar, working_hours
from box.core.portal.models import CalendarDay
from box.core.registry.settings import read_version

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

MOVED = date(2026, 1, 9)


@pytest.fixture(autouse=True)
def _russian(olga: User) -> None:
    change_settings({COUNTRY.key: RUSSIA}, by=olga)


def test_the_country_gives_the_holidays_and_the_company_the_week(olga: User) -> None:
    assert not work_calendar().is_working_day(MOVED)
    assert work_calendar().is_working_day(date(2026, 1, 12))
    change_settings({DAYS.key: [5, 6]}, by=olga)
    assert not work_calendar().is_working_day(date(2026, 1, 12))
    change_settings({COUNTRY.key: "", DAYS.key: [0, 1, 2, 3, 4]}, by=olga)
    assert work_calendar().is_working_day(MOVED)
    assert working_hours() == (time(9), time(18))


def test_the_company_decides_otherwise_and_may_take_it_back(olga: User) -> None:
    version = read_version()
    decide_day(MOVED, "worked", by=olga)
    assert read_version() == version + 1, "every process reads it anew"
    decide_day(date(2026, 7, 1), "off", name=" Founding day ", by=olga)
    decide_day(date(2026, 5, 11), "usual", by=olga)
    calendar = work_calendar()
    assert calendar.is_working_day(MOVED)
    assert calendar.exceptions[date(2026, 7, 1)].name == "Founding day"
    assert calendar.is_working_day(date(2026, 5, 11))
    forget_day(MOVED, by=olga)
    forget_day(MOVED, by=olga)
    assert not work_calendar().is_working_day(MOVED)
    assert not work_calendar().is_working_day(date(2026, 7, 1)), "the other days stay decided"
    kinds = [
        event.payload["kind"] for event in Event.objects.filter(kind="portal.CalendarChanged").order_by("pk")
    ]
    assert kinds == ["worked", "off", "usual", ""]


def test_the_page_shows_a_year_and_takes_a_decision(as_person: Browser, olga: User) -> None:
    browser = as_person(olga)
    page = browser.get("/console/settings/calendar/2026/").content.decode()
    assert "247 working days" in page
    assert 'class="holiday" title="Day off (substituted from 01/03/2026)"' in " ".join(page.split())
    sent = {"on": "2026-07-01", "kind": "off", "name": "Founding day"}
    assert browser.post("/console/settings/calendar/2026/", sent).status_code == 302
    assert browser.post("/console/settings/calendar/2026/", {**sent, "kind": "short"}).status_code == 302
    page = browser.get("/console/settings/calendar/2026/").content.decode()
    assert "Founding day" in page
    assert "247 working days" in page
    assert browser.post("/console/settings/calendar/2026-07-01/").status_code == 302
    assert not CalendarDay.objects.exists()


def test_a_day_that_is_none_is_refused(as_person: Browser, olga: User) -> None:
    answer = as_person(olga).post("/console/settings/calendar/2026/", {"on": "2026-13-40", "kind": "off"})
    assert answer.status_code == 422
    assert "Enter a valid date" in answer.content.decode()
    assert as_person(olga).get("/console/settings/calendar/1999/").status_code == 404
    assert as_person(olga).post("/console/settings/calendar/2026-13-40/").status_code == 404


def test_a_day_cannot_end_before_it_begins(as_person: Browser, olga: User) -> None:
    sent = {"work.days": ["0", "1"], "work.begins": "18:00", "work.ends": "09:00", "work.country": "RU"}
    answer = as_person(olga).post("/console/settings/work/", sent)
    assert answer.status_code == 422
    assert "ends before it begins" in answer.content.decode()
