"""Taking a change back: the series is what it was, and nothing else is touched."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.calendar.actions import (
    RoomDraft,
    Scope,
    answer_event,
    change_event,
    choose_reminder,
    create_calendar,
    create_event,
    create_room,
    main_calendar,
    move_event,
    purge_removed,
    remove_event,
    take_back,
)
from box.apps.calendar.actions import revisions as actions
from box.apps.calendar.actions.attendees import attendees_of
from box.apps.calendar.models import Booking, Event, Revision
from box.core.access.principals import EVERYONE, code_of
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, Reminder
from box.core.registry.settings import store
from tests.box.apps.calendar.conftest import TEN, draft, planned
from tests.box.apps.calendar.test_guests import asked, written
from tests.box.apps.calendar.test_series import FOUR, shown

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)
SECOND, THIRD, FOURTH = (TEN + number * WEEK for number in (1, 2, 3))


@pytest.fixture
def weekly(anna: User) -> Event:
    return planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))


def test_a_change_of_one_time_is_one_of_its_series(anna: User, weekly: Event) -> None:
    made = move_event(weekly, SECOND + HOUR, SECOND + 2 * HOUR, scope=Scope.THIS, at=SECOND, by=anna)
    moved = move_event(made.event, SECOND + 3 * HOUR, SECOND + 4 * HOUR, scope=Scope.THIS, by=anna)
    with pytest.raises(ValidationError, match="changed since"):
        take_back(made.revision, by=anna)
    removed = remove_event(made.event, scope=Scope.THIS, by=anna)
    with pytest.raises(ValidationError, match="changed since"):
        take_back(moved.revision, by=anna)
    for revision, second in ((removed, "13:00"), (moved.revision, "11:00"), (made.revision, "10:00")):
        take_back(revision, by=anna)
        assert shown() == [FOUR[0], f"08.12 {second} Stand-up", *FOUR[2:]]


def test_with_what_was_cut_off_goes_all_that_was_made_of_it_since(anna: User, olga: User) -> None:
    room = create_room(RoomDraft(name="Blue", bookers=(EVERYONE,)), by=olga)
    weekly = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4", room=room))
    change = move_event(
        weekly, THIRD + HOUR / 2, THIRD + 3 * HOUR / 2, scope=Scope.FOLLOWING, at=THIRD, by=anna
    )
    at = FOURTH + HOUR / 2
    move_event(change.event, at + HOUR / 4, at + 5 * HOUR / 4, scope=Scope.THIS, at=at, by=anna)
    take_back(change.revision, by=anna)
    assert shown() == FOUR
    assert [one.span.lower for one in Booking.objects.order_by("span")] == [TEN, SECOND, THIRD, FOURTH]


def test_who_knew_of_what_was_cut_off_hears_that_it_is_no_more(anna: User, boris: User, cara: User) -> None:
    store({"mail.host": "127.0.0.1"})
    weekly = asked(anna, rule="FREQ=WEEKLY;COUNT=4", invited=(f"U{boris.pk}",))
    both = (f"U{boris.pk}", f"U{cara.pk}")
    wanted = draft("Rest", THIRD, rule=weekly.rule, invited=both)
    change = change_event(weekly, wanted, scope=Scope.FOLLOWING, at=THIRD, by=anna)
    written()
    take_back(change.revision, by=anna)
    letters = {method: str(one["SUMMARY"]) for _to, method, events in written() for one in events}
    assert letters == {"CANCEL": "Rest", "REQUEST": "Stand-up"}
    told = Notification.objects.filter(kind="calendar.cancelled").values_list("user", flat=True)
    assert list(told) == [cara.pk]
    assert set(Reminder.objects.values_list("about_id", flat=True)) == {weekly.pk}
    rest = Event.objects.get(pk=change.event.pk)
    assert rest.version == change.event.version + 1


def test_what_has_no_end_has_none_again(anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY"))
    change = change_event(event, draft(rule="FREQ=WEEKLY;COUNT=2"), by=anna)
    take_back(change.revision, by=anna)
    event.refresh_from_db()
    assert (event.span.lower, event.span.upper) == (TEN, None)


def test_others_events_stay_as_they_are_by_now(anna: User) -> None:
    event, other = planned(anna), planned(anna, draft("Other"))
    change = change_event(event, draft("Renamed"), by=anna)
    change_event(other, draft("Renamed, too"), by=anna)
    take_back(change.revision, by=anna)
    assert set(Event.objects.values_list("title", flat=True)) == {"Stand-up", "Renamed, too"}


def test_so_many_changes_of_an_event_are_kept_and_the_oldest_goes(
    anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "MOST_KEPT", 2)
    event, other = planned(anna), planned(anna, draft("Other"))
    change_event(other, draft("Renamed"), by=anna)
    changes = [change_event(event, draft(title), by=anna).revision for title in ("One", "Two", "Three")]
    assert list(event.revisions.order_by("pk")) == changes[1:]
    assert other.revisions.count() == 1


def test_what_a_program_has_sent_once_more_is_not_put_back_beside_it(anna: User) -> None:
    calendar = main_calendar(code_of(anna))
    planned(anna)
    create_event(create_calendar("Family", "plum", by=anna), draft("Elsewhere"), uid="x", by=anna)
    event = create_event(calendar, draft("First"), uid="x", by=anna)
    revision = remove_event(event, by=anna)
    again = create_event(calendar, draft("Again"), uid="x", by=anna)
    with pytest.raises(ValidationError, match="changed since"):
        take_back(revision, by=anna)
    remove_event(again, by=anna)
    take_back(revision, by=anna)
    assert list(Event.objects.there().filter(calendar=calendar, uid="x")) == [event]


def test_a_time_that_is_gone_for_good_stays_away(anna: User, weekly: Event) -> None:
    once = move_event(weekly, SECOND + HOUR, SECOND + 2 * HOUR, scope=Scope.THIS, at=SECOND, by=anna).event
    remove_event(once, scope=Scope.THIS, by=anna)
    change = move_event(weekly, TEN + HOUR, TEN + 2 * HOUR, at=TEN, by=anna)
    once.refresh_from_db()
    assert once.removed_at is not None
    purge_removed(once.removed_at + timedelta(days=31))
    take_back(change.revision, by=anna)
    assert shown() == [FOUR[0], *FOUR[2:]]


def test_what_was_not_known_of_an_event_then_stays_as_it_is(anna: User) -> None:
    """The state may have been kept by an earlier version."""
    event = planned(anna)
    revision = change_event(event, draft("Renamed", is_free=True), by=anna).revision
    del revision.state[0]["values"]["is_free"]
    revision.save(update_fields=["state"])
    take_back(Revision.objects.get(pk=revision.pk), by=anna)
    event.refresh_from_db()
    assert (event.title, event.is_free) == ("Stand-up", True)


def test_those_who_take_part_keep_what_they_have_said_and_who_has_no_account_any_more_is_left_out(
    anna: User, boris: User
) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}",)))
    answer_event(event, "tentative", comment="By train", by=boris)
    choose_reminder(event, 60, by=boris)
    revision = change_event(event, draft("Renamed", invited=(f"U{boris.pk}",)), by=anna).revision
    revision.state[0]["answers"].append([boris.pk + 1000, "accepted"])
    take_back(revision, by=anna)
    theirs = event.attendances.get(user=boris)
    assert (theirs.answer, theirs.comment, theirs.remind_minutes) == ("tentative", "By train", 60)
    assert attendees_of(event) == {anna.pk, boris.pk}


def cancelled() -> set[tuple[int, int]]:
    deliver_all()
    found = Notification.objects.filter(kind="calendar.cancelled")
    return set(found.values_list("user", "about_id"))


def test_whom_a_change_had_invited_hears_that_they_are_not_any_more(
    anna: User, boris: User, cara: User, weekly: Event
) -> None:
    invited, both = (f"U{boris.pk}",), (f"U{boris.pk}", f"U{cara.pk}")
    change_event(weekly, draft(rule=weekly.rule, invited=invited), by=anna)
    change = change_event(weekly, draft(rule=weekly.rule, invited=both), by=anna)
    deliver_all()
    take_back(change.revision, by=anna)
    assert cancelled() == {(cara.pk, weekly.pk)}


def test_so_does_whom_it_had_invited_to_one_time(anna: User, boris: User, cara: User, weekly: Event) -> None:
    change_event(weekly, draft(rule=weekly.rule, invited=(f"U{cara.pk}",)), by=anna)
    alone = draft(starts=SECOND, invited=(f"U{cara.pk}",))
    once = change_event(weekly, alone, scope=Scope.THIS, at=SECOND, by=anna).event
    both = draft(starts=SECOND, invited=(f"U{boris.pk}", f"U{cara.pk}"))
    change = change_event(once, both, scope=Scope.THIS, by=anna)
    deliver_all()
    take_back(change.revision, by=anna)
    assert cancelled() == {(boris.pk, once.pk)}
    changed = Notification.objects.filter(user=cara, about_id=once.pk, kind="calendar.moved")
    assert not changed.exists(), "she hears it of the series"


def test_so_does_who_was_invited_since_to_one_time_of_what_was_cut_off(
    anna: User, boris: User, weekly: Event
) -> None:
    wanted = draft("Rest", THIRD, rule=weekly.rule)
    change = change_event(weekly, wanted, scope=Scope.FOLLOWING, at=THIRD, by=anna)
    alone = draft(starts=FOURTH, invited=(f"U{boris.pk}",))
    once = change_event(change.event, alone, scope=Scope.THIS, at=FOURTH, by=anna).event
    deliver_all()
    take_back(change.revision, by=anna)
    assert cancelled() == {(boris.pk, once.pk)}
