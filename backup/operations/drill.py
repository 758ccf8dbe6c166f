"""Brings the newest set back to life beside the box, looks at it, and takes it away again.

It stands in namespaces of its own, so that it dies with this program. Interrupted, it begins again from
nothing: what the last one left is swept away first.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from appliance.agent.answers import DrillCheck, DrillReport
from appliance.agent.codec import decode
from appliance.agent.journal import Journal
from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from backup import child_messages, drill_child, drills, moments, second_box, sets, settings, state_file
from backup.ledger import ledger_of
from backup.operations.back_up import TROUBLE
from backup.rclone import Vault
from backup.settings import BackupRefused, Settings, Target

_PARTS = 6


def main() -> None:
    with performing(*TROUBLE) as journal:
        node = Node.load(Paths.from_environment())
        moments.use_zone_of(node)
        chosen = settings.load(node.paths)
        name = str(journal.arguments.get("target", ""))
        target = chosen.target(name) if name else chosen.targets[0]
        report = drill(node, chosen, target, journal)
        drills.keep(node, report)
        with ledger_of(node, target) as ledger:
            ledger.write(drill_problem=drills.problem_of(report))
        state_file.write(node)
        words = " ".join(drills.told(report))
        if not report.is_good:
            raise BackupRefused(words)
        journal.end("done", words)


def drill(node: Node, chosen: Settings, target: Target, journal: Journal) -> DrillReport:
    """What came of it. That it could not be made, for want of room or of a set, is a report as well."""
    report = DrillReport(datetime.now(UTC), datetime.now(UTC), target.name, "")
    try:
        second_box.sweep(node, drill_child.NAME)
        sets.sweep_staging(node)
        sets.refresh(node, Vault(node, chosen, target))
        plan = drills.decide(node, target)
        journal.progress(str(plan))
        report = replace(report, set=plan.set.label, is_sample=plan.is_sample)
        report = look(node, plan, report, journal)
    except TROUBLE as error:
        report = replace(report, problem=str(error))
    finally:
        second_box.sweep(node, drill_child.NAME)
    return replace(report, ended_at=datetime.now(UTC))


def look(node: Node, plan: drills.Plan, report: DrillReport, journal: Journal) -> DrillReport:
    words = [
        "backup.drill_child", f"--target={report.target}", f"--set={report.set}",
        f"--file-bytes={plan.file_bytes}",
    ]  # fmt: skip
    checks: list[DrillCheck] = []
    try:
        for said in child_messages.receive(node, drill_child.NAME, words, journal):
            checks.append(decode(DrillCheck, said["check"], place="a check"))
    except TROUBLE as error:
        return replace(report, checks=tuple(checks), problem=str(error))
    is_whole = len(checks) == _PARTS or any(check.problem for check in checks)
    return replace(
        report, checks=tuple(checks), problem="" if is_whole else "It ended before everything was looked at."
    )


if __name__ == "__main__":
    main()
