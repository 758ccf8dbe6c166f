"""People outside who are asked by letter: asked, told of what changes, told that it does not take place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from box.apps.calendar import ics
from box.apps.calendar.access import can_ask_outsiders
from box.apps.calendar.events import GuestAnswered, GuestsAsked
from box.apps.calendar.models import (
    LONGEST_COMMENT,
    Appointment,
    Attendance,
    Event,
    Guest,
    SentInvitation,
)
from box.apps.calendar.occurrences import Occurrence
from box.apps.calendar.said import when
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.notify.actions import queue_letters
from box.core.registry.capabilities import Letter, can_send_letters
from box.core.registry.company import LANGUAGE
from box.core.registry.enclosures import Enclosure
from box.core.registry.origin import is_importing, moment

if TYPE_CHECKING:
    from icalendar import Event as Component

MOST_GUESTS = 50
# A portal is no machine for letters to the world.
MOST_A_DAY = 300
# Of one organizer, with those of changes and cancellations.
MOST_LETTERS_A_DAY = 1000
KEPT_SENT = timedelta(days=30)
LETTERS = "calendar"
_LONGEST = MaxLengthValidator(254)

Answer = Attendance.Answer
PARTSTATS = {
    Answer.WAITING: "NEEDS-ACTION", Answer.ACCEPTED: "ACCEPTED", Answer.TENTATIVE: "TENTATIVE",
    Answer.DECLINED: "DECLINED",
}  # fmt: skip


@dataclass(frozen=True)
class GuestDraft:
    email: str
    name: str = ""


def checked_guests(guests: Iterable[GuestDraft]) -> tuple[GuestDraft, ...]:
    """Each address once, and each of them one. Raises ValidationError."""
    found: dict[str, GuestDraft] = {}
    for one in guests:
        email = one.email.strip().lower()
        try:
            _LONGEST(email)
            validate_email(email)
        except ValidationError:
            raise ValidationError(
                _("%(email)s is no e-mail address.") % {"email": one.email[:100]}, code="guests"
            ) from None
        found.setdefault(email, GuestDraft(email, " ".join(one.name.split())[:200]))
    if len(found) > MOST_GUESTS:
        raise ValidationError(
            _("%(most)s people outside can be invited at most.") % {"most": MOST_GUESTS}, code="guests"
        )
    return tuple(found.values())


def ask_guests(event: Event, guests: Iterable[GuestDraft], *, by: User, asks_anew: bool = False) -> None:
    """These are asked, and nobody else outside. Letters follow when the change is delivered."""
    wanted = {one.email: one for one in checked_guests(guests)}
    present = {one.email: one for one in event.guests.select_for_update()}
    new = [one for email, one in wanted.items() if email not in present or not present[email].is_asked]
    if wanted and not is_importing():
        _check_letters(event.organizer)
    if new and not is_importing():
        _check_new(new, by)
    for one in present.values():
        _ask_again(one, is_asked=one.email in wanted, asks_anew=asks_anew)
    made = [one for one in new if one.email not in present]
    Guest.objects.bulk_create(Guest(event=event, email=one.email, name=one.name) for one in made)
    if new:
        emit(GuestsAsked(event_id=event.pk, by_id=by.pk, count=len(new)))


def _ask_again(guest: Guest, *, is_asked: bool, asks_anew: bool) -> None:
    was = guest.is_asked, guest.answer
    if (asks_anew and is_asked) or guest.is_asked != is_asked:
        guest.answer, guest.comment, guest.answered_at = Answer.WAITING, "", None
    guest.is_asked = is_asked
    if was != (guest.is_asked, guest.answer):
        guest.save(update_fields=["is_asked", "answer", "comment", "answered_at"])


def _check_letters(organizer: User) -> None:
    """By what has left and not by who is asked: one who is asked no longer leaves no row."""
    since = timezone.now() - timedelta(days=1)
    sent = SentInvitation.objects.filter(organizer=organizer.email, made_at__gte=since).count()
    if sent >= MOST_LETTERS_A_DAY:
        raise ValidationError(
            _("%(most)s letters to people outside have left for %(name)s within a day: go on tomorrow.")
            % {"most": MOST_LETTERS_A_DAY, "name": organizer.name},
            code="guests",
        )


def _check_new(new: Sequence[GuestDraft], by: User) -> None:
    if not can_ask_outsiders(by):
        raise PermissionDenied(_("Ask an administrator for the right to invite people outside by letter."))
    here = User.objects.active().filter(email__in=[one.email for one in new]).first()
    if here is not None:
        raise ValidationError(
            _("%(name)s works here: invite them by name.") % {"name": here.name}, code="guests"
        )
    since = timezone.now() - timedelta(days=1)
    asked = Guest.objects.filter(event__organizer=by, made_at__gte=since).count()
    if asked + len(new) > MOST_A_DAY:
        raise ValidationError(
            _("You have invited %(most)s people outside within a day: go on tomorrow.")
            % {"most": MOST_A_DAY},
            code="guests",
        )


def welcome_guest(event: Event, email: str, name: str) -> None:
    """Who has chosen the event by themselves: they are not asked, and come."""
    now = timezone.now()
    Guest.objects.create(event=event, email=email, name=name, answer=Answer.ACCEPTED, answered_at=now)


def copy_guest_answers(event: Event, made: Event) -> None:
    """Who had answered for the series has answered for what is made of it."""
    answers = {one.email: one for one in event.guests.asked()}
    for guest in made.guests.asked():
        known = answers.get(guest.email)
        if known is not None:
            guest.answer, guest.answered_at = known.answer, known.answered_at
            guest.save(update_fields=["answer", "answered_at"])


@transaction.atomic
def answer_as_guest(guest: Guest, answer: str, *, comment: str = "") -> None:
    """By the link of a letter; of a series for all its times."""
    if answer not in (Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED):
        raise ValidationError(_("Answer with yes, no or maybe."), code="answer")
    event = guest.event
    family = Guest.objects.asked().filter(email=guest.email, event__removed_at=None)
    rows = family.filter(event__series=event.pk) | family.filter(pk=guest.pk)
    said = " ".join(comment.split())[:LONGEST_COMMENT]
    # Who says the same again tells nobody: whoever has the link may say it as often as they like.
    if rows.exclude(answer=answer, comment=said).update(answer=answer, comment=said, answered_at=moment()):
        emit(GuestAnswered(guest_id=guest.pk, answer=answer))


# Letters


@dataclass(frozen=True)
class _Told:
    """What one guest is to know of one event: None, where there is nothing to come to."""

    guest: Guest
    event: Event
    component: Component | None
    digest: str

    @property
    def is_news(self) -> bool:
        return self.component is not None and self.digest != self.guest.told

    @property
    def is_gone(self) -> bool:
        return self.component is None and bool(self.guest.told)


@transaction.atomic
def write_to_guests(event_id: int, now: datetime) -> int:
    """Queues a letter to everybody outside for whom something has changed in the event, or in its series;
    returns how many. What they know already is not written again."""
    found = Event.objects.filter(pk=event_id).first()
    if found is None or not can_send_letters():
        return 0
    root_id = found.series_id or found.pk
    Event.objects.select_for_update().get(pk=root_id)
    rows = Event.objects.filter(pk=root_id) | Event.objects.filter(series=root_id)
    family = {one.pk: one for one in rows.select_related("room", "organizer", "series", "appointment__page")}
    guests: dict[str, list[Guest]] = defaultdict(list)
    for guest in Guest.objects.filter(event__in=family).order_by("event_id"):
        guests[guest.email].append(guest)
    return sum(_write_to(mine, family, family[root_id], now) for mine in guests.values())


def _write_to(mine: Sequence[Guest], family: dict[int, Event], root: Event, now: datetime) -> int:
    asked = {one.event_id for one in mine if one.is_asked and _takes_place(family[one.event_id], root)}
    moved = ics.moved_times(event for event in family.values() if event.pk in asked)
    told = [
        _told(one, family[one.event_id], moved[one.event_id], is_asked=one.event_id in asked) for one in mine
    ]
    knows_root = root.pk in asked
    news = [one for one in told if one.is_news and not _is_over(one.event, now)]
    if any(one.event is root for one in news):
        # A series that comes anew replaces all that a program knew of it.
        news = [one for one in told if one.component is not None]
    # Of who is asked to the series, a time that is gone is left out by the series.
    gone = [] if knows_root else [one for one in told if one.is_gone and not _is_over(one.event, now)]
    if any(one.event is root for one in gone):
        gone = [one for one in gone if one.event is root]
    letters = [*_letter("CANCEL", gone), *_letter("REQUEST", news)]
    queue_letters(letters)
    for one in told:
        if one.digest != one.guest.told:
            one.guest.told = one.digest
            one.guest.save(update_fields=["told"])
    Guest.objects.filter(pk__in=[one.pk for one in mine], is_asked=False, told="").delete()
    return len(letters)


def _takes_place(event: Event, root: Event) -> bool:
    return event.removed_at is None and root.removed_at is None


def _is_over(event: Event, now: datetime) -> bool:
    """Nobody is written to about what was."""
    return event.span.upper is not None and event.span.upper <= now


def _told(guest: Guest, event: Event, moved: set[datetime], *, is_asked: bool) -> _Told:
    if not is_asked:
        return _Told(guest, event, None, "")
    organizer = ics.Person(event.organizer.email, event.organizer.name)
    bare = ics.component(event, moved, people=ics.People(organizer))
    for name in ("DTSTAMP", "SEQUENCE", "URL"):
        del bare[name]
    digest = sha256(bare.to_ical()).hexdigest()
    attendee = ics.Person(guest.email, guest.name, PARTSTATS[Answer(guest.answer)])
    return _Told(guest, event, _component(event, moved, organizer, attendee), digest)


def appointment_of(event: Event, email: str) -> Appointment | None:
    """What the guest has booked by themselves, where the event is that."""
    found: Appointment | None = getattr(event, "appointment", None)
    return found if found is not None and found.email == email else None


def title_for(event: Event, email: str) -> str:
    """Nobody is written what a stranger has typed: the address may be another's."""
    booked = appointment_of(event, email)
    return booked.page.title if booked is not None else event.title


