"""What takes long: sets that are made, verified, tried, searched and downloaded."""

from __future__ import annotations

import argparse
import sys

from appliance.agent import search_results
from appliance.agent.answers import OperationState
from appliance.agent.protocol import FindInBackup, Operation, PutBack
from appliance.commands.common import ask, follow, say
from appliance.node import Node
from backup import download_file, drills, moments, sets, settings
from backup.commands.common import chosen_target, perform
from backup.rclone import Vault
from backup.settings import BackupRefused

KINDS = (
    "feed.post",
    "feed.comment",
    "files.file",
    "drive.item",
    "org.department",
    "groups.group",
    "crm.record",
)
"""What the portal finds in a set and puts back; it refuses others, but only once the set is opened."""


def back_up_now(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    names = [chosen.target(given.target).name] if given.target else [one.name for one in chosen.targets]
    perform(node, "backup", {"kind": "full" if given.full else "incr", "targets": names})


def verify(node: Node, given: argparse.Namespace) -> None:
    target = chosen_target(settings.load(node.paths), given.target)
    perform(node, "verify", {"target": target.name, "set": given.set, "all": given.all})


def drill(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    if not given.last:
        target = chosen_target(chosen, given.target)
        sets.refresh(node, Vault(node, chosen, target))
        say(str(drills.decide(node, target)))
        try:
            perform(node, "drill", {"target": target.name})
        finally:
            _show_drill(node)
        return
    if not _show_drill(node):
        raise BackupRefused("There has been no drill yet: `boxctl backup drill` makes one.")


def _show_drill(node: Node) -> bool:
    known = drills.known(node)
    for line in drills.told(known[0]) if known else ():
        say(line)
    return bool(known)


def download(node: Node, given: argparse.Namespace) -> None:
    chosen = settings.load(node.paths)
    target = chosen_target(chosen, given.target)
    sets.refresh(node, Vault(node, chosen, target))
    one = sets.chosen(sets.known(node, target), given.set)
    file = given.file.absolute()
    if file.exists() or not file.parent.is_dir():
        raise BackupRefused(f"{file} is there already, or its folder is not: name a new file.")
    identity, recipient = download_file.new_key()
    arguments = {"target": target.name, "set": one.label, "file": str(file), "recipient": recipient}
    # First, and at once: nobody else has it, and the file comes to its end without us.
    say("The key that will open the file. It is shown this once: keep it apart from the file.")
    say(f"\n    {identity}\n")
    sys.stdout.flush()
    perform(node, "download", dict(arguments))
    say("How to open it, with or without a Korobka: the page 'Backups' in the administrator's documentation.")


def find(node: Node, given: argparse.Namespace) -> None:
    asked = FindInBackup(given.kind, given.text, given.reader, given.target, given.set)
    state = _begin(node, asked)
    seen = search_results.read(node.paths, state.id, given.reader)
    for thing in seen.things:
        say(f"{thing.number}\t{moments.shown(thing.at)}\t{thing.now}\t{thing.about}\t{thing.title}")
    if seen.things:
        say(f"Put one back: boxctl backup put-back {seen.id} NUMBER --as {given.reader}")


def put_back(node: Node, given: argparse.Namespace) -> None:
    _begin(node, PutBack(given.search, given.number, given.reader))


def _begin(node: Node, asked: Operation[OperationState]) -> OperationState:
    """Ask the agent, and follow what it begins."""
    state = ask(node.paths, asked)
    follow(node.paths, state)
    return state
