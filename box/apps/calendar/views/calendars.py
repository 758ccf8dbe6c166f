"""Calendars of one's own: more of them, their names and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.calendar import actions
from box.apps.calendar.access import can_write, has_own_calendar
from box.apps.calendar.forms import CalendarForm
from box.apps.calendar.models import Calendar
from box.apps.calendar.presenters import name_of
from box.apps.calendar.views.lookup import calendar_of, problem_of
from box.core.events.nonces import once
from box.lib.pages import REFUSED, lead_on, render, with_toast

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    if not has_own_calendar(request.user):
        raise PermissionDenied(_("Calendars of one's own are for employees."))
    form = CalendarForm(request.POST or None)
    if form.is_valid():
        try:
            once(
                Calendar,
                lambda: actions.create_calendar(**form.cleaned_data, by=request.user),
                nonce=request.POST.get("nonce", ""),
                actor_id=request.user.pk,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, reverse("calendar:home"), _("The calendar is there."))
    context = {"form": form, "calendar": None, "title": _("New calendar")}
    return _page(request, context, form)


@require_http_methods(["GET", "POST"])
def calendar(request: PersonRequest, pk: int) -> HttpResponse:
    calendar = calendar_of(request, pk)
    if not can_write(request.user, calendar):
        raise PermissionDenied(_("This calendar is not yours to change."))
    initial = {"name": calendar.name, "color": calendar.color, "is_open": calendar.is_open}
    form = CalendarForm(request.POST or None, initial=initial)
    if form.is_valid():
        try:
            actions.change_calendar(calendar, **form.cleaned_data, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, reverse("calendar:home"), _("The calendar is changed."))
    context = {"form": form, "calendar": calendar, "title": name_of(calendar, request.user)}
    return _page(request, context, form)


@require_POST
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    calendar = calendar_of(request, pk)
    try:
        actions.remove_calendar(calendar, by=request.user)
    except ValidationError as error:
        return with_toast(HttpResponse(status=REFUSED), problem_of(error))
    return lead_on(request, reverse("calendar:home"), _("The calendar is removed."))


def _page(request: PersonRequest, context: dict[str, Any], form: CalendarForm) -> HttpResponse:
    status = REFUSED if form.is_bound else 200
    return render(request, "calendar/calendar.html", context, blocks="dialog", status=status)
