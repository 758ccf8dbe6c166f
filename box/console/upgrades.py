"""The page of upgrades: what runs, what lies on the machine, what would change, and the button for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from appliance.client import (
    Agent,
    AgentError,
    BeginUpgrade,
    ExamineRelease,
    ListOperations,
    OperationState,
    ReadUpgrades,
    UpgradeState,
)
from box.console.access import can_upgrade, only_for
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import render

if TYPE_CHECKING:
    from appliance.client import Operation
    from box.core.accounts.requests import PersonRequest

SECONDS_TO_ANSWER = 10.0
OPERATIONS_LOOKED_AT, SHOWN = 50, 5


@require_GET
@only_for(can_upgrade)
def upgrades(request: PersonRequest) -> HttpResponse:
    return _page(request)


@require_POST
@only_for(can_upgrade)
def examine(request: PersonRequest) -> HttpResponse:
    """Begins to look at an archive; the page shows what was found."""
    return _ask(request, ExamineRelease(request.POST.get("archive", "")))


@require_POST
@only_for(can_upgrade)
@recently_proven
def begin(request: PersonRequest) -> HttpResponse:
    """Begins the upgrade that the page has shown."""
    return _ask(request, BeginUpgrade(request.POST.get("examination", "")))


def _ask(request: PersonRequest, operation: Operation[OperationState]) -> HttpResponse:
    try:
        _agent().ask(operation, by=request.user.login)
    except AgentError as error:
        return _page(request, problem=str(error))
    return redirect("console:upgrades")


def _page(request: PersonRequest, *, problem: str = "") -> HttpResponse:
    state: UpgradeState | None = None
    latest: list[OperationState] = []
    try:
        state = _agent().ask(ReadUpgrades())
        listed = _agent().ask(ListOperations(OPERATIONS_LOOKED_AT)).operations
        latest = [one for one in listed if one.kind in ("examine", "upgrade")][:SHOWN]
    except AgentError as error:
        problem = problem or str(error)
    context = {
        "state": state,
        "latest": latest,
        "is_busy": any(one.state == "running" for one in latest),
        "problem": problem,
    }
    return render(request, "console/upgrades.html", context, blocks="upgrades")


def _agent() -> Agent:
    return Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER)
