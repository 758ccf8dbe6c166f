"""What root alone is shown: codes for the Console, and the key that no backup holds."""

from __future__ import annotations

import argparse
import os
import sys

from appliance.agent import operations_log, proofs
from appliance.agent.operations_log import Asker
from appliance.backup_file import is_set_up
from appliance.commands.common import say
from appliance.node import Node
from backup import sealed_authority
from backup.keys import KeyRefused, RecoveryKey


def show_codes(node: Node, _: argparse.Namespace) -> None:
    operations_log.note(node.paths, Asker.here(), "backup code")
    if wrong := proofs.open_again(node.paths):
        say(f"{wrong} wrong proofs in a row were given. They are looked at again from now on.")
    if not is_set_up(node.paths):
        say(f"The code for setting up the first target: {proofs.first_code(node.paths)}")
        return
    wanted = proofs.wanted(node.paths)
    if not wanted:
        say(
            "Nothing waits for a code. Fill in the form in the Console, leave the code empty, and look again."
        )
        return
    say("Each code is good for exactly what stands above it: once, and for an hour.")
    say("Give none for what you do not know.")
    for one in wanted:
        say("")
        say(f"{one.by}, at {one.at:%H:%M:%S} UTC, wants to {one.subject}:")
        say(f"    {one.code}")


def root_key(node: Node, given: argparse.Namespace) -> None:
    operations_log.note(node.paths, Asker.here(), f"backup root-key{' --give' if given.give else ''}")
    if given.give:
        sealed_authority.put_back(node.paths, RecoveryKey.parse(_typed()))
        say("The box has the key of its authority again.", style="green")
        return
    if sealed_authority.is_missing(node.paths):
        raise KeyRefused(
            "The authority's key came sealed out of a backup: `boxctl backup root-key --give` opens it with "
            "the root key from paper."
        )
    say("The root key. Print it, and lock it away with the recovery keys; it is in no backup.")
    say("With it a restored box has the authority that browsers trust; without it, a new one in time.")
    say(f"\n    {sealed_authority.root_key(node.paths)}\n")


def _typed() -> str:
    if said := os.environ.get("KOROBKA_ROOT_KEY"):
        return said
    if not sys.stdin.isatty():
        raise KeyRefused("The root key is missing: put it into KOROBKA_ROOT_KEY.")
    return input("Root key: ")
