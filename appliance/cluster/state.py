"""What the nodes keep in etcd: the topology, tokens, and how each of them is."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from appliance.agent.codec import decode, encode
from appliance.cluster import topology
from appliance.cluster.etcd import Etcd
from appliance.cluster.topology import Topology, TopologyRefused

TOPOLOGY = "/korobka/topology"
_TOKENS = "/korobka/tokens/"
_BEATS = "/korobka/beats/"
BEAT_SECONDS = 2
_BEAT_LIFE = 15
"""A node that has said nothing for so long counts as away."""
_TRIES = 8

SHORTEST_TOKEN, LONGEST_TOKEN = 60, 24 * 3600


@dataclass(frozen=True)
class Beat:
    """What a node says of itself, every two seconds."""

    at: datetime
    version: str
    busy: float
    """What its processors do: 0 nothing, 1 all that they can."""
    revision: int
    """Of the topology by which its services run."""
    problems: tuple[str, ...] = ()
    """Of its services, a sentence each."""


# --- the topology


def read(etcd: Etcd) -> tuple[Topology, int]:
    """What all agree on, and since which revision."""
    entry = etcd.get(TOPOLOGY)
    if entry is None:
        raise TopologyRefused(
            "etcd knows of no cluster: was `boxctl cluster init` interrupted? Run it again."
        )
    return topology.read(entry.value), entry.revision


def change(etcd: Etcd, how: Callable[[Topology], Topology]) -> tuple[Topology, int]:
    """Change it, whoever else does so at the same moment."""
    for _ in range(_TRIES):
        before, revision = read(etcd)
        after = how(before)
        if etcd.replace(TOPOLOGY, topology.written(after), revision=revision):
            return read(etcd)
    raise TopologyRefused("The cluster is being changed by others all the time: try again in a minute.")


# --- tokens


def new_token(etcd: Etcd, *, seconds: int) -> str:
    """A secret that lets one node in, once, before it expires. Only its hash is kept."""
    if not SHORTEST_TOKEN <= seconds <= LONGEST_TOKEN:
        raise TopologyRefused("A token lives between one minute and one day.")
    secret = secrets.token_hex(16)
    etcd.put(_token_key(secret), "", lease=etcd.lease(seconds))
    return secret


def is_token(etcd: Etcd, secret: str) -> bool:
    return etcd.get(_token_key(secret)) is not None


def use_token(etcd: Etcd, secret: str) -> bool:
    """Of two that use the same one, one is let in."""
    return etcd.delete(_token_key(secret))


def _token_key(secret: str) -> str:
    return _TOKENS + hashlib.sha256(secret.encode()).hexdigest()


# --- how the nodes are


def beat(etcd: Etcd, name: str, what: Beat) -> None:
    etcd.put(_BEATS + name, json.dumps(encode(what)), lease=etcd.lease(_BEAT_LIFE))


def beats(etcd: Etcd) -> dict[str, Beat]:
    """Of those that have spoken lately."""
    return {
        entry.key.removeprefix(_BEATS): decode(Beat, json.loads(entry.value))
        for entry in etcd.entries(_BEATS)
    }
