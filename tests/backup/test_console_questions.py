"""Backups set up and looked after through the agent, as the Console does it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.agent.answers import BackupState, BackupTimes, HandedKey, Measure, OperationState
from appliance.agent.protocol import (
    AddBackupTarget,
    AddKeyHolder,
    BeginBackup,
    BeginRestore,
    CancelOperation,
    ConfirmRecoveryKey,
    FollowOperation,
    ListOperations,
    Operation,
    PlanBackups,
    ReadBackups,
    ReadBackupSets,
    ReadOperation,
    RemoveBackupTarget,
    RemoveKeyHolder,
    RotateKeys,
    SetBackupPlan,
)
from appliance.client import Agent, Refused, Unproven
from appliance.node import Node
from backup.keys import CONFIRMED, KeyRefused, KeyRing, RecoveryKey
from tests import require
from tests.appliance.boxes import agent_of, boxctl, proof_of, recorded, running_box, wait_until

TIMES = BackupTimes("02:00", 24, 7, 3, 7, 4, 6)


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    require.programs("pgbackrest", "rclone", cure="apt-get install pgbackrest rclone")
    before = os.environ.get("KOROBKA_PREFIX")
    with running_box("agent", "database", "objects", "cache", has_tables=True) as node:
        os.environ["KOROBKA_PREFIX"] = str(node.paths.prefix)
        yield node
    os.environ.pop("KOROBKA_PREFIX")
    if before is not None:
        os.environ["KOROBKA_PREFIX"] = before


@dataclass(frozen=True)
class SetUp:
    """Backups as they were set up by asking."""

    node: Node
    agent: Agent
    folder: Path
    other: Path
    handed: HandedKey
    before: BackupState
    after: OperationState
    unconfirmed: BackupState
    confirmed: BackupState

    def ask_proven[R](self, operation: Operation[R], *, by: str = "") -> R:
        """With the code that root reads on the machine."""
        return self.agent.ask(operation, by=by, proof=proof_of(self.node, operation))


@pytest.fixture(scope="module")
def made(node: Node) -> Iterator[SetUp]:
    folder, other = (Path(tempfile.mkdtemp(prefix="korobka-target-")) for _ in range(2))
    for one in (folder, other):
        one.chmod(0o755)
    agent = Agent(node.run("agent") / "agent.sock", timeout=120)
    before = agent.ask(ReadBackups())
    first = AddBackupTarget("folder", str(folder), times=TIMES)
    with pytest.raises(Unproven, match="the code that the installer has shown"):
        agent.ask(first, by="olga")
    handed = agent.ask(first, by="olga", proof=proof_of(node, first))
    after, unconfirmed = ended(node, "set_up"), agent.ask(ReadBackups())
    key = RecoveryKey.parse(handed.key)
    typed = tuple(key.groups[number - 1].lower() for number in CONFIRMED)
    confirmed = agent.ask(ConfirmRecoveryKey("first", typed))
    yield SetUp(node, agent, folder, other, handed, before, after, unconfirmed, confirmed)
    for one in (folder, other):
        shutil.rmtree(one)


def ended(node: Node, kind: str) -> OperationState:
    """How the latest operation of this kind ended."""
    latest = next(one for one in agent_of(node).ask(ListOperations(50)).operations if one.kind == kind)
    wait_until(lambda: agent_of(node).ask(ReadOperation(latest.id)).state != "running", seconds=240)
    return agent_of(node).ask(ReadOperation(latest.id))


@pytest.fixture(autouse=True)
def is_idle(made: SetUp) -> None:
    """The service begins the first backup by itself, and again after each change: that comes first."""

    def has_come() -> bool:
        busy = [
            one for one in agent_of(made.node).ask(ListOperations(20)).operations if one.state == "running"
        ]
        return bool(made.agent.ask(ReadBackups()).sets) and not busy

    wait_until(has_come, seconds=240)


def test_before_saving_a_year_is_shown(made: SetUp) -> None:
    shown = made.agent.ask(PlanBackups(TIMES))
    assert shown.made == 366
    reasons = {reason for one in shown.kept for reason in one.reasons}
    assert {"last", "day", "week", "month", "newest"} <= reasons
    moments = [one.at for one in shown.kept]
    assert moments == sorted(moments)
    more = made.agent.ask(PlanBackups(BackupTimes("02:00", 24, 7, 3, 7, 4, 12)))
    assert len(more.kept) > len(shown.kept)
    with pytest.raises(Refused, match="no time of day"):
        made.agent.ask(PlanBackups(BackupTimes("late", 24, 7, 3, 7, 4, 6)))
    with pytest.raises(Refused, match="every 1, 2, 3"):
        made.agent.ask(PlanBackups(BackupTimes("02:00", 5, 7, 3, 7, 4, 6)))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/nowhere/at/all", "There is no folder"),
        ("/etc", "belongs to the system"),
        ("{data}", "belongs to the system"),
        ("{data}/..", "belongs to the system"),
        ("{folder}", "already"),
    ],
)
def test_a_folder_that_does_not_do_is_refused_in_words(made: SetUp, path: str, words: str) -> None:
    named = path.format(data=made.node.paths.data, folder=made.folder)
    with pytest.raises(Refused, match=words):
        made.ask_proven(AddBackupTarget("folder", named, times=TIMES))
    assert [one.name for one in made.agent.ask(ReadBackups()).targets] == [made.folder.name]


def test_a_store_that_does_not_do_is_refused_in_words_and_its_secret_is_written_nowhere(made: SetUp) -> None:
    store = AddBackupTarget(
        "s3", "", "https://localhost:1", "box", access_key="key", secret_key="kept to ourselves"
    )
    for asked, words in (
        (replace(store, endpoint="http://s3.example.com"), "must speak TLS"),
        (replace(store, ca_pem="nonsense"), "BEGIN CERTIFICATE"),
        (replace(store, bucket=""), "needs its bucket"),
        (store, "cannot be"),
    ):
        with pytest.raises(Refused, match=words):
            made.ask_proven(asked)
    assert "AddBackupTarget" in str(recorded(made.node))
    assert "kept to ourselves" not in str(recorded(made.node)) + repr(store)


def test_the_first_target_hands_out_a_key_that_is_confirmed_by_typing_it_back(made: SetUp) -> None:
    assert made.before.plan is None
    key = RecoveryKey.parse(made.handed.key)
    assert made.handed.target == made.folder.name
    assert made.handed.key not in repr(made.handed)
    assert (made.after.state, made.after.asked_by) == ("done", "olga"), made.after.progress.text
    (first,) = made.unconfirmed.holders
    assert (first.name, first.groups, first.is_confirmed) == ("first", CONFIRMED, False)
    assert "unconfirmed" in {one.kind for one in made.unconfirmed.warnings}
    with pytest.raises(Refused, match="look at the paper"):
        made.agent.ask(ConfirmRecoveryKey("first", ("AAAAA", "BBBBB")))
    (first,) = made.confirmed.holders
    assert first.is_confirmed
    assert "unconfirmed" not in {one.kind for one in made.confirmed.warnings}
    written = str(recorded(made.node))
    assert "ConfirmRecoveryKey" in written
    assert not any(group in written.upper() for group in key.groups)


def test_with_a_second_target_no_other_key_is_made_and_the_only_one_stays(made: SetUp) -> None:
    handed = made.ask_proven(AddBackupTarget("folder", str(made.other)))
    assert handed.key == ""
    assert ended(made.node, "set_up").state == "done"
    wait_until(lambda: len({one.target for one in made.agent.ask(ReadBackups()).sets}) == 2, seconds=240)
    wait_until(lambda: ended(made.node, "backup").state != "running")
    told = made.ask_proven(RemoveBackupTarget(handed.target))
    assert [one.name for one in told.targets] == [made.folder.name]
    assert ended(made.node, "set_up").state == "done"
    with pytest.raises(Refused, match="only target"):
        made.ask_proven(RemoveBackupTarget(made.folder.name))


def test_another_holder_is_added_and_goes_again_once_a_key_is_confirmed(made: SetUp) -> None:
    handed = made.ask_proven(AddKeyHolder("boris"))
    key = RecoveryKey.parse(handed.key)
    with pytest.raises(Refused, match="holds a key already"):
        made.ask_proven(AddKeyHolder("boris"))
    typed = tuple(key.groups[number - 1] for number in CONFIRMED)
    made.agent.ask(ConfirmRecoveryKey("boris", typed))
    cara = made.ask_proven(AddKeyHolder("cara"))
    assert "cara" not in {one.name for one in made.ask_proven(RemoveKeyHolder("cara")).holders}
    ring = (made.folder / "korobka/keyring.json").read_text()
    assert KeyRing.parse(ring).open(key)
    with pytest.raises(KeyRefused):
        KeyRing.parse(ring).open(RecoveryKey.parse(cara.key))


def test_without_a_proof_nothing_goes_elsewhere_and_nobody_gets_a_key(made: SetUp) -> None:
    before = made.agent.ask(ReadBackups())
    ring, there = (made.folder / "korobka/keyring.json").read_text(), sorted(made.other.rglob("*"))
    operations = made.agent.ask(ListOperations(1))
    for asked in (
        AddBackupTarget("folder", str(made.other)),
        AddKeyHolder("eve"),
        RotateKeys("eve"),
        BeginRestore(before.targets[0].name),
        RemoveBackupTarget(before.targets[0].name),
        RemoveKeyHolder("first"),
    ):
        for proof in ("", "AAAAA-AAAAA"):
            with pytest.raises(Unproven, match="sudo boxctl backup code"):
                made.agent.ask(asked, by="eve", proof=proof)
    after = made.agent.ask(ReadBackups())
    assert [one.place for one in after.targets] == [one.place for one in before.targets]
    assert after.holders == before.holders
    assert (made.folder / "korobka/keyring.json").read_text() == ring
    assert sorted(made.other.rglob("*")) == there
    assert made.agent.ask(ListOperations(1)) == operations
    boxctl(made.node, "backup", "code")


def test_a_code_that_root_reads_beside_what_it_is_for_is_good_for_that(made: SetUp) -> None:
    asked, other = AddKeyHolder("dora"), AddKeyHolder("eve")
    for one in (asked, other):
        with pytest.raises(Unproven):
            made.agent.ask(one, by="olga")
    said = boxctl(made.node, "backup", "code").stdout.splitlines()
    at = next(n for n, line in enumerate(said) if "'dora'" in line)
    assert said[at].startswith("olga, at ")
    with pytest.raises(Unproven):
        made.agent.ask(other, proof=said[at + 1])
    assert made.agent.ask(asked, proof=said[at + 1]).holder == "dora"
    assert "'dora'" not in boxctl(made.node, "backup", "code").stdout
    assert "backup code" in str(recorded(made.node))
    made.ask_proven(RemoveKeyHolder("dora"))


def test_words_of_a_printed_key_are_asked_for_and_never_again(made: SetUp) -> None:
    key = RecoveryKey.parse(made.handed.key)
    seen: set[int] = set(CONFIRMED)
    for name in ("gleb", "hanna"):
        (holder,) = [one for one in made.agent.ask(ReadBackups()).holders if one.name == "first"]
        assert not seen & set(holder.asked)
        seen |= set(holder.asked)
        typed = " ".join(key.groups[number - 1].lower() for number in holder.asked)
        assert made.agent.ask(AddKeyHolder(name), proof=typed).key
        made.ask_proven(RemoveKeyHolder(name))
        with pytest.raises(Unproven, match="of the recovery key of first"):
            made.agent.ask(AddKeyHolder(name), proof=typed)


def test_the_plan_is_changed(made: SetUp) -> None:
    told = made.agent.ask(SetBackupPlan(BackupTimes("04:30", 12, 14, 5, 7, 4, 12)))
    assert told.plan is not None
    assert (told.plan.at, told.plan.every_hours, told.plan.keep_months) == ("04:30", 12, 12)
    with pytest.raises(Refused, match="At least the last"):
        made.agent.ask(SetBackupPlan(BackupTimes("04:30", 12, 14, 0, 7, 4, 12)))


def test_the_history_is_paged_and_says_what_changed(made: SetUp) -> None:
    state = made.agent.ask(BeginBackup())
    measured = list[Measure | None]()
    done = made.agent.ask(FollowOperation(state.id), progress=lambda step: measured.append(step.measure))
    assert done.state == "done", done.progress.text
    assert any(one and one.what == "database" and one.total > 0 for one in measured)
    page = made.agent.ask(ReadBackupSets(limit=1))
    assert (len(page.sets), page.sets[0].files_more) == (1, 0)
    older = made.agent.ask(ReadBackupSets(limit=50, before=page.older))
    assert page.sets[0].label not in {one.label for one in older.sets}
    assert older.sets[-1].files_more is None
    assert older.older == ""


def test_a_backup_is_cancelled_and_leaves_no_half_set(made: SetUp) -> None:
    before = {one.label for one in made.agent.ask(ReadBackupSets()).sets}
    state = made.agent.ask(BeginBackup(is_full=True))
    told = made.agent.ask(CancelOperation(state.id), by="olga")
    assert (told.state, told.progress.text) == ("failed", "Cancelled by olga.")
    assert {one.label for one in made.agent.ask(ReadBackupSets()).sets} == before
    again = made.agent.ask(FollowOperation(made.agent.ask(BeginBackup()).id))
    assert again.state == "done", again.progress.text


def test_what_has_to_go_on_to_its_end_is_not_cancelled(made: SetUp) -> None:
    assert made.agent.ask(CancelOperation(made.after.id)) == made.after
