"""Where backups go, when, and for how long they stay."""

from __future__ import annotations

import argparse
import dataclasses
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from appliance.agent import operations_log, proofs
from appliance.agent.operations_log import Asker
from appliance.backup_file import is_set_up
from appliance.commands.common import say
from appliance.node import Node
from appliance.supervise import supervisor_for
from backup import schedule, settings, setup
from backup.commands.holders import hand_out
from backup.keys import RecoveryKey
from backup.settings import BackupRefused, Settings, Target
from backup.targets import KINDS, kind_of


def set_up(node: Node, given: argparse.Namespace) -> None:
    # The parser has let one of them through. Not while somebody types: no backup is made meanwhile.
    kinds = [KINDS[name] for name in KINDS if getattr(given, name)]
    named = None if given.remove else kinds[0].given(given)
    with settings.changing(node.paths):
        chosen, key = change_targets(node, given, named)
    if given.remove:
        return
    try:
        setup.keep_up(supervisor_for(node))
        say(f"Backups go to {', '.join(one.name for one in chosen.targets)}.", style="green")
    finally:
        # It opens already: whatever comes up, it is shown.
        if key is not None:
            hand_out(node, chosen, chosen.holders[0].name, key)
    # Days of it take a while.
    _show_calendar(node, chosen)
    say("The first backup begins by itself within a minute; `boxctl backup now` begins it at once.")


def change_targets(
    node: Node, given: argparse.Namespace, named: Target | None
) -> tuple[Settings, RecoveryKey | None]:
    """Remove the target that is meant, or add the one that is named."""
    key: RecoveryKey | None = None
    try:
        chosen = settings.load(node.paths)
    except BackupRefused:
        if is_set_up(node.paths):
            raise
        chosen, key = setup.begin()
    removed = " --remove" if given.remove else ""
    operations_log.note(node.paths, Asker.here(), f"backup setup {given.name}{removed}")
    if named is None:
        chosen = setup.remove_target(node, chosen, given.name, say)
        setup.keep_up(supervisor_for(node))
        say(f"{given.name} is used no more.", style="green")
        return chosen, None
    target = _target(node, chosen, named)
    same = [one for one in chosen.targets if one.spot == target.spot]
    target = dataclasses.replace(target, generation=same[0].generation if same else 1)
    target = kind_of(target).introduced(node, target, given.host_key, option="--host-key")
    if key is not None:
        proofs.admit(node.paths, chosen.holders[0].id, key.proofs())
    return setup.add_target(node, _with_schedule(chosen, given), target, say), key


def _target(node: Node, chosen: Settings, named: Target) -> Target:
    same = [one for one in (*chosen.targets, *chosen.closed) if one.name == named.name]
    number = same[0].number if same else setup.next_number(node, chosen)
    target = dataclasses.replace(named, number=number)
    if same and (same[0].closed or same[0].spot != target.spot):
        # What is remembered of one place must not be believed of another.
        raise BackupRefused(
            f"{named.name} is {same[0]} already: give another place another name. Nothing goes to the first "
            f"one any more after `boxctl backup setup {named.name} --remove`."
        )
    return target


def _with_schedule(chosen: Settings, given: argparse.Namespace) -> Settings:
    names = (
        "at", "every_hours", "full_every_days", "keep_last", "keep_days", "keep_weeks", "keep_months",
        "drill_every_days",
    )  # fmt: skip
    said = {name: value for name in names if (value := getattr(given, name)) is not None}
    return dataclasses.replace(chosen, **said).checked()


def change_schedule(node: Node, given: argparse.Namespace) -> None:
    with settings.changing(node.paths):
        before = settings.load(node.paths)
        chosen = _with_schedule(before, given)
        if chosen != before:
            operations_log.note(node.paths, Asker.here(), f"backup schedule: {chosen.schedule} {chosen.rule}")
            settings.save(node.paths, chosen)
    _show_calendar(node, chosen)


def _show_calendar(node: Node, chosen: Settings) -> None:
    zone, now = ZoneInfo(node.box.time_zone), datetime.now(UTC)
    say(f"{chosen.schedule} Kept: {chosen.rule}")
    coming = schedule.calendar(
        chosen.schedule, chosen.rule, now=now, zone=zone, locked_days=chosen.locked_days
    )
    say(f"A year from now there will be {len(coming)} sets, of:")
    for moment, reasons in coming:
        say(f"  {moment.astimezone(zone):%Y-%m-%d %H:%M}\t{', '.join(sorted(reasons))}")
