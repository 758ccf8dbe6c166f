"""What a node is asked to do by whoever sees to all: restart, change box.toml, move over to another
release, and take either back; trust another authority, show its certificates, forget the one before.

It stands beside the node in the topology, and becomes an operation of that node's own agent, once. How it
ended comes back with the node's beat. New values of box.toml are root's to choose, and so are a release and
the way back from either: each carries a mark that only root can make, for etcd is a service's word.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from appliance.agent import operations
from appliance.agent.journal import Journal
from appliance.agent.upgrades import CHANGING
from appliance.cluster import identity
from appliance.cluster.etcd import Etcd
from appliance.cluster.topology import TopologyRefused
from appliance.config import Value
from appliance.paths import Paths

_CHANGES = "/korobka/changes/"
CHANGE_LIFE = timedelta(days=1)
"""For which a change may be taken over: who was away for longer is asked anew."""
_OPERATIONS_LOOKED_AT = 5
_LONGEST_PROBLEM = 500
_MOST_MARKS = 2


class Verb(StrEnum):
    RESTART = "restart"
    APPLY = "apply"
    TAKE_BACK = "take-back"
    UPGRADE = "upgrade"
    GO_BACK = "go-back"
    TRUST = "trust"
    ENTER = "enter"
    FORGET = "forget"


_KINDS = {
    Verb.RESTART: "restart",
    Verb.APPLY: "apply",
    Verb.TAKE_BACK: "apply",
    Verb.UPGRADE: "upgrade",
    Verb.GO_BACK: "upgrade",
    Verb.TRUST: "rotate",
    Verb.ENTER: "rotate",
    Verb.FORGET: "rotate",
}


@dataclass(frozen=True)
class Instruction:
    """To be followed once for each operation of the node that sees to all."""

    verb: Verb
    operation: str

    @classmethod
    def read(cls, text: str) -> Self:
        verb, _, operation = text.partition(" ")
        return cls(Verb(verb), operation)

    def __str__(self) -> str:
        return f"{self.verb} {self.operation}"

    @property
    def kind(self) -> str:
        """Of the operation that a node makes of it."""
        return _KINDS[self.verb]


def prepared(
    paths: Paths, etcd: Etcd, instruction: Instruction, *, now: datetime | None = None
) -> dict[str, Any]:
    """The arguments of the operation that it becomes here."""
    asked: dict[str, Any] = {"key": str(instruction)}
    if instruction.verb is Verb.RESTART:
        return asked | {"service": ""}
    values = _values(paths, etcd, instruction, now or datetime.now(UTC))
    match instruction.verb:
        case Verb.APPLY:
            return asked | {"values": values, "from_console": False}
        case Verb.TAKE_BACK:
            taken = Instruction(Verb.APPLY, instruction.operation)
            return asked | {"values": {}, "from_console": False, "takes_back": str(taken)}
        case Verb.UPGRADE:
            return asked | {"offered": values}
        case Verb.GO_BACK:
            return asked | {"back_to": _release_before(paths, instruction)}
        case Verb.TRUST | Verb.ENTER | Verb.FORGET:
            return asked | {"step": str(instruction.verb), "offer": values}


def _release_before(paths: Paths, instruction: Instruction) -> str:
    """The release that this node had before the operation, which others may not have had: still the present
    one where it did not move over."""
    key = str(Instruction(Verb.UPGRADE, instruction.operation))
    journals = (one for one in Journal.all(paths.operations) if one.arguments.get("key") == key)
    moved = next((one.noted(CHANGING) for one in journals), None)
    return Path(moved["old"]).name if moved else paths.current.resolve().name


def begin(paths: Paths, instruction: Instruction, asked: dict[str, Any]) -> None:
    """Leave it to this node's agent. Raises `AlreadyRunning` while something else claims the services."""
    operations.begin(paths, instruction.kind, asked, by="the cluster", once=asked["key"], by_agent=True)


def ended(paths: Paths, text: str) -> str | None:
    """What went wrong with an instruction here: empty where nothing did, None while it is not over."""
    if not text:
        return None
    latest = [one for one in Journal.all(paths.operations) if one.named_kind in _KINDS.values()]
    for journal in latest[:_OPERATIONS_LOOKED_AT]:
        if journal.is_over() and journal.arguments.get("key") == text:
            state = journal.state()
            # The lines after it are of a log, which stays on its node.
            said = state.progress.text.partition("\n")[0][:_LONGEST_PROBLEM]
            return "" if state.state == "done" else said
    return None


def put_change(paths: Paths, etcd: Etcd, instruction: Instruction, values: Mapping[str, Value]) -> None:
    """Lay out what nodes are going to be asked to do."""
    text = json.dumps(values)
    entry = {"values": text, "marks": _marks(paths, instruction, text)}
    etcd.put(_key(instruction), json.dumps(entry), lease=etcd.lease(int(CHANGE_LIFE.total_seconds())))


def _key(instruction: Instruction) -> str:
    return f"{_CHANGES}{instruction.operation}/{instruction.verb}"


def _values(paths: Paths, etcd: Etcd, instruction: Instruction, now: datetime) -> dict[str, Any]:
    refused = TopologyRefused(f"`{instruction}` is not one that a node's root has asked for today.")
    entry = etcd.get(_key(instruction))
    try:
        named_at = instruction.operation.partition("-")[0]
        asked_at = datetime.strptime(named_at, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
        said = json.loads(entry.value) if entry else {}
        text, marks = str(said["values"]), [str(mark) for mark in said["marks"]]
    except (ValueError, TypeError, KeyError):
        raise refused from None
    # What was once asked for is not asked for again by who keeps a copy of it.
    if abs(now - asked_at) > CHANGE_LIFE:
        raise refused
    known = _marks(paths, instruction, text)
    if not any(hmac.compare_digest(one, other) for one in marks[:_MOST_MARKS] for other in known):
        raise refused
    values: dict[str, Any] = json.loads(text)
    return values


def _marks(paths: Paths, instruction: Instruction, text: str) -> list[str]:
    """By each authority that this node has: while one takes the other's place, some nodes have only one."""
    said = f"change\n{instruction}\n{text}".encode()
    known = identity.read_authorities(paths)
    return [hmac.digest(one.derived_key("instructions"), said, "sha256").hex() for one in known]
