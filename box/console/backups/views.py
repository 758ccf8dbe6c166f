"""How backups are. What happens to them is the machine's business: the pages ask the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from appliance.client import (
    AgentError,
    BackupSetPage,
    BackupState,
    BeginBackup,
    BeginDrill,
    CancelOperation,
    ListOperations,
    ReadBackups,
    ReadBackupSets,
    VerifyBackups,
)
from box.console.access import can_look_after_backups, only_for
from box.console.backups.agent import agent
from box.console.backups.presenters import (
    PARTS,
    Operation,
    SetLine,
    between,
    from_when,
    if_it_burned,
    operations_of,
    sentence,
    targets_of,
    to_come,
)
from box.console.models import Retrieval
from box.core.files import recall
from box.lib.pages import lead_on, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

OPERATIONS_LOOKED_AT = 50
OPERATIONS_SHOWN = 5
RETRIEVALS_SHOWN = 5
RETRIEVALS_WAITING = 50
SETS_SHOWN = 10
SETS_A_PAGE = 30


@require_GET
@only_for(can_look_after_backups)
def backups(request: PersonRequest) -> HttpResponse:
    return page(request)


@require_POST
@only_for(can_look_after_backups)
def begin(request: PersonRequest) -> HttpResponse:
    """Begins it; the page shows how far it is."""
    try:
        agent().ask(BeginBackup(is_full="full" in request.POST), by=request.user.login)
    except AgentError as error:
        return page(request, problem=str(error))
    return redirect("console:backups")


@require_POST
@only_for(can_look_after_backups)
def verify(request: PersonRequest) -> HttpResponse:
    given = request.POST
    asked = VerifyBackups(given.get("target", ""), given.get("set", ""), is_complete="all" in given)
    try:
        agent().ask(asked, by=request.user.login)
    except AgentError as error:
        return page(request, problem=str(error))
    return redirect("console:backups")


@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
def drills(request: PersonRequest) -> HttpResponse:
    """The reports of drills; a POST begins one."""
    problem, state = "", BackupState()
    try:
        if request.method == "POST":
            agent().ask(BeginDrill(request.POST.get("target", "")), by=request.user.login)
            return redirect("console:backups")
        state = agent().ask(ReadBackups())
    except AgentError as error:
        problem = str(error)
    context = {"state": state, "problem": problem, "parts": PARTS, "between": between}
    return render(request, "console/backup_drills.html", context)


@require_http_methods(["DELETE"])
@only_for(can_look_after_backups)
def operation(request: PersonRequest, name: str) -> HttpResponse:
    """Cancels it."""
    try:
        agent(timeout=30).ask(CancelOperation(name), by=request.user.login)
    except AgentError as error:
        return page(request, problem=str(error))
    return lead_on(request, reverse("console:backups"), _("It is cancelled."))


@require_GET
@only_for(can_look_after_backups)
def sets(request: PersonRequest) -> HttpResponse:
    """The history; `before` pages back."""
    problem, found = "", BackupSetPage(())
    asked = ReadBackupSets(request.GET.get("before", ""), limit=SETS_A_PAGE)
    try:
        found = agent().ask(asked)
    except AgentError as error:
        problem = str(error)
    lines = [SetLine(one) for one in found.sets]
    context = {"lines": lines, "older": found.older, "problem": problem}
    return render(request, "console/backup_sets.html", context, blocks="sets")


@require_GET
@only_for(can_look_after_backups)
def one_set(request: PersonRequest, name: str) -> HttpResponse:
    label, _at, target = name.partition("@")
    try:
        found = agent().ask(ReadBackupSets(target=target, label=label)).sets
    except AgentError as error:
        return page(request, problem=str(error))
    if not found:
        raise Http404
    return render(request, "console/backup_set.html", {"line": SetLine(found[0])})


def retrievals_to_answer() -> list[Retrieval]:
    """Those that wait, and what became of the latest others."""
    found = Retrieval.objects.select_related("asker", "answered_by").newest_first()
    return [
        *found.waiting()[:RETRIEVALS_WAITING],
        *found.exclude(state=Retrieval.State.ASKED)[:RETRIEVALS_SHOWN],
    ]


def page(request: PersonRequest, *, problem: str = "") -> HttpResponse:
    state, operations = BackupState(), list[Operation]()
    try:
        state = agent().ask(ReadBackups())
        operations = operations_of(agent().ask(ListOperations(OPERATIONS_LOOKED_AT)).operations)
    except AgentError as error:
        problem = problem or str(error)
    running = [one for one in operations if one.state.state == "running"]
    context = {
        "state": state,
        "targets": targets_of(state),
        "lines": [SetLine(one) for one in state.sets[:SETS_SHOWN]],
        "has_more": len(state.sets) > SETS_SHOWN,
        "shared_warnings": [one for one in state.warnings if not one.target],
        "running": running,
        "operations": [one for one in operations if one not in running][:OPERATIONS_SHOWN],
        "is_busy": bool(running),
        "problem": problem,
        "sentence": sentence,
        "retrievals": retrievals_to_answer(),
        "from_when": from_when,
        "if_it_burned": if_it_burned(state, timezone.now()),
        "progress": recall.progress(timezone.now()),
        "to_come": to_come,
    }
    return render(request, "console/backups.html", context, blocks="backups")
