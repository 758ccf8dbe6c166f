"""The page of the nodes, and the buttons: who leads, who gets requests, who sleeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from appliance.client import (
    Agent,
    AgentError,
    ClusterState,
    ListOperations,
    OperationState,
    ReadCluster,
    SetNode,
    SwitchOver,
)
from box.console.access import can_restart, can_use_console, only_for
from box.console.nodes import CHOICES, NodeCard, decided, survives, thresholds, told
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

SECONDS_TO_ANSWER = 15.0
"""A node that is away is asked for some seconds before another one is."""
OPERATIONS_LOOKED_AT = 20
DECISIONS_SHOWN = 10


@require_GET
@only_for(can_use_console)
def cluster(request: PersonRequest) -> HttpResponse:
    return _page(request)


@require_POST
@only_for(can_restart)
@recently_proven
def lead(request: PersonRequest, name: str) -> HttpResponse:
    """Begins it; the page shows how far it is."""
    try:
        _agent().ask(SwitchOver(name), by=request.user.login)
    except AgentError as error:
        return _page(request, problem=str(error))
    return redirect("console:cluster")


@require_POST
@only_for(can_restart)
@recently_proven
def place(request: PersonRequest, name: str) -> HttpResponse:
    """Sends people there or not, wakes it or lets it sleep; the page shows how far it is."""
    choice = CHOICES.get(request.POST.get("to", ""))
    if choice is None:
        return _page(request, problem=_("Choose what is to be done with the node."), status=REFUSED)
    try:
        _agent().ask(SetNode(name, choice.to), by=request.user.login)
    except AgentError as error:
        return _page(request, problem=str(error))
    return redirect("console:cluster")


def _page(request: PersonRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    state: ClusterState | None = None
    switches: list[OperationState] = []
    try:
        state = _agent().ask(ReadCluster())
        latest = _agent().ask(ListOperations(OPERATIONS_LOOKED_AT)).operations
        switches = [one for one in latest if one.kind in ("switchover", "node")]
    except AgentError as error:
        problem = problem or str(error)
    context = _context(state, switches, problem, request)
    return render(request, "console/cluster.html", context, blocks="cluster", status=status)


def _context(
    state: ClusterState | None, switches: list[OperationState], problem: str, request: PersonRequest
) -> dict[str, Any]:
    nodes = [NodeCard(node, node.name == state.leader) for node in state.nodes] if state else []
    return {
        "state": state,
        "nodes": nodes,
        "problems": [told(one) for one in state.problems] if state else [],
        # With one away already it would promise too much.
        "survives": survives(state) if nodes and state and not state.problems else "",
        "is_away_from_home": bool(state and state.leader and state.home not in ("", state.leader)),
        "switches": switches,
        "decisions": [(one.at, decided(one)) for one in state.decisions[:DECISIONS_SHOWN]] if state else [],
        "thresholds": thresholds(state) if state else "",
        "problem": problem,
        "can_switch": can_restart(request.user),
    }


def _agent() -> Agent:
    return Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER)
