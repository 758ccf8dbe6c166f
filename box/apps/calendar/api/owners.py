"""Whose calendar a program means, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.calendar.access import can_see
from box.apps.calendar.actions import main_calendar
from box.apps.calendar.models import Calendar, Event
from box.core.access.principals import EVERYONE
from box.core.registry.origin import is_importing
from box.core.registry.rest import DOCS, Call, Method, Parameters, methods, not_found
from box.lib.moments import refuse_distant
from box.lib.recurrence import local_moment

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User

LONGEST_STRETCH = timedelta(days=400)
INTEGER: Mapping[str, Any] = {"type": "integer"}
TRUE: Mapping[str, Any] = {"type": "boolean"}
_LETTERS = {"user": "U", "group": "G", "department": "DR"}
"""By type, as a principal's code. Departments have calendars in this product alone."""
_COMPANY = "company_calendar"
_TYPES = [(one, one) for one in (*_LETTERS, _COMPANY)]


class OfOwner(Parameters):
    TYPE = forms.ChoiceField(
        choices=_TYPES, help_text=gettext_lazy("user, group, department or company_calendar.")
    )
    OWNERID = forms.IntegerField(
        required=False, help_text=gettext_lazy("The person, the group or the department; by default oneself.")
    )


def owner_code(call: Call) -> str:
    type_, pk = call.values["TYPE"], call.values.get("OWNERID") or 0
    if type_ == _COMPANY:
        return EVERYONE
    return f"{_LETTERS[type_]}{pk or (call.user.pk if type_ == 'user' else 0)}"


def type_of(calendar: Calendar) -> tuple[str, str]:
    if calendar.code == EVERYONE:
        return _COMPANY, "0"
    number = calendar.code.lstrip("UGDR")
    letters = calendar.code.removesuffix(number)
    return next(type_ for type_, one in _LETTERS.items() if one == letters), number


def calendar_meant(call: Call, pk: int | None) -> Calendar:
    """By its number, or the owner's first."""
    if pk is None:
        found: Calendar | None = main_calendar(owner_code(call)) if _is_shared(call) else None
    else:
        found = Calendar.objects.filter(pk=pk, code=owner_code(call)).first()
    if found is None or not (can_see(call.user, found) or takes_over(call, found)):
        raise not_found(_("There is no such calendar, or you do not share it."))
    return found


def takes_over(call: Call, calendar: Calendar) -> bool:
    """Whether a migration may put events into it: of groups and of the company; what is a person's own is
    theirs alone."""
    return call.may_transfer and is_importing() and not calendar.is_personal


def _is_shared(call: Call) -> bool:
    meant = Calendar(code=owner_code(call))
    return can_see(call.user, meant) or takes_over(call, meant)


def event_seen(pk: int, user: User) -> Event:
    seen = Event.objects.visible_to(user).there().select_related("calendar", "organizer", "room")
    found = seen.filter(pk=pk).first()
    if found is None:
        raise not_found(_("There is no such event, or you don't see it."))
    return found


def day_said(text: str, usual: datetime) -> datetime:
    if not text:
        return usual
    try:
        found = parse_date(text[:10]) if len(text) >= len("2026-01-01") else None
    except ValueError:
        found = None
    if found is None:
        raise ValidationError(_("This moment is not understood."), code="moment")
    refuse_distant(datetime.combine(found, time(), tzinfo=UTC))
    return local_moment(found, time(), timezone.get_current_timezone())


def stretch(since: datetime, before: datetime) -> tuple[datetime, datetime]:
    """Raises ValidationError for one that is longer than a year and a month."""
    if not timedelta(0) < before - since <= LONGEST_STRETCH:
        raise ValidationError(_("Ask for at most a year."), code="stretch")
    return since, before


def said_of(event: Event, moment: datetime) -> str:
    """A day, or local time of the event with its offset."""
    local = moment.astimezone(event.tz)
    return local.date().isoformat() if event.is_all_day else local.isoformat(timespec="seconds")


def method(
    name: str, about: _StrOrPromise, parameters: type[Parameters], answer: Callable[[Call], Any],
    *, result: Mapping[str, Any], makes: Any = None, is_of_migrations: bool = False,
) -> None:  # fmt: skip
    methods.add(
        f"calendar.{name}",
        Method(
            room="calendar", scopes=("calendar",), about=about, parameters=parameters, answer=answer,
            result=result, makes=makes, takes_over=makes is not None or is_of_migrations,
            source=f"{DOCS}calendar/index.html",
        ),
    )  # fmt: skip
