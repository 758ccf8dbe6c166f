"""Upgrades from the console: archives that root has put on the machine, looked at and moved over to.

The portal brings neither an archive nor a word about one: it names a file that lies there, and then an
examination that was of it. Whether a release is taken is decided by its signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from appliance.agent import operations
from appliance.agent.answers import OfferedRelease, OperationState, Progress, UpgradePlan, UpgradeState
from appliance.agent.journal import Journal
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import BeginUpgrade, ExamineRelease, Operation, ReadUpgrades
from appliance.paths import Paths

type Tell = Callable[[Progress], None]

EXAMINE, UPGRADE = "examine", "upgrade"
FOUND = "found"
"""The entry of an examination that says what it has found, and where it has unpacked the release."""
CHANGING = "changing"
"""The entry of an upgrade that says from which release to which it moves over, before it does."""
SIGNATURE = ".sig"
_MOST = 50


class UpgradeRefused(Exception):
    """There is no such archive, or what was found of it holds no more."""


def read_upgrades(paths: Paths, _: ReadUpgrades, __: Asker, ___: Tell) -> UpgradeState:
    last = next((one for one in Journal.all(paths.operations) if one.named_kind in (EXAMINE, UPGRADE)), None)
    return UpgradeState(
        release=paths.current.resolve().name,
        folder=str(paths.offered),
        offered=tuple(
            OfferedRelease(file.name, file.stat().st_size, file.with_name(file.name + SIGNATURE).is_file())
            for file in _archives(paths)[:_MOST]
        ),
        plan=_plan(last) if last else None,
    )


def examine(paths: Paths, asked: ExamineRelease, asker: Asker, _: Tell) -> OperationState:
    # The name comes from outside, so it is looked for, not made into a path.
    if asked.archive not in {file.name for file in _archives(paths)}:
        raise UpgradeRefused(f"There is no {asked.archive} in {paths.offered}.")
    return operations.begin(paths, EXAMINE, {"archive": asked.archive}, by=str(asker)).state()


def begin(paths: Paths, asked: BeginUpgrade, asker: Asker, _: Tell) -> OperationState:
    examination = Journal.find(paths.operations, asked.examination)
    found = examination.noted(FOUND)
    # Another examination, or an upgrade, has taken away what was unpacked.
    if examination.kind != EXAMINE or found is None or not Path(found["tree"]).is_dir():
        raise UpgradeRefused("What was looked at is not there any more: look at the archive again.")
    arguments = {"tree": found["tree"], "with_backup": found["has_backup"]}
    return operations.begin(paths, UPGRADE, arguments, by=str(asker)).state()


def _archives(paths: Paths) -> list[Path]:
    return sorted(file for file in paths.offered.glob("*.tar.gz") if file.is_file() and not file.is_symlink())


def _plan(examination: Journal) -> UpgradePlan | None:
    found = examination.noted(FOUND) if examination.kind == EXAMINE else None
    if found is None or not Path(found["tree"]).is_dir():
        return None
    return UpgradePlan(
        examination=examination.id,
        archive=examination.arguments["archive"],
        release=found["release"],
        released_at=datetime.fromisoformat(found["released_at"]),
        new_migrations=found["new_migrations"],
        has_backup=found["has_backup"],
    )


HANDLERS: Mapping[type[Operation[Any]], Callable[[Paths, Any, Asker, Tell], Any]] = {
    ReadUpgrades: read_upgrades,
    ExamineRelease: examine,
    BeginUpgrade: begin,
}
