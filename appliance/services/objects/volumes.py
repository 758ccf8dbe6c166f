"""Where the files of a cluster lie: SeaweedFS keeps them in volumes, each copied as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.objects.service import ONE_COPY
from appliance.services.objects.setup import set_replication, shell

_NODE = re.compile(r"DataNode (\S+?):\d+ hdd\(")
_SPEAKING = re.compile(r"volume servers: \[(.*)\]")
_VOLUME = re.compile(
    r"volume Id:(\d+), Size:(\d+), ReplicaPlacement:(\d+), Collection:([^,]*),.* FileCount:(\d+),"
)


@dataclass(frozen=True)
class Volume:
    """Some thousands of objects."""

    number: int
    size: int
    """Bytes of one copy."""
    objects: int
    places: frozenset[str]
    """The addresses by which stores know each other (`Member.loopback`)."""
    collection: str = ""
    """The bucket; empty for SeaweedFS's own notes."""
    replications: frozenset[str] = frozenset()
    """How many copies there are to be, by each copy; one, unless a node was away when it was changed."""


def read(node: Node) -> tuple[Volume, ...]:
    """What the masters know; copies of nodes that are away are not among it."""
    return parse(shell(node, "volume.list"))


def survey(node: Node) -> tuple[tuple[Volume, ...], frozenset[str]]:
    """The same, and which stores have told them (`Member.loopback`): also those that have no volume."""
    try:
        listing = shell(node, "volume.list", "cluster.check")
    except CommandFailed:
        # It is an error to it where nobody has told them anything.
        return (), frozenset()
    speaking = _SPEAKING.search(listing)
    return parse(listing), frozenset(
        one.partition(":")[0] for one in (speaking[1] if speaking else "").split()
    )


def parse(listing: str) -> tuple[Volume, ...]:
    """Read what `volume.list` prints."""
    found: dict[int, Volume] = {}
    place = ""
    for line in listing.splitlines():
        if named := _NODE.search(line):
            place = named[1]
        elif said := _VOLUME.search(line):
            number, size, objects = int(said[1]), int(said[2]), int(said[5])
            before = found.get(number, Volume(number, 0, 0, frozenset(), said[4]))
            found[number] = replace(
                before,
                size=max(size, before.size),
                objects=max(objects, before.objects),
                places=before.places | {place},
                replications=before.replications | {said[3]},
            )
    return tuple(found.values())


def lacking(volumes: Iterable[Volume], *, copies: int) -> tuple[Volume, ...]:
    """Those of fewer copies that have something in them."""
    return tuple(one for one in volumes if one.objects and len(one.places) < copies)


def want_one_copy(node: Node) -> None:
    """Of all there are and will be, before this machine keeps them alone."""
    wanted = f"-collectionPattern=* -replication={ONE_COPY}"
    shell(node, "lock", f"volume.configure.replication {wanted}", "unlock")
    set_replication(node, ONE_COPY)
