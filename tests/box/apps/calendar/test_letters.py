"""What people outside are written of a series, of its times, and of what is no more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from icalendar import Calendar as Read

from box.apps.calendar.actions import Scope, change_event, move_event, remove_event
from box.apps.calendar.actions.guests import enclosure_of, invitation_of
from box.core.events.delivery import deliver_all
from box.core.notify.models import QueuedLetter
from box.core.registry.settings import store
from tests.box.apps.calendar.conftest import TEN, draft, planned
from tests.box.apps.calendar.test_guests import YAN, ZOE, asked, written

if TYPE_CHECKING:
    from box.apps.calendar.models import Event
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
SECOND = TEN + WEEK
RULE = "FREQ=WEEKLY;COUNT=4"


@pytest.fixture(autouse=True)
def _mail_server() -> None:
    store({"mail.host": "127.0.0.1"})


def moved_once(event: Event, by: User) -> Event:
    return move_event(event, SECOND + HOUR, SECOND + 2 * HOUR, scope=Scope.THIS, at=SECOND, by=by).event


def left_out(component: Any) -> list[Any]:
    return [one.dt for one in component["EXDATE"].dts] if "EXDATE" in component else []


def test_a_time_that_is_gone_is_left_out_of_the_series(anna: User) -> None:
    event = asked(anna, rule=RULE)
    once = moved_once(event, anna)
    written()
    remove_event(once, scope=Scope.THIS, by=anna)
    ((_to, method, (component,)),) = written()
    assert (method, "STATUS" in component, left_out(component)) == ("REQUEST", False, [SECOND])


def test_each_is_told_of_the_times_to_which_they_are_asked(anna: User) -> None:
    event = asked(anna, ZOE, YAN, rule=RULE)
    written()
    wanted = draft("Otherwise", SECOND, guests=(ZOE,))
    change_event(event, wanted, scope=Scope.THIS, at=SECOND, by=anna)
    letters = {to: (method, events) for to, method, events in written()}
    assert {method for method, _events in letters.values()} == {"REQUEST"}
    (alone,), (series,) = letters[ZOE.email][1], letters[YAN.email][1]
    assert (alone["RECURRENCE-ID"].dt, str(alone["SUMMARY"])) == (SECOND, "Otherwise")
    assert left_out(series) == [SECOND]


def test_who_is_asked_to_one_time_alone_is_told_of_its_changes(anna: User) -> None:
    event = planned(anna, draft(rule=RULE))
    once = change_event(
        event, draft(starts=SECOND, guests=(ZOE,)), scope=Scope.THIS, at=SECOND, by=anna
    ).event
    written()
    change_event(once, draft("Otherwise", SECOND), scope=Scope.THIS, by=anna)
    ((_to, method, (component,)),) = written()
    assert (method, str(component["SUMMARY"])) == ("REQUEST", "Otherwise")


def test_a_series_that_is_removed_is_cancelled_as_a_whole(anna: User) -> None:
    event = asked(anna, rule=RULE, kept_lines="STATUS:CONFIRMED")
    moved_once(event, anna)
    written()
    remove_event(event, by=anna)
    deliver_all()
    letter = QueuedLetter.objects.get()
    assert letter.subject == "Cancelled: Stand-up"
    ((_to, method, (component,)),) = written()
    assert (method, "RECURRENCE-ID" in component) == ("CANCEL", False)
    assert component["STATUS"] == "CANCELLED"


def test_who_is_not_asked_any_more_before_anything_was_written_hears_nothing(anna: User) -> None:
    event = asked(anna, ZOE, YAN)
    change_event(event, draft(guests=(YAN,)), by=anna)
    assert [(to, method) for to, method, _events in written()] == [(YAN.email, "REQUEST")]


def test_what_has_no_end_is_never_over(anna: User) -> None:
    event = asked(anna, rule="FREQ=WEEKLY")
    change_event(event, draft("Otherwise", rule="FREQ=WEEKLY"), by=anna)
    assert [method for _to, method, _events in written()] == ["REQUEST"]


def test_each_letter_encloses_its_own_object(anna: User) -> None:
    asked(anna)
    asked(anna, YAN, is_free=True)
    deliver_all()
    component: Any
    for letter in QueuedLetter.objects.all():
        enclosed = enclosure_of(letter.key)
        assert enclosed is not None
        (component,) = Read.from_ical(enclosed.body).walk("VEVENT")
        assert str(component["ATTENDEE"]) == f"mailto:{letter.to}"
    assert enclosure_of("calendar:none") is None


def test_the_page_of_an_invitation_has_the_event_as_a_file(anna: User) -> None:
    guest = asked(anna).guests.get()
    component: Any
    (component,) = Read.from_ical(invitation_of(guest)).walk("VEVENT")
    assert (str(component["SUMMARY"]), component["DTSTART"].dt) == ("Stand-up", TEN)
