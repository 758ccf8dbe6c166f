"""The company's working calendar: its week, the holidays of its country, and what it decided itself.

calendar = work_calendar()
calendar.is_working_day(day)
calendar.working_days_between(first, last)
begin, end = working_hours()
is_open(moment)
next_open(moment)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from box.core.portal.models import CalendarDay
from box.core.registry.company import LANGUAGE, company_zone
from box.core.registry.settings import Remembered, Section, Setting, sections, settings
from box.lib.workdays import DayKind, Exceptional, WorkCalendar, russian_days

# Reports look back, plans ahead; further away there is only the week.
YEARS_BACK, YEARS_AHEAD = 10, 2
LONGEST_PAUSE_DAYS = 366
RUSSIA = "RU"

WEEKDAYS = [
    (0, _("Monday")),
    (1, _("Tuesday")),
    (2, _("Wednesday")),
    (3, _("Thursday")),
    (4, _("Friday")),
    (5, _("Saturday")),
    (6, _("Sunday")),
]


def _time_field() -> forms.Field:
    return forms.RegexField(
        r"^([01]\d|2[0-3]):[0-5]\d$",
        widget=forms.TextInput(attrs={"type": "time"}),
        error_messages={"invalid": _("Write the time as 09:00.")},
    )


DAYS = Setting(
    "work.days", default=[0, 1, 2, 3, 4], section="work", label=_("Working days of the week"),
    field=lambda: forms.TypedMultipleChoiceField(
        choices=WEEKDAYS, coerce=int, widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one day.")},
    ),
)  # fmt: skip
BEGINS = Setting(
    "work.begins", default="09:00", section="work", label=_("The working day begins"), field=_time_field
)
ENDS = Setting(
    "work.ends", default="18:00", section="work", label=_("The working day ends"), field=_time_field
)
COUNTRY = Setting(
    "work.country", default=RUSSIA if django_settings.LANGUAGE_CODE == "ru" else "", section="work",
    label=_("Holidays and moved days"),
    help=_("Supplied with the portal; each day of a year can be decided otherwise."),
    field=lambda: forms.ChoiceField(
        required=False, choices=[("", _("none, only your own")), (RUSSIA, _("production calendar of Russia"))]
    ),
)  # fmt: skip


def _check(values: Mapping[str, Any]) -> None:
    if values[ENDS.key] <= values[BEGINS.key]:
        raise ValidationError(gettext("The working day ends before it begins: change one of the two."))


sections.add("work", Section(_("Working time"), order=20, check=_check))
for _setting in (DAYS, BEGINS, ENDS, COUNTRY):
    settings.add(_setting.key, _setting)


def supplied_days(years: range) -> dict[date, Exceptional]:
    """What the chosen country's calendar says of these years."""
    return russian_days(years, language=LANGUAGE.value) if COUNTRY.value == RUSSIA else {}


def _composed() -> WorkCalendar:
    this_year = timezone.localdate().year
    days = supplied_days(range(this_year - YEARS_BACK, this_year + YEARS_AHEAD + 1))
    for own in CalendarDay.objects.all():
        if own.kind == CalendarDay.Kind.USUAL:
            days.pop(own.on, None)
        else:
            days[own.on] = Exceptional(DayKind(own.kind), own.name)
    return WorkCalendar(frozenset(DAYS.value), days)


_calendar = Remembered(_composed)


def work_calendar() -> WorkCalendar:
    """In a request it is composed once a process, and anew once somebody has changed it."""
    return _calendar.value


def is_open(moment: datetime) -> bool:
    """Whether the company works then, by its own calendar and clock."""
    local = moment.astimezone(company_zone())
    begin, end = working_hours()
    return work_calendar().is_working_day(local.date()) and begin <= local.time() < end


def next_open(moment: datetime) -> datetime:
    """This moment, where the company works then, else when it begins to next; this one too where it works on
    no day of a year to come."""
    if is_open(moment):
        return moment
    local = moment.astimezone(company_zone())
    begin, _end = working_hours()
    calendar = work_calendar()
    # Today it has closed already, or has not yet opened.
    first = 1 if local.time() >= begin else 0
    days = (local.date() + timedelta(days=ahead) for ahead in range(first, LONGEST_PAUSE_DAYS))
    opens = next((day for day in days if calendar.is_working_day(day)), None)
    return moment if opens is None else datetime.combine(opens, begin, company_zone())


def working_hours() -> tuple[time, time]:
    return time.fromisoformat(BEGINS.value), time.fromisoformat(ENDS.value)
