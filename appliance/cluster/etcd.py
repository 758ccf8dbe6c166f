"""etcd by its JSON gateway: the few calls that a cluster of ours needs.

Source: etcd 3.5, "gRPC gateway" and `rpc.proto`. Keys, values and 64-bit numbers are texts in it; a range
ends before its end. Whatever is asked is asked of one endpoint after another until one answers.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from appliance.cluster import https
from appliance.cluster.identity import client_context
from appliance.cluster.topology import ETCD_PORT, PEER_PORT, Member, Topology, folder
from appliance.paths import Paths

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PEER_URL = re.compile(r"https?://\[?([0-9a-f.:]+)\]?:[0-9]+")
"""Whoever can write into etcd chooses names and addresses there, and root types what it is told."""


class EtcdAway(Exception):
    """No endpoint answers, or there is no quorum; the text says what to look at."""


@dataclass(frozen=True)
class Entry:
    key: str
    value: str
    revision: int
    """At which it was last changed."""


@dataclass(frozen=True)
class EtcdMember:
    id: str
    name: str
    """Empty until it has been started for the first time."""
    peer_urls: tuple[str, ...]
    is_learner: bool

    def is_at(self, address: str) -> bool:
        return peer_url(address) in self.peer_urls

    def is_of(self, node: Member) -> bool:
        return self.name == node.name or self.is_at(node.address)

    def node_in(self, known: Topology) -> Member | None:
        """Whose it is; nobody's where an operation was cut short."""
        return next((node for node in known.members if self.is_of(node)), None)

    @property
    def label(self) -> str:
        """What a person calls it: its name, else its address."""
        if _NAME.fullmatch(self.name):
            return self.name
        return next((found[1] for url in self.peer_urls if (found := _PEER_URL.fullmatch(url))), self.id)

    def is_called(self, label: str) -> bool:
        return label in (self.name, self.id) or self.is_at(label)


def voteless(known: Topology, members: Sequence[EtcdMember]) -> tuple[Member, ...]:
    """The nodes of which a vote is expected and etcd knows nothing."""
    return tuple(node for node in known.voters if not any(member.is_of(node) for member in members))


