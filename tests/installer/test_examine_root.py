"""What root does when the console has a release looked at and begun, as the kernel saw it.

See tests/backup/test_root.py, where all other operations are asked for.
"""

from __future__ import annotations

from pathlib import Path

from appliance.agent.answers import OperationState
from appliance.client import Agent, BeginUpgrade, ExamineRelease, Operation, ReadOperation
from appliance.supervise import supervisor_for
from appliance.supervise.supervisord import Supervisord
from installer import release
from tests import require
from tests.appliance.boxes import running_box, wait_until
from tests.backup import strace

from .releases import ARCHIVE, ONE, made, offer


def test_root_does_nothing_in_a_folder_of_a_service(tmp_path: Path) -> None:
    require.root("What root does is looked at")
    require.programs("strace", cure="apt-get install strace")
    with running_box("agent", "cache") as node:
        node.paths.releases.mkdir(parents=True, exist_ok=True)
        release.switch(node.paths, made(node.paths.releases / "old", "1", ONE).tree)
        offer(node.paths, tmp_path)
        agent = Agent(node.run("agent") / "agent.sock", acting="root", timeout=300)

        def ended(operation: Operation[OperationState]) -> OperationState:
            read = ReadOperation(agent.ask(operation, by="olga").id)
            wait_until(lambda: agent.ask(read).state != "running", seconds=300)
            return agent.ask(read)

        (process,) = supervisor_for(node).status("agent")
        pids = [int(Supervisord(node)._rpc().getPID()), process.pid or 0]
        threads = strace.threads_of(*pids)
        with strace.followed(tmp_path / "calls", *pids):
            examined = ended(ExamineRelease(ARCHIVE))
            begun = ended(BeginUpgrade(examined.id))
        assert examined.state == "done", examined.progress.text
        # There is nothing in it that could be built: it is taken back.
        assert (begun.state, node.paths.current.resolve().name) == ("failed", "old"), begun.progress.text
        deeds = list(strace.deeds(tmp_path / "calls", threads))
        assert any(deed.path.is_relative_to(node.paths.releases) for deed in deeds)
        places = strace.services_folders(node.paths)
        assert strace.in_services_folders(node.paths, deeds, places) == []
