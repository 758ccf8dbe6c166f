"""What the agent asks of this room, and is answered at once: `python -m backup.answers`.

A question is a JSON object on standard input: the name of the agent's operation and its arguments. The answer
is one on standard output; what is refused says so in it, in words for an administrator.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from appliance.agent import proofs
from appliance.agent.answers import (
    BackupCalendar,
    BackupSetPage,
    BackupState,
    BackupTimes,
    HandedKey,
    KeptMoment,
)
from appliance.agent.codec import decode_request, encode
from appliance.agent.protocol import (
    OPERATIONS,
    AddBackupTarget,
    AddKeyHolder,
    ConfirmRecoveryKey,
    PlanBackups,
    ReadBackupSets,
    RemoveBackupTarget,
    RemoveKeyHolder,
    RotateKeys,
    SetBackupPlan,
)
from appliance.backup_file import is_set_up
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import CommandFailed
from backup import moments, rotation, schedule, settings, setup, state_file
from backup.keys import KeyRefused, is_confirmed_by
from backup.operations.back_up import TROUBLE
from backup.retention import Reason
from backup.settings import BackupRefused, Settings
from backup.targets import KINDS

DAYS_SHOWN = 366
MOST_SETS = 1000
_REASONS = {
    Reason.LAST: "last",
    Reason.DAY: "day",
    Reason.WEEK: "week",
    Reason.MONTH: "month",
    Reason.NEWEST: "newest",
    Reason.CHAIN: "chain",
    Reason.NO_OTHER: "no_other",
    Reason.LOCKED: "locked",
}


def main() -> None:
    asked = json.load(sys.stdin)
    kind = OPERATIONS[asked["question"]]
    node = Node.load(Paths.from_environment())
    moments.use_zone_of(node)
    try:
        with settings.changing(node.paths) if kind.changes else nullcontext():
            answer = ANSWERS[kind](node, decode_request(kind, asked["arguments"]))
    except CommandFailed as error:
        words = (error.completed.stderr.strip() or error.completed.stdout.strip()).splitlines()
        said = {"refused": words[-1] if words else str(error)}
    except (KeyRefused, *TROUBLE) as error:
        said = {"refused": str(error)}
    else:
        said = {"answer": encode(answer)}
    json.dump(said, sys.stdout)


def calendar(node: Node, asked: PlanBackups) -> BackupCalendar:
    plan = with_times(Settings("", ""), asked.times)
    now, zone = datetime.now(UTC), ZoneInfo(node.box.time_zone)
    kept = schedule.calendar(
        plan.schedule, plan.rule, now=now, zone=zone, days=DAYS_SHOWN,
        locked_days=settings.load(node.paths).locked_days if is_set_up(node.paths) else 0,
    )  # fmt: skip
    return BackupCalendar(
        tuple(
            KeptMoment(moment, cast("Any", tuple(sorted(_REASONS[reason] for reason in reasons))))
            for moment, reasons in kept
        ),
        made=DAYS_SHOWN * (24 // plan.every_hours),
    )


def set_plan(node: Node, asked: SetBackupPlan) -> BackupState:
    return _saved(node, with_times(settings.load(node.paths), asked.times))


def with_times(chosen: Settings, times: BackupTimes) -> Settings:
    """The settings with another schedule and rule; refused where these make no sense."""
    return replace(
        chosen,
        at=times.at, every_hours=times.every_hours, full_every_days=times.full_every_days,
        keep_last=times.keep_last, keep_days=times.keep_days, keep_weeks=times.keep_weeks,
        keep_months=times.keep_months,
    ).checked()  # fmt: skip


def add_target(node: Node, asked: AddBackupTarget) -> HandedKey:
    """Try it, and note it. What runs is told of it afterwards: see `operations.set_up`."""
    is_first = not is_set_up(node.paths)
    chosen, key = setup.begin() if is_first else (settings.load(node.paths), None)
    if asked.times is not None:
        chosen = with_times(chosen, asked.times)
    target = KINDS[asked.kind].asked(node, chosen, asked, setup.next_number(node, chosen))
    if key is None:
        setup.admit(node, chosen, target, lambda _: None)
        return _handed(node, HandedKey("", target=target.name))
    (holder,) = chosen.holders
    proofs.admit(node.paths, holder.id, key.proofs())
    setup.admit(node, chosen, target, lambda _: None)
    return _handed(node, HandedKey(holder.name, str(key), target.name))


def remove_target(node: Node, asked: RemoveBackupTarget) -> BackupState:
    changed = setup.dismiss(node, settings.load(node.paths), asked.name)
    _note(node)
    return state_file.state(node, changed)


def add_holder(node: Node, asked: AddKeyHolder) -> HandedKey:
    name = asked.name.strip()
    if not name:
        raise BackupRefused("Say whose key it is.")
    _, key = setup.add_holder(node, settings.load(node.paths), name)
    return _handed(node, HandedKey(name, str(key)))


def rotate_keys(node: Node, asked: RotateKeys) -> HandedKey:
    """What runs is told of it afterwards: see `operations.set_up`."""
    name = asked.name.strip()
    if not name:
        raise BackupRefused("Say whose key it is.")
    _, key = rotation.rotate(node, settings.load(node.paths), name)
    return _handed(node, HandedKey(name, str(key)))


def _handed(node: Node, key: HandedKey) -> HandedKey:
    _note(node)
    return key


def _note(node: Node) -> None:
    """What was done is not refused for it, and no key that opens kept back: the service notes it too."""
    with suppress(Exception):
        state_file.write(node)


def remove_holder(node: Node, asked: RemoveKeyHolder) -> BackupState:
    changed = setup.remove_holder(node, settings.load(node.paths), asked.name)
    state_file.write(node)
    return state_file.state(node, changed)


def confirm_key(node: Node, asked: ConfirmRecoveryKey) -> BackupState:
    chosen = settings.load(node.paths)
    holder = next((one for one in chosen.holders if one.name == asked.holder), None)
    if holder is None:
        raise BackupRefused(f"{asked.holder} holds no key.")
    if not is_confirmed_by(asked.groups, holder.confirmation):
        raise KeyRefused("That is not what the key says: look at the paper once more.")
    state = _saved(node, settings.confirmed(chosen, holder.id))
    rotation.drop_old_keys(node, settings.load(node.paths))
    return state


def sets_page(node: Node, asked: ReadBackupSets) -> BackupSetPage:
    """The history, newest first; a label and a target are the key that it is paged by."""
    found = state_file.history(node, settings.load(node.paths))
    if asked.target:
        found = [one for one in found if one.target == asked.target]
    if asked.label:
        found = [one for one in found if one.label == asked.label]
    if asked.before:
        label, _, target = asked.before.partition("@")
        found = [one for one in found if (one.label, one.target) < (label, target)]
    limit = min(max(asked.limit, 1), MOST_SETS)
    shown = found[:limit]
    older = f"{shown[-1].label}@{shown[-1].target}" if len(found) > limit else ""
    return BackupSetPage(tuple(shown), older)


def _saved(node: Node, chosen: Settings) -> BackupState:
    settings.save(node.paths, chosen)
    state_file.write(node)
    return state_file.state(node, chosen)


ANSWERS: Mapping[type[Any], Callable[[Node, Any], Any]] = {
    PlanBackups: calendar,
    SetBackupPlan: set_plan,
    AddBackupTarget: add_target,
    RemoveBackupTarget: remove_target,
    AddKeyHolder: add_holder,
    RemoveKeyHolder: remove_holder,
    RotateKeys: rotate_keys,
    ConfirmRecoveryKey: confirm_key,
    ReadBackupSets: sets_page,
}


if __name__ == "__main__":
    main()
