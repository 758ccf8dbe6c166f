"""What becomes of the times that people outside have booked: whose they are, who hears, what is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.calendar.actions import (
    GuestDraft,
    answer_as_guest,
    answer_event,
    book_time,
    cancel_appointment,
    change_event,
    confirm_appointment,
    forget_visitor,
    move_appointment,
    move_event,
    remove_event,
    switch_page,
)
from box.apps.calendar.actions.appointments import forget_old, forget_visitors_of, take_over_appointment
from box.apps.calendar.actions.events import draft_of
from box.apps.calendar.models import Appointment, BookingPage, Event, HeldTime, SentInvitation
from box.core.accounts.actions import suspend_user
from box.core.events.delivery import deliver_all
from box.core.notify.models import Notification, QueuedLetter
from box.core.registry.origin import importing
from box.core.registry.settings import store
from tests.box.apps.calendar.conftest import TEN, draft, page_of, planned
from tests.box.apps.calendar.test_booking import NOW, book, visitor
from tests.box.core.groups.test_actions import group_of

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.groups.models import Group
    from tests.clock import Clock

pytestmark = pytest.mark.django_db

QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
YAN = GuestDraft("yan@example.com")


@pytest.fixture(autouse=True)
def _today(clock: Clock) -> None:
    clock.now = NOW


def event_of(appointment: Appointment) -> Event:
    return Event.objects.get(pk=appointment.event_id)


def holding(appointment: Appointment) -> set[User]:
    return {one.user for one in appointment.held_times.all()}


def told(person: User) -> list[str]:
    deliver_all()
    found = Notification.objects.filter(user=person, kind__startswith="calendar.").order_by("pk")
    return list(found.values_list("kind", flat=True))


def also_asking_yan(appointment: Appointment, by: User) -> Event:
    event = event_of(appointment)
    guests = (GuestDraft(appointment.email, appointment.name), YAN)
    return change_event(event, replace(draft_of(event), guests=guests), by=by).event


def answers(event: Event) -> dict[str, str]:
    return dict(event.guests.asked().values_list("email", "answer"))


# Which times


def test_the_first_moment_after_the_notice_is_booked_and_none_from_the_horizon_on(anna: User) -> None:
    assert book(page_of(anna, notice_hours=28)).event.starts_at == TEN == NOW + 28 * HOUR
    near, start = page_of(anna, horizon_days=1), TEN + HOUR
    with pytest.raises(ValidationError, match="no longer free"):
        book_time(near, start, visitor(), key="one", now=start - DAY)
    book_time(near, start, visitor(), key="one", now=start - DAY + SECOND)


def test_a_page_takes_so_many_within_a_day(
    page: BookingPage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calendar.actions.appointments.MOST_A_DAY", 1)
    book(page)
    clock.now += DAY - SECOND
    with pytest.raises(ValidationError, match="any more today"):
        book(page, TEN + HOUR, visitor("Yan"))
    clock.now += SECOND
    book(page, TEN + HOUR, visitor("Yan"))


def test_what_stays_free_before_and_after_is_held_too(anna: User) -> None:
    book(page_of(anna, before_minutes=15, after_minutes=30))
    span = HeldTime.objects.get().span
    assert (span.lower, span.upper) == (TEN - QUARTER, TEN + HOUR)


# Whose they are


def test_who_receives_in_turn_is_reckoned_by_the_page(anna: User, team: Group) -> None:
    book(page_of(anna))
    assert book(page_of(anna, hosts="turn", group=team), TEN + HOUR).event.organizer == anna


def test_all_members_and_nobody_else_are_booked_by_who_offers_their_time(
    anna: User, boris: User, cara: User
) -> None:
    page = page_of(boris, hosts="all", group=group_of(boris, anna))
    planned(anna, draft(hours=0.5))
    with pytest.raises(ValidationError, match="no longer free"):
        book(page)
    made = book(page, TEN + HOUR)
    assert (made.event.organizer, holding(made)) == (boris, {anna, boris})


def test_what_is_booked_is_called_after_both_as_far_as_there_is_room(anna: User) -> None:
    made = book(page_of(anna, title="x" * 120), who=visitor("y" * 100, email="y@example.com"))
    assert made.event.title == f"{'x' * 120}: {'y' * 78}"


def test_whoever_was_chosen_by_turn_stays_the_host_when_the_time_is_another(anna: User, team: Group) -> None:
    made = book(page_of(anna, hosts="turn", group=team))
    move_appointment(made, TEN + 2 * HOUR, now=NOW)
    assert (event_of(made).organizer, holding(made)) == (anna, {anna})


def test_what_a_host_has_planned_over_is_moved_to_where_the_host_is_free(
    page: BookingPage, anna: User
) -> None:
    first, second = book(page), book(page, TEN + HOUR, visitor("Yan"))
    move_event(event_of(first), TEN + HOUR, TEN + 2 * HOUR, by=anna)
    deliver_all()
    assert (holding(first), holding(second)) == (set(), {anna})
    with pytest.raises(ValidationError, match="no longer free"):
        move_appointment(first, TEN + HOUR, now=NOW)
    move_appointment(first, TEN + 3 * HOUR, now=NOW)
    assert holding(first) == {anna}


def test_nobody_moves_an_appointment_of_a_page_that_is_off(page: BookingPage, anna: User) -> None:
    made = book(page)
    switch_page(page, False, by=anna)
    with pytest.raises(ValidationError, match="no longer free"):
        move_appointment(made, TEN + HOUR, now=NOW)
    assert event_of(made).starts_at == TEN


def test_what_the_host_has_removed_is_neither_moved_nor_cancelled(page: BookingPage, anna: User) -> None:
    made = book(page)
    remove_event(event_of(made), by=anna)
    with pytest.raises(ValidationError, match="was cancelled"):
        move_appointment(made, TEN + HOUR, now=NOW)
    with pytest.raises(ValidationError, match="was cancelled"):
        cancel_appointment(made, now=NOW)


def test_who_works_here_no_more_holds_no_time_and_what_else_is_planned_holds_none(
    anna: User, boris: User, team: Group
) -> None:
    own = planned(anna, draft(starts=TEN + 5 * HOUR))
    made = book(page_of(anna, hosts="all", group=team))
    move_event(own, TEN + 6 * HOUR, TEN + 7 * HOUR, by=anna)
    deliver_all()
    assert {one.span.lower for one in HeldTime.objects.all()} == {TEN}
    suspend_user(boris, by=None)
    move_event(event_of(made), TEN + HOUR, TEN + 2 * HOUR, by=anna)
    deliver_all()
    assert holding(made) == {anna}


# Who hears of it


def test_hosts_hear_once_of_what_a_visitor_does(anna: User, boris: User, team: Group) -> None:
    made = book(page_of(anna, hosts="all", group=team))
    deliver_all()
    move_appointment(made, TEN + HOUR, now=NOW)
    deliver_all()
    cancel_appointment(made, now=NOW)
    known = ["calendar.booked", "calendar.rebooked", "calendar.unbooked"]
    assert told(anna) == told(boris) == known


def test_others_whom_the_host_has_asked_answer_for_themselves(page: BookingPage, anna: User) -> None:
    made = book(page)
    event = also_asking_yan(made, anna)
    answer_as_guest(event.guests.get(email=YAN.email), "declined")
    move_appointment(made, TEN + HOUR, now=NOW)
    assert answers(event) == {made.email: "accepted", YAN.email: "waiting"}


def test_a_visitor_confirms_for_themselves_once_and_keeps_their_word(page: BookingPage, anna: User) -> None:
    made = book(page)
    event = also_asking_yan(made, anna)
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    confirm_appointment(made, now=NOW)
    assert answers(event) == {made.email: "accepted", YAN.email: "waiting"}
    answer_as_guest(event.guests.get(email=made.email), "accepted", comment="By train")
    confirm_appointment(made, now=NOW)
    assert event.guests.get(email=made.email).comment == "By train"


def test_who_is_asked_no_longer_confirms_nothing(page: BookingPage, anna: User) -> None:
    made = book(page)
    event = also_asking_yan(made, anna)
    change_event(event, replace(draft_of(event), guests=(YAN,)), by=anna)
    confirm_appointment(made, now=NOW)
    assert answers(event) == {YAN.email: "waiting"}


@pytest.mark.parametrize(
    ("language", "subject"), [("en", "Booked: Consultation"), ("ru", "Вы записаны: Consultation")]
)
def test_visitors_are_written_in_their_language_and_others_what_the_event_is_called(
    page: BookingPage, anna: User, language: str, subject: str
) -> None:
    store({"mail.host": "127.0.0.1"})
    made = book(page, who=visitor(language=language))
    also_asking_yan(made, anna)
    deliver_all()
    subjects = dict(QueuedLetter.objects.values_list("to", "subject"))
    assert subjects[made.email] == subject
    assert "Consultation: Zoe" in subjects[YAN.email]
    bodies = {one.key: one.body for one in SentInvitation.objects.all()}
    summaries = {one.to: "SUMMARY:Consultation: Zoe" in bodies[one.key] for one in QueuedLetter.objects.all()}
    assert summaries == {made.email: False, YAN.email: True}


# Taken over


def test_what_was_booked_elsewhere_holds_the_time_of_those_who_come(
    page: BookingPage, anna: User, boris: User, cara: User
) -> None:
    event = planned(anna, draft(invited=(f"U{boris.pk}", f"U{cara.pk}")))
    answer_event(event, "declined", by=boris)
    suspend_user(cara, by=None)
    with pytest.raises(ValidationError):
        take_over_appointment(page, event, visitor(language="x" * 8))
    with importing(at=NOW - DAY):
        made = take_over_appointment(page, event, visitor())
    made = Appointment.objects.get(pk=made.pk)
    assert (made.name, made.made_at, made.event) == ("Zoe", NOW - DAY, event)
    assert holding(made) == {anna}


# What is known of visitors


def test_each_page_forgets_after_its_own_time(anna: User) -> None:
    pages = [page_of(anna, kept_days=days) for days in (30, 60)]
    first, second = (book(one, TEN + number * HOUR) for number, one in enumerate(pages))
    assert forget_old(second.event.ends_at + 31 * DAY) == 1
    assert list(Appointment.objects.exclude(email="")) == [second]
    assert event_of(first).title == "Consultation"


def test_with_a_visitor_goes_what_changes_have_kept_of_them_and_nobody_else(
    page: BookingPage, anna: User, boris: User
) -> None:
    made, other = book(page), book(page, TEN + HOUR, visitor("Xenia"))
    event = also_asking_yan(made, anna)
    assert event.revisions.exists()
    forget_visitor(made, by=anna)
    assert not event.revisions.exists()
    assert answers(event) == {YAN.email: "waiting"}
    other.refresh_from_db()
    assert (other.name, event_of(other).title) == ("Xenia", "Consultation: Xenia")
    theirs = book(page_of(boris), who=visitor("Vera"))
    forget_visitors_of(anna)
    assert list(Appointment.objects.exclude(email="")) == [theirs]
