"""Real etcds of nodes of which nothing else runs, each at the node's own address of loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance import folders, scratch, service_files
from appliance.cluster import identity, topology
from appliance.cluster.etcd import Etcd
from appliance.cluster.topology import Member, Membership, Topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from tests.appliance.boxes import open_to_everybody, wait_until

from .nodes import require_engines


@dataclass(frozen=True)
class Vote:
    """That of one node."""

    paths: Paths
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def voting(folder: Path, known: Topology) -> Iterator[dict[str, Vote]]:
    """By the names of those that have a vote, once each of them answers."""
    require_engines()
    open_to_everybody(folder)
    authorities = {realm: identity.create_authority(realm) for realm in identity.REALMS}
    with ExitStack() as stack:
        votes = {}
        for member in known.voters:
            paths = _node(folder / member.name, member, known, authorities)
            command = named("etcd").command(Node.load(paths), "")
            # All at once, and not one that joins those that are there.
            command = tuple("new" if word == "existing" else word for word in command)
            # Whoever speaks over loopback does so from 127.0.0.1, which no certificate names.
            command = (*command, "--experimental-peer-skip-client-san-verification")
            votes[member.name] = Vote(paths, subprocess.Popen(command, stderr=subprocess.DEVNULL))
            stack.callback(votes[member.name].kill)
        for member in known.voters:
            own = Etcd.of(votes[member.name].paths, known).at(member.address)
            wait_until(own.answers)
        yield votes


def _node(
    place: Path, member: Member, known: Topology, authorities: dict[identity.Realm, identity.Authority]
) -> Paths:
    place.mkdir(mode=0o755)
    paths = scratch.create(place).paths
    for realm, authority in authorities.items():
        identity.enter(paths, realm, authority, name=member.name, address=member.address)
    store = identity.store_name(member.name)
    identity.enter(paths, identity.STORE, authorities[identity.NODES], name=store, address=member.address)
    founders = tuple(f"{one.name}={one.address}" for one in known.voters)
    topology.store(paths, Membership(member.name, known, founders))
    folders.prepare(paths)
    service_files.apply(Node.load(paths), only=(named("etcd"),))
    return paths
