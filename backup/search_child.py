"""Looks into a set for one thing: `python -m backup.search_child`, in namespaces of its own.

The database alone is brought back; what is asked of it is asked of the portal's own commands.
"""

from __future__ import annotations

import argparse
import json
import sys

from appliance.agent.operations import LOOKING
from appliance.node import Node
from appliance.paths import Paths
from backup import second_box, sets, settings
from backup.child_messages import channel, send, send_progress
from backup.portal import manage

PLACE = "find"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--set", required=True)
    given = parser.parse_args()
    # What is looked for, and for whom, is nobody's business who lists processes.
    asked = sys.stdin.readline()
    node = Node.load(Paths.from_environment())
    with channel():
        chosen = settings.load(node.paths)
        target = chosen.target(given.target)
        one = sets.chosen(sets.known(node, target), given.set)
        send_progress("Bringing the database back.")
        copy = second_box.prepare(node, chosen, target, one, PLACE)
        second_box.bring_database(node, copy, target, one)
        send_progress("Searching.")
        second_box.bring_up_to_date(copy)
        send(**{LOOKING: True})
        send(found=json.loads(manage(copy, "kept", "find", stdin=asked).stdout))


if __name__ == "__main__":
    main()
