"""Calendars of one's own: more of them, their names and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.calendar import actions, ics
from box.apps.calendar.access import can_see, can_write, has_own_calendar
from box.apps.calendar.forms import CalendarForm
from box.apps.calendar.models import Calendar, Feed
from box.apps.calendar.presenters import name_of
from box.apps.calendar.views.lookup import calendar_of, problem_of
from box.core.events.nonces import posted_once
from box.lib.pages import REFUSED, lead_on, render_form, wants_part, with_toast

if TYPE_CHECKING:
    from django.http import HttpRequest

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    if not has_own_calendar(request.user):
        raise PermissionDenied(_("Calendars of one's own are for employees."))
    form = CalendarForm(request.POST or None)
    if form.is_valid():
        try:
            posted_once(
                request, Calendar, lambda: actions.create_calendar(**form.cleaned_data, by=request.user)
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, reverse("calendar:home"), _("The calendar is there."))
    return _page(request, None, form)


@require_http_methods(["GET", "POST"])
def calendar(request: PersonRequest, pk: int) -> HttpResponse:
    calendar = calendar_of(request, pk)
    if not can_write(request.user, calendar):
        raise PermissionDenied(_("This calendar is not yours to change."))
    form = CalendarForm(request.POST or None, initial=_initial(calendar))
    if form.is_valid():
        try:
            actions.change_calendar(calendar, **form.cleaned_data, by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, reverse("calendar:home"), _("The calendar is changed."))
    return _page(request, calendar, form)


@require_POST
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    calendar = calendar_of(request, pk)
    try:
        actions.remove_calendar(calendar, by=request.user)
    except ValidationError as error:
        return with_toast(HttpResponse(status=REFUSED), problem_of(error))
    return lead_on(request, reverse("calendar:home"), _("The calendar is removed."))


@require_POST
def feeds(request: PersonRequest, pk: int) -> HttpResponse:
    """One more link by which other programs read the calendar."""
    calendar = calendar_of(request, pk)
    try:
        actions.create_feed(calendar, by=request.user)
    except ValidationError as error:
        return with_toast(HttpResponse(status=REFUSED), problem_of(error))
    return _again(request, calendar, _("The link is there."))


@require_POST
def feed_end(request: PersonRequest, pk: int) -> HttpResponse:
    feed = get_object_or_404(Feed.objects.open().filter(by=request.user).select_related("calendar"), pk=pk)
    actions.end_feed(feed, by=request.user)
    return _again(request, feed.calendar, _("The link leads nowhere any more."))


def _again(request: PersonRequest, calendar: Calendar, said: str) -> HttpResponse:
    if not wants_part(request):
        return lead_on(request, reverse("calendar:home"), said)
    return with_toast(_page(request, calendar, CalendarForm(initial=_initial(calendar))), said)


@login_not_required
@never_cache
@require_GET
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar as other programs read it. Whoever has the address reads it: it is the owner's to give."""
    link = Feed.objects.open().of_token(token).select_related("calendar", "by").first()
    if link is None or not can_see(link.by, link.calendar):
        raise Http404
    since = timezone.now() - ics.PAST
    events = link.calendar.events.filter(removed_at=None, span__overlap=DateTimeTZRange(since, None))
    body = ics.written(
        events.select_related("room").order_by("pk")[: ics.MOST], name_of(link.calendar, link.by),
        hides_private=True,
    )  # fmt: skip
    return HttpResponse(body, content_type=ics.TYPE, headers={"X-Robots-Tag": "noindex, nofollow"})


def _initial(calendar: Calendar) -> dict[str, Any]:
    return {"name": calendar.name, "color": calendar.color, "is_open": calendar.is_open}


def _page(request: PersonRequest, calendar: Calendar | None, form: CalendarForm) -> HttpResponse:
    context: dict[str, Any] = {"calendar": calendar, "title": _("New calendar"), "feeds": []}
    if calendar is not None:
        context["title"] = name_of(calendar, request.user)
        own = Feed.objects.open().filter(calendar=calendar, by=request.user).order_by("pk")
        context["feeds"] = [(one, f"{settings.PORTAL_URL}{one.get_absolute_url()}") for one in own]
    return render_form(request, "calendar/calendar.html", form, context, blocks="dialog")
