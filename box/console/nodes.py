"""The nodes of the cluster, in words: what each does, what is wrong, what may be lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from appliance.client import ClusterDecision, ClusterNode, ClusterProblem, ClusterState, NodePlace

PROBLEMS = {
    "quorum": gettext_lazy(
        "Most of the votes do not answer, so nobody can write. Bring one of the nodes back."
    ),
    "database": gettext_lazy("No copy of the database answers."),
    "leader": gettext_lazy("No node leads the database: nobody can write until one is elected."),
    "versions": gettext_lazy(
        "The nodes run different versions: %(words)s. Upgrade all of them by “boxctl cluster upgrade”."
    ),
    "away": gettext_lazy("%(node)s says nothing. Look whether its machine runs."),
    "service": gettext_lazy("On %(node)s something is wrong: %(words)s."),
    "clock": gettext_lazy("The clock of %(node)s is off by %(words)s s. Set it by a time server."),
    "disk": gettext_lazy("The disk of %(node)s is full. Free some space there, or give it a larger one."),
    "missing": gettext_lazy("%(node)s has no copy of the database."),
    "ill": gettext_lazy("The database of %(node)s does not keep up: %(words)s."),
    "slow": gettext_lazy("The copy of %(node)s is %(words)s MiB behind. Look at its disk and its network."),
    "certificate": gettext_lazy(
        "The certificate of %(node)s ends on %(words)s and was not renewed by itself."
    ),
    "rotation": gettext_lazy(
        "The nodes have another authority in part; these trust the one before as well: %(words)s. "
        "“boxctl cluster rotate” on one of them ends it."
    ),
    "vote": gettext_lazy(
        "%(node)s is no node and has a vote, as if it were one that is away. “boxctl cluster remove "
        "%(node)s” takes it."
    ),
    "voteless": gettext_lazy(
        "The vote of %(node)s is gone, and one node less may fail. Take it out by “boxctl cluster remove "
        "%(node)s”, and let it join again."
    ),
}

ROLES = {
    "portal": gettext_lazy("portal"),
    "files": gettext_lazy("files"),
    "database": gettext_lazy("database"),
    "witness": gettext_lazy("witness"),
}

COPIES = {
    "leader": gettext_lazy("leads"),
    "quorum_standby": gettext_lazy("confirms writes"),
    "replica": gettext_lazy("follows"),
}


RESTS = {
    "waking": gettext_lazy("wakes"),
    "draining": gettext_lazy("goes to sleep"),
    "asleep": gettext_lazy("asleep"),
}


@dataclass(frozen=True)
class Choice:
    """Something to be done with a node: what the agent calls it, and what the button and its question say."""

    to: NodePlace
    label: Any
    question: Any


DRAIN = Choice(
    "drained",
    gettext_lazy("Send nobody there"),
    gettext_lazy(
        "%(node)s gets no more requests while others can answer, and another node leads the database. Do it"
        " before you repair the machine."
    ),
)
RESUME = Choice(
    "resumed", gettext_lazy("Send people there"), gettext_lazy("People are sent to %(node)s again.")
)
WAKE = Choice("awake", gettext_lazy("Wake it"), gettext_lazy("%(node)s takes its part of the work."))
SLEEP = Choice(
    "asleep",
    gettext_lazy("Let it sleep"),
    gettext_lazy("%(node)s gets no more requests and sleeps half a minute later. Nobody is cut off."),
)
CHOICES: Mapping[str, Choice] = {one.to: one for one in (DRAIN, RESUME, WAKE, SLEEP)}


@dataclass(frozen=True)
class NodeCard:
    """A node as the page shows it."""

    node: ClusterNode
    is_leader: bool

    @property
    def tone(self) -> str:
        if self.node.rest in RESTS:
            return "" if self.node.is_well else "warn"
        if not self.node.is_there:
            return "bad"
        return "good" if self.node.is_well else "warn"

    @property
    def word(self) -> str:
        if self.node.rest in RESTS:
            return str(RESTS[self.node.rest])
        if not self.node.is_there:
            return _("does not answer")
        if self.node.is_well and self.node.is_drained:
            return _("drained")
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
    def choices(self) -> list[Choice]:
        """What may be done with it now; whoever presses is told first what follows."""
        if self.node.is_reserve:
            return [SLEEP if self.node.rest == "awake" else WAKE]
        if "portal" not in self.node.roles:
            return []
        return [RESUME if self.node.is_drained else DRAIN]

    @property
    def can_lead(self) -> bool:
        """Whether the lead may be given to it: a copy that keeps up, and is not the leader's."""
        return self.node.is_well and bool(self.node.database_role) and not self.is_leader


def told(problem: ClusterProblem) -> str:
    return str(PROBLEMS[problem.kind]) % {"node": problem.node, "words": problem.words}


def decided(decision: ClusterDecision) -> str:
    """A decision about the number of nodes, with the figure that it followed from."""
    acts = [
        _("%(nodes)s: woken") % {"nodes": ", ".join(decision.wake)} if decision.wake else "",
        _("%(nodes)s: put to sleep") % {"nodes": ", ".join(decision.drain)} if decision.drain else "",
        _("machines asked for: %(number)s") % {"number": decision.create} if decision.create else "",
    ]
    why = (
        _("too few or too many nodes at work")
        if decision.mean is None
        else _("mean CPU %(percent)s%%") % {"percent": round(decision.mean * 100)}
    )
    return f"{'; '.join(act for act in acts if act)} ({why})"


def thresholds(state: ClusterState) -> str:
    """When nodes are woken or sleep; empty where nobody decides."""
    if state.out_above is None or state.in_below is None:
        return ""
    return _("One more node wakes above %(out)s%% mean CPU, one sleeps below %(in)s%%.") % {
        "out": round(state.out_above * 100),
        "in": round(state.in_below * 100),
    }


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