@dataclass(frozen=True)
class Etcd:
    """The voters' addresses, and how to show oneself to them."""

    addresses: tuple[str, ...]
    context: ssl.SSLContext

    @classmethod
    def of(cls, paths: Paths, topology: Topology, *, first: str = "") -> Etcd:
        """`first` is the address to be asked before the others: this node's own."""
        known = tuple(member.address for member in topology.voters)
        return cls(tuple(sorted(known, key=lambda one: one != first)), client_context(folder(paths)))

    def at(self, address: str) -> Etcd:
        """The one there, and no other."""
        return replace(self, addresses=(address,))

    def answers(self) -> bool:
        """Whether it serves; it need not have heard of a leader."""
        try:
            self.leader()
        except (EtcdAway, https.NodeRefused):
            return False
        return True

    # --- keys and values

    def get(self, key: str) -> Entry | None:
        found = self._range({"key": _b64(key)})
        return found[0] if found else None

    def entries(self, prefix: str) -> list[Entry]:
        """Every key that begins so, in order."""
        return self._range({"key": _b64(prefix), "range_end": _b64(_end(prefix))})

    def latest(self, prefix: str, *, most: int) -> list[Entry]:
        """Of the keys that begin so, the last in order, the very last one first."""
        return self._range(
            {"key": _b64(prefix), "range_end": _b64(_end(prefix)), "limit": str(most)}
            | {"sort_order": "DESCEND", "sort_target": "KEY"}
        )

    def put(self, key: str, value: str, *, lease: str | None = None) -> None:
        self._ask("/v3/kv/put", _put(key, value, lease))

    def delete(self, key: str) -> bool:
        """Whether it was there: of two that delete, one is told so."""
        return int(self._ask("/v3/kv/deleterange", {"key": _b64(key)}).get("deleted", 0)) > 0

    def delete_range(self, first: str, end: str) -> None:
        """Every key from `first` on that lies before `end`."""
        self._ask("/v3/kv/deleterange", {"key": _b64(first), "range_end": _b64(end)})

    def replace(
        self,
        key: str,
        value: str,
        *,
        revision: int,
        lease: str | None = None,
        also: Mapping[str, str] | None = None,
    ) -> bool:
        """Put, if nobody has changed it since `revision`; 0: if it is not there. `also` is put with it."""
        same = {"key": _b64(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(revision)}
        puts = [_put(key, value, lease), *(_put(other, text, None) for other, text in (also or {}).items())]
        asked = {"compare": [same], "success": [{"request_put": put} for put in puts]}
        return bool(self._ask("/v3/kv/txn", asked).get("succeeded", False))

    def lease(self, seconds: int) -> str:
        """What is put with it goes by itself after so many seconds."""
        return str(self._ask("/v3/lease/grant", {"TTL": str(seconds)})["ID"])

    def end_lease(self, lease: str) -> None:
        """With what was put with it."""
        self._ask("/v3/lease/revoke", {"ID": lease})

    # --- members

    def members(self) -> list[EtcdMember]:
        return [
            EtcdMember(
                _number(one["ID"]), one.get("name", ""), tuple(one["peerURLs"]), bool(one.get("isLearner"))
            )
            for one in self._ask("/v3/cluster/member/list", {})["members"]
        ]

    def add_learner(self, address: str) -> str:
        """A member without a vote: one that never comes would take the quorum along. Returns its number."""
        asked = {"peerURLs": [peer_url(address)], "isLearner": True}
        return str(self._ask("/v3/cluster/member/add", asked)["member"]["ID"])

    def promote(self, member: str) -> bool:
        """Give it its vote; False while it has not caught up."""
        try:
            self._ask("/v3/cluster/member/promote", {"ID": member})
        except https.NodeRefused as error:
            if "in sync with leader" in str(error):
                return False
            if "can only promote a learner" not in str(error):  # it has its vote already
                raise
        return True

    def remove(self, member: str) -> None:
        self._ask("/v3/cluster/member/remove", {"ID": member})

    def leader(self) -> str:
        """The number of the member that leads."""
        return str(self._ask("/v3/maintenance/status", {}).get("leader", "0"))

    def hand_over(self, to: str) -> None:
        """Let another member lead. Only the one that leads does it: it has to be the first address."""
        self._ask("/v3/maintenance/transfer-leadership", {"targetID": to})

    # --- how it is asked

    def _range(self, asked: dict[str, Any]) -> list[Entry]:
        return [
            Entry(_text(one["key"]), _text(one.get("value", "")), int(one["mod_revision"]))
            for one in self._ask("/v3/kv/range", asked).get("kvs", ())
        ]

    def _ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        problems = []
        for address in self.addresses:
            try:
                answer = https.ask(address, ETCD_PORT, path, body, context=self.context)
            except https.NodeAway as error:
                problems.append(str(error))
            except https.NodeRefused as error:
                # No leader at this moment, a request that it took too long: another may know better.
                if error.status not in (500, 503, 504) and "timed out" not in str(error):
                    raise
                problems.append(f"{address}: {error}")
            else:
                return dict(answer)
        raise EtcdAway(f"More than half of {', '.join(self.addresses)} must answer. {' '.join(problems)}")


def _number(said: object) -> str:
    """Whoever answers there may be another than etcd, and root is told this to type."""
    if not (text := str(said)).isdecimal() or not text.isascii():
        raise EtcdAway(f"What answers as etcd calls a member {text[:40]!r}, which is no number.")
    return text


def peer_url(address: str) -> str:
    return f"https://{_host(address)}:{PEER_PORT}"


def client_url(address: str) -> str:
    return f"https://{_host(address)}:{ETCD_PORT}"


def client_hosts(topology: Topology) -> Sequence[str]:
    return [f"{_host(member.address)}:{ETCD_PORT}" for member in topology.voters]


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _end(prefix: str) -> str:
    """Before which every key lies that begins so."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _put(key: str, value: str, lease: str | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"key": _b64(key), "value": _b64(value)}
    return asked | {"lease": lease} if lease else asked


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
