"""What the subcommands share."""

from __future__ import annotations

from appliance.agent import operations, operations_log
from appliance.agent.operations_log import Asker
from appliance.commands.common import follow, out
from appliance.node import Node
from backup.settings import Settings, Target


def chosen_target(chosen: Settings, name: str) -> Target:
    return chosen.target(name) if name else chosen.targets[0]


def perform(node: Node, kind: str, arguments: dict[str, object]) -> None:
    operations_log.note(node.paths, Asker.here(), f"backup: {kind} {arguments}")
    with out.status("Beginning …"):
        journal = operations.begin(node.paths, kind, arguments, by=str(Asker.here()))
    follow(node.paths, journal.state())