def _component(event: Event, moved: set[datetime], organizer: ics.Person, guest: ics.Person) -> Component:
    """Of who else comes a guest learns nothing, and the portal's own page is not for them."""
    if appointment_of(event, guest.email) is not None:
        guest = replace(guest, name="")
    found = ics.component(event, moved, people=ics.People(organizer, (guest,)))
    del found["URL"], found["SUMMARY"]
    found.add("summary", title_for(event, guest.email))
    return found


def invitation_of(guest: Guest) -> bytes:
    """The event as the guest's calendar takes it in."""
    related = ("room", "organizer", "series", "appointment__page")
    event = Event.objects.select_related(*related).get(pk=guest.event_id)
    organizer = ics.Person(event.organizer.email, event.organizer.name)
    attendee = ics.Person(guest.email, guest.name, PARTSTATS[Answer(guest.answer)])
    return ics.enclosing([_component(event, set(), organizer, attendee)], method="PUBLISH")


def _letter(method: str, told: Sequence[_Told]) -> list[Letter]:
    if not told:
        return []
    first = told[0]
    components = [one.component or _cancelled(one) for one in told]
    versions = ".".join(str(one.event.version) for one in told[:5])
    key = f"{LETTERS}:{method}:{first.guest.pk}:{versions}:{(first.digest or first.guest.told)[:16]}"
    body = ics.enclosing(components, method=method).decode()
    organizer = first.event.organizer
    SentInvitation.objects.get_or_create(
        key=key, defaults={"method": method, "organizer": organizer.email, "body": body}
    )
    event = first.event
    booked = appointment_of(event, first.guest.email)
    language = booked.language if booked is not None else LANGUAGE.value
    zone = booked.zone if booked is not None else event.zone
    with translation.override(language), timezone.override(zone):
        said = when(Occurrence(event, event.starts_at, event.ends_at))
    context = {
        "event": event, "title": title_for(event, first.guest.email), "organizer": organizer.name,
        "when": said, "zone": zone, "is_off": method == "CANCEL", "is_known": bool(first.guest.told),
        "token": first.guest.token, "booked": booked.token if booked is not None else "",
        "is_waited_for": first.guest.answer == Answer.WAITING,
    }  # fmt: skip
    template = "calendar/invitation_letter.html"
    return [Letter(key=key, to=first.guest.email, language=language, template=template, context=context)]


def _cancelled(one: _Told) -> Component:
    attendee = ics.Person(one.guest.email, one.guest.name, PARTSTATS[Answer(one.guest.answer)])
    organizer = ics.Person(one.event.organizer.email, one.event.organizer.name)
    found = _component(one.event, set(), organizer, attendee)
    # In place of what a program may have written of it.
    found.pop("STATUS", None)
    found.add("status", "CANCELLED")
    return found


def enclosure_of(key: str) -> Enclosure | None:
    """See `box.core.registry.enclosures`."""
    sent = SentInvitation.objects.filter(key=key).first()
    return Enclosure(sent.method, sent.body, sent.organizer) if sent is not None else None


def forget_sent(now: datetime) -> int:
    return SentInvitation.objects.filter(made_at__lt=now - KEPT_SENT).delete()[0]
