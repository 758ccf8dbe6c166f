"""Schedules of departments and people, for whoever sets them up."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.worktime import actions
from box.apps.worktime.access import can_schedule
from box.apps.worktime.forms import ScheduleForm
from box.apps.worktime.models import Schedule
from box.apps.worktime.settings import usual_hours
from box.apps.worktime.views.guard import for_employees
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.lib.pages import number_of, render, render_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.requests import PersonRequest


def for_schedulers[**P, R](view: Callable[P, R]) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        request: Any = args[0]
        if not can_schedule(request.user):
            raise PermissionDenied(_("Ask an administrator for the right to set up work schedules."))
        return view(*args, **kwargs)

    return guarded


@require_GET
@for_employees
@for_schedulers
def schedules(request: PersonRequest) -> HttpResponse:
    found = Schedule.objects.annotate(
        people_count=Count("personschedule", distinct=True),
        departments_count=Count("departmentschedule", distinct=True),
    ).order_by("name", "id")
    return render(request, "worktime/schedules.html", {"schedules": found, "usual": usual_hours()})


@require_http_methods(["GET", "POST"])
@for_employees
@for_schedulers
def new(request: PersonRequest) -> HttpResponse:
    return _edited(request, Schedule())


@require_http_methods(["GET", "POST", "DELETE"])
@for_employees
@for_schedulers
def schedule(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Schedule, pk=pk)
    if request.method != "DELETE":
        return _edited(request, one)
    actions.delete_schedule(one, by=request.user)
    messages.success(request, _("The schedule is deleted."))
    # 303, for after 302 a browser would delete the list, too.
    return HttpResponse(status=303, headers={"Location": reverse("worktime:schedules")})


def _edited(request: PersonRequest, one: Schedule) -> HttpResponse:
    chosen = one.departments.all() if one.pk else []
    sent = request.POST if request.method == "POST" else None
    form = ScheduleForm(sent, instance=one, initial={"departments": chosen})
    if form.is_valid():
        try:
            posted_once(request, Schedule, lambda: actions.save_schedule(one, form.plan(), by=request.user))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("worktime:schedules")
    return render_form(request, "worktime/schedule.html", form, {"schedule": one})


@require_POST
@for_employees
@for_schedulers
def person_schedule(request: PersonRequest, pk: int) -> HttpResponse:
    """Gives a person a schedule of their own, or none."""
    person = get_object_or_404(User.objects.filter(is_extranet=False), pk=pk)
    chosen = number_of(request.POST, "schedule")
    one = get_object_or_404(Schedule, pk=chosen) if chosen else None
    actions.give_schedule(person, one, by=request.user)
    return redirect("worktime:person", pk)
