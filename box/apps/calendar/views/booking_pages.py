"""Booking pages, for those who offer their times: set up, switched, given another address; who has booked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.calendar import actions
from box.apps.calendar.access import demand_offering
from box.apps.calendar.booking_form import BookingPageForm
from box.apps.calendar.models import Appointment, Attendance, BookingPage, Guest
from box.apps.calendar.views.lookup import problem_of
from box.core.access.principals import codes_of
from box.core.events.nonces import posted_once
from box.core.groups.models import Group
from box.lib.pages import REFUSED, lead_on, render, render_form, with_toast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from box.apps.calendar.models import BookingPageQuerySet
    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

MOST_SHOWN = 50


def _led_groups(user: User) -> list[Group]:
    ids = [int(code[2:]) for code in codes_of(user) if code.startswith("GM")]
    return list(Group.objects.standing().filter(pk__in=ids).by_name())


def _pages(user: User) -> BookingPageQuerySet:
    return BookingPage.objects.standing().led_by(user)


def _page_of(request: PersonRequest, pk: int) -> BookingPage:
    demand_offering(request.user)
    return get_object_or_404(_pages(request.user).select_related("owner", "group"), pk=pk)


@require_GET
def pages(request: PersonRequest) -> HttpResponse:
    demand_offering(request.user)
    coming = Count(
        "appointments",
        filter=Q(appointments__cancelled_at=None, appointments__event__ends_at__gt=timezone.now()),
    )
    found = _pages(request.user).annotate(coming=coming).select_related("owner", "group").order_by("pk")
    return render(request, "calendar/booking_pages.html", {"pages": found[:MOST_SHOWN]})


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    demand_offering(request.user)
    form = BookingPageForm(None, request.POST or None, groups=_led_groups(request.user))
    if form.is_valid():
        try:
            made = posted_once(request, BookingPage, lambda: actions.create_page(form.draft, by=request.user))
        except ValidationError as error:
            form.say(error)
        else:
            return lead_on(request, reverse("calendar:booking-page", args=[made.pk]), _("The page is there."))
    return _shown(request, form, None)


@require_http_methods(["GET", "POST"])
def page(request: PersonRequest, pk: int) -> HttpResponse:
    page = _page_of(request, pk)
    groups = {one.pk: one for one in [*([page.group] if page.group else []), *_led_groups(request.user)]}
    form = BookingPageForm(page, request.POST or None, groups=list(groups.values()))
    if form.is_valid():
        try:
            actions.change_page(page, form.draft, by=request.user)
        except ValidationError as error:
            form.say(error)
        else:
            return lead_on(request, reverse("calendar:booking-page", args=[pk]), _("The page is changed."))
    return _shown(request, form, page)


@require_POST
def state(request: PersonRequest, pk: int) -> HttpResponse:
    """`to` is on, off, readdressed or away."""
    page, by = _page_of(request, pk), request.user
    to = request.POST.get("to")
    here = reverse("calendar:booking-page", args=[pk])
    try:
        match to:
            case "on" | "off":
                actions.switch_page(page, to == "on", by=by)
                return lead_on(
                    request, here, _("The page takes people.") if to == "on" else _("The page takes nobody.")
                )
            case "readdressed":
                actions.renew_address(page, by=by)
                return lead_on(request, here, _("The old address leads nowhere any more."))
            case "away":
                actions.retire_page(page, by=by)
                return lead_on(request, reverse("calendar:booking-pages"), _("The page is taken away."))
    except ValidationError as error:
        return with_toast(HttpResponse(status=REFUSED), problem_of(error))
    raise Http404


@require_http_methods(["DELETE"])
def visitor(request: PersonRequest, pk: int) -> HttpResponse:
    """What is known of somebody who has booked is forgotten."""
    mine = Appointment.objects.filter(page__in=_pages(request.user)).select_related("page")
    found = get_object_or_404(mine.exclude(email=""), pk=pk)
    actions.forget_visitor(found, by=request.user)
    here = reverse("calendar:booking-page", args=[found.page_id])
    return lead_on(request, here, _("Nothing is known of them any more."))


def _waited_for(appointments: Sequence[Appointment]) -> set[int]:
    """Those whose visitors have not said yet whether the time suits to which a host has moved them."""
    booked = {one.event_id: one for one in appointments}
    waiting = Guest.objects.asked().filter(event__in=booked, answer=Attendance.Answer.WAITING)
    return {booked[guest.event_id].pk for guest in waiting if guest.email == booked[guest.event_id].email}


def _shown(request: PersonRequest, form: BookingPageForm, page: BookingPage | None) -> HttpResponse:
    context: dict[str, Any] = {"page": page, "address": "", "appointments": [], "waited_for": set()}
    if page is not None:
        context["address"] = request.build_absolute_uri(page.get_absolute_url())
        known = page.appointments.exclude(email="").select_related("event__organizer")
        shown = list(known.order_by("-event__starts_at", "-pk")[:MOST_SHOWN])
        context |= {"appointments": shown, "waited_for": _waited_for(shown)}
    return render_form(request, "calendar/booking_page.html", form, context)
