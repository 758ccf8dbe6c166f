"""The directories that are connected, and how each of them is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.bridges.directory.actions import save_connection
from box.bridges.directory.explanation import explain
from box.bridges.directory.models import Connection, Link, Run
from box.bridges.directory.plan.clashes import TO_DECIDE
from box.console.access import can_connect_directories, only_for
from box.console.directory.forms.runs import ScheduleForm
from box.console.directory.lists import run_list
from box.core.accounts.models import User
from box.core.accounts.signing_in import recently_proven
from box.core.lists.views import answer
from box.lib.pages import render
from box.lib.sealing import SealBroken

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest


@require_GET
@only_for(can_connect_directories)
def connections(request: PersonRequest) -> HttpResponse:
    found = list(Connection.objects.order_by("order", "id"))
    latest = {
        run.connection_id: run
        for run in Run.objects.filter(connection__in=found)
        .order_by("connection", "-id")
        .distinct("connection")
    }
    asking = Run.objects.filter(state=Run.State.ASKING).select_related("connection").order_by("-id")
    context = {
        "connections": found,
        "latest": latest,
        "asking": list(asking),
    }
    return render(request, "console/directory/list.html", context)


@require_http_methods(["GET", "POST"])
@only_for(can_connect_directories)
def overview(request: PersonRequest, pk: int) -> HttpResponseBase:
    """What is of it here, when it comes next, and what came of each time."""
    connection = get_object_or_404(Connection, pk=pk)
    latest = connection.runs.order_by("-id")
    context = {
        "connection": connection,
        "conflicts": connection.conflicts.open().filter(kind__in=TO_DECIDE).count(),
        "tab": "overview",
        "going": latest.going().first(),
        "asking": latest.filter(state=Run.State.ASKING).first(),
        "counts": {kind: connection.links.filter(kind=kind).count() for kind in Link.Kind.values},
        "form": ScheduleForm(initial={"interval_minutes": connection.interval_minutes}),
    }
    return answer(request, run_list(connection), "console/directory/overview.html", context)


@require_POST
@only_for(can_connect_directories)
@recently_proven
def schedule(request: PersonRequest, pk: int) -> HttpResponse:
    """How often; or paused, until somebody lets it go on."""
    connection = get_object_or_404(Connection, pk=pk)
    form = ScheduleForm(request.POST)
    if "pause" in request.POST or "resume" in request.POST:
        connection.is_on = "resume" in request.POST and connection.is_confirmed
    elif form.is_valid():
        connection.interval_minutes = form.cleaned_data["interval_minutes"]
    save_connection(connection, by=request.user)
    messages.success(request, _("“%(name)s” is saved.") % {"name": connection.name})
    return redirect("console:directory:overview", pk)


@require_GET
@only_for(can_connect_directories)
def explanation(request: PersonRequest) -> HttpResponse:
    """Why somebody is here, or is not, or is as they are: what each directory says."""
    login = request.GET.get("q", "").strip()[:150]
    directories = Connection.objects.order_by("order", "id") if login else []
    said = [(connection, _explained(connection, login)) for connection in directories]
    link = Link.objects.people().filter(object_id__in=User.objects.filter(login=login.lower())).first()
    context = {"q": login, "said": said, "link": link if login else None}
    return render(request, "console/directory/explanation.html", context)


def _explained(connection: Connection, login: str) -> list[str]:
    try:
        return list(explain(connection, login, now=timezone.now()))
    except SealBroken:
        return [_("The password was stored by another box: write it anew.")]
