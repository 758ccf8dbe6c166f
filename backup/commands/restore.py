"""The whole box as it was."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from appliance.cluster.topology import refuse_in_cluster
from appliance.commands.common import fail, say
from appliance.node import Node
from backup import moments, sets, settings
from backup.commands.common import chosen_target, perform
from backup.portal import manage
from backup.rclone import Vault
from backup.settings import BackupRefused


def restore(node: Node, given: argparse.Namespace) -> None:
    from backup.operations.restore import planned

    refuse_in_cluster(node.paths, "A restore of the whole box")
    chosen = settings.load(node.paths)
    target = chosen_target(chosen, given.target)
    sets.refresh(node, Vault(node, chosen, target))
    moment = _moment(given.to, ZoneInfo(node.box.time_zone))
    is_set_alone = bool(given.set) and moment is None
    _, plan = planned(node, chosen, target, label=given.set, moment=moment, is_set_alone=is_set_alone)
    say(str(plan))
    say(_what_is_lost(node, plan.moment or (plan.begin_with.ended_at if is_set_alone else None)))
    if not given.yes and not _is_meant():
        fail("Nothing was changed.")
    arguments = {
        "target": target.name,
        "set": plan.begin_with.label,
        "moment": moment.isoformat() if moment else "",
        "is_set_alone": is_set_alone,
        "with_safety": not given.without_safety_backup,
    }
    perform(node, "restore", arguments)


def _what_is_lost(node: Node, moment: datetime | None) -> str:
    """In numbers, where the database still answers."""
    if moment is None:
        return ""
    done = manage(node, "lost", f"--since={moment.isoformat()}", check=False)
    counted = [f"{count} {label}" for label, count in json.loads(done.stdout or "[]") if count]
    return f"Made since then, and lost: {', '.join(counted)}." if counted else ""


def _is_meant() -> bool:
    return sys.stdin.isatty() and input("Type 'restore' to go on: ").strip() == "restore"


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    if not text:
        return None
    try:
        return moments.understood(text, zone)
    except ValueError:
        raise BackupRefused(f"{text} is no moment: give one such as 2026-11-24T17:30.") from None
