"""A room is one event's at a time, and the database says so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from box.apps.calendar.actions import (
    RoomDraft,
    Scope,
    book_ahead,
    change_event,
    change_room,
    create_room,
    move_event,
    remove_event,
    retire_room,
    take_back,
)
from box.apps.calendar.actions.events import change_excluded
from box.apps.calendar.models import Booking, Event, Room
from box.core.access.principals import EVERYONE
from box.core.people.absences import Away, write_absence
from tests import cast
from tests.box.apps.calendar.conftest import TEN, draft, planned, whole_days

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department
    from tests.clock import Clock

type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)


def made(by: User, name: str = "Blue", *bookers: str) -> Room:
    return create_room(RoomDraft(name=name, capacity=8, bookers=bookers or (EVERYONE,)), by=by)


@pytest.fixture
def blue(olga: User) -> Room:
    return made(olga)


@pytest.fixture
def _ten_days_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.apps.calendar.actions.rooms.AHEAD", timedelta(days=10))


def booked() -> list[str]:
    spans = Booking.objects.order_by("span").values_list("span", flat=True)
    return [f"{span.lower.astimezone(TEN.tzinfo):%d.%m %H:%M}" for span in spans]


def test_a_room_that_is_taken_is_refused_with_when_and_nothing_is_made(
    anna: User, boris: User, blue: Room
) -> None:
    planned(anna, draft(room=blue))
    with pytest.raises(ValidationError, match=r"Blue is taken: .*10:00"):
        planned(boris, draft("Other", TEN + HOUR / 2, room=blue))
    assert Event.objects.count() == 1


def test_one_may_begin_when_another_ends(anna: User, boris: User, blue: Room) -> None:
    planned(anna, draft(room=blue))
    planned(boris, draft("Other", TEN + HOUR, room=blue))
    assert booked() == ["01.12 10:00", "01.12 11:00"]


def test_of_what_recurs_every_time_is_booked_and_any_that_is_taken_refuses_it(
    anna: User, boris: User, blue: Room
) -> None:
    planned(anna, draft("Once", TEN + 3 * WEEK, room=blue))
    with pytest.raises(ValidationError, match=r"taken: 22 December"):
        planned(boris, draft("Weekly", room=blue, rule="FREQ=WEEKLY;COUNT=4"))
    planned(boris, draft("Weekly", room=blue, rule="FREQ=WEEKLY;COUNT=3"))
    assert booked() == ["01.12 10:00", "08.12 10:00", "15.12 10:00", "22.12 10:00"]


def test_a_room_moves_with_its_event_and_is_free_again_when_that_is_removed(
    anna: User, boris: User, blue: Room
) -> None:
    event = planned(anna, draft(room=blue, rule="FREQ=WEEKLY;COUNT=3"))
    second = TEN + WEEK
    move_event(event, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna)
    assert booked() == ["01.12 10:00", "08.12 11:00", "15.12 10:00"]
    third = TEN + 2 * WEEK
    move_event(event, third + HOUR, third + 2 * HOUR, scope=Scope.FOLLOWING, at=third, by=anna)
    assert booked() == ["01.12 10:00", "08.12 11:00", "15.12 11:00"]
    remove_event(event, by=anna, scope=Scope.ALL)
    assert booked() == ["15.12 11:00"]


def test_a_change_is_not_taken_back_when_somebody_has_the_room_now(
    anna: User, boris: User, blue: Room
) -> None:
    event = planned(anna, draft(room=blue))
    revision = remove_event(event, by=anna)
    theirs = planned(boris, draft("Other", room=blue))
    with pytest.raises(ValidationError, match="Blue is taken"):
        take_back(revision, by=anna)
    assert list(Booking.objects.values_list("event", flat=True)) == [theirs.pk]
    remove_event(theirs, by=boris)
    take_back(revision, by=anna)
    assert list(Booking.objects.values_list("event", flat=True)) == [event.pk]


def test_what_has_no_end_is_booked_for_a_year_and_carried_on(anna: User, blue: Room) -> None:
    event = planned(anna, draft(room=blue, rule="FREQ=WEEKLY"))
    count = Booking.objects.count()
    assert 52 <= count <= 54
    later = TEN + timedelta(days=60)
    assert book_ahead(later) == 1
    assert Booking.objects.count() == count + 8
    assert book_ahead(later) == 0
    assert Booking.objects.filter(event=event).count() == count + 8


@pytest.mark.usefixtures("_ten_days_ahead")
def test_whole_days_without_an_end_are_carried_on_day_by_day(anna: User, blue: Room) -> None:
    event = planned(anna, whole_days(first=7, room=blue, rule="FREQ=DAILY"))
    count, later = Booking.objects.count(), event.starts_at + timedelta(days=3)
    assert book_ahead(later) == 1
    assert Booking.objects.count() == count + 3
    assert book_ahead(later) == 0


@pytest.mark.usefixtures("_ten_days_ahead")
def test_what_has_no_room_yet_waits_for_its_first_time(anna: User, blue: Room) -> None:
    event = planned(anna, draft(room=blue, rule="FREQ=MONTHLY"))
    remove_event(event, scope=Scope.THIS, at=TEN, by=anna)
    removed = planned(anna, draft(starts=TEN + HOUR, room=blue, rule="FREQ=MONTHLY"))
    remove_event(removed, by=anna)
    planned(anna, draft(starts=TEN + 2 * HOUR, rule="FREQ=MONTHLY"))
    assert book_ahead(TEN) == 0
    assert booked() == []
    assert book_ahead(TEN + timedelta(days=25)) == 1
    assert booked() == ["01.01 10:00"]


def test_a_room_is_free_at_the_times_that_a_series_leaves_out(anna: User, blue: Room) -> None:
    event = planned(anna, draft(room=blue, rule="FREQ=WEEKLY;COUNT=4"))
    third, fourth = TEN + 2 * WEEK, TEN + 3 * WEEK
    change_excluded(event, [TEN], by=anna)
    assert booked() == ["08.12 10:00", "15.12 10:00", "22.12 10:00"]
    move_event(event, fourth + HOUR, fourth + 2 * HOUR, scope=Scope.THIS, at=fourth, by=anna)
    wanted = draft(starts=third, room=blue, rule="FREQ=DAILY;COUNT=2")
    change_event(event, wanted, scope=Scope.FOLLOWING, at=third, by=anna)
    assert booked() == ["08.12 10:00", "15.12 10:00", "16.12 10:00"]


def test_the_refusal_says_which_time_of_this_room_is_taken(
    anna: User, boris: User, olga: User, blue: Room
) -> None:
    third = TEN + 2 * WEEK
    planned(anna, draft("Elsewhere", room=made(olga, "Red")))
    planned(anna, draft("Later", TEN + 2 * HOUR, room=blue))
    planned(anna, draft("There", third, room=blue))
    with pytest.raises(ValidationError, match=r"Blue is taken: 15 December"):
        planned(boris, draft("Weekly", room=blue, rule="FREQ=WEEKLY;COUNT=4"))


def test_whole_days_take_the_companys_days(anna: User, boris: User, blue: Room) -> None:
    planned(anna, whole_days(first=7, room=blue))
    with pytest.raises(ValidationError, match="Blue is taken"):
        planned(boris, draft("Late", datetime(2026, 12, 7, 20, tzinfo=UTC), room=blue))


def test_only_those_whose_room_it_is_book_it(anna: User, cara: User, olga: User, sales: Department) -> None:
    theirs = made(olga, "Sales", sales.code_with_below)
    event = planned(anna, draft(room=theirs))
    with pytest.raises(ValidationError, match="cannot book"):
        planned(cara, draft(room=theirs))
    change_room(theirs, RoomDraft(name="Sales", bookers=(f"U{cara.pk}",)), by=olga)
    # Who has it keeps it.
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    assert booked() == ["01.12 11:00"]
    retire_room(theirs, by=olga)
    theirs.refresh_from_db()
    with pytest.raises(ValidationError, match="cannot book"):
        planned(cara, draft(room=theirs))


def test_rooms_are_managed_by_who_has_the_right(anna: User, olga: User, blue: Room) -> None:
    with pytest.raises(PermissionDenied):
        made(anna, "Red")
    with pytest.raises(ValidationError, match="called so"):
        made(olga, "Blue")
    with pytest.raises(ValidationError, match="who may book"):
        create_room(RoomDraft(name="Red"), by=olga)
    retire_room(blue, by=olga)
    assert made(olga, "Blue").pk != blue.pk


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": " "}, "blank"),
        ({"name": "x" * 81}, "80"),
        ({"bookers": ("U999999",)}, "who may book"),
        ({"needs_approval": True, "keepers": ("U999999",)}, "whether somebody gets"),
    ],
)
def test_a_room_that_cannot_be_is_not_there(olga: User, wrong: dict[str, Any], why: str) -> None:
    usual: dict[str, Any] = {"name": "Red", "bookers": (EVERYONE,)}
    with pytest.raises(ValidationError, match=why):
        create_room(RoomDraft(**{**usual, **wrong}), by=olga)
    assert not Room.objects.exists()


def test_a_room_is_changed_and_stays_itself_and_is_retired_once(olga: User, anna: User, blue: Room) -> None:
    other = made(olga, "Red")
    change_room(
        blue,
        RoomDraft(
            name=" Blue ", place=" Floor  2 ", equipment=" Screen ", capacity=9, bookers=(EVERYONE, EVERYONE)
        ),
        by=olga,
    )
    blue.refresh_from_db()
    assert (blue.name, blue.place, blue.equipment, blue.capacity) == ("Blue", "Floor 2", "Screen", 9)
    assert (blue.bookers, blue.keepers, blue.needs_approval) == ([EVERYONE], [], False)
    with pytest.raises(ValidationError, match="called so"):
        change_room(blue, RoomDraft(name="Red", bookers=(EVERYONE,)), by=olga)
    event = planned(anna, draft(room=blue))
    retire_room(blue, by=olga)
    blue.refresh_from_db()
    retired_at = blue.retired_at
    retire_room(blue, by=olga)
    blue.refresh_from_db()
    other.refresh_from_db()
    assert (blue.retired_at, other.retired_at) == (retired_at, None)
    # Those who meet there are not without one.
    assert Booking.objects.get().event == event
    with pytest.raises(PermissionDenied):
        retire_room(other, by=anna)


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_book_at_once_one_gets_it() -> None:
    olga = cast.person("Olga", is_administrator=True)
    room = made(olga)
    people = [cast.person(f"Person{number}") for number in range(20)]
    together = Barrier(len(people))

    def book(person: User) -> str:
        together.wait()
        try:
            planned(person, draft(person.name, room=room))
        except ValidationError as refusal:
            return str(refusal.messages[0])
        finally:
            connection.close()
        return "booked"

    with ThreadPoolExecutor(len(people)) as pool:
        said = list(pool.map(book, people))
    assert said.count("booked") == 1
    assert all(one.startswith("Blue ") for one in said if one != "booked")
    assert Event.objects.count() == Booking.objects.count() == 1


def test_the_day_of_rooms_costs_the_same_for_many(as_person: Browser, anna: User, olga: User) -> None:
    planned(anna, draft("Mine", room=made(olga, "A")))
    browser = as_person(anna)
    browser.get("/calendar/rooms/?on=2026-12-01")
    with CaptureQueriesContext(connection) as for_one:
        assert "Mine" in browser.get("/calendar/rooms/?on=2026-12-01").content.decode()
    for number in range(10):
        planned(anna, draft(f"Mine {number}", room=made(olga, f"B{number}")))
    with CaptureQueriesContext(connection) as for_many:
        browser.get("/calendar/rooms/?on=2026-12-01")
    assert len(for_many) == len(for_one)


def test_others_see_who_has_a_room_and_not_what_for(
    as_person: Browser, anna: User, cara: User, blue: Room
) -> None:
    planned(anna, draft("Secret talk", room=blue))
    page = as_person(cara).get("/calendar/rooms/?on=2026-12-01").content.decode()
    assert anna.name in page
    assert "Secret talk" not in page


def test_times_that_suit_all_leave_out_who_is_busy_away_or_without_a_room(
    clock: Clock, as_person: Browser, anna: User, boris: User, blue: Room
) -> None:
    clock.now = TEN.replace(hour=8)
    planned(boris, draft("His", TEN.replace(hour=9), hours=3))
    planned(anna, draft("Elsewhere", TEN.replace(hour=12), hours=1, room=blue, is_free=True))
    day = TEN.date() + timedelta(days=1)
    write_absence(anna, Away("vacation", day, day), by=anna)
    query = {"audience": [f"U{boris.pk}"], "minutes": "120"}
    page = as_person(anna).get("/calendar/free-times/", query).content.decode()
    assert page.count("data-suggested") == 5
    first = page.split("data-suggested")[1]
    assert 'data-starts-on="2026-12-01" data-starts="12:00"' in " ".join(first.split())
    assert "data-room" not in first
    second = page.split("data-suggested")[2]
    assert 'data-starts="14:00"' in second
    assert f'data-room="{blue.pk}"' in second
    assert "2026-12-02" not in page


@pytest.mark.parametrize(
    ("way", "first"), [("", "12:00"), ("30", "12:30"), ("60", "13:00"), ("-30", "12:00")]
)
def test_whoever_has_a_way_to_go_is_left_the_time_for_it(
    clock: Clock, as_person: Browser, anna: User, boris: User, way: str, first: str
) -> None:
    clock.now = TEN.replace(hour=8)
    planned(boris, draft("His", TEN.replace(hour=9), hours=3))
    query = {"audience": [f"U{boris.pk}"], "minutes": "60", "way": way}
    page = as_person(anna).get("/calendar/free-times/", query).content.decode()
    assert f'data-starts="{first}"' in " ".join(page.split("data-suggested")[1].split())
