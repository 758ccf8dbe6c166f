"""One's own days: the clock in the bar, the month, and corrections."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.worktime import actions
from box.apps.worktime.access import can_schedule, has_team, visible_people
from box.apps.worktime.actions import zone_of
from box.apps.worktime.clock import Step, local_day
from box.apps.worktime.forms import CorrectionForm
from box.apps.worktime.models import Correction, PersonSchedule, Schedule, WorkDay
from box.apps.worktime.presenters import Month, clock_of, sheets, stretches
from box.apps.worktime.views.guard import for_employees
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.lib.pages import REFUSED, render, render_form, wants_part, with_toast

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_GET
@for_employees
def home(request: PersonRequest) -> HttpResponse:
    context = _month(request, request.user)
    day = actions.current_day(request.user, now=timezone.now())
    context |= {
        "clock": clock_of(request.user),
        "stretches": stretches(day, zone_of(request.user)),
        "has_team": has_team(request.user),
    }
    return render(request, "worktime/home.html", context, blocks="days")


@require_GET
@for_employees
def person(request: PersonRequest, pk: int) -> HttpResponse:
    """The month of somebody whom this person may look at."""
    seen = get_object_or_404(visible_people(request.user), pk=pk)
    context = {**_month(request, seen), "can_schedule": can_schedule(request.user)}
    if context["can_schedule"]:
        context["schedules"] = Schedule.objects.order_by("name")
        context["own"] = PersonSchedule.objects.filter(person=seen).first()
    return render(request, "worktime/person.html", context, blocks="days")


def _month(request: PersonRequest, person: User) -> dict[str, Any]:
    today = local_day(timezone.now(), zone_of(person))
    month = Month.of(request.GET.get("month", ""), today=today)
    (sheet,) = sheets([person], month.first, month.last, asked=True)
    return {"sheet": sheet, "month": month, "oldest": today - actions.CORRECTABLE, "person": person}


@require_GET
@for_employees
def clock(request: PersonRequest) -> HttpResponse:
    return _clock(request)


@require_POST
@for_employees
def steps(request: PersonRequest) -> HttpResponse:
    """Start, pause, resume, finish."""
    try:
        posted_once(request, WorkDay, lambda: actions.take_step(_step(request), by=request.user))
    except ValidationError as error:
        problem = " ".join(error.messages)
        if not wants_part(request):
            raise PermissionDenied(problem) from None
        return with_toast(_clock(request, status=REFUSED), problem)
    return _clock(request)


def _step(request: PersonRequest) -> Step:
    try:
        return Step(request.POST.get("step", ""))
    except ValueError:
        raise ValidationError(_("This step is unknown: reload the page.")) from None


def _clock(request: PersonRequest, *, status: int = 200) -> HttpResponse:
    if not wants_part(request) and status == 200:
        return redirect("worktime:home")
    return render(
        request, "worktime/clock.html", {"clock": clock_of(request.user)}, blocks="clock", status=status
    )


@require_http_methods(["GET", "POST"])
@for_employees
def correction(request: PersonRequest, on: date) -> HttpResponse:
    """Asks for one's own day to be written as it was."""
    zone = zone_of(request.user)
    day = WorkDay.objects.filter(user=request.user, on=on).first()
    sent = request.POST if request.method == "POST" else None
    form = CorrectionForm(sent, initial=_initial(day, zone))
    if form.is_valid():
        try:
            posted_once(
                request, Correction, lambda: actions.ask_correction(on, form.truth(on, zone), by=request.user)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Sent: your day changes once your manager has approved it."))
            return redirect("worktime:home")
    return render_form(request, "worktime/correction.html", form, {"on": on})


def _initial(day: WorkDay | None, zone: Any) -> dict[str, Any]:
    if day is None:
        return {}
    known = {"starts": day.started_at.astimezone(zone).time(), "pause": day.paused_seconds // 60}
    return known | ({"ends": day.finished_at.astimezone(zone).time()} if day.finished_at else {})
