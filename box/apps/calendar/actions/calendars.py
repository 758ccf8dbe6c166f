"""Calendars themselves: made when somebody first looks for them, and more of one's own."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone
from django.utils.translation import gettext as _

from box.apps.calendar.access import can_write
from box.apps.calendar.actions.audiences import tell_rewritten, write_audience
from box.apps.calendar.events import CalendarChanged
from box.apps.calendar.models import Calendar, Color
from box.core.access.principals import EVERYONE, code_of
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from box.core.accounts.models import User

MOST_OWN = 30
_BY_KIND = {"U": Color.SPRUCE, "D": Color.SKY, "G": Color.PLUM}


def main_calendar(code: str) -> Calendar:
    """The first calendar of this principal. It is made when somebody first looks for it."""
    found = Calendar.objects.filter(code=code, is_main=True).first()
    if found is not None:
        return found
    return Calendar.objects.get_or_create(code=code, is_main=True, defaults={"color": _color(code)})[0]


def make_missing(codes: Collection[str]) -> None:
    """So that each of these principals has a calendar: in one query, and one more where some were missing."""
    found = Calendar.objects.filter(code__in=codes, is_main=True).values_list("code", flat=True)
    missing = set(codes) - set(found)
    if missing:
        made = [Calendar(code=code, is_main=True, color=_color(code)) for code in sorted(missing)]
        Calendar.objects.bulk_create(made, ignore_conflicts=True)


def _color(code: str) -> Color:
    return Color.BRICK if code == EVERYONE else _BY_KIND[code[0]]


@transaction.atomic
def create_calendar(name: str, color: str, *, is_open: bool = False, href: str = "", by: User) -> Calendar:
    """One more of the person's own; `href` is where a program that has made it looks for it."""
    code = code_of(by)
    calendar = Calendar(code=code, name=_checked(name), color=color, is_open=is_open, href=href)
    if not can_write(by, calendar):
        raise PermissionDenied(_("Calendars of one's own are for employees."))
    main_calendar(code)
    if Calendar.objects.filter(code=code).count() >= MOST_OWN:
        raise ValidationError(_("You have %(most)s calendars: remove one first.") % {"most": MOST_OWN})
    calendar.clean_fields()
    calendar.save()
    emit(CalendarChanged(calendar_id=calendar.pk, by_id=by.pk))
    return calendar


@transaction.atomic
def change_calendar(calendar: Calendar, *, name: str, color: str, is_open: bool, by: User) -> None:
    calendar = _locked(calendar, by)
    was_open = calendar.is_open
    calendar.name = "" if calendar.is_main else _checked(name)
    calendar.color, calendar.is_open = color, is_open and calendar.is_personal
    calendar.clean_fields()
    calendar.save(update_fields=["name", "color", "is_open"])
    if was_open != calendar.is_open:
        for event in calendar.events.all():
            event.calendar = calendar
            write_audience(event)
        tell_rewritten(calendar.events.values_list("pk", flat=True))
    emit(CalendarChanged(calendar_id=calendar.pk, by_id=by.pk))


@transaction.atomic
def remove_calendar(calendar: Calendar, *, by: User) -> None:
    """With all that was in it: only one in which nothing is to come."""
    calendar = _locked(calendar, by)
    if calendar.is_main:
        raise ValidationError(_("The first calendar stays: remove the events in it."), code="main")
    to_come = DateTimeTZRange(timezone.now(), None)
    if calendar.events.filter(removed_at=None, span__overlap=to_come).exists():
        raise ValidationError(
            _("There are events to come in this calendar: remove or move them first."), code="events"
        )
    pk = calendar.pk
    tell_rewritten(calendar.events.values_list("pk", flat=True))
    calendar.delete()
    emit(CalendarChanged(calendar_id=pk, by_id=by.pk))


def _locked(calendar: Calendar, by: User) -> Calendar:
    calendar = Calendar.objects.select_for_update().get(pk=calendar.pk)
    if not can_write(by, calendar):
        raise PermissionDenied(_("This calendar is not yours to change."))
    return calendar


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ValidationError(_("Give the calendar a name."), code="name")
    return name
