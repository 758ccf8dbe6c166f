"""The nodes of the cluster: who leads, what each has to do, what is wrong between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from appliance.client import (
    Agent,
    AgentError,
    ClusterNode,
    ClusterProblem,
    ClusterState,
    ListOperations,
    OperationState,
    ReadCluster,
    SwitchOver,
)
from box.console.access import can_restart, can_use_console, only_for
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

SECONDS_TO_ANSWER = 15.0
"""A node that is away is asked for some seconds before another one is."""
OPERATIONS_LOOKED_AT = 20

PROBLEMS = {
    "quorum": gettext_lazy(
        "Most of the votes do not answer, so nobody can write. Bring one of the nodes back."
    ),
    "database": gettext_lazy("No copy of the database answers."),
    "leader": gettext_lazy("No node leads the database: nobody can write until one is elected."),
    "versions": gettext_lazy("The nodes run different versions: %(words)s. Upgrade them all."),
    "silent": gettext_lazy("%(node)s says nothing. Look whether its machine runs."),
    "service": gettext_lazy("On %(node)s something is wrong: %(words)s."),
    "clock": gettext_lazy("The clock of %(node)s is off by %(words)s s. Set it by a time server."),
    "missing": gettext_lazy("%(node)s has no copy of the database."),
    "ill": gettext_lazy("The database of %(node)s does not keep up: %(words)s."),
    "behind": gettext_lazy("The copy of %(node)s is %(words)s MiB behind. Look at its disk and its network."),
    "certificate": gettext_lazy(
        "The certificate of %(node)s ends on %(words)s and was not renewed by itself."
    ),
}

ROLES = {
    "portal": gettext_lazy("portal and files"),
    "database": gettext_lazy("database"),
    "witness": gettext_lazy("witness"),
}

COPIES = {
    "leader": gettext_lazy("leads"),
    "sync_standby": gettext_lazy("confirms every write"),
    "replica": gettext_lazy("follows"),
}


@dataclass(frozen=True)
class NodeCard:
    """A node as the page shows it."""

    node: ClusterNode
    is_leader: bool

    @property
    def tone(self) -> str:
        if not self.node.is_there:
            return "bad"
        return "good" if self.node.is_well else "warn"

    @property
    def word(self) -> str:
        if not self.node.is_there:
            return _("does not answer")
        return _("running") if self.node.is_well else _("look at it")

    @property
    def roles(self) -> str:
        return ", ".join(str(ROLES.get(role, role)) for role in self.node.roles)

    @property
    def copy(self) -> str:
        """What its copy of the database does; empty where it has none."""
        return str(COPIES.get(self.node.database_role, self.node.database_role))

    @property
    def busy_percent(self) -> int | None:
        return None if self.node.busy is None else round(self.node.busy * 100)

    @property
    def can_lead(self) -> bool:
        """Whether the lead may be given to it: a copy that keeps up, and is not the leader's."""
        return self.node.is_well and bool(self.node.database_role) and not self.is_leader


def told(problem: ClusterProblem) -> str:
    return str(PROBLEMS[problem.kind]) % {"node": problem.node, "words": problem.words}


def survives(state: ClusterState) -> str:
    """What may be lost, in a sentence."""
    if state.copies == 1:
        return _("There is one copy of the database: without its machine the portal stands still.")
    if state.votes < 3:
        return _("Two nodes cannot tell a dead one from a cut cable: without either, nobody can write.")
    lost = (state.votes - 1) // 2
    return ngettext(
        "Any %(num)s node may fail, and the data stays whole and writable.",
        "Any %(num)s nodes may fail, and the data stays whole and writable.",
        lost,
    ) % {"num": lost}


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


def _page(request: PersonRequest, *, problem: str = "") -> HttpResponse:
    state: ClusterState | None = None
    switches: list[OperationState] = []
    try:
        state = _agent().ask(ReadCluster())
        latest = _agent().ask(ListOperations(OPERATIONS_LOOKED_AT)).operations
        switches = [one for one in latest if one.kind == "switchover"]
    except AgentError as error:
        problem = problem or str(error)
    return render(
        request, "console/cluster.html", _context(state, switches, problem, request), blocks="cluster"
    )


def _context(
    state: ClusterState | None, switches: list[OperationState], problem: str, request: PersonRequest
) -> dict[str, Any]:
    nodes = [NodeCard(node, node.name == state.leader) for node in state.nodes] if state else []
    return {
        "state": state,
        "nodes": nodes,
        "problems": [told(one) for one in state.problems] if state else [],
        "survives": survives(state) if nodes and state else "",
        "is_away_from_home": bool(state and state.leader and state.home not in ("", state.leader)),
        "switches": switches,
        "problem": problem,
        "can_switch": can_restart(request.user),
    }


def _agent() -> Agent:
    return Agent(settings.AGENT_SOCKET, timeout=SECONDS_TO_ANSWER)
