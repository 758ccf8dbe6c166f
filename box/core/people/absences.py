"""Who is away when, and who may say so: the person, those who lead them, and who may edit people.

Colleagues see that somebody is away and until when, but of a sick leave not that it is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.accounts.access import can_manage, can_see_company
from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.people.events import AbsenceRemoved, AbsenceWritten
from box.core.people.models import Absence
from box.core.registry.origin import is_importing
from box.core.registry.settings import raise_version
from box.core.structure.models import Department, Membership

LONGEST = timedelta(days=3 * 366)
"""A parental leave is the longest."""


@dataclass(frozen=True)
class Away:
    """An absence as it is written down. `substitute` answers for the person meanwhile."""

    kind: str
    starts_on: date
    ends_on: date
    comment: str = ""
    substitute: User | None = None


def can_write_absences(user: User, person: User) -> bool:
    """An outside guest is never at work, and so never absent."""
    if person.is_extranet or person.status == User.Status.DISMISSED or not can_see_company(user):
        return False
    return user.pk == person.pk or can_manage(user, person) or leads(user, person)


def leads(user: User, person: User) -> bool:
    """Whether one is the head or a deputy of a department that the other belongs to, or of one above it."""
    places = Department.objects.filter(memberships__user=person).values_list("path", flat=True)
    above = {pk for path in places for pk in path}
    leading = Membership.objects.filter(user=user, department__in=above).exclude(role=Membership.Role.MEMBER)
    return bool(above) and user.pk != person.pk and leading.exists()


@transaction.atomic
def write_absence(person: User, away: Away, *, by: User, absence: Absence | None = None) -> Absence:
    """A new one, or other days for one that there is. Raises ValidationError for days that cannot be, and for
    those on which the person is away already."""
    if person.is_extranet or not (is_importing() or can_write_absences(by, person)):
        raise PermissionDenied(_("Absences are written down by the person, and by who leads them."))
    # So that two at once do not take the same days.
    User.objects.select_for_update().get(pk=person.pk)
    _refuse(person, away, besides=absence)
    one = absence or Absence(user=person)
    one.kind, one.starts_on, one.ends_on = away.kind, away.starts_on, away.ends_on
    one.comment, one.substitute, one.by = " ".join(away.comment.split()), away.substitute, by
    one.clean_fields(exclude=["user", "by", "substitute"])
    one.save()
    emit(
        AbsenceWritten(
            absence_id=one.pk,
            user_id=person.pk,
            by_id=by.pk,
            starts_on=one.starts_on,
            ends_on=one.ends_on,
            is_new=absence is None,
        )
    )
    raise_version()
    return one


def _refuse(person: User, away: Away, *, besides: Absence | None) -> None:
    if away.ends_on < away.starts_on:
        raise ValidationError({"ends_on": _("The last day is before the first one.")})
    if away.ends_on - away.starts_on > LONGEST:
        raise ValidationError({"ends_on": _("Three years at most.")})
    if away.substitute is not None and (
        away.substitute.pk == person.pk or away.substitute.is_extranet or not away.substitute.is_active
    ):
        raise ValidationError({"substitute": _("Choose a colleague who works here.")})
    others = Absence.objects.filter(user=person).within(away.starts_on, away.ends_on)
    if (others.exclude(pk=besides.pk) if besides else others).exists():
        raise ValidationError(_("%(name)s is away on some of these days already.") % {"name": person.name})


@transaction.atomic
def remove_absence(absence: Absence, *, by: User) -> None:
    if not can_write_absences(by, absence.user):
        raise PermissionDenied(_("Absences are written down by the person, and by who leads them."))
    absence.delete()
    emit(
        AbsenceRemoved(
            user_id=absence.user_id, by_id=by.pk, starts_on=absence.starts_on, ends_on=absence.ends_on
        )
    )
    raise_version()


def absent_days(people: list[int], first: date, last: date) -> dict[int, dict[date, Absence]]:
    """By person and day what they are away for, of the days between these, in one query."""
    found: dict[int, dict[date, Absence]] = {}
    for one in Absence.objects.filter(user__in=people).within(first, last):
        day = max(one.starts_on, first)
        while day <= min(one.ends_on, last):
            found.setdefault(one.user_id, {})[day] = one
            day += timedelta(days=1)
    return found
