"""Who takes part: whom the codes of an invitation mean, and who stays."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from box.apps.calendar.actions import (
    Scope,
    change_event,
    create_event,
    main_calendar,
    move_event,
    take_back,
)
from box.apps.calendar.actions import attendees as actions
from box.apps.calendar.actions.attendees import attendees_of
from box.apps.calendar.models import Event
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.actions import suspend_user
from box.core.registry.origin import importing
from tests import cast
from tests.box.apps.calendar.conftest import TEN, draft, planned

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department

pytestmark = pytest.mark.django_db


def test_a_department_means_those_who_are_in_it_now_and_work_here(
    anna: User, boris: User, cara: User, sales: Department
) -> None:
    suspend_user(cast.member("Vera", sales), by=None)
    event = planned(cara, draft(invited=(sales.code_with_below,)))
    assert attendees_of(event) == {cara.pk, anna.pk, boris.pk}


def test_who_takes_part_stays_also_when_nobody_could_ask_them_any_more(
    anna: User, boris: User, cara: User
) -> None:
    both = (f"U{boris.pk}", f"U{cara.pk}")
    event = planned(anna, draft(invited=both))
    suspend_user(boris, by=None)
    with pytest.raises(ValidationError, match="cannot invite all"):
        planned(anna, draft(invited=both))
    change_event(event, draft("Renamed", invited=both), by=anna)
    assert attendees_of(event) == {anna.pk, boris.pk, cara.pk}
    change_event(event, draft("Renamed", invited=both[:1]), by=anna)
    assert attendees_of(event) == {anna.pk, boris.pk}
    # Elsewhere they took part.
    with importing(at=TEN):
        assert attendees_of(planned(anna, draft(invited=both))) == {anna.pk, boris.pk, cara.pk}


def test_so_many_are_invited_and_no_more(
    anna: User, boris: User, cara: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_INVITED", 2)
    codes = tuple(f"U{one.pk}" for one in (boris, cara, olga))
    event = planned(anna, draft(invited=codes[:2]))
    assert attendees_of(event) == {anna.pk, boris.pk, cara.pk}
    with pytest.raises(ValidationError, match="2 people can be invited at most"):
        planned(anna, draft(invited=codes))
    with pytest.raises(ValidationError, match="2 people can be invited at most"):
        change_event(event, draft(invited=codes), by=anna)


# In whose calendars


def test_what_is_taken_over_was_allowed_where_it_happened(anna: User, boris: User) -> None:
    calendar = main_calendar(code_of(anna))
    with pytest.raises(PermissionDenied):
        create_event(calendar, draft(), by=boris)
    with importing(at=TEN):
        event = create_event(calendar, draft(), by=boris)
        change_event(event, draft("Renamed"), by=boris)
    with pytest.raises(PermissionDenied):
        change_event(event, draft("Mine"), by=boris)
    event.refresh_from_db()
    assert (event.title, event.changed_at) == ("Renamed", TEN)


def test_an_event_is_put_into_another_calendar_by_who_may_write_there(
    anna: User, boris: User, sales: Department
) -> None:
    event, ours = planned(anna), main_calendar(sales.code_with_below)
    assert not Event.objects.visible_to(boris).exists()
    change_event(event, draft(), calendar=ours, by=anna)
    assert Event.objects.visible_to(boris).get().calendar == ours
    with pytest.raises(PermissionDenied):
        change_event(event, draft(), calendar=main_calendar(EVERYONE), by=anna)
    event.refresh_from_db()
    assert event.calendar == ours


def test_the_exceptions_of_a_series_are_in_its_calendar(anna: User, boris: User, sales: Department) -> None:
    series, second = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4")), TEN + timedelta(weeks=1)
    hour = timedelta(hours=1)
    move_event(series, second + hour, second + 2 * hour, scope=Scope.THIS, at=second, by=anna)
    ours = main_calendar(sales.code_with_below)
    change = change_event(series, draft(rule=series.rule), calendar=ours, by=anna)
    assert [one.calendar for one in Event.objects.visible_to(boris)] == [ours, ours]
    take_back(change.revision, by=anna)
    assert not Event.objects.visible_to(boris).exists()


def test_one_time_of_a_series_stays_where_the_series_is(anna: User, boris: User, sales: Department) -> None:
    series, second = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4")), TEN + timedelta(weeks=1)
    own, ours = series.calendar, main_calendar(sales.code_with_below)
    wanted = draft("Once", starts=second)
    once = change_event(series, wanted, scope=Scope.THIS, at=second, calendar=ours, by=anna).event
    again = change_event(once, draft("Again", starts=second), scope=Scope.THIS, calendar=ours, by=anna).event
    assert (once.calendar, again.calendar, again.title) == (own, own, "Again")
    assert not Event.objects.visible_to(boris).exists()


def test_who_has_made_an_event_changes_it_where_they_write_no_more(anna: User) -> None:
    company = main_calendar(EVERYONE)
    with importing(at=TEN):
        event = create_event(company, draft(), by=anna)
    change_event(event, draft("Renamed"), calendar=company, by=anna)
    event.refresh_from_db()
    assert (event.title, event.calendar) == ("Renamed", company)


def test_administrators_see_nothing_of_what_is_between_people(
    anna: User, boris: User, olga: User, sales: Department
) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    assert not Event.objects.visible_to(olga).exists()
    change_event(event, draft(), calendar=main_calendar(sales.code_with_below), by=anna)
    assert Event.objects.visible_to(olga).get() == event
