"""Looks into a set for one thing: `python -m backup.searching`, in namespaces of its own.

The database alone is brought back; what is asked of it is asked of the portal's own commands.
"""

from __future__ import annotations

import argparse
import json
import sys

from appliance.agent.operations import LOOKING
from appliance.node import Node
from appliance.paths import Paths
from backup import beside, sets, settings
from backup.inside import say, speaking, tell
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
    with speaking():
        chosen = settings.load(node.paths)
        target = chosen.target(given.target)
        one = sets.chosen(sets.known(node, target), given.set)
        tell("Bringing the database back.")
        copy = beside.prepare(node, chosen, target, one, PLACE)
        beside.bring_database(node, copy, target, one)
        tell("Searching.")
        beside.bring_up_to_date(copy)
        say(**{LOOKING: True})
        say(found=json.loads(manage(copy, "kept", "find", stdin=asked).stdout))


if __name__ == "__main__":
    main()
