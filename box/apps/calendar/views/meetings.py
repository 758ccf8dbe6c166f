"""The page of a meeting: agenda, minutes that all write together, decisions, who was there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.calendar.actions import meetings as actions
from box.apps.calendar.forms import DecisionForm, TopicForm
from box.apps.calendar.meetings import page_of
from box.apps.calendar.models import Decision, Meeting, Topic
from box.apps.calendar.views.lookup import event_of, problem_of, time_of
from box.core.accounts.models import User
from box.lib.pages import REFUSED, number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.core.accounts.requests import PersonRequest


@require_POST
def prepare(request: PersonRequest, pk: int) -> HttpResponse:
    """The meeting of this time of an event, begun where there is none yet."""
    occurrence = time_of(event_of(request, pk), request.GET)
    return redirect(actions.prepare_meeting(occurrence, by=request.user))


@require_GET
def meeting(request: PersonRequest, pk: int) -> HttpResponse:
    return _page(request, pk)


@require_POST
def topics(request: PersonRequest, pk: int) -> HttpResponse:
    form = TopicForm(request.POST)

    def act(found: Meeting) -> object:
        given = _given(form)
        return actions.add_topic(found, given["title"], given["planned_minutes"], by=request.user)

    return _do(request, meeting_for(request, pk), act, is_adding=True)


@require_http_methods(["POST", "DELETE"])
def topic(request: PersonRequest, pk: int) -> HttpResponse:
    """Another title, another place, done or not; or gone."""
    found = topic_for(request, pk)

    def act(_meeting: Meeting) -> object:
        if request.method == "DELETE":
            return actions.delete_topic(found, by=request.user)
        if request.POST.get("to") in ("up", "down"):
            return actions.move_topic(found, -1 if request.POST["to"] == "up" else 1, by=request.user)
        if "done" in request.POST:
            return actions.close_topic(found, request.POST["done"] == "1", by=request.user)
        given = _given(TopicForm(request.POST))
        return actions.change_topic(found, given["title"], given["planned_minutes"], by=request.user)

    return _do(request, found.meeting, act)


@require_POST
def minutes(request: PersonRequest, pk: int) -> HttpResponse:
    """What was written, woven into what others wrote meanwhile: answers with the text as it is then."""
    found = topic_for(request, pk)
    text, base = request.POST.get("text", ""), request.POST.get("base", "")
    try:
        found = actions.write_minutes(found, text, base, by=request.user)
    except ValidationError as error:
        return HttpResponse(problem_of(error), content_type="text/plain; charset=utf-8", status=REFUSED)
    if request.headers.get("Accept", "").startswith("text/plain"):
        return HttpResponse(found.minutes, content_type="text/plain; charset=utf-8")
    return redirect(found.meeting)


@require_POST
def decisions(request: PersonRequest, pk: int) -> HttpResponse:
    form = DecisionForm(request.POST)

    def act(found: Meeting) -> object:
        given = _given(form)
        return actions.add_decision(
            found,
            given["text"],
            topic=found.topics.filter(pk=given["topic"]).first() if given["topic"] else None,
            responsible=_person(request),
            due_on=given["due_on"],
            by=request.user,
        )

    return _do(request, meeting_for(request, pk), act)


@require_http_methods(["DELETE"])
def decision(request: PersonRequest, pk: int) -> HttpResponse:
    rows = Decision.objects.select_related("meeting").filter(
        meeting__in=Meeting.objects.visible_to(request.user)
    )
    found = get_object_or_404(rows, pk=pk)
    return _do(request, found.meeting, lambda _meeting: actions.delete_decision(found, by=request.user))


@require_POST
def presence(request: PersonRequest, pk: int) -> HttpResponse:
    person = get_object_or_404(User, pk=number_of(request.POST, "user") or 0)
    is_there = request.POST.get("there") == "1"

    def act(found: Meeting) -> object:
        return actions.note_presence(found, person, is_there, by=request.user)

    return _do(request, meeting_for(request, pk), act)


@require_POST
def record(request: PersonRequest, pk: int) -> HttpResponse:
    """It goes to all who take part."""
    found = meeting_for(request, pk)
    return _do(
        request,
        found,
        lambda one: actions.send_record(one, by=request.user),
        said=_("The record goes to all who take part."),
    )


def _do(
    request: PersonRequest,
    found: Meeting,
    act: Callable[[Meeting], object],
    *,
    said: str = "",
    **more: Any,
) -> HttpResponse:
    """Acts, and answers with the page as it is then."""
    try:
        act(found)
    except ValidationError as error:
        return _page(request, found.pk, problem=problem_of(error), status=REFUSED)
    if not wants_part(request):
        return redirect(found)
    response = _page(request, found.pk, **more)
    return with_toast(response, said) if said else response


def _page(request: PersonRequest, pk: int, *, status: int = 200, **more: Any) -> HttpResponse:
    page = page_of(meeting_for(request, pk), reader=request.user)
    context = {"page": page, "problem": "", "is_adding": False, **more}
    return render(request, "calendar/meeting.html", context, blocks="meeting", status=status)


def _given(form: TopicForm | DecisionForm) -> dict[str, Any]:
    if not form.is_valid():
        raise ValidationError([str(one) for errors in form.errors.values() for one in errors])
    return form.cleaned_data


def _person(request: PersonRequest) -> User | None:
    """Somebody whom the one who decides may give work."""
    pk = number_of(request.POST, "responsible")
    if pk is None:
        return None
    found: User = get_object_or_404(User.objects.active().visible_to(request.user), pk=pk)
    return found


def meeting_for(request: PersonRequest, pk: int) -> Meeting:
    rows = Meeting.objects.select_related("event__calendar", "event__organizer", "event__room", "sent_by")
    return get_object_or_404(rows.visible_to(request.user), pk=pk)


def topic_for(request: PersonRequest, pk: int) -> Topic:
    rows = Topic.objects.select_related("meeting__event__calendar")
    return get_object_or_404(rows.filter(meeting__in=Meeting.objects.visible_to(request.user)), pk=pk)
