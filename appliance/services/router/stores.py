"""The router's ways for files: of the portal to a store, and of the nodes' stores to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from appliance.cluster.topology import Member
from appliance.node import Node
from appliance.services.objects.service import (
    LOOPBACK,
    Ports,
    address,
    is_master,
    is_shared,
    is_store,
    names_folder,
)


@dataclass(frozen=True)
class Destination:
    """Another node, or this one, as HAProxy calls it."""

    name: str
    database: str
    router: str
    loopback: str
    cache: Path
    is_me: bool


@dataclass(frozen=True)
class Way:
    """One port of SeaweedFS, under the name of a protocol between routers."""

    name: str
    port: int
    own: str
    """Where it is on this node; empty where it is not."""
    others: tuple[Destination, ...]
    """Who has it."""
    protocol: str


@dataclass(frozen=True)
class Stores:
    """All that the template asks for."""

    address: str
    """Where the portal of each node finds the files."""
    own: str
    """Where this node's store answers; empty where it has none."""
    others: tuple[Destination, ...]
    is_shared: bool
    names: Path
    ways: tuple[Way, ...]

    @classmethod
    def of(cls, node: Node, named: Callable[[Member], Destination]) -> Self:
        known, me, port = node.cluster.topology, node.cluster.me, node.box.objects.port
        has_own = is_store(node)
        if is_shared(node):
            others = tuple(named(one) for one in known.stores if one is not me)
        else:
            is_away = node.box.objects.engine != "external" and not has_own
            others = (named(known.home),) if is_away and known.home else ()
        return cls(
            address=f"{LOOPBACK}:{port}",
            own=f"{address(node)}:{port}" if has_own else "",
            others=others,
            is_shared=is_shared(node),
            names=names_folder(node) / f".s.PGSQL.{node.box.database.port}",
            ways=_ways(node, named) if is_shared(node) else (),
        )


def _ways(node: Node, named: Callable[[Member], Destination]) -> tuple[Way, ...]:
    ports, cluster, me = Ports(node.box.objects.port), node.cluster, node.cluster.me
    stores = cluster.topology.stores

    def way(name: str, port: int, members: tuple[Member, ...], *, has_own: bool, of: str = "") -> Way:
        own = f"{address(node)}:{port}" if has_own else ""
        others = tuple(named(one) for one in members if one is not me)
        return Way(name, port, own, others, f"korobka-{name}{of}")

    return (
        # Masters of before speak another protocol, as far as routers are concerned.
        way(
            "master", ports.master_grpc, cluster.masters, has_own=is_master(node), of=f"-{cluster.agreement}"
        ),
        way("volume", ports.volume, stores, has_own=is_store(node)),
        way("volume-grpc", ports.volume_grpc, stores, has_own=is_store(node)),
        way("filer-grpc", ports.filer_grpc, stores, has_own=is_store(node)),
    )
