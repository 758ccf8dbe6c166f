"""Runs: a look that writes nothing, what it would do, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from box.bridges.directory.actions import answer_guard, ask_run, cancel_run, confirm_connection
from box.bridges.directory.models import Change, Connection, Link, Run
from box.console.access import can_connect_directories, only_for
from box.console.directory.forms.mapping import field_label
from box.console.directory.forms.runs import ChangesFilter
from box.core.accounts.signing_in import recently_proven
from box.core.structure.models import Department
from box.lib.pages import REFUSED, render
from box.lib.tables import export

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

PAGE = 50


@require_POST
@only_for(can_connect_directories)
def begin(request: PersonRequest, pk: int) -> HttpResponse:
    """A preview; or, of a directory whose preview somebody has confirmed, a synchronisation at once."""
    connection = get_object_or_404(Connection, pk=pk)
    wants_sync = request.POST.get("mode") == Run.Mode.SYNC and connection.is_confirmed
    run = ask_run(connection, Run.Mode.SYNC if wants_sync else Run.Mode.PREVIEW, by=request.user)
    return redirect("console:directory:run", run.pk)


@require_GET
@only_for(can_connect_directories)
def run(request: PersonRequest, pk: int) -> HttpResponse:
    return _page(request, get_object_or_404(_runs(), pk=pk))


@require_GET
@only_for(can_connect_directories)
def table(request: PersonRequest, pk: int) -> HttpResponseBase:
    """All that the run did or would do, as a file to save."""
    shown = get_object_or_404(_runs(), pk=pk)
    kind = "csv" if request.GET.get("format") == "csv" else "xlsx"
    rows = (
        (
            one.get_action_display(), one.get_kind_display(), one.name, one.dn,
            str(field_label(one.field)) if one.field else "", one.old, one.new, one.get_outcome_display(),
            one.reason,
        )
        for one in shown.changes.order_by("id").iterator(chunk_size=1000)
    )  # fmt: skip
    head = (
        _("What"), _("Kind"), _("Name"), _("Entry"), _("Field"), _("Before"), _("After"), _("Outcome"),
        _("Reason"),
    )  # fmt: skip
    return export(kind, f"directory-run-{shown.pk}", head, rows)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def confirmation(request: PersonRequest, pk: int) -> HttpResponse:
    """What the preview shows is done."""
    looked_at = get_object_or_404(_runs(), pk=pk)
    try:
        begun = confirm_connection(looked_at.connection, by=request.user)
    except ValidationError as error:
        return _page(request, looked_at, problem=error.messages[0])
    return redirect("console:directory:run", begun.pk)


@require_POST
@only_for(can_connect_directories)
def cancellation(request: PersonRequest, pk: int) -> HttpResponse:
    """Of a run that is going."""
    going = get_object_or_404(_runs(), pk=pk)
    try:
        cancel_run(going, by=request.user)
    except ValidationError as error:
        return _page(request, going, problem=error.messages[0])
    return redirect("console:directory:run", pk)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def answer(request: PersonRequest, pk: int) -> HttpResponse:
    """To the guard's question."""
    asking = get_object_or_404(_runs(), pk=pk)
    is_allowed = request.POST.get("answer") == "yes"
    try:
        answer_guard(asking, is_allowed=is_allowed, by=request.user)
    except ValidationError as error:
        return _page(request, asking, problem=error.messages[0])
    if not is_allowed:
        messages.success(request, _("Nothing was done. The next run asks again."))
    return redirect("console:directory:run", pk)


def _runs() -> QuerySet[Run]:
    return Run.objects.select_related("connection", "by")


def _standing_departments(changes: Sequence[Change]) -> set[int]:
    """Whose pages can still be opened: a log outlives what it tells of."""
    told = {one.object_id for one in changes if one.object_id and one.kind == Link.Kind.DEPARTMENT}
    return (
        set(Department.objects.standing().filter(pk__in=told).values_list("pk", flat=True)) if told else set()
    )


def _page(request: PersonRequest, shown: Run, *, problem: str = "") -> HttpResponse:
    wanted = ChangesFilter(request.GET)
    wanted.is_valid()
    chosen = wanted.cleaned_data
    found = list(_changes(shown, chosen)[: PAGE + 1]) if not shown.is_going else []
    address = {name: chosen[name] for name in ("q", "action") if chosen.get(name)}
    context: dict[str, Any] = {
        "run": shown,
        "connection": shown.connection,
        "problem": problem,
        "left": shown.time_left(timezone.now()),
        "changes": found[:PAGE],
        "standing": _standing_departments(found[:PAGE]),
        "more": found[PAGE - 1].pk if len(found) > PAGE else None,
        "filter": wanted,
        "action": chosen.get("action", ""),
        "q": chosen.get("q", ""),
        "address": address,
        "labels": Change.Action.choices,
        "field_label": field_label,
        "can_confirm": _can_confirm(shown),
    }
    blocks = "changes" if request.headers.get("HX-Target") == "changes" else "run"
    status = REFUSED if problem else 200
    return render(request, "console/directory/run.html", context, blocks=blocks, status=status)


def _changes(shown: Run, chosen: dict[str, Any]) -> QuerySet[Change]:
    found = shown.changes.order_by("id")
    if chosen.get("action"):
        found = found.filter(action=chosen["action"])
    if chosen.get("q"):
        found = found.filter(name__icontains=chosen["q"])
    if chosen.get("after"):
        found = found.filter(pk__gt=chosen["after"])
    return found


def _can_confirm(shown: Run) -> bool:
    """The latest preview, of the connection as it is now."""
    if shown.mode != Run.Mode.PREVIEW or shown.state != Run.State.DONE:
        return False
    connection = shown.connection
    is_latest = not connection.runs.filter(pk__gt=shown.pk).exists()
    return is_latest and shown.asked_at >= connection.changed_at
