"""People outside: a letter for each change that they do not know of, and their answer by its link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from icalendar import Calendar as Read

from box.apps.calendar import actions
from box.apps.calendar.actions import (
    GuestDraft,
    Scope,
    answer_as_guest,
    change_event,
    move_event,
    remove_event,
    take_back,
)
from box.apps.calendar.actions.guests import MOST_A_DAY, MOST_GUESTS, forget_sent
from box.apps.calendar.forms import guests_of
from box.apps.calendar.models import LONGEST_COMMENT, Guest, SentInvitation
from box.core.access.actions import employees_role, set_rights
from box.core.accounts.actions import dismiss_user
from box.core.accounts.models import User
from box.core.events.delivery import deliver_all
from box.core.events.models import Event as Told
from box.core.notify.actions import send_letters
from box.core.notify.models import Notification, QueuedLetter
from box.core.registry.origin import importing
from box.core.registry.settings import store
from tests.box.apps.calendar.conftest import TEN, draft, planned
from tests.box.mailbox import Mailbox, mailbox, text_of

if TYPE_CHECKING:
    from box.apps.calendar.models import Event
    from tests.clock import Clock

type Browser = Callable[[User | None], Client]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]

HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
ZOE = GuestDraft("zoe@example.com", "Zoe")
YAN = GuestDraft("yan@example.com")


@pytest.fixture(autouse=True)
def _mail_server() -> None:
    store({"mail.host": "127.0.0.1"})


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        store({"mail.port": box.port, "mail.encryption": "none", "mail.sender": "box@korobka.test"})
        yield box


def asked(anna: User, *guests: GuestDraft, **more: Any) -> Event:
    return planned(anna, draft(guests=guests or (ZOE,), **more))


def written() -> list[tuple[str, str, list[Any]]]:
    """To whom, by which method and of what a letter has gone since the last look, in order."""
    deliver_all()
    letters = QueuedLetter.objects.order_by("pk")
    bodies = dict(SentInvitation.objects.values_list("key", "body"))
    found = []
    for one in letters:
        calendar = Read.from_ical(bodies[one.key])
        found.append((one.to, str(calendar["METHOD"]), list(calendar.walk("VEVENT"))))
    letters.delete()
    return found


def test_the_letter_is_what_mail_programs_answer(box: Mailbox, anna: User, clock: Clock) -> None:
    anna.email = "anna@korobka.test"
    anna.save()
    event = asked(anna, place="Office")
    deliver_all()
    assert send_letters(clock.now) == 1
    (letter,) = box.letters
    assert (letter["To"], letter["Reply-To"]) == ("zoe@example.com", "anna@korobka.test")
    assert letter["Subject"] == "Invitation: Stand-up"
    part = next(one for one in letter.walk() if one.get_content_type() == "text/calendar")
    assert part.get_param("method") == "REQUEST"
    component: Any
    (component,) = Read.from_ical(part.get_content()).walk("VEVENT")
    assert str(component["ORGANIZER"]) == "mailto:anna@korobka.test"
    assert str(component["ATTENDEE"]) == "mailto:zoe@example.com"
    assert (component["ATTENDEE"].params["RSVP"], component["ATTENDEE"].params["CN"]) == ("TRUE", "Zoe")
    assert (str(component["SUMMARY"]), "STATUS" in component) == ("Stand-up", False)
    assert (component["DTSTART"].dt, str(component["LOCATION"])) == (TEN, "Office")
    assert Guest.objects.get(event=event).get_absolute_url() in text_of(letter)


def test_a_change_is_written_once_and_what_guests_do_not_see_never(anna: User, boris: User) -> None:
    event = asked(anna)
    ((to, method, _events),) = written()
    assert (to, method) == ("zoe@example.com", "REQUEST")
    change_event(event, draft(invited=(f"U{boris.pk}",)), by=anna)
    assert written() == []
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    actions.write_to_guests(event.pk, TEN - WEEK)
    actions.write_to_guests(event.pk, TEN - WEEK)
    ((to, method, (component,)),) = written()
    assert (to, method, component["DTSTART"].dt) == ("zoe@example.com", "REQUEST", TEN + HOUR)
    assert component["SEQUENCE"] == 2


def test_who_is_asked_no_longer_and_what_is_removed_is_cancelled(anna: User) -> None:
    event = asked(anna, ZOE, YAN)
    written()
    change_event(event, draft(guests=(YAN,)), by=anna)
    ((to, method, (component,)),) = written()
    assert (to, method, str(component["STATUS"])) == ("zoe@example.com", "CANCEL", "CANCELLED")
    yan = Guest.objects.get()
    assert yan.email == "yan@example.com"
    revision = remove_event(event, by=anna)
    assert [(to, method) for to, method, _events in written()] == [("yan@example.com", "CANCEL")]
    take_back(revision, by=anna)
    assert [(to, method) for to, method, _events in written()] == [("yan@example.com", "REQUEST")]
    # By the link of the first letter, too.
    assert Guest.objects.get() == yan


def test_an_exception_goes_alone_and_a_series_with_all_its_exceptions(anna: User) -> None:
    event = asked(anna, rule="FREQ=WEEKLY;COUNT=4")
    written()
    second, third = TEN + WEEK, TEN + 2 * WEEK
    move_event(event, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna)
    ((_to, _method, (alone,)),) = written()
    assert (alone["RECURRENCE-ID"].dt, alone["DTSTART"].dt) == (second, second + HOUR)
    remove_event(event, scope=Scope.THIS, at=third, by=anna)
    ((_to, method, (series, exception)),) = written()
    assert method == "REQUEST"
    assert [one.dt for one in series["EXDATE"].dts] == [third]
    assert exception["UID"] == series["UID"]


def test_a_series_that_is_cut_ends_for_guests_and_the_rest_is_another(anna: User) -> None:
    event = asked(anna, rule="FREQ=WEEKLY;COUNT=4")
    written()
    third = TEN + 2 * WEEK
    move_event(event, third + HOUR, third + 2 * HOUR, scope=Scope.FOLLOWING, at=third, by=anna)
    letters = written()
    rules = {str(one["UID"]): one["RRULE"].to_ical() for _to, _method, events in letters for one in events}
    assert [method for _to, method, _events in letters] == ["REQUEST", "REQUEST"]
    assert sorted(rules.values()) == [b"FREQ=WEEKLY;COUNT=2", b"FREQ=WEEKLY;COUNT=2"]
    assert len(rules) == 2


def test_somebody_asked_to_one_time_alone_hears_of_it_and_of_its_end(anna: User) -> None:
    event = planned(anna, draft(rule="FREQ=WEEKLY;COUNT=4"))
    second = TEN + WEEK
    one_time = draft(starts=second, guests=(ZOE,))
    made = change_event(event, one_time, scope=Scope.THIS, at=second, by=anna).event
    ((_to, method, (component,)),) = written()
    assert (method, component["RECURRENCE-ID"].dt) == ("REQUEST", second)
    remove_event(made, by=anna)
    ((_to, method, (component,)),) = written()
    assert (method, component["RECURRENCE-ID"].dt) == ("CANCEL", second)


def test_nobody_is_written_to_of_what_is_over_or_without_a_mail_server(anna: User, clock: Clock) -> None:
    store({"mail.host": ""})
    event = asked(anna)
    assert written() == []
    assert actions.write_to_guests(event.pk, clock.now) == 0
    store({"mail.host": "127.0.0.1"})
    assert actions.write_to_guests(event.pk + 1000, clock.now) == 0
    clock.now = TEN + HOUR
    change_event(event, draft("Called otherwise"), by=anna)
    assert written() == []
    change_event(event, draft("Later", starts=TEN + WEEK), by=anna)
    assert len(written()) == 1
    clock.now = TEN + WEEK + HOUR
    remove_event(event, by=anna)
    assert written() == []


def test_the_link_answers_for_the_whole_series_until_it_is_withdrawn(as_person: Browser, anna: User) -> None:
    event = asked(anna, rule="FREQ=WEEKLY;COUNT=4", description="Secrets of the room")
    second = TEN + WEEK
    made = move_event(event, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna).event
    guest, browser = Guest.objects.get(event=event), as_person(None)
    address = guest.get_absolute_url()
    assert "Secrets of the room" in browser.get(address).content.decode()
    assert browser.post(address, {"answer": "perhaps"}).status_code == 422
    assert browser.post(address, {"answer": "accepted", "comment": "With cake"}).status_code == 200
    deliver_all()
    assert {one.answer for one in Guest.objects.filter(event__in=[event, made])} == {"accepted"}
    told = Notification.objects.get(kind="calendar.guest-accepted")
    assert told.user == anna
    # The next time that it moves, they are asked again.
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna, at=TEN)
    guest.refresh_from_db()
    assert guest.answer == "waiting"
    assert browser.get(address.replace(f"/{guest.pk}:", f"/{guest.pk + 1}:")).status_code == 404
    change_event(event, draft(rule="FREQ=WEEKLY;COUNT=4", guests=()), by=anna)
    assert browser.get(address).status_code == 404
    assert browser.post(address, {"answer": "declined"}).status_code == 404


def test_the_card_shows_who_comes_from_outside_and_the_form_keeps_them(
    as_person: Browser, anna: User
) -> None:
    event = asked(anna, ZOE, YAN)
    browser = as_person(anna)
    card = browser.get(event.get_absolute_url()).content.decode()
    assert "Zoe" in card
    assert "yan@example.com" in card
    form = browser.get(f"/calendar/events/{event.pk}/edition/").content.decode()
    assert "Zoe &lt;zoe@example.com&gt;, yan@example.com" in form


def test_addresses_are_read_as_people_write_them() -> None:
    assert guests_of('zoe@example.com; "Yan, the tall" <yan@example.com>\n x@y.example') == (
        GuestDraft("zoe@example.com"),
        GuestDraft("yan@example.com", "Yan, the tall"),
        GuestDraft("x@y.example"),
    )
    assert guests_of("") == ()


def test_no_letters_to_the_world(anna: User, boris: User) -> None:
    boris.email = "boris@korobka.test"
    boris.save()
    with pytest.raises(ValidationError, match="no e-mail address"):
        asked(anna, GuestDraft("zoe@"))
    with pytest.raises(ValidationError, match="works here"):
        asked(anna, GuestDraft("boris@korobka.test"))
    many = [GuestDraft(f"one{number}@example.com") for number in range(MOST_GUESTS + 1)]
    with pytest.raises(ValidationError, match=f"{MOST_GUESTS} people outside"):
        asked(anna, *many)
    event = asked(anna, *many[:MOST_GUESTS])
    others = [
        Guest(event=event, email=f"more{number}@example.com") for number in range(MOST_A_DAY - MOST_GUESTS)
    ]
    Guest.objects.bulk_create(others)
    with pytest.raises(ValidationError, match="within a day"):
        asked(anna, ZOE)


def test_who_may_not_write_outside_keeps_those_who_are_asked(anna: User, boris: User) -> None:
    event = asked(anna)
    set_rights(employees_role(), [], by=None)
    boris, anna = (User.objects.get(pk=one.pk) for one in (boris, anna))
    with pytest.raises(PermissionDenied):
        asked(boris, YAN)
    # Elsewhere he might.
    with importing(at=TEN):
        asked(boris, YAN)
    assert change_event(event, draft("Otherwise"), by=anna).event.guests.asked().count() == 1


def test_the_bytes_of_a_letter_are_forgotten_after_a_month(anna: User, clock: Clock) -> None:
    asked(anna)
    deliver_all()
    sent = SentInvitation.objects.get()
    assert forget_sent(sent.made_at + timedelta(days=30)) == 0
    assert forget_sent(sent.made_at + timedelta(days=31)) == 1


def test_an_address_is_asked_once_however_it_is_written(anna: User) -> None:
    event = asked(anna, GuestDraft(" Zoe@Example.com ", "  Zoe   Z "), GuestDraft("zoe@example.com", "Other"))
    assert [(one.email, one.name) for one in event.guests.all()] == [("zoe@example.com", "Zoe Z")]


def test_an_address_and_a_name_have_an_end(anna: User) -> None:
    longest = f"{'z' * 6}@{'.'.join(['y' * 60] * 4)}.com"
    with pytest.raises(ValidationError, match="no e-mail address"):
        asked(anna, GuestDraft(longest.replace("z", "zz")))
    guest = asked(anna, GuestDraft(longest, "x" * 201)).guests.get()
    assert (guest.email, guest.name) == (longest, "x" * 200)


def test_who_has_left_the_company_is_asked_by_letter(anna: User, boris: User) -> None:
    dismiss_user(boris, by=None)
    assert asked(anna, GuestDraft(boris.email)).guests.get().email == boris.email


def test_that_people_outside_are_asked_is_told_of_those_who_are_new(anna: User) -> None:
    event = asked(anna)
    for guests in ((ZOE,), (ZOE, YAN), (YAN,), (ZOE, YAN)):
        change_event(event, draft(guests=guests), by=anna)
    told = Told.objects.filter(kind="calendar.GuestsAsked").order_by("pk")
    assert [one.payload for one in told] == [{"event_id": event.pk, "by_id": anna.pk, "count": 1}] * 3


def test_who_is_asked_to_two_events_is_written_of_the_one_that_changes(anna: User) -> None:
    event, _other = asked(anna), asked(anna, is_free=True)
    assert len(written()) == 2
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    ((_to, _method, (component,)),) = written()
    assert component["DTSTART"].dt == TEN + HOUR


def test_the_same_answer_again_is_told_to_nobody(anna: User) -> None:
    guest = asked(anna).guests.get()
    for comment in ("By train", " By  train ", "By train"):
        answer_as_guest(guest, "accepted", comment=comment)
    answers = Told.objects.filter(kind="calendar.GuestAnswered")
    assert answers.count() == 1
    answer_as_guest(guest, "accepted", comment="By car")
    answer_as_guest(guest, "declined", comment="By car")
    assert answers.count() == 3


def test_who_is_asked_anew_has_not_answered(anna: User) -> None:
    event = asked(anna)
    guest = event.guests.get()
    answer_as_guest(guest, "declined", comment=f" On \n leave {'x' * LONGEST_COMMENT}")
    guest.refresh_from_db()
    assert (guest.answer, guest.comment) == (
        "declined",
        f"On leave {'x' * LONGEST_COMMENT}"[:LONGEST_COMMENT],
    )
    change_event(event, draft("Other words", guests=(ZOE,)), by=anna)
    guest.refresh_from_db()
    assert guest.answer == "declined"
    move_event(event, TEN + HOUR, TEN + 2 * HOUR, by=anna)
    guest.refresh_from_db()
    assert (guest.answer, guest.comment, guest.answered_at) == ("waiting", "", None)


def test_who_is_asked_again_has_not_answered(anna: User) -> None:
    event = asked(anna)
    answer_as_guest(event.guests.get(), "accepted")
    for guests in ((), (ZOE,)):
        change_event(event, draft(guests=guests), by=anna)
    guest = event.guests.get()
    assert (guest.is_asked, guest.answer) == (True, "waiting")


@pytest.mark.parametrize("scope", [Scope.THIS, Scope.FOLLOWING])
def test_a_guest_who_has_answered_for_a_series_has_for_what_is_made_of_it_at_the_same_time(
    anna: User, scope: Scope
) -> None:
    event = asked(anna, rule="FREQ=WEEKLY;COUNT=4")
    answer_as_guest(event.guests.get(), "tentative")
    answered_at = event.guests.get().answered_at
    second, third = TEN + WEEK, TEN + 2 * WEEK
    moved = move_event(event, third + HOUR, third + 2 * HOUR, scope=scope, at=third, by=anna).event
    assert (moved.guests.get().answer, moved.guests.get().answered_at) == ("waiting", None)
    event.refresh_from_db()
    wanted = draft("Other words", second, rule=event.rule)
    made = change_event(event, wanted, scope=scope, at=second, by=anna).event
    assert (made.guests.get().answer, made.guests.get().answered_at) == ("tentative", answered_at)


def test_of_a_series_a_guest_answers_for_themselves_and_for_what_they_are_asked_to(anna: User) -> None:
    event = asked(anna, ZOE, YAN, rule="FREQ=WEEKLY;COUNT=4")
    second = TEN + WEEK
    once = move_event(event, second + HOUR, second + 2 * HOUR, scope=Scope.THIS, at=second, by=anna).event
    answer_as_guest(event.guests.get(email=ZOE.email), "accepted")
    assert dict(once.guests.values_list("email", "answer")) == {ZOE.email: "accepted", YAN.email: "waiting"}


def test_who_is_asked_to_nothing_any_more_answers_nobody(anna: User) -> None:
    event = asked(anna, ZOE, YAN)
    yan, zoe = event.guests.order_by("email")
    change_event(event, draft(guests=(YAN,)), by=anna)
    answer_as_guest(zoe, "accepted")
    remove_event(event, by=anna)
    answer_as_guest(yan, "accepted")
    assert set(event.guests.values_list("answer", flat=True)) == {"waiting"}
    assert not Told.objects.filter(kind="calendar.GuestAnswered").exists()


def test_a_guest_answers_for_their_own_events_alone(anna: User) -> None:
    event, other = asked(anna, ZOE, YAN), asked(anna, is_free=True)
    with pytest.raises(ValidationError, match="yes, no or maybe"):
        answer_as_guest(event.guests.get(email=ZOE.email), "waiting")
    answer_as_guest(event.guests.get(email=ZOE.email), "accepted")
    assert dict(event.guests.values_list("email", "answer")) == {ZOE.email: "accepted", YAN.email: "waiting"}
    assert other.guests.get().answer == "waiting"


def test_of_one_organizer_so_many_letters_leave_within_a_day(
    anna: User, boris: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calendar.actions.guests.MOST_LETTERS_A_DAY", 2)
    asked(anna, ZOE, YAN)
    deliver_all()
    with pytest.raises(ValidationError, match="have left for"):
        asked(anna)
    planned(anna)
    asked(boris)
    # What was taken over has no letters behind it.
    with importing(at=TEN):
        asked(anna)
    clock.move(hours=23)
    with pytest.raises(ValidationError, match="have left for"):
        asked(anna)
    clock.move(hours=1, seconds=1)
    asked(anna)


def test_of_one_organizer_so_many_are_asked_within_a_day(
    anna: User, boris: User, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.calendar.actions.guests.MOST_A_DAY", 2)
    for guest in (ZOE, YAN):
        asked(anna, guest)
    asked(boris)
    for hours in (0, 23):
        clock.move(hours=hours)
        with pytest.raises(ValidationError, match="within a day"):
            asked(anna)
    clock.move(hours=1, seconds=1)
    asked(anna)
