"""How many copies files have: three, each on a node of its own, for as long as three stores answer.

SeaweedFS writes to all copies of a volume, or refuses. With three wanted, one store that is away would stop
all uploads; so these are told then to take two, which go into volumes of their own. Volumes of three that
lost one are read and not written: no copy ever falls behind, whoever comes back has nothing to catch up with,
and the volumes of two get their third copy as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from appliance.cluster import state
from appliance.cluster.etcd import Etcd, EtcdAway
from appliance.cluster.state import Beat
from appliance.cluster.topology import Topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import CommandFailed
from appliance.services import probe
from appliance.services.objects import volumes
from appliance.services.objects.service import (
    ONE_COPY,
    THREE_COPIES,
    TWO_COPIES,
    Ports,
    is_shared,
    is_store,
)
from appliance.services.objects.setup import set_replication, shell
from appliance.services.objects.volumes import Volume

type Say = Callable[[str], None]

COPIES = {ONE_COPY: 1, TWO_COPIES: 2, THREE_COPIES: 3}
PATIENCE = {
    ONE_COPY: timedelta(0),
    # A store that is restarted is back by then: uploads wait for it, and nothing is copied afterwards.
    TWO_COPIES: timedelta(seconds=6),
    THREE_COPIES: timedelta(seconds=20),
}
"""For how long the same stores must have answered before uploads are told so."""
_TOLD_AGAIN = timedelta(minutes=1)
"""Who held the lease before may have been paused, and have said something else after us."""
_LEASE_SECONDS = 15
_COPYING_SECONDS = 24 * 3600.0


def replication(known: Topology, well: Container[str]) -> str:
    """How many copies each upload gets while these nodes' stores take something. Two at least as soon as
    there are two stores: what one alone has is not acknowledged."""
    if len(known.places) < 2:
        return ONE_COPY
    return THREE_COPIES if sum(one.name in well for one in known.places) > 2 else TWO_COPIES


def configurations(found: Iterable[Volume], *, bucket: str, wanted: str) -> tuple[str, ...]:
    """What SeaweedFS's shell is to do for volumes that were made when more or fewer copies were wanted.

    One that lacks a copy is left alone: on the node that is away it would stay what it was.
    """
    commands = []
    for one in found:
        # SeaweedFS writes notes all the time. With three copies, they would wait for a node that is away.
        own = TWO_COPIES if wanted == THREE_COPIES and one.collection != bucket else wanted
        is_whole = len(one.places) >= min(COPIES[own], *(COPIES.get(it, 3) for it in one.replications))
        if one.replications != {own} and is_whole:
            commands.append(f"volume.configure.replication -volumeId={one.number} -replication={own}")
    return tuple(commands)


def lacking(found: Iterable[Volume], *, bucket: str, wanted: str) -> dict[int, tuple[Volume, ...]]:
    """Volumes of files that have fewer copies than are wanted, by how many they have."""
    lack = [one for one in volumes.lacking(found, copies=COPIES[wanted]) if one.collection == bucket]
    return {
        count: tuple(one for one in lack if len(one.places) == count)
        for count in sorted({len(one.places) for one in lack})
    }


class Keeper:
    """Tells uploads how many copies they get, and sees to older files. One node does so for all."""

    def __init__(self, paths: Paths, say: Say) -> None:
        self.paths, self._say = paths, say
        self.problems: tuple[str, ...] = ()
        self._told = ""
        """Empty while it is another node that tells them."""
        self._told_at = self._since = datetime.min.replace(tzinfo=UTC)
        self._well = frozenset[str]()
        self._is_settled = False
        """Whether all stores have answered for a while."""
        self._tried: Mapping[int, tuple[Volume, ...]] = {}

    def look(self, now: datetime) -> None:
        """Every two seconds: which stores answer, and what follows for uploads."""
        node = Node.load(self.paths)
        if not self._holds(node):
            self._told = ""
            return
        known = node.cluster.topology
        # A clock that was put back must not keep uploads waiting until it has caught up.
        if (answering := well(node)) != self._well or now < self._since:
            self._well, self._since = answering, now
        wanted, calm = replication(known, answering), now - self._since
        self._is_settled = len(answering) == len(known.places) and calm >= PATIENCE[THREE_COPIES]
        if calm < PATIENCE[wanted] or (wanted == self._told and now - self._told_at < _TOLD_AGAIN):
            return
        set_replication(node, wanted)
        if wanted != self._told:
            self._say(
                f"Copies of each upload: {COPIES[wanted]}. Of {len(known.places)} stores, "
                f"{len(answering)} answer and have room."
            )
        self._told, self._told_at = wanted, now

    def _holds(self, node: Node) -> bool:
        if not is_shared(node) or not is_store(node):
            return False
        try:
            return state.hold(_etcd(node), "copies", node.cluster.name, seconds=_LEASE_SECONDS)
        except EtcdAway:
            # Another node may tell them meanwhile.
            self._told = ""
            raise

    def repair(self) -> None:
        """Have older files get what they lack, which takes as long as copying does."""
        node = Node.load(self.paths)
        wanted = self._settled(node)
        if self._told != wanted or wanted == ONE_COPY:
            return
        bucket, found = node.box.objects.bucket, volumes.read(node)
        commands = configurations(found, bucket=bucket, wanted=wanted)
        lack = lacking(found, bucket=bucket, wanted=wanted) if self._is_settled else {}
        # What could not be copied is tried again by the leading master, every few minutes.
        if commands or (lack and lack != self._tried):
            self._tried = lack
            fix = "volume.fix.replication -apply"
            shell(node, "lock", *commands, fix, "unlock", timeout=_COPYING_SECONDS)

    def review(self) -> None:
        """What there is to say about older files."""
        node = Node.load(self.paths)
        if not self._told or len(node.cluster.topology.places) < 2:
            self.problems = ()
            return
        try:
            found = volumes.read(node)
        except (CommandFailed, TimeoutError):
            self.problems = ("objects: nobody knows where files lie: see `boxctl logs objects` on the nodes",)
            return
        lack = lacking(found, bucket=node.box.objects.bucket, wanted=self._settled(node))
        self.problems = tuple(_sentence(count, among) for count, among in lack.items())

    @staticmethod
    def _settled(node: Node) -> str:
        """How many copies there are when all stores answer."""
        known = node.cluster.topology
        return replication(known, {one.name for one in known.places})


def well(node: Node) -> frozenset[str]:
    """The nodes whose stores answer here, and have room as far as they have said."""
    port, beats = Ports(node.box.objects.port).volume, state.beats(_etcd(node))
    return frozenset(
        one.name
        for one in node.cluster.topology.places
        # The smallest that a server of volumes gives to anybody.
        if not probe.http_status((one.loopback, port), "/favicon.ico") and not _is_full(beats.get(one.name))
    )


def _is_full(beat: Beat | None) -> bool:
    return beat is not None and bool(beat.full)


def _etcd(node: Node) -> Etcd:
    return Etcd.of(node.paths, node.cluster.topology, first=node.cluster.me.address)


def _sentence(count: int, among: Iterable[Volume]) -> str:
    among = tuple(among)
    files, size = sum(one.objects for one in among), sum(one.size for one in among) >> 20
    if count == 1:
        return f"objects: {files} files ({size} MiB) have one copy; another is made within minutes"
    return f"objects: {files} files ({size} MiB) have two copies; the third follows when three stores answer"
