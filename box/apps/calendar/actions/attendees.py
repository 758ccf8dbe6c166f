"""Who takes part: asked, asked anew, and asked no longer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from box.apps.calendar.models import Attendance
from box.core.access.principals import is_person, people_behind
from box.core.accounts.models import User
from box.core.registry.origin import is_importing
from box.core.structure.names import unaddressable

if TYPE_CHECKING:
    from box.apps.calendar.models import Event

MOST_INVITED = 300

Answer = Attendance.Answer


def attendees_of(event: Event) -> set[int]:
    return set(event.attendances.values_list("user_id", flat=True))


def invited_people(codes: Iterable[str], *, by: User, known: Collection[int] = ()) -> set[int]:
    """Whom these codes mean now. Those who are `known` to take part may stay, also when they could not be
    asked any more."""
    codes = set(codes)
    named = {int(code[1:]) for code in codes if is_person(code)}
    # Who took part where it comes from did, whether or not one could ask them here.
    kept = named if is_importing() else named & set(known)
    new = codes - {f"U{pk}" for pk in kept}
    if unaddressable(by, new):
        raise ValidationError(_("You cannot invite all of these: choose again."), code="invited")
    found = User.objects.active().filter(people_behind(new)).values_list("pk", flat=True) if new else []
    people = {*kept, *list(found[: MOST_INVITED + 1])}
    if len(people) > MOST_INVITED:
        raise ValidationError(
            _("%(most)s people can be invited at most: put it into the calendar of a group instead.")
            % {"most": MOST_INVITED},
            code="invited",
        )
    return people


def attend(event: Event, people: set[int], *, by: User, asks_anew: bool) -> None:
    """These take part, and nobody else. Whoever changes an event comes to what they have made of it."""
    event.attendances.exclude(user__in=people).delete()
    event.attendances.update(span=event.span)
    if asks_anew:
        others = event.attendances.exclude(user__in={by.pk, event.organizer_id})
        others.update(answer=Answer.WAITING, answered_at=None, comment="", proposed_at=None)
    present = set(event.attendances.values_list("user_id", flat=True))
    Attendance.objects.bulk_create(
        Attendance(
            event=event,
            user_id=pk,
            span=event.span,
            answer=Answer.ACCEPTED if pk in (by.pk, event.organizer_id) else Answer.WAITING,
        )
        for pk in sorted(people - present)
    )
