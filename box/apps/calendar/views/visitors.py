"""A booking page as people outside meet it, and their appointment by its link. In the language that they
choose, by their own clock. No session is read."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from box.apps.calendar import actions
from box.apps.calendar.access import is_offered
from box.apps.calendar.booking import hosts_of, times_shown
from box.apps.calendar.models import Appointment, Attendance, BookingPage
from box.apps.calendar.occurrences import Occurrence
from box.apps.calendar.said import When, when
from box.apps.calendar.views.lookup import problem_of
from box.apps.calendar.views.outside import View, discreet, language_of
from box.apps.calendar.visitors import checked, moment_in, who, zone_in
from box.core.accounts.throttle import Quota
from box.core.registry.company import time_zones
from box.core.registry.origin import address_of
from box.lib.pages import REFUSED, render
from box.lib.proof_of_work import BITS, TRAP, Suspicious, challenge_for, check_challenge
from box.lib.questions import problems_by_name
from box.lib.strict_json import parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http.response import HttpResponseBase

# Of one network within a quarter of an hour.
MOST_BOOKED = 10
LARGEST = 64 * 1024


def _of_page(view: Callable[[HttpRequest, BookingPage], HttpResponseBase]) -> View:
    @discreet("calendar.booking", language_of)
    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponseBase:
        found = BookingPage.objects.open().of_token(token).select_related("owner", "group").first()
        if found is None or not is_offered(found):
            return render(request, "calendar/booking_gone.html", status=404)
        return view(request, found)

    return answered


@require_GET
@_of_page
def page(request: HttpRequest, page: BookingPage) -> HttpResponseBase:
    """Two weeks of free times, from `since` on, by the clock of `zone`."""
    zone = zone_in(request.GET.get("zone"), page.zone)
    hosts = hosts_of(page)
    context = {
        "page": page, "hosts": hosts if page.hosts != BookingPage.Hosts.TURN else [], "asked": who(page),
        "token": page.token, "trap": TRAP, **_times(request, page, zone),
    }  # fmt: skip
    with timezone.override(zone):
        return render(request, "calendar/booking.html", context)


def _times(request: HttpRequest, page: BookingPage, zone: str, *, but: int = 0) -> dict[str, Any]:
    """What the part of a page shows on which a time is chosen."""
    since, now = moment_in(request.GET.get("since")), timezone.now()
    return {
        "times": times_shown(page, ZoneInfo(zone), since=since, now=now, but=but),
        "zone": zone, "zones": time_zones(), "has_zone": "zone" in request.GET,
        "languages": settings.LANGUAGES, "path": request.path,
    }  # fmt: skip


@require_GET
@_of_page
def challenge(request: HttpRequest, page: BookingPage) -> HttpResponseBase:
    """What is to be solved before somebody is booked."""
    return JsonResponse({"challenge": challenge_for(page.token), "bits": BITS})


@csrf_exempt
@require_POST
@_of_page
def booking(request: HttpRequest, page: BookingPage) -> HttpResponseBase:
    """Takes a JSON map: `start` in seconds since 1970, `name`, `email`, `zone`, the questions, and `consent`
    where that is asked, with `challenge` and `work`. Answers with the address of the appointment."""
    try:
        given = _read(request)
        key = check_challenge(page.token, given)
        if not Quota("calendar.booked", address_of(request), MOST_BOOKED).take(timezone.now()):
            return _refused(_("Please try again in a quarter of an hour."), 429)
        start, visitor = checked(page, given, language=translation.get_language() or settings.LANGUAGE_CODE)
        made = actions.book_time(page, start, visitor, key=key, now=timezone.now())
    except Suspicious as suspicious:
        return _refused(str(suspicious), 400)
    except ValidationError as error:
        names = {one.name for one in who(page)} | {"start", "consent"}
        return JsonResponse({"fields": problems_by_name(error, names)}, status=422)
    return JsonResponse({"address": f"{made.get_absolute_url()}?{_asked_in(request)}"}, status=201)


def _read(request: HttpRequest) -> Mapping[str, Any]:
    """Raises Suspicious, before anything is read of what is too large."""
    length = request.headers.get("Content-Length", "")
    if not length.isdecimal() or int(length) > LARGEST:
        raise Suspicious(f"At most {LARGEST} bytes are taken.")
    try:
        given = parsed(request.body)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Suspicious("Send a JSON map of names and answers.")
    return given


def _refused(said: str, status: int) -> HttpResponse:
    return JsonResponse({"refused": said}, status=status)


def _asked_in(request: HttpRequest) -> str:
    return f"language={translation.get_language()}"


# An appointment


def _of_appointment(view: Callable[[HttpRequest, Appointment], HttpResponseBase]) -> View:
    @discreet("calendar.appointment", language_of)
    @wraps(view)
    def answered(request: HttpRequest, token: str) -> HttpResponseBase:
        related = ("page__owner", "page__group", "event__organizer", "event__room", "event__calendar")
        found = Appointment.objects.of_token(token).exclude(email="").select_related(*related).first()
        if found is None:
            return render(request, "calendar/booking_gone.html", status=404)
        return view(request, found)

    return answered


@require_GET
@_of_appointment
def appointment(request: HttpRequest, appointment: Appointment) -> HttpResponseBase:
    """With `move` the times to which it can be moved."""
    return _shown(request, appointment)


@require_POST
@_of_appointment
def time(request: HttpRequest, appointment: Appointment) -> HttpResponseBase:
    start = moment_in(request.POST.get("start"))
    try:
        if start is None:
            raise ValidationError(_("Please choose a time."))
        actions.move_appointment(appointment, start, now=timezone.now())
    except ValidationError as error:
        return _shown(request, appointment, problem=problem_of(error), is_moving=True)
    return HttpResponseRedirect(f"{appointment.get_absolute_url()}?{_asked_in(request)}&said=moved")


@require_POST
@_of_appointment
def confirmation(request: HttpRequest, appointment: Appointment) -> HttpResponseBase:
    """The time to which a host has moved it suits."""
    try:
        actions.confirm_appointment(appointment, now=timezone.now())
    except ValidationError as error:
        return _shown(request, appointment, problem=problem_of(error))
    return HttpResponseRedirect(f"{appointment.get_absolute_url()}?{_asked_in(request)}")


@require_POST
@_of_appointment
def cancellation(request: HttpRequest, appointment: Appointment) -> HttpResponseBase:
    try:
        actions.cancel_appointment(appointment, now=timezone.now())
    except ValidationError as error:
        return _shown(request, appointment, problem=problem_of(error))
    return HttpResponseRedirect(f"{appointment.get_absolute_url()}?{_asked_in(request)}")


def _shown(
    request: HttpRequest, appointment: Appointment, *, problem: str = "", is_moving: bool = False
) -> HttpResponse:
    event, now = appointment.event, timezone.now()
    zone = zone_in(request.GET.get("zone"), appointment.zone)
    is_open = appointment.cancelled_at is None and event.removed_at is None and event.starts_at > now
    can_move = is_open and is_offered(appointment.page) and appointment.moves < actions.MOST_MOVES
    guest = event.guests.asked().filter(email=appointment.email).first() if is_open else None
    context: dict[str, Any] = {
        "appointment": appointment, "event": event, "page": appointment.page, "token": appointment.token,
        "is_open": is_open, "is_cancelled": bool(appointment.cancelled_at or event.removed_at),
        "can_move": can_move, "when": _when(appointment, zone), "zone": zone, "problem": problem,
        "said": _("Your appointment is moved.") if request.GET.get("said") == "moved" else "",
        "guest": guest, "is_waited_for": guest is not None and guest.answer == Attendance.Answer.WAITING,
        "is_moving": False, "languages": settings.LANGUAGES, "path": request.path,
        "query": _asked_in(request),
    }  # fmt: skip
    if can_move and (is_moving or "move" in request.GET):
        context |= {"is_moving": True, **_times(request, appointment.page, zone, but=appointment.pk)}
    with timezone.override(zone):
        return render(request, "calendar/appointment.html", context, status=REFUSED if problem else 200)


def _when(appointment: Appointment, zone: str) -> When:
    event = appointment.event
    with timezone.override(zone):
        return when(Occurrence(event, event.starts_at, event.ends_at))
