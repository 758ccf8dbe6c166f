"""Runs: a look that writes nothing, what it would do, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from box.bridges.directory.actions import answer_guard, ask_run, cancel_run, confirm_connection
from box.bridges.directory.models import Connection, Run
from box.console.access import can_connect_directories, only_for
from box.console.directory.lists import change_list
from box.core.accounts.signing_in import recently_proven
from box.core.lists.views import answer
from box.lib.pages import render

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_POST
@only_for(can_connect_directories)
def begin(request: PersonRequest, pk: int) -> HttpResponse:
    """A preview; or, of a directory whose preview somebody has confirmed, a synchronisation at once."""
    connection = get_object_or_404(Connection, pk=pk)
    wants_sync = request.POST.get("mode") == Run.Mode.SYNC and connection.is_confirmed
    run = ask_run(connection, Run.Mode.SYNC if wants_sync else Run.Mode.PREVIEW, by=request.user)
    return redirect("console:directory:run", run.pk)


@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
def run(request: PersonRequest, pk: int) -> HttpResponseBase:
    """While it goes, what it does; then the list of what it did."""
    shown = get_object_or_404(_runs(), pk=pk)
    if shown.is_going:
        left = shown.time_left(timezone.now())
        return render(request, "console/directory/going.html", {"run": shown, "left": left}, blocks="run")
    if request.headers.get("HX-Target") == "run":
        return HttpResponse(headers={"HX-Refresh": "true"})
    context = {"run": shown, "can_confirm": _can_confirm(shown)}
    return answer(request, change_list(shown), "console/directory/run.html", context)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def confirmation(request: PersonRequest, pk: int) -> HttpResponse:
    """What the preview shows is done."""
    looked_at = get_object_or_404(_runs(), pk=pk)
    try:
        begun = confirm_connection(looked_at.connection, by=request.user)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("console:directory:run", pk)
    return redirect("console:directory:run", begun.pk)


@require_POST
@only_for(can_connect_directories)
def cancellation(request: PersonRequest, pk: int) -> HttpResponse:
    """Of a run that is going."""
    going = get_object_or_404(_runs(), pk=pk)
    try:
        cancel_run(going, by=request.user)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    return redirect("console:directory:run", pk)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def guard(request: PersonRequest, pk: int) -> HttpResponse:
    """Its question is answered."""
    asking = get_object_or_404(_runs(), pk=pk)
    is_allowed = request.POST.get("answer") == "yes"
    try:
        answer_guard(asking, is_allowed=is_allowed, by=request.user)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        if not is_allowed:
            messages.success(request, _("Nothing was done. The next run asks again."))
    return redirect("console:directory:run", pk)


def _runs() -> QuerySet[Run]:
    return Run.objects.select_related("connection", "by")


def _can_confirm(shown: Run) -> bool:
    """The latest preview, of the connection as it is now."""
    if shown.mode != Run.Mode.PREVIEW or shown.state != Run.State.DONE:
        return False
    connection = shown.connection
    is_latest = not connection.runs.filter(pk__gt=shown.pk).exists()
    return is_latest and shown.asked_at >= connection.changed_at
