"""Rooms: whose they are today, the list of them for who keeps it, and times that suit all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.calendar import actions
from box.apps.calendar.access import can_keep_rooms, has_own_calendar, requests_kept_by
from box.apps.calendar.actions.attendees import invited_people
from box.apps.calendar.forms import RoomForm
from box.apps.calendar.models import Room
from box.apps.calendar.presenters import asked_shown, rooms_day, suggestions
from box.apps.calendar.views.days import SHOWN_HOURS, day_of
from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.core.structure.names import named
from box.lib.pages import REFUSED, lead_on, number_of, render, render_form

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest

MOST_ROOMS = 300
SHORTEST, LONGEST = 15, 12 * 60
LONGEST_WAY = 4 * 60


@require_GET
def rooms(request: PersonRequest) -> HttpResponse:
    """The day of all rooms that this person may book, or keeps."""
    if not has_own_calendar(request.user):
        raise Http404
    day = day_of(request.GET.get("on", ""))
    keeps = can_keep_rooms(request.user)
    known = Room.objects.standing() if keeps else Room.objects.open_to(codes_of(request.user))
    context = {
        "columns": rooms_day(request.user, list(known.by_name()[:MOST_ROOMS]), day),
        "day": day,
        "today": timezone.localdate(),
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1),
        "hours": SHOWN_HOURS,
        "can_keep": keeps,
        "waiting": requests_kept_by(request.user).waiting(timezone.now()).count(),
    }
    return render(request, "calendar/rooms.html", context, blocks="day")


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    _demand_keeper(request)
    form = RoomForm(request.POST or None)
    if form.is_valid():
        try:
            posted_once(request, Room, lambda: actions.create_room(_draft(request, form), by=request.user))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, reverse("calendar:rooms"), _("The room is there."))
    return _page(request, form, None, [EVERYONE], [code_of(request.user)])


@require_http_methods(["GET", "POST"])
def room(request: PersonRequest, pk: int) -> HttpResponse:
    _demand_keeper(request)
    room = get_object_or_404(Room.objects.standing(), pk=pk)
    facts = ("name", "place", "capacity", "equipment", "needs_approval")
    form = RoomForm(request.POST or None, initial={name: getattr(room, name) for name in facts})
    if form.is_valid():
        try:
            actions.change_room(room, _draft(request, form), by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return lead_on(request, reverse("calendar:rooms"), _("The room is changed."))
    return _page(request, form, room, room.bookers, room.keepers)


@require_POST
def retirement(request: PersonRequest, pk: int) -> HttpResponse:
    _demand_keeper(request)
    actions.retire_room(get_object_or_404(Room.objects.standing(), pk=pk), by=request.user)
    return lead_on(request, reverse("calendar:rooms"), _("The room is not booked any more."))


@require_GET
def requests(request: PersonRequest) -> HttpResponse:
    """What waits for the word of this person."""
    if not has_own_calendar(request.user):
        raise Http404
    return _requests(request)


@require_POST
def decision(request: PersonRequest, pk: int) -> HttpResponse:
    """Approves a request, or refuses it with a reason."""
    found = get_object_or_404(requests_kept_by(request.user), pk=pk)
    sent = request.POST
    try:
        actions.decide_request(
            found, by=request.user, is_approved=sent.get("to") == "approve",
            count=number_of(sent, "count") or 0, reason=sent.get("reason", ""),
        )  # fmt: skip
    except ValidationError as error:
        return _requests(request, problem=" ".join(error.messages))
    return lead_on(request, reverse("calendar:room-requests"), _("Whoever asked for the room is told."))


def _requests(request: PersonRequest, *, problem: str = "") -> HttpResponse:
    waiting = requests_kept_by(request.user).waiting(timezone.now())
    context = {"requests": asked_shown(request.user, waiting.order_by("event__starts_at", "pk")[:MOST_ROOMS]),
               "problem": problem}  # fmt: skip
    status = REFUSED if problem else 200
    return render(request, "calendar/room_requests.html", context, blocks="requests", status=status)


@require_GET
def free_times(request: PersonRequest) -> HttpResponse:
    """The next times at which those who are chosen in the form can come."""
    if not has_own_calendar(request.user):
        raise Http404
    problem, found = "", []
    minutes = min(max(number_of(request.GET, "minutes") or 60, SHORTEST), LONGEST)
    way = timedelta(minutes=min(max(number_of(request.GET, "way") or 0, 0), LONGEST_WAY))
    try:
        ids = {request.user.pk, *invited_people(request.GET.getlist("audience"), by=request.user)}
    except ValidationError as error:
        problem = " ".join(error.messages)
    else:
        people = list(User.objects.filter(pk__in=ids))
        known = list(Room.objects.open_to(codes_of(request.user)).by_name()[:MOST_ROOMS])
        found = suggestions(people, timedelta(minutes=minutes), timezone.now(), known, way)
    context = {"suggestions": found, "problem": problem}
    return render(request, "calendar/free_times.html", context, blocks="times")


def _demand_keeper(request: PersonRequest) -> None:
    if not can_keep_rooms(request.user):
        raise PermissionDenied(_("Ask an administrator for the right to manage meeting rooms."))


def _draft(request: PersonRequest, form: RoomForm) -> actions.RoomDraft:
    sent = request.POST
    return actions.RoomDraft(
        **form.cleaned_data, bookers=tuple(sent.getlist("audience")), keepers=tuple(sent.getlist("keepers"))
    )


def _page(
    request: PersonRequest, form: RoomForm, room: Room | None, bookers: list[str], keepers: list[str]
) -> HttpResponse:
    if form.is_bound:
        bookers, keepers = request.POST.getlist("audience"), request.POST.getlist("keepers")
    names = named({*bookers, *keepers}, reader=request.user)
    context = {
        "room": room,
        "bookers": [one for code, one in names.items() if code in bookers],
        "keepers": [one for code, one in names.items() if code in keepers],
    }
    return render_form(request, "calendar/room.html", form, context, blocks="dialog")
