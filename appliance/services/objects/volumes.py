"""Where the files of a cluster lie: SeaweedFS keeps them in volumes, each copied as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from appliance.node import Node
from appliance.services.objects.service import ONE_COPY
from appliance.services.objects.setup import shell

_NODE = re.compile(r"DataNode (\S+?):\d+ hdd\(")
_VOLUME = re.compile(r"volume Id:(\d+), Size:(\d+),.* FileCount:(\d+),")


@dataclass(frozen=True)
class Volume:
    """Some thousands of objects."""

    number: int
    size: int
    """Bytes of one copy."""
    objects: int
    places: frozenset[str]
    """The addresses by which stores know each other (`Member.loopback`)."""


def read(node: Node) -> tuple[Volume, ...]:
    """What the masters know; copies of nodes that are away are not among it."""
    return parse(shell(node, "volume.list"))


def parse(listing: str) -> tuple[Volume, ...]:
    """Read what `volume.list` prints."""
    found: dict[int, Volume] = {}
    place = ""
    for line in listing.splitlines():
        if named := _NODE.search(line):
            place = named[1]
        elif said := _VOLUME.search(line):
            number, size, objects = map(int, said.groups())
            before = found.get(number)
            found[number] = Volume(
                number,
                max(size, before.size if before else 0),
                max(objects, before.objects if before else 0),
                (before.places if before else frozenset()) | {place},
            )
    return tuple(found.values())


def lacking(volumes: Iterable[Volume]) -> tuple[Volume, ...]:
    """Those of one copy that have something in them."""
    return tuple(one for one in volumes if one.objects and len(one.places) < 2)


def want_one_copy(node: Node) -> None:
    """Of all there are, before this machine keeps them alone."""
    wanted = f"-collectionPattern=* -replication={ONE_COPY}"
    shell(node, "lock", f"volume.configure.replication {wanted}", "unlock")
