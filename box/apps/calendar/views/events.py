"""An event: its card, its form, moving, answering, removing, and taking a change back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.calendar import actions
from box.apps.calendar.access import can_approve, can_edit, can_keep_minutes
from box.apps.calendar.actions import Scope
from box.apps.calendar.forms import (
    REMINDERS,
    SCOPES,
    AnswerForm,
    EventForm,
    ReminderForm,
    TimesForm,
    initial_of,
    moment_of,
)
from box.apps.calendar.meetings import meeting_at
from box.apps.calendar.models import Appointment, Attendance, Calendar, Event, Revision, Room, RoomRequest
from box.apps.calendar.presenters import at_of, calendars_of, name_of
from box.apps.calendar.said import when
from box.apps.calendar.views.days import day_of
from box.apps.calendar.views.lookup import CHANGED, done, event_of, problem_of, time_of
from box.core.access.principals import code_of, codes_of
from box.core.events.nonces import posted_once
from box.core.portal.calendar import working_hours
from box.core.structure.names import named
from box.lib.pages import REFUSED, number_of, render, with_toast

if TYPE_CHECKING:
    from box.apps.calendar.occurrences import Occurrence
    from box.core.accounts.requests import PersonRequest

MOST_ROOMS = 300
USUAL_LENGTH = timedelta(minutes=30)
_ORDER = [choice.value for choice in Attendance.Answer]


@require_GET
def event(request: PersonRequest, pk: int) -> HttpResponse:
    event = event_of(request, pk)
    return _card(request, time_of(event, request.GET))


@require_http_methods(["GET", "POST"])
def new(request: PersonRequest) -> HttpResponse:
    calendars = [(one.pk, one.name) for one in calendars_of(request.user) if one.can_write]
    if not calendars:
        raise PermissionDenied(_("There is no calendar here that you may write into."))
    rooms, initial = _rooms(request), _initial(request, calendars)
    form = EventForm(request.POST or None, calendars=calendars, rooms=rooms, initial=initial)
    if form.is_valid():
        try:
            made = _made(request, form)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said = _("“%(title)s” is in the calendar.") % {"title": made.title}
            return done(request, f"{said} {_room_word(made)}".strip(), to=_home(made))
    chosen = request.POST.getlist("audience") or request.GET.getlist("with")[:50]
    context = {"form": form, "chosen": _chips(request, chosen), "occurrence": None}
    return render(request, "calendar/form.html", context, blocks="dialog", status=_status(form))


def _room_word(event: Event) -> str:
    """That somebody else has to agree before the room is sure."""
    if not RoomRequest.objects.filter(event=event, state=RoomRequest.State.WAITING).exists():
        return ""
    return _("%(room)s is held for it until whoever keeps the room has agreed.") % {"room": event.room}


def _rooms(request: PersonRequest, own: Room | None = None) -> list[Room]:
    """Those that the person may book, and the one that the event has."""
    rooms = list(Room.objects.open_to(codes_of(request.user)).by_name()[:MOST_ROOMS])
    return rooms if own is None or own in rooms else [own, *rooms]


def _made(request: PersonRequest, form: EventForm) -> Event:
    draft = form.draft(request.POST.getlist("audience"))
    return posted_once(
        request, Event, lambda: actions.create_event(form.cleaned_data["calendar"], draft, by=request.user)
    )


@require_http_methods(["GET", "POST"])
def edition(request: PersonRequest, pk: int) -> HttpResponse:
    """The form of an event; of a series for the time that the address names."""
    occurrence = time_of(event_of(request, pk), request.GET)
    event = occurrence.event
    if not can_edit(request.user, event):
        raise PermissionDenied(_("You may look at this event, and not change it."))
    rooms, initial = _rooms(request, event.room), initial_of(occurrence)
    form = EventForm(request.POST or None, calendars=_calendars(request, event), rooms=rooms, initial=initial)
    if form.is_valid():
        try:
            change = _changed(request, form, occurrence)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said = _("The event is changed.")
            return _done(request, change, f"{said} {_room_word(change.event)}".strip())
    chosen = request.POST.getlist("audience") if form.is_bound else _invited(event)
    context = {
        "form": form, "chosen": _chips(request, chosen), "occurrence": occurrence,
        "scopes": SCOPES, "scope": request.POST.get("scope", Scope.THIS.value), "at": at_of(occurrence),
    }  # fmt: skip
    return render(request, "calendar/form.html", context, blocks="dialog", status=_status(form))


def _calendars(request: PersonRequest, event: Event) -> list[tuple[int, str]]:
    """Where it may be put: one time of a series stays where the series is."""
    found = [] if event.series_id else [one for one in calendars_of(request.user) if one.can_write]
    own = (event.calendar_id, name_of(event.calendar, request.user))
    others = [(one.pk, one.name) for one in found]
    return others if own[0] in dict(others) else [own, *others]


def _changed(request: PersonRequest, form: EventForm, occurrence: Occurrence) -> actions.Change:
    event = occurrence.event
    people = {f"U{event.organizer_id}", *request.POST.getlist("audience")}
    draft = form.draft(sorted(people))
    scope = _scope(request.POST.get("scope", ""), event)
    at = occurrence.original_at if event.rule else None
    return actions.change_event(
        event, draft, by=request.user, scope=scope, at=at, calendar=form.cleaned_data["calendar"],
        version=number_of(request.POST, "version"),
    )  # fmt: skip


@require_POST
def times(request: PersonRequest, pk: int) -> HttpResponse:
    """Where it was dropped, or how far it was stretched."""
    event = event_of(request, pk)
    if not can_edit(request.user, event):
        raise PermissionDenied(_("You may look at this event, and not change it."))
    form = TimesForm(request.POST)
    if not form.is_valid():
        return with_toast(HttpResponse(status=REFUSED), _("This moment is not understood."))
    said = form.cleaned_data
    try:
        change = actions.move_event(
            event, said["starts"], said["ends"], is_all_day=said["all_day"],
            scope=_scope(said["scope"], event), at=said["at"], by=request.user,
        )  # fmt: skip
    except ValidationError as error:
        return with_toast(HttpResponse(status=REFUSED), problem_of(error))
    return _done(request, change, f"{_('Moved.')} {_room_word(change.event)}".strip())


@require_POST
def answer(request: PersonRequest, pk: int) -> HttpResponse:
    event = event_of(request, pk)
    form = AnswerForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(_("Answer with yes, no or maybe."), code="answer")
        actions.answer_event(event, by=request.user, **form.cleaned_data)
    except ValidationError as error:
        return with_toast(_card(request, time_of(event, request.GET), status=REFUSED), problem_of(error))
    response = _card(request, time_of(event, request.GET))
    return with_toast(response, _("Your answer is sent."), event=CHANGED)


@require_POST
def reminder(request: PersonRequest, pk: int) -> HttpResponse:
    """How long before an event the person is told of it."""
    event, form = event_of(request, pk), ReminderForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(_("Choose one of the times before an event."), code="minutes")
        actions.choose_reminder(event, form.cleaned_data["minutes"], by=request.user)
    except ValidationError as error:
        return with_toast(_card(request, time_of(event, request.GET), status=REFUSED), problem_of(error))
    return with_toast(_card(request, time_of(event, request.GET)), _("Your reminder is set."))


@require_POST
def removal(request: PersonRequest, pk: int) -> HttpResponse:
    occurrence = time_of(event_of(request, pk), request.GET)
    event = occurrence.event
    scope = _scope(request.POST.get("scope", ""), event)
    at = occurrence.original_at if event.rule else None
    try:
        revision = actions.remove_event(event, by=request.user, scope=scope, at=at)
    except ValidationError as error:
        return with_toast(_card(request, occurrence, status=REFUSED), problem_of(error))
    undo = reverse("calendar:undoing", args=[revision.pk])
    return done(request, _("The event is removed."), to=_home(event), undo=undo, label=_("Undo"))


@require_POST
def undoing(request: PersonRequest, pk: int) -> HttpResponse:
    """Takes a change back, of an event that this person may change."""
    revision = get_object_or_404(Revision.objects.select_related("event__calendar"), pk=pk)
    if not can_edit(request.user, revision.event):
        raise Http404
    try:
        actions.take_back(revision, by=request.user)
    except ValidationError as error:
        return with_toast(HttpResponse(status=REFUSED), problem_of(error))
    return done(request, _("It is as it was before."), to=_home(revision.event))


def _card(request: PersonRequest, occurrence: Occurrence, *, status: int = 200) -> HttpResponse:
    event = occurrence.event
    people = sorted(
        event.attendances.select_related("user"),
        key=lambda one: (one.user_id != event.organizer_id, _ORDER.index(one.answer), one.user.name),
    )
    asked = RoomRequest.objects.select_related("room", "decided_by").filter(event=event).first()
    context = {
        "occurrence": occurrence,
        "event": event,
        "room_request": asked,
        "can_approve": asked is not None and can_approve(request.user, asked.room),
        "at": at_of(occurrence),
        "when": when(occurrence),
        "calendar_name": _calendar_name(event.calendar, request),
        "attendances": people,
        "guests": list(event.guests.asked().order_by("name", "email")),
        "appointment": Appointment.objects.filter(event=event).first(),
        "mine": next((one for one in people if one.user_id == request.user.pk), None),
        "can_edit": can_edit(request.user, event),
        "can_keep_minutes": can_keep_minutes(request.user, event),
        "meeting": meeting_at(occurrence),
        "scopes": SCOPES,
        "reminders": REMINDERS,
        "revisions": _revisions(event) if can_edit(request.user, event) else [],
    }
    return render(request, "calendar/event.html", context, blocks="dialog", status=status)


def _calendar_name(calendar: Calendar, request: PersonRequest) -> str:
    is_others = calendar.is_personal and calendar.code != code_of(request.user)
    return "" if is_others else name_of(calendar, request.user)


def _revisions(event: Event) -> list[Revision]:
    """The changes that can be taken back, newest first: each only after those above it."""
    root = event.series_id or event.pk
    found = Revision.objects.filter(event=root, taken_back_at=None).select_related("by")
    return list(found.order_by("-pk")[:5])


def _initial(request: PersonRequest, calendars: list[tuple[int, str]]) -> dict[str, Any]:
    """As the address has it: where somebody drew on the calendar."""
    is_all_day = request.GET.get("all_day") == "true"
    try:
        starts = moment_of(request.GET["starts"]).astimezone(_zone(is_all_day))
        ends = moment_of(request.GET["ends"]).astimezone(_zone(is_all_day))
    except (KeyError, ValidationError):
        now = timezone.localtime()
        day = day_of(request.GET.get("on", ""))
        starts = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        if day != now.date():
            starts = datetime.combine(day, working_hours()[0], tzinfo=now.tzinfo)
        ends = starts + USUAL_LENGTH
        is_all_day = False
    wanted = number_of(request.GET, "calendar")
    known = [pk for pk, _name in calendars]
    return {
        "title": request.GET.get("title", "")[:200],
        "starts_on": starts.date(), "starts": starts.time(),
        "ends_on": (ends - timedelta(days=1) if is_all_day else ends).date(), "ends": ends.time(),
        "is_all_day": is_all_day, "zone": timezone.get_current_timezone_name(),
        "room": number_of(request.GET, "room"),
        "calendar": wanted if wanted in known else known[0],
    }  # fmt: skip


def _zone(is_all_day: bool) -> Any:
    return UTC if is_all_day else timezone.get_current_timezone()


def _invited(event: Event) -> list[str]:
    """All but who has made it: they come anyway."""
    people = (
        event.attendances.exclude(user=event.organizer_id).order_by("pk").values_list("user_id", flat=True)
    )
    return [f"U{pk}" for pk in people]


def _chips(request: PersonRequest, codes: list[str]) -> list[Any]:
    return list(named(codes, reader=request.user).values())


def _scope(text: str, event: Event) -> Scope:
    """A time that is another event than its series means itself."""
    if not event.rule:
        return Scope.THIS if event.series_id else Scope.ALL
    try:
        return Scope(text)
    except ValueError:
        raise ValidationError(_("Say which times of the series you mean."), code="scope") from None


def _status(form: EventForm) -> int:
    return REFUSED if form.is_bound else 200


def _done(request: PersonRequest, change: actions.Change, said: str) -> HttpResponse:
    undo = reverse("calendar:undoing", args=[change.revision.pk])
    return done(request, said, to=change.event.get_absolute_url(), undo=undo, label=_("Undo"))


def _home(event: Event) -> str:
    return f"{reverse('calendar:home')}?on={timezone.localtime(event.starts_at).date()}"
