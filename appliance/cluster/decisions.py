"""What the nodes keep of scaling in etcd: the policy, what was decided, and which machines are being made.

Read as what a service says, as everything there: see `appliance.cluster.state`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from appliance.agent.answers import ClusterDecision
from appliance.agent.codec import Malformed, decode_request, encode
from appliance.cluster import topology
from appliance.cluster.etcd import Etcd
from appliance.cluster.scaling import Policy, PolicyRefused

_POLICY = "/korobka/scaling/policy"
_DECISIONS = "/korobka/scaling/decisions/"
_MAKING = "/korobka/scaling/making/"
_ENDING = "/korobka/scaling/ending/"
MOST_SHOWN = 50
MAKING_LIFE = 20 * 60
"""Seconds within which a machine that was asked for has to join; then it counts as lost."""
_DECISION_LIFE = 30 * 24 * 3600


@dataclass(frozen=True)
class _Written:
    """A policy as JSON has it: durations in seconds."""

    minimum: int
    maximum: int
    out_above: float
    in_below: float
    window: float
    cool_down: float
    step: int
    can_create: bool


def set_policy(etcd: Etcd, policy: Policy | None) -> None:
    """None: nothing is decided any more."""
    if policy is None:
        etcd.delete(_POLICY)
        return
    kept = _Written(
        policy.minimum, policy.maximum, policy.out_above, policy.in_below, policy.window.total_seconds(),
        policy.cool_down.total_seconds(), policy.step, policy.can_create,
    )  # fmt: skip
    etcd.put(_POLICY, json.dumps(encode(kept)))


def policy(etcd: Etcd) -> Policy | None:
    """None where nobody has chosen one, or it cannot be read: then nothing is decided."""
    entry = etcd.get(_POLICY)
    if entry is None:
        return None
    with suppress(ValueError, OverflowError, Malformed, PolicyRefused):
        kept = decode_request(_Written, json.loads(entry.value))
        return Policy(
            minimum=kept.minimum, maximum=kept.maximum, out_above=kept.out_above, in_below=kept.in_below,
            window=timedelta(seconds=kept.window), cool_down=timedelta(seconds=kept.cool_down),
            step=kept.step, can_create=kept.can_create,
        )  # fmt: skip
    return None


def entry_of(decision: ClusterDecision) -> Mapping[str, str]:
    """What is put beside the change that follows from it: both are there, or neither."""
    # Sorted by name is sorted by time; two of one moment do not replace each other.
    key = f"{_DECISIONS}{decision.at.astimezone(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
    return {key: json.dumps(encode(decision), ensure_ascii=False)}


def latest(etcd: Etcd, *, most: int = MOST_SHOWN) -> list[ClusterDecision]:
    """The newest first."""
    found = []
    for entry in etcd.latest(_DECISIONS, most=most):
        with suppress(ValueError, Malformed):
            found.append(decode_request(ClusterDecision, json.loads(entry.value)))
    return found


def forget_old(etcd: Etcd, *, now: datetime) -> None:
    """Those of more than a month ago."""
    etcd.delete_range(_DECISIONS, f"{_DECISIONS}{now - timedelta(seconds=_DECISION_LIFE):%Y%m%dT%H%M%S}")


# --- machines of a provider


def begin_making(etcd: Etcd, name: str) -> None:
    etcd.put(_MAKING + name, "", lease=etcd.lease(MAKING_LIFE))


def end_making(etcd: Etcd, name: str) -> None:
    """It has joined, or will not."""
    etcd.delete(_MAKING + name)


def making(etcd: Etcd) -> tuple[str, ...]:
    return _names(etcd, _MAKING)


def ending_entry(name: str) -> Mapping[str, str]:
    """Put beside the removal of the node; the machine is ended by whoever reads it."""
    return {_ENDING + name: ""}


def ending(etcd: Etcd) -> tuple[str, ...]:
    return _names(etcd, _ENDING)


def ended(etcd: Etcd, name: str) -> None:
    etcd.delete(_ENDING + name)


def _names(etcd: Etcd, prefix: str) -> tuple[str, ...]:
    """A program of root's is told them: those that we give to machines, and no others."""
    found = (entry.key.removeprefix(prefix) for entry in etcd.entries(prefix))
    return tuple(name for name in found if topology.is_machine(name))
