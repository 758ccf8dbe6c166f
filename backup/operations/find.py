"""Looks for one thing in a set. What was found is kept for whoever has searched."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

from appliance.agent import search_results
from appliance.agent.answers import FoundThing, FoundThings
from appliance.agent.journal import Journal
from appliance.agent.operations import LOOKING, performing
from appliance.node import Node
from appliance.paths import Paths
from backup import child_messages, drills, search_child, second_box, sets, settings
from backup.operations.back_up import TROUBLE
from backup.portal import manage
from backup.rclone import Vault

# A search for oneself takes a whole number of these: how long it took tells nobody what was found.
SECONDS_AT_A_TIME = 15.0


def main() -> None:
    began = time.monotonic()
    with performing(*TROUBLE) as journal:
        node = Node.load(Paths.from_environment())
        try:
            count = find(node, journal)
        finally:
            if journal.arguments.get("is_own") and journal.noted(LOOKING):
                time.sleep(-(time.monotonic() - began) % SECONDS_AT_A_TIME)
        end = "1 thing was" if count == 1 else f"{count or 'no'} things were"
        journal.end("done", f"In {journal.arguments.get('set') or 'the newest set'} {end} found.")


def find(node: Node, journal: Journal) -> int:
    said, chosen = journal.arguments, settings.load(node.paths)
    target = chosen.target(str(said["target"])) if said.get("target") else chosen.targets[0]
    second_box.sweep(node, search_child.PLACE)
    sets.sweep_staging(node)
    sets.refresh(node, Vault(node, chosen, target))
    one = sets.chosen(sets.known(node, target), str(said.get("set", "")))
    drills.require_room(node, one)
    asked = {name: said[name] for name in ("kind", "text", "reader")} | {"is_own": bool(said.get("is_own"))}
    words = ["backup.search_child", f"--target={target.name}", f"--set={one.label}"]
    answer: dict[str, Any] = {}
    try:
        for heard in child_messages.receive(
            node, search_child.PLACE, words, journal, stdin=json.dumps(asked) + "\n"
        ):
            if LOOKING in heard:
                journal.append(LOOKING)
            answer = heard
    finally:
        second_box.sweep(node, search_child.PLACE)
    things = answer["found"]
    packed = [thing["rows"] for thing in things]
    question = json.dumps({"kind": asked["kind"], "things": packed})
    states = json.loads(manage(node, "kept", "look", stdin=question).stdout)
    listed = tuple(
        FoundThing(number, thing["title"], thing["about"], datetime.fromisoformat(thing["at"]), state)
        for number, (thing, state) in enumerate(zip(things, states, strict=True), start=1)
    )
    kept = FoundThings(journal.id, target.name, one.label, asked["kind"], listed)
    search_results.keep(node.paths, kept, asked["reader"], packed)
    return len(listed)


if __name__ == "__main__":
    main()
