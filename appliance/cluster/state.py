"""What the nodes keep in etcd: the topology, tokens, and how each of them is.

etcd, and who speaks to it, run as the database's user: what stands there is read as what a service says, and
nothing that lets somebody in can be made of it alone.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from appliance.agent.codec import Malformed, decode_request, encode, known_fields
from appliance.cluster import topology
from appliance.cluster.etcd import Etcd
from appliance.cluster.identity import Authority
from appliance.cluster.topology import Topology, TopologyRefused

TOPOLOGY = "/korobka/topology"
_TOKENS = "/korobka/tokens/"
_BEATS = "/korobka/beats/"
BEAT_SECONDS = 2
_BEAT_LIFE = 15
"""A node that has said nothing for so long counts as away."""
_TRIES = 8
_HOLDERS = "/korobka/holders/"

SHORTEST_TOKEN, LONGEST_TOKEN = 60, 24 * 3600
_TOKEN_SAYS, _TOKEN_MARK = 32 + 8, 32
"""Hexadecimal digits: of a number of 128 bits and the second of its end; of a mark of 128 bits."""
TOKEN_DIGITS = _TOKEN_SAYS + _TOKEN_MARK


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
    is_serving: bool = True
    """Whether its part of the portal answers; asked of a node that wakes."""
    doing: tuple[str, ...] = ()
    """Long operations that run there, such as `backup`."""
    full: str = ""
    """Why its disk takes no more; empty while it does."""
    instruction: str = ""
    """Of the topology's, which it has followed or could not."""
    instruction_problem: str = ""
    """Why it could not."""
    is_rotating: bool = False
    """Whether it trusts another authority beside the one before."""
    release: str = ""
    """Its folder's name, which tells builds of one version apart; empty where none is installed."""


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
        if exchange(etcd, how(before).agreed_after(before), revision=revision):
            return read(etcd)
    raise TopologyRefused("The cluster is being changed by others all the time: try again in a minute.")


def exchange(etcd: Etcd, after: Topology, *, revision: int, also: Mapping[str, str] | None = None) -> bool:
    """Put it in the place of the one of that revision; whether nobody has changed that since. `also` is put
    with it."""
    entry = etcd.get(TOPOLOGY)
    if entry is None or entry.revision != revision:
        return False
    return etcd.replace(TOPOLOGY, topology.written(after, entry.value), revision=revision, also=also)


# --- tokens


def new_token(etcd: Etcd, authority: Authority, *, seconds: int, now: datetime) -> str:
    """A secret that lets one node in, once, before it expires: a number, its end, and a mark of both, which
    nobody can make who has not the authority's key: root, on the nodes that let others in. etcd keeps the
    number alone, for as long as it was not used."""
    if not SHORTEST_TOKEN <= seconds <= LONGEST_TOKEN:
        raise TopologyRefused("A token lives between one minute and one day.")
    said = f"{secrets.token_hex(16)}{int(now.timestamp()) + seconds:08x}"
    etcd.put(_token_key(said), "", lease=etcd.lease(seconds))
    return said + _token_mark(authority, said)


def is_token(etcd: Etcd, authority: Authority, secret: str, *, now: datetime) -> bool:
    """etcd is asked for none that root has not made: it would learn what to say."""
    said = secret[:_TOKEN_SAYS]
    if not hmac.compare_digest(secret[_TOKEN_SAYS:].encode(), _token_mark(authority, said).encode()):
        return False
    return int(said[-8:], 16) > now.timestamp() and etcd.get(_token_key(said)) is not None


def use_token(etcd: Etcd, secret: str) -> bool:
    """Of two that use the same one, one is let in."""
    return etcd.delete(_token_key(secret[:_TOKEN_SAYS]))


def _token_mark(authority: Authority, said: str) -> str:
    return hmac.digest(authority.derived_key("tokens"), said.encode(), "sha256").hex()[:_TOKEN_MARK]


def _token_key(said: str) -> str:
    return _TOKENS + said


# --- how the nodes are


def beat(etcd: Etcd, name: str, what: Beat) -> None:
    etcd.put(_BEATS + name, json.dumps(encode(what)), lease=etcd.lease(_BEAT_LIFE))


def beats(etcd: Etcd) -> dict[str, Beat]:
    """Of those that have spoken lately, and in a way that this version understands."""
    found = {}
    for entry in etcd.entries(_BEATS):
        with suppress(ValueError, Malformed):
            said = known_fields(Beat, json.loads(entry.value))
            found[entry.key.removeprefix(_BEATS)] = decode_request(Beat, said)
    return found


# --- who acts for all


def hold(etcd: Etcd, what: str, name: str, *, seconds: int) -> bool:
    """Whether this node is the one that does so, from now on for so long: of all nodes one is told yes.

    It ends by itself where that node says nothing more. Who was paused meanwhile may still believe it: what
    follows from it is exchanged by revision, so that of two the second is refused.
    """
    entry = etcd.get(_HOLDERS + what)
    if entry and entry.value != name:
        return False
    revision = entry.revision if entry else 0
    return etcd.replace(_HOLDERS + what, name, revision=revision, lease=etcd.lease(seconds))


def let_go(etcd: Etcd, what: str, name: str) -> None:
    """For the next one, before that time is over."""
    if (entry := etcd.get(_HOLDERS + what)) and entry.value == name:
        etcd.delete(_HOLDERS + what)
