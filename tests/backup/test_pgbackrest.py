"""What is done to pgBackRest's processes."""

from __future__ import annotations

import fcntl
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from appliance import as_owner, users
from appliance.services.database.names import cluster
from backup import pgbackrest
from tests.appliance.boxes import query
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, hand_over, restore


def test_workers_of_a_killed_attempt_are_ended_and_nobody_else(tmp_path: Path) -> None:
    """pgBackRest's own go on for seconds once who began them is dead."""
    into = tmp_path / "17.restored"
    paths = (into, into.with_name("17.restored.spool"), into / "base")
    waiting = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", f"--pg1-path={path}"])
        for path in paths
    ]
    try:
        pgbackrest.end_workers(into)
        assert [process.poll() for process in waiting] == [-signal.SIGKILL, None, None]
    finally:
        for process in waiting:
            process.kill()
            process.wait()


def test_what_an_attempt_that_was_killed_has_left_stands_in_nobodys_way(kept: Kept) -> None:
    """Its workers may have put files there again while the folder was being removed."""
    made = back_up(kept)
    place, owner = cluster(kept.node), users.account(users.DATABASE)
    beside = place.with_name(f"{place.name}.restored")
    as_owner.make_folder(beside / "base/left", owner)
    (beside / "base/left/1255").write_bytes(b"left")
    state = restore(kept, set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    assert not beside.exists()
    assert not (place / "base/left/1255").exists()


def test_fetching_the_log_ahead_stands_in_no_way_of_handing_it_over(kept: Kept) -> None:
    """A recovered server does both in its first moments. Who finds the lock taken waits for minutes."""
    made = back_up(kept)
    state = restore(kept, set=made.label, is_set_alone=True)
    assert state.state == "done", state.progress.text
    command = shlex.split(query(kept.node, "show restore_command"))
    options = dict(word[2:].split("=", 1) for word in command if word.startswith("--"))
    lock = Path(options["lock-path"]) / f"korobka-archive-{kept.target.number}.lock"
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        hand_over(kept)
    # It is root's, and the next server could not have it.
    lock.unlink()
    assert f"spool-path={options['spool-path']}\n" not in pgbackrest.config_file(kept.node).read_text()
