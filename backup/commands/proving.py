"""The codes with which somebody in the browser shows that root knows what they do."""

from __future__ import annotations

import argparse

from appliance.agent import proofs, record
from appliance.agent.record import Asker
from appliance.commands.common import say
from appliance.node import Node
from backup import settings


def show_codes(node: Node, _: argparse.Namespace) -> None:
    record.note(node.paths, Asker.here(), "backup code")
    if wrong := proofs.open_again(node.paths):
        say(f"{wrong} wrong proofs in a row were given. They are looked at again from now on.")
    if not settings.file_of(node.paths).exists():
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
