"""Root does nothing in a folder of a service, whatever the agent is asked, as the kernel saw it.

A service that was taken over puts links into its folders, and changes them at any moment. Where root never
makes, opens, gives or removes anything there, no such moment matters.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.agent import protocol
from appliance.agent.answers import BackupTimes, OperationState
from appliance.agent.protocol import OPERATIONS, Operation
from appliance.client import Agent, AgentError, Refused
from appliance.supervise import supervisor_for
from appliance.supervise.supervisord import Supervisord
from backup import settings
from backup.keys import CONFIRMED, RecoveryKey
from backup.portal import manage
from tests import require
from tests.appliance.boxes import running_box, wait_until
from tests.backup import strace
from tests.backup.conftest import Kept, acting_in

TIMES = BackupTimes("02:00", 24, 7, 3, 7, 4, 6)


class Asking:
    """Asks the agent, waits for what begins, and remembers what was asked and how it went."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.agent = Agent(kept.node.run("agent") / "agent.sock", acting="root", timeout=300)
        self.went: dict[str, str] = {}

    def __call__[R](self, operation: Operation[R]) -> R:
        name = type(operation).__name__
        while True:
            self.wait()
            try:
                answer = self.agent.ask(operation, by="olga")
                break
            except Refused as error:
                # The schedule was faster.
                if "wait until it ends" not in str(error):
                    raise
        self.went[name] = "done"
        if isinstance(answer, OperationState) and answer.state == "running":
            self.wait()
            # What somebody has asked for as their own stands in no list.
            read = protocol.ReadOperation(answer.id, reader=getattr(operation, "reader", ""))
            wait_until(lambda: self.agent.ask(read).state != "running", seconds=600)
            ended = self.agent.ask(read)
            self.went[name] = f"{ended.state}: {ended.progress.text}"
        return answer

    def refused(self, operation: Operation[Any], reason: str) -> None:
        """Where it has no place in a box of one machine."""
        self.wait()
        with pytest.raises(Refused, match=reason):
            self.agent.ask(operation, by="olga")
        self.went[type(operation).__name__] = "done: refused"

    def wait(self) -> None:
        def is_idle() -> bool:
            try:
                return all(
                    one.state != "running" for one in self.agent.ask(protocol.ListOperations(50)).operations
                )
            except AgentError:
                return False  # it is being restarted

        wait_until(is_idle, seconds=1500)


def ask_everything(ask: Asking, folder: Path, other: Path) -> None:
    """The life of a box, in which each operation has its place. A new one finds its own."""
    kept = ask.kept
    for plain in (
        protocol.ReadStatus(), protocol.ReadLog("cache"), protocol.ReadRecord(), protocol.ReadConfig(),
        protocol.ReadCertificate(), protocol.ReadCluster(), protocol.PlanBackups(TIMES),
    ):  # fmt: skip
        ask(plain)
    # What they do on a node, tests/appliance/cluster/test_one_node.py sees in the same way.
    ask.refused(protocol.SwitchOver("elsewhere"), "This is a single box")
    ask.refused(protocol.SetNode("elsewhere", "drained"), "This is a single box")
    ask(protocol.ReadUpgrades())
    # What they do where there is one, tests/installer/test_examine_root.py sees in the same way.
    ask.refused(protocol.ExamineRelease("none.tar.gz"), "There is no none.tar.gz")
    ask.refused(protocol.BeginUpgrade("none"), "There is no operation")
    handed = ask(protocol.AddBackupTarget("folder", str(folder), times=TIMES))
    groups = RecoveryKey.parse(handed.key).groups
    ask(protocol.ConfirmRecoveryKey("first", tuple(groups[number - 1] for number in CONFIRMED)))
    ask(protocol.AddKeyHolder("boris"))
    ask(protocol.RemoveKeyHolder("boris"))
    second = ask(protocol.AddBackupTarget("folder", str(other)))
    ask(protocol.RemoveBackupTarget(second.target))
    ask(protocol.SetBackupPlan(TIMES))
    kept.add_person("anna")
    kept.add_private_file("anna")
    ask(protocol.BeginBackup(is_full=True))
    kept.forget_files()
    for kind, back in ((protocol.FindInBackup, protocol.PutBack), (protocol.FindOwn, protocol.PutOwnBack)):
        search = ask(kind("files.file", "plan", "anna"))
        assert len(ask(protocol.ReadFound(search.id, "anna")).things) == 1
        ask(back(search.id, 1, "anna"))
    ask(protocol.VerifyBackups(handed.target, is_complete=True))
    ask(protocol.BeginDrill())
    ask(protocol.ReadBackups())
    label = ask(protocol.ReadBackupSets()).sets[0].label
    ask(protocol.BeginRestore(handed.target, set=label, with_safety=False))
    ask(protocol.RotateKeys("olga"))
    ask(protocol.SetConfig({"log_level": "WARNING"}))
    ask(protocol.ApplyConfig())
    restart = ask(protocol.RestartService("cache"))
    for last in (
        protocol.ReadOperation(restart.id), protocol.FollowOperation(restart.id),
        protocol.CancelOperation(restart.id), protocol.ListOperations(),
    ):  # fmt: skip
        ask(last)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Asking, list[strace.Deed], list[Path]]]:
    """What root did while everything was asked, and the folders of services."""
    require.root("What root does is looked at")
    require.programs("strace", "pgbackrest", "rclone", cure="apt-get install strace pgbackrest rclone")
    folders = [Path(tempfile.mkdtemp(prefix="korobka-target-")) for _ in range(2)]
    for folder in folders:
        folder.chmod(0o755)
    lines = tmp_path_factory.mktemp("strace") / "calls"
    with (
        running_box("agent", "database", "objects", "cache", backup__patience_seconds=60) as node,
        acting_in(node),
    ):
        manage(node, "migrate", "--noinput", as_owner=True)
        ask = Asking(Kept(node, folders[0], RecoveryKey.new()))
        (agent,) = supervisor_for(node).status("agent")
        pids = [int(Supervisord(node)._rpc().getPID()), agent.pid or 0]
        threads = strace.threads_of(*pids)
        with strace.followed(lines, *pids):
            ask_everything(ask, *folders)
        places = [Path(one.path) / one.repository for one in settings.load(node.paths).targets]
        places += [folder / "korobka" for folder in folders]
        yield ask, list(strace.deeds(lines, threads)), strace.services_folders(node.paths, *places)
    for folder in folders:
        shutil.rmtree(folder)


def test_every_operation_was_asked_and_came_to_its_end(
    seen: tuple[Asking, list[strace.Deed], list[Path]],
) -> None:
    ask, _, _ = seen
    assert ask.went.keys() == OPERATIONS.keys()
    assert {name: went for name, went in ask.went.items() if not went.startswith("done")} == {}


def test_root_does_nothing_in_a_folder_of_a_service(
    seen: tuple[Asking, list[strace.Deed], list[Path]],
) -> None:
    ask, deeds, places = seen
    assert len(deeds) > 1000
    assert strace.in_services_folders(ask.kept.node.paths, deeds, places) == []
