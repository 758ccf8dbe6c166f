"""Who can open the backups."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from appliance.agent import operations, operations_log
from appliance.agent.operations_log import Asker
from appliance.commands.common import say
from appliance.node import Node
from appliance.supervise import supervisor_for
from backup import rotation, settings, setup
from backup.keys import CONFIRMED, KeyRefused, RecoveryKey, is_confirmed_by
from backup.settings import BackupRefused, Settings


def keys(node: Node, given: argparse.Namespace) -> None:
    if given.action not in ("list", "confirm"):
        # Not while somebody types: what is handed out is noted already.
        with settings.changing(node.paths):
            handed = change_keys(node, given)
        if handed is None:
            return
        try:
            if given.action == "rotate":
                _put_into_force(node)
        finally:
            # It opens already: whatever comes up, it is shown.
            hand_out(node, *handed)
        return
    chosen = settings.load(node.paths)
    if given.action == "list":
        for one in chosen.holders:
            state = "confirmed" if one.is_confirmed else "not confirmed"
            say(f"{one.name}\t{one.made_at:%Y-%m-%d}\t{state}")
        return
    name = given.holder or chosen.holders[0].name
    operations_log.note(node.paths, Asker.here(), f"backup key confirm {name}")
    _confirm(node, chosen, name)


def change_keys(node: Node, given: argparse.Namespace) -> tuple[Settings, str, RecoveryKey] | None:
    """The key that is to be handed out, where there is one."""
    chosen, name = settings.load(node.paths), given.holder
    if not name:
        raise BackupRefused(f"Say whose key it is: `boxctl backup key {given.action} NAME`.")
    operations_log.note(node.paths, Asker.here(), f"backup key {given.action} {name}")
    if given.action == "remove":
        setup.remove_holder(node, chosen, name)
        say(f"The key of {name} opens nothing any more.", style="green")
        say("Whoever has opened the backups with it may have kept what it opens: `boxctl backup key rotate`.")
        return None
    if given.action == "rotate":
        operations.refuse_if_busy(node.paths, "set_up")
        chosen, key = rotation.rotate(node, chosen, name)
    else:
        chosen, key = setup.add_holder(node, chosen, name)
    return chosen, name, key


def _put_into_force(node: Node) -> None:
    setup.enforce(node, say)
    setup.keep_up(supervisor_for(node))
    say("Backups begin anew, with a full one, beside those that there are.", style="green")
    say("Those go as they would have gone; until then the new key opens them too.")


def hand_out(node: Node, chosen: Settings, name: str, key: RecoveryKey) -> None:
    say("")
    say(f"The recovery key of '{name}'. It is shown this once: print it, or write it down, and lock it away.")
    say("Without it nobody can restore this box onto another machine, not even you.")
    say(f"\n    {key}\n")
    if sys.stdin.isatty():
        _confirm(node, chosen, name)
    else:
        say(f"Confirm that it was written down: boxctl backup key confirm {name}")


def _confirm(node: Node, chosen: Settings, name: str) -> None:
    holder = next((one for one in chosen.holders if one.name == name), None)
    if holder is None:
        raise BackupRefused(f"{name} holds no key. `boxctl backup key list` names those who do.")
    if not is_confirmed_by(_typed(), holder.confirmation):
        raise KeyRefused(
            "That is not what the key says: look at the paper and try `boxctl backup key confirm`."
        )
    with settings.changing(node.paths):
        settings.save(node.paths, settings.confirmed(settings.load(node.paths), holder.id))
        rotation.drop_old_keys(node, settings.load(node.paths))
    say(f"The key of {name} is confirmed.", style="green")


def _typed() -> Sequence[str]:
    try:
        return [input(f"Group {number} of the recovery key: ") for number in CONFIRMED]
    except EOFError:
        raise KeyRefused(
            "The groups were not typed, so the key is not confirmed: `boxctl backup key confirm` asks again."
        ) from None
