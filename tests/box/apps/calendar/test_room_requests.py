"""A room that its keepers have to agree to: held from the first moment, and free again when they refuse."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone

from box.apps.calendar.actions import (
    RoomDraft,
    Scope,
    change_event,
    change_room,
    create_room,
    decide_request,
    move_event,
    remove_event,
    take_back,
)
from box.apps.calendar.actions.events import draft_of
from box.apps.calendar.models import LONGEST_REASON, Booking, Event, Room, RoomRequest
from box.core.access.principals import EVERYONE, code_of
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.events.models import Event as Told
from box.core.notify.models import Notification
from box.core.people.merging import merge_people
from box.core.people.offboarding import dismiss
from box.core.registry.origin import importing
from tests import cast
from tests.box.apps.calendar.conftest import TEN, draft, planned

if TYPE_CHECKING:
    from box.core.structure.models import Department
    from tests.clock import Clock

type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
State = RoomRequest.State


@pytest.fixture
def hall(olga: User, cara: User) -> Room:
    """Which cara keeps."""
    return create_room(kept_by(cara), by=olga)


def kept_by(keeper: User, *, needs_approval: bool = True) -> RoomDraft:
    return RoomDraft(
        name="Hall", bookers=(EVERYONE,), needs_approval=needs_approval, keepers=(code_of(keeper),)
    )


def asked_by(event: Event) -> RoomRequest:
    return RoomRequest.objects.get(event=event)


def approve(event: Event, keeper: User) -> None:
    decide_request(asked_by(event), by=keeper, is_approved=True, count=asked_by(event).count)


def refuse(event: Event, keeper: User, reason: str = "The fair is there") -> None:
    decide_request(asked_by(event), by=keeper, is_approved=False, count=asked_by(event).count, reason=reason)


def told(person: User) -> list[str]:
    deliver_all()
    return list(Notification.objects.filter(user=person).order_by("pk").values_list("kind", flat=True))


def test_it_is_held_while_its_keeper_has_not_answered(
    anna: User, boris: User, cara: User, hall: Room
) -> None:
    event = planned(anna, draft(room=hall))
    assert asked_by(event).state == State.WAITING
    with pytest.raises(ValidationError, match="Hall is taken"):
        planned(boris, draft("Other", room=hall))
    assert told(cara) == ["calendar.room-asked"]
    approve(event, cara)
    assert asked_by(event).state == State.APPROVED
    assert "calendar.room-approved" in told(anna)
    assert Booking.objects.filter(event=event).count() == 1


def test_what_is_refused_is_free_at_once_and_the_event_stays_with_the_reason(
    as_person: Browser, anna: User, boris: User, cara: User, hall: Room
) -> None:
    event = planned(anna, draft(room=hall, invited=(code_of(boris),)))
    refuse(event, cara)
    event.refresh_from_db()
    assert event.room is None
    assert event.removed_at is None
    planned(boris, draft("Other", room=hall))
    assert told(anna) == ["calendar.room-refused"]
    assert "calendar.changed" in told(boris)
    page = as_person(anna).get(event.get_absolute_url()).content.decode()
    assert "The fair is there" in page
    # Whoever writes on keeps reading it, until another room is chosen.
    change_event(event, draft("Renamed"), by=anna)
    assert asked_by(event).is_refused
    other = create_room(
        RoomDraft(name="Blue", bookers=(EVERYONE,)), by=cast.person("Vera", is_administrator=True)
    )
    event.refresh_from_db()
    change_event(event, draft("Renamed", room=other), by=anna)
    assert not RoomRequest.objects.filter(event=event).exists()


def test_who_refuses_stands_behind_it_until_the_room_is_asked_for_again(
    anna: User, cara: User, hall: Room
) -> None:
    event = planned(anna, draft(room=hall))
    version = event.version
    refuse(event, cara, " The fair \n is there ")
    event.refresh_from_db()
    assert (event.version, event.changed_by) == (version + 1, cara)
    request = asked_by(event)
    assert (request.decided_by, request.reason) == (cara, "The fair is there")
    assert request.decided_at is not None
    change_event(event, draft(room=hall), by=anna)
    request = asked_by(event)
    assert (request.state, request.count, request.reason) == (State.WAITING, 2, "")
    assert (request.decided_by, request.decided_at) == (None, None)


def test_a_refusal_says_why(anna: User, cara: User, hall: Room) -> None:
    event = planned(anna, draft(room=hall))
    with pytest.raises(ValidationError, match="Say why"):
        refuse(event, cara, "  ")
    assert asked_by(event).is_waiting
    assert Booking.objects.count() == 1


def test_only_who_keeps_the_room_or_manages_rooms_answers(
    anna: User, boris: User, cara: User, olga: User, hall: Room
) -> None:
    event = planned(anna, draft(room=hall))
    for stranger in (anna, boris):
        with pytest.raises(PermissionDenied):
            approve(event, stranger)
    approve(event, olga)
    assert asked_by(event).decided_by == olga


def test_what_a_keeper_books_needs_nobodys_word(cara: User, hall: Room) -> None:
    event = planned(cara, draft(room=hall))
    request = asked_by(event)
    assert (request.state, request.decided_by) == (State.APPROVED, cara)
    assert request.decided_at == request.asked_at
    assert told(cara) == []
    assert not Told.objects.filter(kind="calendar.RoomAsked").exists()


def test_what_comes_from_elsewhere_was_approved_there(anna: User, cara: User, hall: Room) -> None:
    with importing(at=timezone.now()):
        event = planned(anna, draft(room=hall))
    assert asked_by(event).state == State.APPROVED


def test_another_time_is_asked_anew_and_another_word_is_not(anna: User, cara: User, hall: Room) -> None:
    event = planned(anna, draft(room=hall))
    assert told(cara) == ["calendar.room-asked"]
    approve(event, cara)
    change_event(event, draft("Renamed", room=hall), by=anna)
    assert asked_by(event).state == State.APPROVED
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    assert (asked_by(event).state, asked_by(event).count) == (State.WAITING, 2)
    assert told(cara) == ["calendar.room-asked", "calendar.room-asked"]


def test_who_answers_means_the_time_that_they_have_seen(anna: User, cara: User, hall: Room) -> None:
    event = planned(anna, draft(room=hall))
    seen = asked_by(event)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        decide_request(seen, by=cara, is_approved=True, count=seen.count)
    approve(event, cara)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        refuse(event, cara)
    assert asked_by(event).state == State.APPROVED


def test_what_was_removed_gets_no_answer(anna: User, cara: User, hall: Room) -> None:
    event = planned(anna, draft(room=hall))
    remove_event(event, by=anna)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        approve(event, cara)


def test_a_room_that_is_given_up_is_asked_for_no_more_and_others_go_on_waiting(
    anna: User, boris: User, hall: Room
) -> None:
    theirs = planned(boris, draft("Theirs", TEN + 2 * HOUR, room=hall))
    event = planned(anna, draft(room=hall))
    change_event(event, draft(), by=anna)
    assert RoomRequest.objects.get() == asked_by(theirs)


def test_when_it_was_asked_and_given_back_is_known_and_a_long_reason_is_cut(
    clock: Clock, anna: User, cara: User, hall: Room
) -> None:
    event = planned(anna, draft(room=hall))
    clock.move(hours=1)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    assert asked_by(event).asked_at == clock.now
    clock.move(hours=1)
    refuse(event, cara, "x" * (LONGEST_REASON + 1))
    event.refresh_from_db()
    assert (event.changed_at, asked_by(event).decided_at) == (clock.now, clock.now)
    assert asked_by(event).reason == "x" * LONGEST_REASON


def test_whoever_asked_and_whose_event_it_is_hear_of_the_refusal_alone(
    anna: User, boris: User, cara: User, sales: Department, hall: Room
) -> None:
    event = planned(anna, draft(invited=(code_of(boris),)), code=sales.code_with_below)
    change_event(event, draft(invited=(code_of(boris),), room=hall), by=boris)
    deliver_all()
    refuse(event, cara)
    assert told(anna) == ["calendar.changed", "calendar.room-refused"]
    assert told(boris) == ["calendar.invited", "calendar.room-refused"]


def test_what_is_made_of_a_series_waits_as_it_does_and_asks_for_other_times(
    anna: User, cara: User, hall: Room
) -> None:
    event = planned(anna, draft(room=hall, rule="FREQ=WEEKLY;COUNT=4"))
    second, fourth = TEN + WEEK, TEN + 3 * WEEK
    wanted = draft("Renamed", second, room=hall)
    renamed = change_event(event, wanted, scope=Scope.THIS, at=second, by=anna).event
    assert asked_by(renamed).is_waiting
    approve(event, cara)
    moved = move_event(event, fourth + HOUR, fourth + 2 * HOUR, scope=Scope.FOLLOWING, at=fourth, by=anna)
    assert asked_by(moved.event).is_waiting


def test_of_a_series_a_time_that_is_moved_asks_by_itself(
    anna: User, boris: User, cara: User, hall: Room
) -> None:
    planned(boris, draft("Theirs", TEN + 5 * HOUR, room=hall))
    event = planned(anna, draft(room=hall, rule="FREQ=WEEKLY;COUNT=4"))
    approve(event, cara)
    second, third = TEN + WEEK, TEN + 2 * WEEK
    renamed = change_event(
        event, draft("Renamed", second, room=hall), by=anna, scope=Scope.THIS, at=second
    ).event
    request = asked_by(renamed)
    assert (request.state, request.decided_by) == (State.APPROVED, cara)
    assert request.decided_at == asked_by(event).decided_at
    moved = move_event(event, third + HOUR, third + 2 * HOUR, by=anna, scope=Scope.THIS, at=third).event
    assert asked_by(moved).state == State.WAITING
    refuse(moved, cara)
    assert asked_by(event).state == State.APPROVED
    assert Booking.objects.filter(event=event).count() == 2
    assert Booking.objects.filter(event=renamed).count() == 1
    fourth = TEN + 3 * WEEK
    rest = change_event(event, draft("Last", fourth, room=hall, rule=event.rule), by=anna,
                        scope=Scope.FOLLOWING, at=fourth).event  # fmt: skip
    assert asked_by(rest).state == State.APPROVED


def test_an_exception_in_another_room_asks_there(anna: User, cara: User, olga: User, hall: Room) -> None:
    blue = create_room(RoomDraft(name="Blue", bookers=(EVERYONE,)), by=olga)
    event = planned(anna, draft(room=blue, rule="FREQ=WEEKLY;COUNT=2"))
    other = change_event(event, draft(starts=TEN + WEEK, room=hall), by=anna, scope=Scope.THIS,
                         at=TEN + WEEK).event  # fmt: skip
    assert asked_by(other).state == State.WAITING


def test_a_change_that_is_taken_back_asks_for_what_is_another_time(
    anna: User, cara: User, hall: Room
) -> None:
    event = planned(anna, draft(room=hall))
    approve(event, cara)
    renamed = change_event(event, draft("Renamed", room=hall), by=anna)
    take_back(renamed.revision, by=anna)
    assert asked_by(event).state == State.APPROVED
    moved = move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    approve(event, cara)
    take_back(moved.revision, by=anna)
    assert asked_by(event).state == State.WAITING
    gone = remove_event(event, by=anna)
    assert not RoomRequest.objects.waiting(TEN).exists()
    take_back(gone, by=anna)
    assert RoomRequest.objects.waiting(TEN).get() == asked_by(event)
    assert Booking.objects.count() == 1


def test_what_was_booked_before_the_room_needed_a_word_stays(
    anna: User, cara: User, olga: User, hall: Room
) -> None:
    change_room(hall, kept_by(cara, needs_approval=False), by=olga)
    event = planned(anna, draft(room=hall, rule="FREQ=WEEKLY;COUNT=2"))
    change_room(hall, kept_by(cara), by=olga)
    event.refresh_from_db()
    change_event(event, draft("Renamed", room=hall, rule=event.rule), by=anna)
    assert not RoomRequest.objects.exists()
    second = TEN + WEEK
    change_event(event, draft("Once", second, room=hall), by=anna, scope=Scope.THIS, at=second)
    assert not RoomRequest.objects.exists()


def test_a_room_that_needs_no_word_any_more_is_theirs_who_waited(
    anna: User, cara: User, olga: User, hall: Room
) -> None:
    refused = planned(anna, draft(room=hall))
    refuse(refused, cara)
    event = planned(anna, draft(room=hall))
    change_room(hall, kept_by(cara, needs_approval=False), by=olga)
    assert (asked_by(event).state, asked_by(event).decided_by) == (State.APPROVED, olga)
    assert asked_by(event).decided_at is not None
    assert asked_by(refused).state == State.REFUSED
    assert "calendar.room-approved" in told(anna)


def test_who_waits_for_another_room_or_for_one_that_still_needs_a_word_goes_on_waiting(
    anna: User, cara: User, olga: User, hall: Room
) -> None:
    other = create_room(replace(kept_by(cara), name="Red"), by=olga)
    event, elsewhere = planned(anna, draft(room=hall)), planned(anna, draft(room=other))
    change_room(hall, replace(kept_by(cara), place="Ground floor"), by=olga)
    assert asked_by(event).is_waiting
    change_room(hall, kept_by(cara, needs_approval=False), by=olga)
    assert asked_by(event).state == State.APPROVED
    assert asked_by(elsewhere).is_waiting
    hall.refresh_from_db()
    assert hall.keepers == []


def test_such_a_room_has_keepers(olga: User, cara: User, hall: Room) -> None:
    with pytest.raises(ValidationError, match="whether somebody gets"):
        create_room(RoomDraft(name="Red", bookers=(EVERYONE,), needs_approval=True), by=olga)
    with pytest.raises(ValidationError, match="whether somebody gets"):
        change_room(hall, RoomDraft(name="Hall", bookers=(EVERYONE,), needs_approval=True), by=olga)


def test_keepers_see_what_waits_and_not_what_for(
    as_person: Browser, anna: User, boris: User, cara: User, hall: Room
) -> None:
    event = planned(anna, draft("Secret talk", timezone.now() + HOUR, room=hall))
    browser = as_person(cara)
    page = browser.get("/calendar/rooms/requests/").content.decode()
    assert anna.name in page
    assert "Secret talk" not in page
    assert "/calendar/rooms/requests/" in browser.get("/calendar/rooms/").content.decode()
    assert anna.name not in as_person(boris).get("/calendar/rooms/requests/").content.decode()
    address = f"/calendar/rooms/requests/{asked_by(event).pk}/decision/"
    refused = browser.post(address, {"to": "refuse", "count": "1"})
    assert refused.status_code == 422
    assert "Say why" in refused.content.decode()
    browser.post(address, {"to": "approve", "count": "1"})
    assert asked_by(event).state == State.APPROVED
    assert anna.name not in browser.get("/calendar/rooms/requests/").content.decode()


def test_the_room_says_so_where_one_plans(as_person: Browser, anna: User, boris: User, hall: Room) -> None:
    planned(anna, draft("Talk", room=hall))
    browser = as_person(boris)
    assert "waits for approval" in browser.get("/calendar/rooms/?on=2026-12-01").content.decode()
    assert "has to be approved" in browser.get("/calendar/events/new/").content.decode()
    assert "has to be approved" in browser.get("/calendar/free-times/", {"minutes": "60"}).content.decode()


def test_the_form_of_a_room_keeps_its_keepers(as_person: Browser, olga: User, cara: User, hall: Room) -> None:
    sent = {"name": "Hall", "audience": EVERYONE, "needs_approval": "on", "keepers": f"U{olga.pk}"}
    as_person(olga).post(f"/calendar/rooms/{hall.pk}/", sent)
    hall.refresh_from_db()
    assert (hall.needs_approval, hall.keepers) == (True, [f"U{olga.pk}"])


def test_a_room_whose_keeper_is_erased_goes_on_asking(
    anna: User, boris: User, cara: User, olga: User, hall: Room
) -> None:
    merge_people(cara, boris, by=olga)
    hall.refresh_from_db()
    assert hall.keepers == [f"U{boris.pk}"]
    boris = User.objects.get(pk=boris.pk)
    dismiss(boris, successor=None, by=olga)
    erase_person(User.objects.get(pk=boris.pk), by=olga)
    hall.refresh_from_db()
    assert hall.keepers == []
    event = planned(anna, draft(room=hall))
    assert asked_by(event).is_waiting
    approve(event, olga)


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_a_move_at_once_leave_no_approval_of_what_nobody_saw() -> None:
    olga, anna, cara = (
        cast.person(name, is_administrator=name == "Olga") for name in ("Olga", "Anna", "Cara")
    )
    hall = create_room(kept_by(cara), by=olga)
    event = planned(anna, draft(room=hall))
    together = Barrier(2)

    def answer() -> None:
        seen = asked_by(event)
        together.wait()
        try:
            decide_request(seen, by=cara, is_approved=True, count=1)
        except ValidationError:
            pass
        finally:
            connection.close()

    def move() -> None:
        together.wait()
        try:
            move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(answer), pool.submit(move)]:
            one.result()
    assert (asked_by(event).state, asked_by(event).count) == (State.WAITING, 2)
    assert draft_of(event).room == hall
