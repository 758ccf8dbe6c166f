"""What is asked about backups. The room `backup` answers; here it is only asked, as a program of its own.

A question and its answer are JSON on standard input and output: no secret is an argument, and none on a disk.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance import backup_file, runner
from appliance.agent import operations, proofs, search_results
from appliance.agent.answers import (
    BackupCalendar,
    BackupSetPage,
    BackupState,
    BackupWarning,
    FoundThings,
    HandedKey,
    OperationState,
    Progress,
)
from appliance.agent.codec import decode, encode
from appliance.agent.journal import Unknown
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import (
    AddBackupTarget,
    AddKeyHolder,
    BeginBackup,
    BeginDrill,
    BeginRestore,
    ConfirmRecoveryKey,
    FindInBackup,
    FindOwn,
    Operation,
    PlanBackups,
    PutBack,
    PutOwnBack,
    ReadBackups,
    ReadBackupSets,
    ReadFound,
    RemoveBackupTarget,
    RemoveKeyHolder,
    RotateKeys,
    SetBackupPlan,
    VerifyBackups,
)
from appliance.paths import Paths

type Tell = Callable[[Progress], None]

# A store that is away is tried more than once before that is said.
SECONDS_TO_ANSWER = 100.0
# The service notes how it is every half a minute; during a restore it stands still.
SILENT_AFTER = timedelta(minutes=5)


class NotSetUp(Exception):
    """There are no backups yet, or not of that name."""


class BackupsRefused(Exception):
    """Not like this; the text is for whoever asked."""


def read_backups(paths: Paths, _: ReadBackups, __: Asker, ___: Tell) -> BackupState:
    try:
        text = (paths.data / "backup/state.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return BackupState()
    state = decode(BackupState, json.loads(text), place="state.json")
    asked = proofs.asked(paths)
    holders = tuple(replace(one, asked=asked.get(one.name, ())) for one in state.holders)
    return with_silence(replace(state, holders=holders), datetime.now(UTC))


def with_silence(state: BackupState, now: datetime) -> BackupState:
    """The state with a warning where nobody notes anything any more: what it says may long be otherwise."""
    if state.at is None or now - state.at < SILENT_AFTER or not state.targets:
        return state
    first, *others = state.targets
    warned = replace(
        first,
        warnings=(BackupWarning("silent"), *first.warnings),
        problems=("The service has noted nothing for a while: `boxctl restart backup`.", *first.problems),
    )
    return replace(state, targets=(warned, *others))


def read_sets(paths: Paths, asked: ReadBackupSets, _: Asker, __: Tell) -> BackupSetPage:
    return decode(BackupSetPage, _answer(paths, asked))


def plan(paths: Paths, asked: PlanBackups, _: Asker, __: Tell) -> BackupCalendar:
    return decode(BackupCalendar, _answer(paths, asked))


def set_plan(paths: Paths, asked: SetBackupPlan, _: Asker, __: Tell) -> BackupState:
    return decode(BackupState, _answer(paths, asked))


def add_target(paths: Paths, asked: AddBackupTarget, asker: Asker, _: Tell) -> HandedKey:
    return decode(HandedKey, _answer_and_set_up(paths, asked, asker))


def remove_target(paths: Paths, asked: RemoveBackupTarget, asker: Asker, _: Tell) -> BackupState:
    return decode(BackupState, _answer_and_set_up(paths, asked, asker))


def add_holder(paths: Paths, asked: AddKeyHolder, _: Asker, __: Tell) -> HandedKey:
    return decode(HandedKey, _answer(paths, asked))


def remove_holder(paths: Paths, asked: RemoveKeyHolder, _: Asker, __: Tell) -> BackupState:
    return decode(BackupState, _answer(paths, asked))


def rotate_keys(paths: Paths, asked: RotateKeys, asker: Asker, _: Tell) -> HandedKey:
    return decode(HandedKey, _answer_and_set_up(paths, asked, asker))


def confirm_key(paths: Paths, asked: ConfirmRecoveryKey, _: Asker, __: Tell) -> BackupState:
    return decode(BackupState, _answer(paths, asked))


def begin_backup(paths: Paths, asked: BeginBackup, asker: Asker, _: Tell) -> OperationState:
    _known_targets(paths)
    arguments: dict[str, object] = {"kind": "full" if asked.is_full else "incr", "targets": []}
    return operations.begin(paths, "backup", arguments, by=str(asker)).state()


def verify(paths: Paths, asked: VerifyBackups, asker: Asker, _: Tell) -> OperationState:
    if asked.target not in _known_targets(paths):
        raise NotSetUp(f"No backups go to {asked.target!r}.")
    arguments = {"target": asked.target, "set": asked.set, "all": asked.is_complete}
    return operations.begin(paths, "verify", arguments, by=str(asker)).state()


def begin_drill(paths: Paths, asked: BeginDrill, asker: Asker, _: Tell) -> OperationState:
    if asked.target not in {"", *_known_targets(paths)}:
        raise NotSetUp(f"No backups go to {asked.target!r}.")
    return operations.begin(paths, "drill", {"target": asked.target}, by=str(asker)).state()


def begin_restore(paths: Paths, asked: BeginRestore, asker: Asker, _: Tell) -> OperationState:
    """Whether it can be done so is decided by the operation, from the target itself, before it changes
    anything."""
    if asked.target not in _known_targets(paths):
        raise NotSetUp(f"No backups go to {asked.target!r}.")
    arguments: dict[str, object] = {
        "target": asked.target,
        "set": asked.set,
        "moment": asked.moment.isoformat() if asked.moment else "",
        "is_set_alone": bool(asked.set) and asked.moment is None,
        "with_safety": asked.with_safety,
    }
    return operations.begin(paths, "restore", arguments, by=str(asker)).state()


def find_in_backup(paths: Paths, asked: FindInBackup, asker: Asker, _: Tell) -> OperationState:
    _require_sense(paths, asked)
    return operations.begin(paths, "find", encode(asked), by=str(asker)).state()


def find_own(paths: Paths, asked: FindOwn, asker: Asker, _: Tell) -> OperationState:
    _require_sense(paths, asked)
    arguments = {**encode(asked), "is_own": True}
    journal = operations.begin(paths, "find", arguments, by=str(asker), once=asked.key)
    return operations.state_for(journal, "")


def _require_sense(paths: Paths, asked: FindInBackup) -> None:
    if asked.target not in {"", *_known_targets(paths)}:
        raise NotSetUp(f"No backups go to {asked.target!r}.")
    if not asked.text.strip():
        raise NotSetUp("Say what to look for: a word of it is enough.")


def read_found(paths: Paths, asked: ReadFound, _: Asker, __: Tell) -> FoundThings:
    return search_results.read(paths, asked.id, asked.reader)


def put_back(paths: Paths, asked: PutBack, asker: Asker, _: Tell) -> OperationState:
    _require_found(paths, asked)
    return operations.begin(paths, "put-back", encode(asked), by=str(asker)).state()


def put_own_back(paths: Paths, asked: PutOwnBack, asker: Asker, _: Tell) -> OperationState:
    _require_found(paths, asked)
    if any(journal.kind in operations.KEEPS_PORTAL_DOWN for journal in operations.unfinished(paths)):
        raise operations.AlreadyRunning("The box is being brought back: wait until that is over.")
    arguments = {**encode(asked), "is_own": True}
    return operations.begin(paths, "put-own-back", arguments, by=str(asker)).state()


def _require_found(paths: Paths, asked: PutBack) -> None:
    if asked.number not in {
        thing.number for thing in search_results.read(paths, asked.id, asked.reader).things
    }:
        raise Unknown("There is no such thing among what was found: search again.")


def _answer_and_set_up(paths: Paths, asked: Operation[Any], asker: Asker) -> object:
    """What the room `backup` says where its answer is put into force then: a key that was made is in it, and
    reaches whoever asked, whatever else has begun."""
    with operations.begun_afterwards(paths, "set_up", by=str(asker), unless=BackupsRefused):
        return _answer(paths, asked)


def _answer(paths: Paths, asked: Operation[Any]) -> object:
    """What the room `backup` says; raises BackupsRefused with its words where it would not."""
    done = runner.run(
        [sys.executable, "-P", "-m", "backup.answers"],
        stdin=json.dumps({"question": type(asked).__name__, "arguments": encode(asked)}),
        env={"KOROBKA_PREFIX": str(paths.prefix), "PYTHONPATH": str(operations.RELEASE)},
        timeout=SECONDS_TO_ANSWER,
    )
    said = json.loads(done.stdout)
    if "refused" in said:
        raise BackupsRefused(said["refused"])
    return said["answer"]


def _known_targets(paths: Paths) -> set[str]:
    if not backup_file.is_set_up(paths):
        raise NotSetUp("Backups are not set up: `boxctl backup setup --help` shows how.")
    return backup_file.targets(paths)


HANDLERS: Mapping[type[Operation[Any]], Callable[[Paths, Any, Asker, Tell], Any]] = {
    ReadBackups: read_backups,
    ReadBackupSets: read_sets,
    PlanBackups: plan,
    SetBackupPlan: set_plan,
    AddBackupTarget: add_target,
    RemoveBackupTarget: remove_target,
    AddKeyHolder: add_holder,
    RemoveKeyHolder: remove_holder,
    RotateKeys: rotate_keys,
    ConfirmRecoveryKey: confirm_key,
    BeginBackup: begin_backup,
    VerifyBackups: verify,
    BeginDrill: begin_drill,
    BeginRestore: begin_restore,
    FindInBackup: find_in_backup,
    FindOwn: find_own,
    ReadFound: read_found,
    PutBack: put_back,
    PutOwnBack: put_own_back,
}
