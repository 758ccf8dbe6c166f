"""What an administrator chooses about working days."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

from box.apps.worktime.hours import Hours
from box.core.portal.calendar import working_hours
from box.core.registry.settings import Setting

SECTION = "worktime"


def _minutes(least: int, most: int) -> forms.Field:
    return forms.IntegerField(min_value=least, max_value=most)


MINUTES = Setting(
    "worktime.minutes",
    480,
    SECTION,
    _("Minutes of work a day"),
    _("Without the lunch break. Departments and people may have schedules of their own."),
    field=lambda: _minutes(15, 1440),
)
GRACE = Setting(
    "worktime.grace",
    10,
    SECTION,
    _("Minutes that count as on time"),
    _("Who comes or goes by so much too late or too early isn't marked."),
    field=lambda: _minutes(0, 240),
)
ALL = (MINUTES, GRACE)


def usual_hours() -> Hours:
    """The hours of whoever has no schedule of their own: the company's."""
    return Hours(timedelta(minutes=MINUTES.value), *working_hours())


def grace() -> timedelta:
    return timedelta(minutes=GRACE.value)
