"""Calendars: each principal's first one, and others of one's own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.calendar.actions import calendars as actions
from box.apps.calendar.actions import create_calendar, create_event, main_calendar, remove_event
from box.apps.calendar.actions.calendars import change_calendar, make_missing, remove_calendar
from box.apps.calendar.models import KIND, Calendar, Event
from box.core.access.principals import EVERYONE, code_of
from box.core.events.delivery import deliver_all
from box.core.events.models import Event as Told
from box.core.search.models import Document
from box.lib.moments import EARLIEST
from tests.box.apps.calendar.conftest import TEN, draft

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def told() -> list[tuple[int, int]]:
    rows = Told.objects.filter(kind="calendar.CalendarChanged").order_by("pk")
    return [(row.payload["calendar_id"], row.payload["by_id"]) for row in rows]


def test_each_principal_has_one_first_calendar_of_its_colour(
    anna: User, boris: User, sales: Department
) -> None:
    first = main_calendar(code_of(anna))
    assert main_calendar(code_of(anna)) == first
    codes = [code_of(anna), code_of(boris), sales.code, EVERYONE]
    make_missing(codes)
    # Of who has one it is asked once.
    with CaptureQueriesContext(connection) as asked:
        make_missing(codes)
    assert len(asked) == 1
    colors = dict(Calendar.objects.filter(is_main=True).values_list("code", "color"))
    assert colors == dict(zip(codes, ("spruce", "spruce", "sky", "brick"), strict=True))
    assert first == Calendar.objects.get(code=code_of(anna))


def test_a_first_calendar_is_made_also_for_who_has_another_one(anna: User, sales: Department) -> None:
    """As it comes with an account that was merged into theirs."""
    other = Calendar.objects.create(code=code_of(anna), name="Old")
    make_missing([code_of(anna)])
    first = Calendar.objects.get(code=code_of(anna), is_main=True)
    assert first != other
    assert main_calendar(code_of(anna)) == first
    assert main_calendar(sales.code).color == "sky"


def test_one_has_so_many_calendars_of_ones_own_the_first_among_them(
    anna: User, boris: User, erik: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_OWN", 2)
    family = create_calendar(" My  family ", "plum", by=anna)
    assert (family.name, family.is_main, family.code) == ("My family", False, code_of(anna))
    with pytest.raises(ValidationError, match="remove one first"):
        create_calendar("Sport", "plum", by=anna)
    create_calendar("Sport", "plum", by=boris)
    for name, color in ((" ", "plum"), ("Sport", "no-such")):
        with pytest.raises(ValidationError):
            monkeypatch.setattr(actions, "MOST_OWN", 30)
            create_calendar(name, color, by=anna)
    with pytest.raises(PermissionDenied):
        create_calendar("Guests", "plum", by=erik)


def test_what_is_in_a_calendar_is_seen_by_all_once_it_is_open_and_no_more_once_it_is_not(
    anna: User, cara: User
) -> None:
    calendar = create_calendar("Trips", "plum", by=anna)
    event = create_event(calendar, draft(), by=anna)
    assert not Event.objects.visible_to(cara).exists()
    change_calendar(calendar, name="Trips", color="sky", is_open=True, by=anna)
    assert list(Event.objects.visible_to(cara)) == [event]
    calendar.refresh_from_db()
    assert (calendar.color, calendar.is_open) == ("sky", True)
    change_calendar(calendar, name=" Far  trips ", color="sky", is_open=False, by=anna)
    assert not Event.objects.visible_to(cara).exists()
    calendar.refresh_from_db()
    assert (calendar.name, calendar.is_open) == ("Far trips", False)
    assert told() == [(calendar.pk, anna.pk)] * 3
    for name, color in ((" ", "sky"), ("Trips", "no-such")):
        with pytest.raises(ValidationError):
            change_calendar(calendar, name=name, color=color, is_open=False, by=anna)


def test_the_search_finds_as_much_of_a_calendar_as_its_reader_sees(anna: User, cara: User) -> None:
    calendar = create_calendar("Trips", "plum", by=anna)
    event = create_event(calendar, draft(title="Yalta", invited=(f"U{cara.pk}",)), by=anna)
    other = create_event(calendar, draft(title="Yalta again"), by=anna)

    def found() -> set[int]:
        deliver_all()
        return {one.object_id for one in Document.objects.visible_to(cara).filter(kind=KIND)}

    assert found() == {event.pk}
    change_calendar(calendar, name="Trips", color="sky", is_open=True, by=anna)
    assert found() == {event.pk, other.pk}
    change_calendar(calendar, name="Trips", color="sky", is_open=False, by=anna)
    assert found() == {event.pk}
    Event.objects.filter(calendar=calendar).update(span=DateTimeTZRange(EARLIEST, TEN - timedelta(days=900)))
    remove_calendar(calendar, by=anna)
    assert found() == set()


def test_the_first_calendar_is_called_after_whose_it_is_and_only_a_persons_is_opened(
    anna: User, olga: User
) -> None:
    first, company = main_calendar(code_of(anna)), main_calendar(EVERYONE)
    change_calendar(first, name="Mine", color="sky", is_open=True, by=anna)
    change_calendar(company, name="Ours", color="sky", is_open=True, by=olga)
    first.refresh_from_db()
    company.refresh_from_db()
    assert [(one.name, one.is_open) for one in (first, company)] == [("", True), ("", False)]
    with pytest.raises(ValidationError, match="first calendar stays"):
        remove_calendar(first, by=anna)


def test_nobody_changes_or_removes_what_is_anothers_calendar(anna: User, boris: User) -> None:
    calendar = create_calendar("Trips", "plum", is_open=True, by=anna)
    with pytest.raises(PermissionDenied):
        change_calendar(calendar, name="Mine", color="plum", is_open=True, by=boris)
    with pytest.raises(PermissionDenied):
        remove_calendar(calendar, by=boris)


def test_what_is_over_goes_with_its_calendar(anna: User) -> None:
    calendar, other = (create_calendar(name, "plum", by=anna) for name in ("Trips", "Sport"))
    now = timezone.now()
    create_event(calendar, draft(starts=now.replace(year=now.year - 1)), by=anna)
    kept = create_event(other, draft(), by=anna)
    remove_calendar(calendar, by=anna)
    assert list(Event.objects.all()) == [kept]
    assert told()[-1] == (calendar.pk, anna.pk)


def test_a_calendar_in_which_something_is_to_come_stays(anna: User) -> None:
    calendar = create_calendar("Trips", "plum", by=anna)
    event = create_event(calendar, draft(starts=timezone.now() + timedelta(days=1)), by=anna)
    with pytest.raises(ValidationError, match="to come in this calendar"):
        remove_calendar(calendar, by=anna)
    assert Calendar.objects.filter(pk=calendar.pk).exists()
    remove_event(event, by=anna)
    remove_calendar(calendar, by=anna)
    assert not Calendar.objects.filter(pk=calendar.pk).exists()
