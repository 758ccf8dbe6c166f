"""Times that people outside book: which are offered, who gets them, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import count
from threading import Barrier
from time import time as clock_of_signatures
from typing import TYPE_CHECKING, Any
from unittest import mock
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from box.apps.calendar.access import BOOKING
from box.apps.calendar.actions import (
    MOST_MOVES,
    PageDraft,
    VisitorDraft,
    book_time,
    cancel_appointment,
    forget_visitor,
    move_appointment,
    move_event,
    remove_event,
    renew_address,
    retire_page,
    switch_page,
    take_back,
)
from box.apps.calendar.actions.appointments import MOST_OF_ADDRESS, forget_old
from box.apps.calendar.actions.booking_pages import BOUNDS, MOST_PAGES, change_page
from box.apps.calendar.booking import availability, times_shown
from box.apps.calendar.models import (
    KIND,
    Appointment,
    Attendance,
    BookingPage,
    Event,
    Guest,
    HeldTime,
    SentInvitation,
)
from box.apps.calendar.slots import Offer, is_free, merged
from box.apps.calendar.views.visitors import MOST_BOOKED
from box.core.access.actions import employees_role, set_rights
from box.core.accounts.actions import dismiss_user, suspend_user
from box.core.accounts.erasing import erase_person
from box.core.accounts.models import User
from box.core.accounts.throttle import Quota
from box.core.events.delivery import deliver_all
from box.core.events.models import Event as Told
from box.core.groups.actions import archive_group
from box.core.notify.models import Notification, QueuedLetter
from box.core.people.models import Absence
from box.core.registry.settings import store
from box.core.search.models import Document
from box.lib.proof_of_work import SOONEST, challenge_for, is_solved
from box.lib.questions import Question
from tests import cast
from tests.box.apps.calendar.conftest import MOSCOW, TEN, draft, page_of, planned
from tests.clock import Clock

if TYPE_CHECKING:
    from box.core.groups.models import Group

type Browser = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db

HALF_HOUR, HOUR, DAY = timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)
# A Monday, before anybody works.
NOW = TEN - DAY - 4 * HOUR


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    clock.now = NOW


def visitor(name: str = "Zoe", **more: Any) -> VisitorDraft:
    usual = {"email": f"{name.lower()}@example.com", "language": "en", "zone": "Asia/Tokyo"}
    return VisitorDraft(name=name, **{**usual, **more})


_keys = count()


def book(page: BookingPage, start: datetime = TEN, who: VisitorDraft | None = None) -> Appointment:
    return book_time(page, start, who or visitor(), key=f"key {next(_keys)}", now=timezone.now())


def offered(page: BookingPage, since: datetime = NOW, days: int = 1) -> list[str]:
    found = availability(page, since, since + days * DAY).times(since, since + days * DAY)
    return [f"{one.astimezone(MOSCOW):%d %H:%M}" for one in found]


def told() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("kind", flat=True))


# Which times


def test_times_are_offered_on_the_days_and_between_the_hours_that_are_said(anna: User) -> None:
    page = page_of(anna, weekdays=(1,), begins=time(14), ends=time(16), length_minutes=45)
    assert offered(page, days=10) == ["01 14:00", "01 14:30", "01 15:00", "08 14:00", "08 14:30", "08 15:00"]


def test_what_is_in_the_calendar_is_not_offered_and_what_takes_no_time_is(anna: User) -> None:
    page = page_of(anna, begins=time(10), ends=time(12), length_minutes=60, step_minutes=60)
    planned(anna, draft(hours=0.5))
    planned(anna, draft(starts=TEN + HOUR, is_free=True))
    assert offered(page, TEN - 2 * HOUR) == ["01 11:00"]


def test_what_stays_free_before_and_after_keeps_away_from_what_is_planned(anna: User) -> None:
    planned(anna, draft(starts=TEN + HOUR))
    wide = page_of(anna, begins=time(10), ends=time(13), before_minutes=15, after_minutes=30)
    assert offered(wide, TEN - 2 * HOUR) == ["01 10:00", "01 12:30"]


def test_nobody_is_booked_while_away_or_on_a_holiday(anna: User, olga: User) -> None:
    page = page_of(anna, weekdays=tuple(range(7)), begins=time(10), ends=time(10, 30))
    Absence.objects.create(
        user=anna, kind="vacation", starts_on=TEN.date(), ends_on=TEN.date() + DAY, by=olga
    )
    store({"work.country": "RU"})
    assert offered(page, TEN, days=3) == ["03 10:00"]
    # The holidays of January.
    assert offered(page, datetime(2027, 1, 2, tzinfo=UTC), days=3) == []


def test_notice_and_horizon_bound_what_is_shown_and_what_is_taken(anna: User) -> None:
    page = page_of(anna, notice_hours=29, horizon_days=2, begins=time(10), ends=time(12))
    shown = times_shown(page, MOSCOW, since=None, now=NOW)
    assert [[f"{one:%d %H:%M}" for one in found] for _day, found in shown.days] == [["01 11:00", "01 11:30"]]
    assert (shown.earlier, shown.later) == (None, None)
    for start in (TEN, TEN + DAY):
        with pytest.raises(ValidationError, match="no longer free"):
            book(page, start)
    assert book(page, TEN + HOUR).event.starts_at == TEN + HOUR


def test_two_weeks_are_shown_and_the_way_to_those_before_and_after(page: BookingPage) -> None:
    first = times_shown(page, MOSCOW, since=None, now=NOW)
    assert first.earlier is None
    midnight = NOW - 6 * HOUR
    assert first.later == midnight + 14 * DAY
    second = times_shown(page, MOSCOW, since=first.later, now=NOW)
    assert (second.earlier, second.later) == (NOW, midnight + 28 * DAY)
    third = times_shown(page, MOSCOW, since=second.later, now=NOW)
    assert (third.earlier, third.later) == (first.later, None)
    last = times_shown(page, MOSCOW, since=NOW + 400 * DAY, now=NOW)
    assert (last.days, last.later) == ([], None)


@pytest.mark.parametrize("hour", [0, 8, 10, 13, 17, 23])
def test_no_day_is_cut_in_two_whenever_the_page_is_looked_at(anna: User, hour: int) -> None:
    page, now = page_of(anna), NOW.replace(hour=hour)
    first = times_shown(page, MOSCOW, since=None, now=now)
    second = times_shown(page, MOSCOW, since=first.later, now=now)
    # Of the day on which one looks some are over.
    assert {len(found) for _day, found in first.days[1:]} == {18}
    assert len(second.days[0][1]) == 18
    assert {day for day, _found in first.days}.isdisjoint(day for day, _found in second.days)


def test_two_weeks_end_at_the_visitors_midnight_when_the_clocks_change(page: BookingPage) -> None:
    berlin, now = ZoneInfo("Europe/Berlin"), datetime(2027, 3, 20, 12, tzinfo=UTC)
    first = times_shown(page, berlin, since=None, now=now)
    assert first.later == datetime(2027, 4, 3, tzinfo=berlin)
    second = times_shown(page, berlin, since=first.later, now=now + timedelta(days=1))
    assert second.earlier == now + timedelta(days=1)


def test_a_day_is_that_of_the_visitor(anna: User) -> None:
    page = page_of(anna, begins=time(23), ends=time(23, 30), weekdays=(1,))
    shown = times_shown(page, ZoneInfo("Asia/Tokyo"), since=None, now=NOW)
    assert [(f"{day:%d}", f"{found[0]:%H:%M}") for day, found in shown.days] == [
        ("02", "05:00"),
        ("09", "05:00"),
    ]


OFFER = Offer(HOUR, HALF_HOUR, HALF_HOUR, HALF_HOUR, range(7), time(9), time(18), MOSCOW)
stretches = st.lists(
    st.tuples(st.integers(0, 48 * 60), st.integers(1, 300)).map(
        lambda pair: (TEN + timedelta(minutes=pair[0]), TEN + timedelta(minutes=sum(pair)))
    ),
    max_size=20,
)


@given(stretches)
def test_what_is_free_overlaps_nothing_and_what_is_not_something(taken: list[Any]) -> None:
    busy = merged(taken)
    for start in OFFER.times(TEN, TEN + 3 * DAY):
        begin, end = OFFER.held(start)
        assert is_free(busy, (begin, end)) == (not any(one < end and other > begin for one, other in taken))


def test_a_time_stays_at_its_hour_when_the_clocks_change() -> None:
    offer = Offer(
        HOUR, HOUR, timedelta(0), timedelta(0), range(7), time(9), time(10), ZoneInfo("Europe/Berlin")
    )
    found = list(offer.times(datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC)))
    assert [one.astimezone(UTC).hour for one in found] == [7, 8]
    assert all(offer.has(one) for one in found)
    assert not offer.has(found[0] + timedelta(seconds=1))


# Booking


def test_who_books_is_in_the_calendar_and_the_host_is_told(page: BookingPage, anna: User) -> None:
    made = book(page, who=visitor(answers=(("Topic", "Chairs"),)))
    event = Event.objects.get(pk=made.event_id)
    assert (event.title, event.organizer, event.starts_at) == ("Consultation: Zoe", anna, TEN)
    assert event.ends_at == TEN + HALF_HOUR
    guest = Guest.objects.get(event=event)
    assert (guest.email, guest.answer) == ("zoe@example.com", "accepted")
    deliver_all()
    assert [(one.user, one.kind) for one in Notification.objects.all()] == [(anna, "calendar.booked")]
    assert made.answers == [["Topic", "Chairs"]]


def test_the_same_challenge_books_once(page: BookingPage) -> None:
    first = book_time(page, TEN, visitor(), key="one", now=NOW)
    assert book_time(page, TEN, visitor(), key="one", now=NOW) == first
    assert Event.objects.count() == 1


def test_a_time_that_is_booked_is_no_longer_offered_nor_taken(page: BookingPage) -> None:
    book(page)
    assert "01 10:00" not in offered(page, TEN - HOUR)
    with pytest.raises(ValidationError, match="no longer free"):
        book(page, who=visitor("Yan"))


def test_a_time_that_no_rule_offers_is_not_taken(page: BookingPage) -> None:
    for start in (TEN + timedelta(minutes=7), TEN.replace(hour=3), TEN + 4 * DAY):
        with pytest.raises(ValidationError, match="no longer free"):
            book(page, start)


def test_the_database_itself_refuses_a_time_twice_by_whichever_page(page: BookingPage, anna: User) -> None:
    made = book(page)
    span = DateTimeTZRange(TEN + timedelta(minutes=29), TEN + HOUR)
    with pytest.raises(IntegrityError), transaction.atomic():
        HeldTime.objects.create(appointment=made, user=anna, span=span)
    HeldTime.objects.create(appointment=made, user=anna, span=DateTimeTZRange(TEN + HALF_HOUR, TEN + HOUR))


@pytest.mark.django_db(transaction=True)
def test_of_twenty_who_book_at_once_one_gets_it(clock: Clock) -> None:
    clock.now = NOW
    anna = cast.person("Anna")
    # Half of them come by another page of hers.
    pages = [page_of(anna), page_of(anna)]
    together = Barrier(20)

    def come(number: int) -> str:
        together.wait()
        try:
            book_time(pages[number % 2], TEN, visitor(f"V{number}"), key=f"k{number}", now=NOW)
        except ValidationError as refusal:
            return str(refusal.messages[0])
        finally:
            connection.close()
        return "booked"

    with ThreadPoolExecutor(20) as pool:
        said = list(pool.map(come, range(20)))
    assert said.count("booked") == 1
    assert {one for one in said if one != "booked"} == {
        "This time is no longer free: please choose another one."
    }
    assert Event.objects.count() == HeldTime.objects.count() == Appointment.objects.count() == 1


def test_one_address_and_one_day_have_a_bound(page: BookingPage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MOST_OF_ADDRESS):
        book(page, TEN + number * HALF_HOUR)
    with pytest.raises(ValidationError, match="booked already"):
        book(page, TEN + 3 * HOUR)
    book(page, TEN + 3 * HOUR, visitor("Yan"))
    monkeypatch.setattr("box.apps.calendar.actions.appointments.MOST_A_DAY", MOST_OF_ADDRESS + 1)
    with pytest.raises(ValidationError, match="any more today"):
        book(page, TEN + 4 * HOUR, visitor("Xenia"))


# Several hosts


def test_members_receive_in_turn_and_who_is_busy_is_passed_over(anna: User, boris: User, team: Group) -> None:
    page = page_of(anna, hosts="turn", group=team)
    hosts = [book(page, TEN + number * HOUR, visitor(f"V{number}")).event.organizer for number in range(3)]
    assert hosts == [anna, boris, anna]
    planned(boris, draft(starts=TEN + 4 * HOUR))
    assert book(page, TEN + 4 * HOUR, visitor("Yan")).event.organizer == anna
    with pytest.raises(ValidationError, match="no longer free"):
        book(page, TEN + 4 * HOUR, visitor("Xenia"))
    # At ten one of the two is still free.
    assert "01 10:00" in offered(page, TEN - HOUR)


def test_all_members_receive_together_or_nobody_does(anna: User, boris: User, team: Group) -> None:
    page = page_of(anna, hosts="all", group=team)
    planned(boris, draft(hours=0.5))
    assert "01 10:00" not in offered(page, TEN - HOUR)
    made = book(page, TEN + HOUR)
    answers = Attendance.objects.filter(event=made.event).values_list("user", "answer")
    assert set(answers) == {(anna.pk, "accepted"), (boris.pk, "accepted")}
    assert made.event.organizer == anna
    assert Event.objects.visible_to(boris).filter(pk=made.event_id).exists()
    deliver_all()
    told = {(one.user_id, one.kind) for one in Notification.objects.filter(about_id=made.event_id)}
    assert told == {(anna.pk, "calendar.booked"), (boris.pk, "calendar.booked")}
    with pytest.raises(ValidationError, match="no longer free"):
        book(page_of(boris), TEN + HOUR, visitor("Yan"))


# Another time, or none


def test_all_who_receive_together_come_to_the_time_that_the_visitor_has_chosen(
    anna: User, boris: User, team: Group
) -> None:
    made = book(page_of(anna, hosts="all", group=team))
    move_appointment(made, TEN + HOUR, now=NOW)
    event = Event.objects.get(pk=made.event_id)
    assert dict(event.attendances.values_list("user", "answer")) == {
        anna.pk: "accepted", boris.pk: "accepted",
    }  # fmt: skip
    assert {one.user for one in HeldTime.objects.filter(span__startswith=TEN + HOUR)} == {anna, boris}
    # Only together.
    planned(boris, draft(starts=TEN + 3 * HOUR))
    with pytest.raises(ValidationError, match="no longer free"):
        move_appointment(made, TEN + 3 * HOUR, now=NOW)


def test_a_visitor_moves_an_appointment_and_the_old_time_is_free(page: BookingPage, anna: User) -> None:
    made = book(page)
    deliver_all()
    move_appointment(made, TEN + HOUR, now=NOW)
    event = Event.objects.get(pk=made.event_id)
    assert event.starts_at == TEN + HOUR
    assert Guest.objects.get(event=event).answer == "accepted"
    assert "01 10:00" in offered(page, TEN - HOUR)
    deliver_all()
    assert told() == ["calendar.booked", "calendar.rebooked"]
    span = HeldTime.objects.get().span
    assert (span.lower, span.upper) == (TEN + HOUR, TEN + HOUR + HALF_HOUR)


def test_a_visitor_moves_an_appointment_so_often_and_no_more(page: BookingPage) -> None:
    """Each time a letter goes to an address that nobody has confirmed, and a notice to the hosts."""
    made = book(page)
    for number in range(1, MOST_MOVES + 1):
        move_appointment(made, TEN + number % 2 * HOUR, now=NOW)
    deliver_all()
    before, letters = told(), SentInvitation.objects.count()
    with pytest.raises(ValidationError, match="please cancel it and book another time"):
        move_appointment(made, TEN + 2 * HOUR, now=NOW)
    deliver_all()
    assert (told(), SentInvitation.objects.count()) == (before, letters)
    assert Event.objects.get(pk=made.event_id).starts_at == TEN + MOST_MOVES % 2 * HOUR
    cancel_appointment(made, now=NOW)


def test_an_appointment_is_moved_by_less_than_its_length(anna: User) -> None:
    page = page_of(anna, length_minutes=60, step_minutes=30)
    made = book(page)
    move_appointment(made, TEN + HALF_HOUR, now=NOW)
    assert Event.objects.get().starts_at == TEN + HALF_HOUR


def test_it_is_not_moved_to_a_time_that_somebody_has(page: BookingPage) -> None:
    made = book(page)
    book(page, TEN + HOUR, visitor("Yan"))
    with pytest.raises(ValidationError, match="no longer free"):
        move_appointment(made, TEN + HOUR, now=NOW)
    assert Event.objects.get(pk=made.event_id).starts_at == TEN
    assert HeldTime.objects.filter(appointment=made).count() == 1


def test_a_visitor_cancels_once_and_the_host_is_told(page: BookingPage, anna: User) -> None:
    made = book(page)
    deliver_all()
    cancel_appointment(made, now=NOW)
    deliver_all()
    with pytest.raises(ValidationError, match="was cancelled"):
        cancel_appointment(made, now=NOW)
    assert Event.objects.get().removed_at is not None
    assert not HeldTime.objects.exists()
    assert "01 10:00" in offered(page, TEN - HOUR)
    assert told() == ["calendar.booked", "calendar.unbooked"]


def test_what_has_begun_is_neither_moved_nor_cancelled(page: BookingPage) -> None:
    made = book(page)
    with pytest.raises(ValidationError, match="has begun"):
        cancel_appointment(made, now=TEN)
    with pytest.raises(ValidationError, match="has begun"):
        move_appointment(made, TEN + DAY, now=TEN)


def test_what_the_host_makes_of_it_holds(page: BookingPage, anna: User) -> None:
    made = book(page)
    event = Event.objects.get(pk=made.event_id)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    deliver_all()
    assert HeldTime.objects.get().span.lower == TEN + HOUR
    assert book(page, who=visitor("Yan")).event.starts_at == TEN
    revision = remove_event(event, by=anna)
    deliver_all()
    assert Appointment.objects.get(pk=made.pk).cancelled_at is not None
    assert not HeldTime.objects.filter(appointment=made).exists()
    take_back(revision, by=anna)
    deliver_all()
    assert Appointment.objects.get(pk=made.pk).cancelled_at is None
    assert HeldTime.objects.filter(appointment=made).count() == 1


def test_a_visitor_is_asked_whether_the_time_suits_to_which_a_host_has_moved_them(
    page: BookingPage, anna: User, as_person: Browser, client: Client
) -> None:
    store({"mail.host": "127.0.0.1"})
    made = book(page)
    deliver_all()
    address, hosts = f"{made.get_absolute_url()}?language=en", f"/calendar/booking/{page.pk}/"
    assert "This time is yours" in client.get(address).content.decode()
    assert "not confirmed" not in as_person(anna).get(hosts).content.decode()
    event = Event.objects.get(pk=made.event_id)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    deliver_all()
    letter = QueuedLetter.objects.latest("pk")
    assert letter.to == "zoe@example.com"
    assert "has moved your appointment to this time" in letter.text
    assert "Confirm or choose another time" in letter.html
    assert "Does it suit you?" in client.get(address).content.decode()
    assert "not confirmed yet" in as_person(anna).get(hosts).content.decode()
    for _ in range(2):
        assert client.post(f"{made.get_absolute_url()}confirmation/").status_code == 302
        deliver_all()
    assert Guest.objects.get().answer == Attendance.Answer.ACCEPTED
    assert told().count("calendar.guest-accepted") == 1
    assert "This time is yours" in client.get(address).content.decode()
    assert "not confirmed" not in as_person(anna).get(hosts).content.decode()
    # What was known already is not written again.
    assert QueuedLetter.objects.latest("pk") == letter


def test_what_is_over_or_cancelled_is_confirmed_by_nobody(
    page: BookingPage, anna: User, client: Client, clock: Clock
) -> None:
    made, gone = book(page), book(page, TEN + 2 * HOUR)
    for one in (made, gone):
        event = Event.objects.get(pk=one.event_id)
        move_event(event, event.starts_at + HALF_HOUR, event.ends_at + HALF_HOUR, by=anna)
    cancel_appointment(gone, now=NOW)
    assert client.post(f"{gone.get_absolute_url()}confirmation/").status_code == 422
    clock.now = TEN + HOUR
    assert client.post(f"{made.get_absolute_url()}confirmation/").status_code == 422
    assert not Guest.objects.filter(event=made.event_id, answer=Attendance.Answer.ACCEPTED).exists()


def test_a_host_may_plan_over_another_appointment(page: BookingPage, anna: User) -> None:
    first, second = book(page), book(page, TEN + HOUR, visitor("Yan"))
    move_event(Event.objects.get(pk=first.event_id), TEN + HOUR, TEN + 2 * HOUR, by=anna)
    deliver_all()
    assert [one.appointment for one in HeldTime.objects.all()] == [second]


# Letters


def test_letters_say_nothing_that_a_stranger_has_typed(anna: User) -> None:
    store({"mail.host": "127.0.0.1"})
    page = page_of(anna, description="Bring your papers")
    made = book(
        page, who=visitor("Winner of a prize", email="zoe@example.com", answers=(("Topic", "Prize"),))
    )
    deliver_all()
    letter, sent = QueuedLetter.objects.get(to="zoe@example.com"), SentInvitation.objects.get()
    said = f"{letter.subject} {letter.html} {letter.text} {sent.body}"
    assert "METHOD:REQUEST" in sent.body
    assert "Consultation" in said
    assert "Bring your papers" in said
    assert made.get_absolute_url() in letter.text
    assert "16:00" in letter.text
    assert "Winner" not in said
    assert "Prize" not in said
    cancel_appointment(made, now=NOW)
    deliver_all()
    assert "METHOD:CANCEL" in SentInvitation.objects.latest("pk").body


def test_an_address_of_somebody_who_works_here_is_taken_like_any_other(
    page: BookingPage, boris: User
) -> None:
    made = book(page, who=visitor(email=boris.email or "boris@korobka.test"))
    assert made.event.guests.count() == 1


# Who offers


def test_a_page_closes_with_its_switch_its_owner_their_right_and_its_group(
    page: BookingPage, anna: User, olga: User, team: Group, client: Client
) -> None:
    address = page.get_absolute_url()
    assert client.get(address).status_code == 200
    switch_page(page, False, by=anna)
    assert client.get(address).status_code == 404
    with pytest.raises(ValidationError, match="at the moment"):
        book(page)
    switch_page(page, True, by=anna)
    set_rights(employees_role(), [], by=olga)
    assert client.get(address).status_code == 404
    set_rights(employees_role(), [BOOKING], by=olga)
    assert client.get(address).status_code == 200
    common = page_of(User.objects.get(pk=anna.pk), hosts="turn", group=team)
    archive_group(team, by=anna)
    assert client.get(common.get_absolute_url()).status_code == 404
    dismiss_user(anna, by=olga)
    assert client.get(address).status_code == 404


def test_another_address_ends_the_old_one(page: BookingPage, anna: User, client: Client) -> None:
    old = page.get_absolute_url()
    renew_address(page, by=anna)
    page.refresh_from_db()
    assert page.get_absolute_url() != old
    assert client.get(old).status_code == 404
    assert client.get(page.get_absolute_url()).status_code == 200
    assert client.get("/book/1.1:forged/").status_code == 404


def test_a_retired_page_takes_nobody_and_its_visitors_may_still_cancel(
    page: BookingPage, anna: User, client: Client
) -> None:
    made = book(page)
    retire_page(page, by=anna)
    assert client.get(page.get_absolute_url()).status_code == 404
    assert client.post(f"{made.get_absolute_url()}cancellation/").status_code == 302
    assert Appointment.objects.get().cancelled_at is not None


def test_others_change_nothing_and_who_leads_the_group_does(
    page: BookingPage, anna: User, boris: User, cara: User, team: Group
) -> None:
    common = page_of(User.objects.get(pk=anna.pk), hosts="all", group=team)
    for somebody, one in ((boris, page), (boris, common), (cara, page)):
        with pytest.raises(PermissionDenied):
            switch_page(one, False, by=somebody)
    with pytest.raises(ValidationError, match="whoever moderates it"):
        page_of(boris, hosts="turn", group=team)
    with pytest.raises(ValidationError, match="Choose the group"):
        page_of(User.objects.get(pk=anna.pk), hosts="other", group=team)
    team.members.filter(user=boris).update(role="moderator")
    boris.access_version += 1
    boris.save(update_fields=["access_version"])
    switch_page(common, False, by=User.objects.get(pk=boris.pk))
    assert not BookingPage.objects.get(pk=common.pk).is_on


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hosts": "turn"}, "Choose the group"),
        ({"length_minutes": 5}, "Between 10 and 480"),
        ({"horizon_days": 121}, "Between 1 and 120"),
        ({"weekdays": ()}, "at least one day"),
        ({"weekdays": (7,)}, "at least one day"),
        ({"begins": time(9), "ends": time(9, 29)}, "No appointment fits"),
        ({"begins": time(9, 45), "ends": time(10, 10)}, "No appointment fits"),
        ({"begins": time(9), "ends": time(10, 29), "length_minutes": 90}, "No appointment fits"),
        ({"title": " "}, "blank"),
        ({"title": "x" * 121}, "120"),
        ({"zone": "Moon/Crater"}, "time zone is unknown"),
        ({"questions": [Question("q1", "file", "Papers")]}, "kind and a text"),
        ({"questions": [Question(f"q{n}", "line", "x") for n in range(11)]}, "At most 10"),
    ],
)
def test_a_page_that_cannot_be_is_refused_and_leaves_nothing(
    anna: User, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        page_of(anna, **wrong)
    assert not BookingPage.objects.exists()


@pytest.mark.parametrize("name", BOUNDS)
def test_each_figure_of_a_page_lies_between_two_that_may_be(anna: User, name: str) -> None:
    least, most = BOUNDS[name]
    hours: dict[str, Any] = {"begins": time(0), "ends": time(23, 59)}
    assert getattr(page_of(anna, **{**hours, name: least}), name) == least
    assert getattr(page_of(anna, **{**hours, name: most}), name) == most
    for wrong in (least - 1, most + 1):
        with pytest.raises(ValidationError, match=f"Between {least} and {most}"):
            page_of(anna, **{**hours, name: wrong})


def test_a_page_is_kept_tidy_and_its_hours_hold_one_appointment(anna: User) -> None:
    page = page_of(
        anna, title=" Free  talk ", place=" Room  5 ", description=" One\r\nTwo ", consent=" Yes\r\nNo ",
        weekdays=(4, 0, 4, 6), begins=time(9), ends=time(9, 30), length_minutes=30,
        questions=[Question(f"q{number}", "line", "x") for number in range(10)],
    )  # fmt: skip
    page.refresh_from_db()
    assert (page.title, page.place) == ("Free talk", "Room 5")
    assert (page.description, page.consent) == ("One\nTwo", "Yes\nNo")
    assert (page.weekdays, len(page.questions), page.owner) == ([0, 4, 6], 10, anna)


def test_each_change_of_a_page_is_told_once(page: BookingPage, anna: User) -> None:
    before = page.address_version
    change_page(page, PageDraft(title="Another", zone="Europe/Moscow"), by=anna)
    for is_on in (True, True, False, False):
        switch_page(page, is_on, by=anna)
    renew_address(page, by=anna)
    retire_page(page, by=anna)
    with pytest.raises(ValidationError, match="was taken away"):
        retire_page(page, by=anna)
    page.refresh_from_db()
    assert (page.title, page.is_on, page.address_version) == ("Another", False, before + 1)
    assert page.retired_at is not None
    rows = Told.objects.filter(kind="calendar.BookingPageChanged").order_by("pk")
    changes = [row.payload["change"] for row in rows]
    assert [one for one in changes if one != "switched-on"] == [
        "added", "changed", "switched-off", "readdressed", "removed"
    ]  # fmt: skip
    assert {row.payload["by_id"] for row in rows} == {anna.pk}


def test_a_page_is_switched_on_and_off_once_and_is_off_when_it_is_taken_away(
    page: BookingPage, anna: User
) -> None:
    for is_on in (False, False, True, True):
        switch_page(page, is_on, by=anna)
    retire_page(page, by=anna)
    page.refresh_from_db()
    assert (page.is_on, page.retired_at) == (False, NOW)
    rows = Told.objects.filter(kind="calendar.BookingPageChanged").order_by("pk")
    changes = [row.payload["change"] for row in rows]
    assert changes == ["added", "switched-off", "switched-on", "removed"]


def test_outside_guests_offer_no_times(erik: User) -> None:
    with pytest.raises(PermissionDenied):
        page_of(erik)


def test_somebody_has_so_many_pages_and_no_more(anna: User, boris: User) -> None:
    for _number in range(MOST_PAGES):
        page_of(anna)
    with pytest.raises(ValidationError, match="take one away"):
        page_of(anna)
    page_of(boris)
    retire_page(BookingPage.objects.filter(owner=anna).latest("pk"), by=anna)
    page_of(anna)


# The page


def solved(page: BookingPage) -> dict[str, str]:
    # By the clock of what is signed, which never stands.
    moment = clock_of_signatures() - SOONEST.total_seconds() - 2
    with mock.patch("django.core.signing.time.time", lambda: moment):
        challenge = challenge_for(page.token)
    work = next(str(number) for number in count() if is_solved(challenge, str(number)))
    return {"challenge": challenge, "work": work}


def sent(client: Client, page: BookingPage, /, **given: Any) -> Any:
    usual = {"name": "Zoe", "email": "Zoe@example.com", "start": str(int(TEN.timestamp()))}
    body = {**usual, "zone": "Asia/Tokyo", **solved(page), **given}
    return client.post(
        f"{page.get_absolute_url()}appointments/?language=ru", json.dumps(body), "application/json"
    )


def test_a_visitor_books_moves_and_cancels(page: BookingPage, client: Client) -> None:
    shown = client.get(f"{page.get_absolute_url()}?zone=Asia/Tokyo&language=en").content.decode()
    assert "16:00" in shown
    made = sent(client, page)
    assert made.status_code == 201
    assert Appointment.objects.get().email == "zoe@example.com"
    address = made.json()["address"]
    assert "Это время за вами" in client.get(address).content.decode()
    moving = client.get(f"{address}&move=1").content.decode()
    later = TEN + HOUR
    assert f'value="{int(later.timestamp())}"' in moving
    base = address.partition("?")[0]
    assert client.post(f"{base}time/", {"start": int(later.timestamp())}).status_code == 302
    assert Event.objects.get().starts_at == later
    assert client.post(f"{base}time/", {"start": "x"}).status_code == 422
    assert client.post(f"{base}cancellation/").status_code == 302
    assert client.post(f"{base}cancellation/").status_code == 422
    assert client.get(base).status_code == 200


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "https://spam.example"}, "name"),
        ({"name": "www.spam.example"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"email": "nobody"}, "email"),
        ({"start": "soon"}, "start"),
        ({"start": str(10**11 - 1)}, "start"),
        ({"start": str(int(TEN.timestamp()) + 60)}, "start"),
        ({"consent": "1"}, "consent"),
        ({"q1": ""}, "q1"),
        ({"q1": "x" * 251}, "q1"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_booked(
    anna: User, client: Client, given: dict[str, Any], field: str
) -> None:
    page = page_of(anna, consent="I agree", questions=[Question("q1", "line", "Topic", is_required=True)])
    answer = sent(client, page, **{"q1": "Chairs", "consent": True, **given})
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == [field]
    assert not Event.objects.exists()
    assert sent(client, page, q1="Chairs", consent=True).status_code == 201
    assert Appointment.objects.get().consent == "I agree"


def test_a_program_is_refused_and_leaves_nothing(page: BookingPage, client: Client) -> None:
    assert sent(client, page, website="x").status_code == 400
    assert sent(client, page, work="x").status_code == 400
    for body in ("[1]", "{", "x" * 70_000):
        answer = client.post(f"{page.get_absolute_url()}appointments/", body, "application/json")
        assert answer.status_code == 400
    other = page_of(page.owner)
    assert sent(client, page, **solved(other)).status_code == 400
    assert not Event.objects.exists()


def test_one_network_books_so_often_and_no_more(page: BookingPage, client: Client) -> None:
    for _n in range(MOST_BOOKED - 1):
        assert Quota("calendar.booked", "127.0.0.1", MOST_BOOKED).take(timezone.now())
    assert sent(client, page).status_code == 201
    start = str(int((TEN + HOUR).timestamp()))
    assert sent(client, page, start=start).status_code == 429
    assert Event.objects.count() == 1


def test_a_booking_page_asks_the_same_however_much_is_planned(
    page: BookingPage, anna: User, client: Client
) -> None:
    client.get(page.get_absolute_url())
    with CaptureQueriesContext(connection) as few:
        client.get(page.get_absolute_url())
    for number in range(20):
        planned(anna, draft(starts=TEN + number * HOUR))
    with CaptureQueriesContext(connection) as many:
        client.get(page.get_absolute_url())
    assert len(many) == len(few) <= 12


# What is known of visitors


def test_who_came_is_forgotten_after_so_many_days(anna: User) -> None:
    page = page_of(anna, kept_days=30)
    made = book(page, who=visitor(answers=(("Topic", "Chairs"),), consent="I agree"))
    event = made.event
    # Exactly thirty days are not over yet.
    assert forget_old(event.ends_at + 30 * DAY) == 0
    assert forget_old(event.ends_at + 30 * DAY + timedelta(seconds=1)) == 1
    made.refresh_from_db()
    assert (made.name, made.email, made.answers, made.consent) == ("", "", [], "")
    assert Event.objects.get().title == "Consultation"
    assert not Guest.objects.exists()


def test_the_search_forgets_visitors_too(page: BookingPage, anna: User) -> None:
    made = book(page)
    deliver_all()
    assert made.name in Document.objects.get(kind=KIND).title
    forget_visitor(made, by=anna)
    deliver_all()
    assert made.name not in Document.objects.get(kind=KIND).title


def test_a_visitor_cancels_also_when_the_host_has_gone(
    page: BookingPage, anna: User, olga: User, client: Client
) -> None:
    made = book(page)
    suspend_user(anna, by=olga)
    assert client.post(f"{made.get_absolute_url()}cancellation/").status_code == 302
    made.refresh_from_db()
    assert made.cancelled_at is not None
    assert not Event.objects.there().exists()


def test_on_demand_a_visitor_is_forgotten_at_once_and_their_link_leads_nowhere(
    page: BookingPage, anna: User, boris: User, client: Client
) -> None:
    made = book(page)
    with pytest.raises(PermissionDenied):
        forget_visitor(made, by=boris)
    forget_visitor(made, by=anna)
    assert client.get(made.get_absolute_url()).status_code == 404
    # The time stays taken.
    assert "01 10:00" not in offered(page, TEN - HOUR)


def test_with_the_owner_go_those_who_booked_with_others(
    anna: User, boris: User, olga: User, team: Group
) -> None:
    page = page_of(anna, hosts="turn", group=team)
    planned(anna, draft())
    event = book(page).event
    assert event.organizer == boris
    dismiss_user(anna, by=olga)
    erase_person(User.objects.get(pk=anna.pk), by=olga)
    event.refresh_from_db()
    assert event.title == "Consultation"
    assert not Guest.objects.exists()
    assert not BookingPage.objects.exists()


def test_the_answers_stand_on_the_card_of_the_event(
    page: BookingPage, anna: User, as_person: Browser
) -> None:
    made = book(page, who=visitor(answers=(("Topic", "Chairs of oak"),)))
    assert "Chairs of oak" in as_person(anna).get(f"/calendar/events/{made.event_id}/").content.decode()


def test_an_owner_makes_a_page_changes_it_and_sees_who_comes(anna: User, as_person: Browser) -> None:
    browser = as_person(anna)
    form = {
        "nonce": str(uuid4()), "title": "Advice", "hosts": "owner", "length_minutes": "30",
        "step_minutes": "30", "weekdays": ["0", "1"], "begins": "09:00", "ends": "12:00",
        "zone": "Europe/Moscow", "before_minutes": "0", "after_minutes": "0", "notice_hours": "0",
        "horizon_days": "30", "kept_days": "90", "kind-0": "line", "label-0": "Topic",
    }  # fmt: skip
    made = browser.post("/calendar/booking/new/", form)
    assert made.status_code == 302
    page = BookingPage.objects.get()
    assert (page.title, page.weekdays, page.questions[0]["label"]) == ("Advice", [0, 1], "Topic")
    address = f"/calendar/booking/{page.pk}/"
    assert browser.post(address, {**form, "ends": "09:10"}).status_code == 422
    assert browser.post(address, {**form, "title": "Counsel"}).status_code == 302
    book(page)
    shown = browser.get(address).content.decode()
    assert "zoe@example.com" in shown
    assert "Counsel" in browser.get("/calendar/booking/").content.decode()
    for to, is_on in (("off", False), ("on", True)):
        assert browser.post(f"{address}state/", {"to": to}).status_code == 302
        assert BookingPage.objects.get().is_on == is_on
    assert browser.post(f"{address}state/", {"to": "else"}).status_code == 404
    assert browser.post(f"{address}state/", {"to": "away"}).status_code == 302
    assert browser.get(address).status_code == 404
