"""What there is to restore, and whether all is well."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from datetime import UTC, datetime

from appliance.commands.common import say
from appliance.node import Node
from appliance.runner import CommandFailed
from backup import moments, recall, sets, settings, status
from backup.progress import duration, size
from backup.rclone import Vault
from backup.settings import BackupRefused, Target


def list_sets(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    for target in (*chosen.targets, *chosen.closed):
        if given.target not in ("", target.name):
            continue
        if given.refresh:
            sets.refresh(node, Vault(node, chosen, target))
        if target.locked_days:
            say(f"{target.name}\t{locked(target)}")
        for one in sets.known(node, target):
            state = f"damaged: {one.trouble}" if one.trouble else "verified" if one.verified_at else "good"
            say(
                f"{target.name}\t{one}\t{size(one.database_bytes)} (+{size(one.stored_bytes)})"
                f"\t{one.blobs} files, {size(one.blob_bytes)}\t{state}"
            )


def locked(target: Target) -> str:
    return f"what is written there is locked for {target.locked_days} days"


def show_set(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    for target in (*chosen.targets, *chosen.closed):
        for one in sets.known(node, target):
            if one.label == given.set:
                for field in dataclasses.fields(one):
                    if field.name == "rows":
                        continue
                    value = getattr(one, field.name)
                    is_size = field.name.endswith("_bytes")
                    words = (
                        size(value)
                        if is_size
                        else moments.shown(value)
                        if isinstance(value, datetime)
                        else value
                    )
                    say(f"{field.name.replace('_', ' ')}\t{words}")
                say(f"target\t{target.name}")
                return
    raise BackupRefused(f"There is no set {given.set}. `boxctl backup list` names those there are.")


def show_status(node: Node, _: argparse.Namespace) -> None:
    chosen, now = settings.load(node.paths), datetime.now(UTC)
    found = status.look(node, chosen, now)
    try:
        if to_come := recall.noted(node):
            say(str(to_come))
    except CommandFailed:
        # The database is away: what backups are is said all the same.
        pass
    for old in chosen.closed:
        say(f"{old.name}\t{old}\t{len(sets.known(node, old))} sets of an older key, which go by themselves")
    for one, target in zip(found, chosen.targets, strict=True):
        say(f"{one.name}\t{one.place}\t{one.sets} sets, the newest {one.newest or 'is yet to be made'}")
        if target.locked_days:
            say(f"\t{locked(target)}")
        if one.restorable_until:
            say(f"\tcan be restored up to {moments.shown(one.restorable_until)}")
        ages = [("log", one.log_until), ("files", one.files_until)]
        said = [
            f"{name} {duration(max((now - until).total_seconds(), 0))} old" for name, until in ages if until
        ]
        if said:
            say(f"\t{', '.join(said)}")
        for problem in one.problems:
            say(f"\t{problem}", style="red")
    sys.exit(1 if any(one.problems for one in found) else 0)
