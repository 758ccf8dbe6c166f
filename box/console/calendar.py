"""The working calendar, a page a year: what is supplied, and what the company decided otherwise."""

from __future__ import annotations

import calendar as weeks
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.console.access import only_for
from box.core.portal.access import can_change_settings
from box.core.portal.actions import decide_day, forget_day
from box.core.portal.calendar import YEARS_AHEAD, YEARS_BACK, work_calendar
from box.core.portal.forms import DayForm
from box.core.portal.models import CalendarDay
from box.lib.pages import render_form
from box.lib.workdays import WorkCalendar

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@dataclass(frozen=True)
class Day:
    """A day as the page shows it."""

    on: date
    is_worked: bool
    is_short: bool
    name: str
    is_exceptional: bool
    is_own: bool

    @property
    def tone(self) -> str:
        if self.is_short:
            return "short"
        if self.is_exceptional:
            return "moved" if self.is_worked else "holiday"
        return "" if self.is_worked else "off"


@require_http_methods(["GET", "POST"])
@only_for(can_change_settings)
def year(request: PersonRequest, number: int) -> HttpResponse:
    this_year = timezone.localdate().year
    if not this_year - YEARS_BACK <= number <= this_year + YEARS_AHEAD:
        raise Http404
    form = DayForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        day = form.cleaned_data
        decide_day(day["on"], day["kind"], name=day["name"], by=request.user)
        messages.success(request, _("The calendar is saved."))
        return redirect("console:calendar", day["on"].year)
    months = _months(number, work_calendar())
    days = [day for month in months for week in month for day in week if day]
    context = {
        "year": number,
        "months": months,
        "exceptions": [day for day in days if day.is_exceptional or day.is_own],
        "working_days": sum(day.is_worked for day in days),
        "years": range(max(number - 1, this_year - YEARS_BACK), min(number + 1, this_year + YEARS_AHEAD) + 1),
    }
    return render_form(request, "console/calendar.html", form, context)


@require_POST
@only_for(can_change_settings)
def restore(request: PersonRequest, day: date) -> HttpResponse:
    """The day follows the supplied calendar again."""
    forget_day(day, by=request.user)
    return redirect("console:calendar", day.year)


def _months(number: int, calendar: WorkCalendar) -> list[list[list[Day | None]]]:
    """Twelve months of weeks of seven days; None where a week belongs to the next month."""
    own = set(CalendarDay.objects.filter(on__year=number).values_list("on", flat=True))
    return [
        [
            [_day(date(number, month, day), calendar, own) if day else None for day in week]
            for week in weeks.Calendar().monthdayscalendar(number, month)
        ]
        for month in range(1, 13)
    ]


def _day(on: date, calendar: WorkCalendar, own: set[date]) -> Day:
    exception = calendar.exceptions.get(on)
    return Day(
        on=on,
        is_worked=calendar.is_working_day(on),
        is_short=calendar.is_short_day(on),
        name=exception.name if exception else "",
        is_exceptional=exception is not None,
        is_own=on in own,
    )
