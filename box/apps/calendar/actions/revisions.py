"""What a series was before each change, and taking a change back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_edit
from box.apps.calendar.actions.attendees import attendees_of
from box.apps.calendar.actions.audiences import write_audience
from box.apps.calendar.actions.requests import ask_for_room
from box.apps.calendar.actions.rooms import book
from box.apps.calendar.events import EventChanged, EventRemoved
from box.apps.calendar.models import Attendance, Booking, Event, Guest, Meeting, Revision
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.lib.undo import changed_since

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import Field

# Nobody goes further back, and a telephone that changes an event every minute fills no table.
MOST_KEPT = 50
_FIELDS = (
    "calendar", "title", "description", "place", "starts_at", "ends_at", "is_all_day", "zone", "rule",
    "excluded", "room", "series", "original_at", "is_confidential", "is_free", "removed_at", "kept_lines",
)  # fmt: skip


def remember(event: Event, *, by: User) -> Revision:
    """What the series, or the event, and all its exceptions are now, before somebody changes them."""
    rows = [event, *event.exceptions.order_by("pk")]
    state = [_kept(row) for row in Event.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")]
    revision = Revision.objects.create(event=event, by=by, state=state)
    older = event.revisions.order_by("-pk").values_list("pk", flat=True)[MOST_KEPT:]
    Revision.objects.filter(pk__in=list(older)).delete()
    return revision


@transaction.atomic
def take_back(revision: Revision, *, by: User) -> Event:
    """Makes of the series what it was before its newest change, and ends what that change has made."""
    root = Event.objects.select_for_update(of=("self",)).select_related("calendar").get(pk=revision.event_id)
    newest = root.revisions.filter(taken_back_at=None).order_by("-pk").first()
    if newest != revision or _is_there_again(root):
        raise changed_since()
    if not can_edit(by, root):
        raise PermissionDenied(_("You may look at this event, and not change it."))
    now = timezone.now()
    known = [row["id"] for row in revision.state]
    had = {event.pk: _room_of(event) for event in Event.objects.filter(pk__in=known)}
    asked = {event.pk: attendees_of(event) for event in Event.objects.there().filter(pk__in=known)}
    # All rooms first: what was exchanged is exchanged back.
    Booking.objects.filter(event__in=[*known, *revision.made_ids]).delete()
    Booking.objects.filter(event__series__in=[root.pk, *revision.made_ids]).delete()
    # And exceptions out of each other's way: one may have the time that was another's.
    Event.objects.filter(pk__in=known, series__isnull=False).update(removed_at=now)
    for row in revision.state:
        _restore(row)
    meetings = [(pk, row["id"], at) for row in revision.state for pk, at in row.get("meetings", ())]
    Meeting.objects.rehang({pk: (event_id, datetime.fromisoformat(at)) for pk, event_id, at in meetings})
    # Exceptions of after the change, too: the series has those times itself again.
    after = Event.objects.filter(series__in=[root.pk, *revision.made_ids]).exclude(pk__in=known)
    made_ids = [*revision.made_ids, *after.there().values_list("pk", flat=True)]
    after.update(removed_at=now, is_undone=True)
    _end_made(made_ids, root, by, now)
    revision.taken_back_at = now
    revision.save(update_fields=["taken_back_at"])
    for event in Event.objects.there().filter(pk__in=known).select_related("room"):
        book(event)
        ask_for_room(event, by=by, is_new=had[event.pk] != _room_of(event))
    root = Event.objects.select_related("calendar").get(pk=root.pk)
    _tell_of_return(root, asked, by, now)
    return root


def _tell_of_return(root: Event, asked: Mapping[int, set[int]], by: User, now: datetime) -> None:
    """Whom the change had `asked` to the series or to one time of it, by its number, hears that they are not
    asked any more. Of all else the series tells those who take part in it."""
    coming = attendees_of(root)
    for event in [root, *root.exceptions.filter(pk__in=asked, removed_at=None).order_by("pk")]:
        former = asked.get(event.pk, set()) - attendees_of(event) - coming
        if event != root and not former:
            continue
        event.version += 1
        event.changed_by, event.changed_at = by, now
        event.save(update_fields=["version", "changed_by", "changed_at"])
        emit(
            EventChanged(
                event_id=event.pk, by_id=by.pk, version=event.version, is_moved=True,
                former_user_ids=tuple(sorted(former)),
                told_user_ids=tuple(sorted(coming)) if event != root else (),
            )
        )  # fmt: skip


def _end_made(made_ids: Sequence[int], root: Event, by: User, now: datetime) -> None:
    """Those who take part in nothing else of it hear so; guests, reminders and programs know of it as another
    event than the series."""
    told = attendees_of(root)
    for made in Event.objects.filter(pk__in=made_ids).order_by("pk"):
        made.removed_at = now
        made.version += 1
        made.save(update_fields=["removed_at", "version"])
        people = attendees_of(made) - told
        told |= people
        emit(
            EventRemoved(
                event_id=made.pk, by_id=by.pk, version=made.version, user_ids=tuple(sorted(people))
            )
        )  # fmt: skip


def _room_of(event: Event) -> tuple[Any, ...]:
    """What whoever keeps the room was asked for."""
    return event.room_id, event.starts_at, event.ends_at, event.rule


def _is_there_again(event: Event) -> bool:
    """A program has sent what was removed once more: it is another row by now."""
    same = Event.objects.there().filter(calendar=event.calendar, uid=event.uid, series=None)
    return bool(event.uid) and same.exclude(pk=event.pk).exists()


def _fields() -> list[Field[Any, Any]]:
    return [field for field in Event._meta.concrete_fields if field.name in _FIELDS]


def _kept(event: Event) -> dict[str, Any]:
    values = {field.name: field.value_to_string(event) for field in _fields()}
    nulls = [field.name for field in _fields() if getattr(event, field.attname) is None]
    span = [_written(event.span.lower), _written(event.span.upper)]
    answers = [[one.user_id, one.answer] for one in event.attendances.order_by("pk")]
    guests = [[one.email, one.name, one.answer] for one in event.guests.asked().order_by("pk")]
    meetings = [[one.pk, _written(one.at)] for one in event.meetings.order_by("pk")]
    return {
        "id": event.pk, "values": values, "nulls": nulls, "span": span, "answers": answers, "guests": guests,
        "meetings": meetings,
    }  # fmt: skip


def _restore(row: Mapping[str, Any]) -> None:
    event = Event.objects.filter(pk=row["id"]).first()
    if event is None:
        return
    for field in _fields():
        if field.name not in row["values"]:
            # What an event has had only since a later version stays.
            continue
        value = None if field.name in row["nulls"] else field.to_python(row["values"][field.name])
        setattr(event, field.attname, value)
    lower, upper = (datetime.fromisoformat(end) if end else None for end in row["span"])
    event.span = DateTimeTZRange(lower, upper)
    event.save()
    event.attendances.exclude(user__in=[pk for pk, _answer in row["answers"]]).delete()
    present = {one.user_id: one for one in event.attendances.all()}
    for pk, answer in row["answers"]:
        one = present.get(pk) or Attendance(event=event, user_id=pk)
        one.answer, one.span = answer, event.span
        if one.pk or User.objects.filter(pk=pk).exists():
            one.save()
    _restore_guests(event, row.get("guests", []))
    write_audience(event)


def _restore_guests(event: Event, guests: Sequence[Sequence[str]]) -> None:
    """Who is asked no longer stays until they are told."""
    event.guests.exclude(email__in=[email for email, *_rest in guests]).update(is_asked=False)
    for email, name, answer in guests:
        said = {"answer": answer, "is_asked": True}
        Guest.objects.update_or_create(
            event=event, email=email, defaults=said, create_defaults={**said, "name": name}
        )


def _written(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
