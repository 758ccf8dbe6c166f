"""A full disk stops one node's copy of the database, and nobody's work.

Who has no room left hands the lead over. Where nobody else can take it, all nodes tell people that nothing
can be saved, for what they write goes to the one that leads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from appliance.cluster import patroni, state
from appliance.cluster.etcd import Etcd
from appliance.cluster.patroni import Copy
from appliance.cluster.state import Beat
from appliance.files import write_atomically
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.balancer.runtime import BalancerAway
from appliance.services.router.service import leading

type Say = Callable[[str], None]


def flag(paths: Paths) -> Path:
    """There while the node that leads has no room; it says why."""
    return paths.run / "state/no-room"


def look(paths: Paths, say: Say) -> None:
    """Tell the portal here how much room the leader has, and give the lead away where that is this node."""
    node = Node.load(paths)
    me = node.cluster
    beats = state.beats(Etcd.of(paths, me.topology, first=me.me.address))
    try:
        leader = leading(node) if node.runs("router") else None
    except BalancerAway:
        leader = None
    _tell(paths, _why_full(leader, beats))
    if leader != me.name or not _why_full(leader, beats):
        return
    try:
        if has_heir(patroni.copies(paths, me.topology), beats):
            say(f"The disk of {me.name} is full: another node is to lead the database.")
            # Whichever has every write: without room for a checkpoint this one may not end in order.
            patroni.switch_over(paths, me.topology)
    except patroni.PatroniAway as error:
        say(str(error))


def has_heir(copies: Sequence[Copy], beats: Mapping[str, Beat]) -> bool:
    """Whether somebody who confirms writes has room for the next ones."""
    able = (copy.name for copy in copies if copy.is_confirming and copy.is_well)
    return any(name in beats and not beats[name].full for name in able)


def _why_full(leader: str | None, beats: Mapping[str, Beat]) -> str:
    said = beats[leader].full if leader is not None and leader in beats else ""
    return f"{leader}: {said}" if said else ""


def _tell(paths: Paths, why: str) -> None:
    if why:
        write_atomically(flag(paths), why + "\n", mode=0o644)
    else:
        flag(paths).unlink(missing_ok=True)
