"""What was done with a client, and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.crm.actions.activities import (
    NewActivity,
    add_activity,
    complete_activity,
    delete_activity,
    move_activity,
    reopen_activity,
)
from box.apps.crm.agenda import Place, agenda_of
from box.apps.crm.frame import tabs_for
from box.apps.crm.models import Activity, Record
from box.apps.crm.views.cards import PLANNED, changed, not_done
from box.apps.crm.views.lookup import entered, record_at
from box.core.accounts.models import User
from box.core.events.nonces import posted_once
from box.lib.addresses import parts_of
from box.lib.pages import number_of, render, wants_part

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_POST
def activities(request: PersonRequest, slug: str, pk: int) -> HttpResponse:
    """Plans a next step, or writes down what was: without a deadline it is done."""
    found = record_at(request, slug, pk)
    try:
        posted_once(
            request,
            Activity,
            lambda: add_activity(_new_activity(request.POST, request.user), [found], by=request.user),
        )
    except ValidationError as error:
        return not_done(error)
    return changed(request, found)


def _new_activity(given: QueryDict, by: User) -> NewActivity:
    kind = given.get("kind", "")
    if kind not in PLANNED:
        raise ValidationError(_("Choose what it is: a call, a meeting ..."))
    person = User.objects.visible_to(by).filter(pk=number_of(given, "responsible") or by.pk).first()
    return NewActivity(
        kind=kind,
        subject=given.get("subject", ""),
        text=given.get("text", "").strip(),
        direction=given.get("direction", "") if given.get("direction") in Activity.Direction.values else "",
        responsible=person or by,
        deadline=_moment(given.get("deadline", "")),
    )


def _moment(text: str) -> datetime | None:
    """As the browser's input gives it, in the reader's zone."""
    if not text:
        return None
    try:
        at = timezone.make_aware(datetime.fromisoformat(text))
    except ValueError:
        at = None
    now = timezone.now()
    if at is None or not now - timedelta(days=3660) < at < now + timedelta(days=3660):
        raise ValidationError(_("Write a day and a time, such as 2026-01-31 10:00."))
    return at


@require_http_methods(["POST", "DELETE"])
def completion(request: PersonRequest, pk: int) -> HttpResponse:
    """POST says that it is done, and what came of it; DELETE takes that back."""
    activity, found = _activity(request, pk)
    if request.method == "DELETE":
        return _done(request, found, lambda: reopen_activity(activity, by=request.user))
    result = request.POST.get("result", "").strip()
    return _done(request, found, lambda: complete_activity(activity, result=result, by=request.user))


@require_POST
def deadline(request: PersonRequest, pk: int) -> HttpResponse:
    """To another moment."""
    activity, found = _activity(request, pk)

    def act() -> None:
        at = _moment(request.POST.get("deadline", ""))
        if at is None:
            raise ValidationError(_("Say until when."))
        move_activity(activity, at, by=request.user)

    return _done(request, found, act)


@require_http_methods(["DELETE"])
def activity(request: PersonRequest, pk: int) -> HttpResponse:
    one, found = _activity(request, pk)
    return _done(request, found, lambda: delete_activity(one, by=request.user))


@require_GET
def agenda(request: PersonRequest) -> HttpResponse:
    """One's own next steps, by day."""
    reader = entered(request)
    now = timezone.now()
    found = agenda_of(reader, now, Place.read(request.GET.get("after", "")))
    context = {"tabs": tabs_for(reader), "agenda": found, "now": now}
    return render(request, "crm/agenda.html", context, blocks="days")


def _done(request: PersonRequest, found: Record, act: Callable[[], object]) -> HttpResponse:
    """On a record's page its parts as they are now; on one's own day that."""
    try:
        act()
    except ValidationError as error:
        return not_done(error)
    seen = parts_of(request.headers.get("HX-Current-URL", ""))
    if seen.path == reverse("crm:day") and wants_part(request):
        return agenda_anew(request, Place.read(QueryDict(seen.query).get("after", "")))
    return changed(request, found)


def agenda_anew(request: PersonRequest, place: Place | None) -> HttpResponse:
    now = timezone.now()
    context = {"agenda": agenda_of(request.user, now, place), "now": now, "tabs": ()}
    response = render(request, "crm/agenda.html", context, blocks="days")
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#crm-days", "outerHTML"
    return response


def _activity(request: PersonRequest, pk: int) -> tuple[Activity, Record]:
    """With the record through which this person sees it: the first it was written down for."""
    seen = Record.objects.visible_to(request.user).there()
    one = get_object_or_404(Activity, pk=pk)
    binding = one.bindings.filter(record__in=seen).order_by("pk").select_related("record__type").first()
    if binding is None:
        raise Http404
    return one, binding.record
