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
        if heir := heir_of(patroni.copies(paths, me.topology), beats):
            say(f"The disk of {me.name} is full: {heir} is to lead the database.")
            patroni.switch_over(paths, me.topology, to=heir)
    except patroni.PatroniAway as error:
        say(str(error))


def heir_of(copies: Sequence[Copy], beats: Mapping[str, Beat]) -> str | None:
    """Who has every write and room for the next ones."""
    able = (copy.name for copy in copies if copy.role == "sync_standby" and copy.is_well)
    return next((name for name in able if name in beats and not beats[name].full), None)


def _why_full(leader: str | None, beats: Mapping[str, Beat]) -> str:
    said = beats[leader].full if leader is not None and leader in beats else ""
    return f"{leader}: {said}" if said else ""


def _tell(paths: Paths, why: str) -> None:
    if why:
        write_atomically(flag(paths), why + "\n", mode=0o644)
    else:
        flag(paths).unlink(missing_ok=True)
