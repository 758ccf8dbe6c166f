"""What is done to pgBackRest's processes."""

from __future__ import annotations

import fcntl
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from appliance import as_owner, runner, users
from appliance.agent import operations
from appliance.agent.journal import Journal
from appliance.runner import CommandFailed
from appliance.services.database.names import cluster
from appliance.supervise import processes
from backup import pgbackrest, sets
from tests.appliance.boxes import query, wait_until
from tests.backup.conftest import Kept
from tests.backup.operating import back_up, ended, hand_over, kill_postgres, perform, performers, restore


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


def test_workers_of_another_box_and_of_another_command_go_on() -> None:
    """Several boxes may live on one machine, and PostgreSQL hands its log over meanwhile."""
    ours, command = "--config=/nowhere/ours.conf", "backup:local"
    known_by = ((ours, command), (ours, "archive-push:local"), ("--config=/nowhere/theirs.conf", command))
    waiting = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", *words]) for words in known_by
    ]
    try:
        pgbackrest._end_workers(command, ours)
        assert [process.poll() for process in waiting] == [-signal.SIGKILL, None, None]
    finally:
        for process in waiting:
            process.kill()
            process.wait()


def workers(kept: Kept) -> list[psutil.Process]:
    """pgBackRest's, of a backup of this box."""
    config = f"--config={pgbackrest.config_file(kept.node)}"
    pids = processes.with_argument("backup:local") & processes.with_argument(config)
    return [psutil.Process(pid) for pid in pids]


def stopped_while_it_writes(kept: Kept, journal: Journal) -> psutil.Process:
    """One of them, in the middle of a file of the set."""
    while True:
        assert not journal.is_over()
        for worker in workers(kept):
            with suppress(psutil.NoSuchProcess):
                worker.suspend()
                if any("/bundle/" in file.path for file in worker.open_files()):
                    return worker
                worker.resume()


def test_workers_of_a_killed_backup_write_nothing_into_the_set_of_the_next_attempt(kept: Kept) -> None:
    """Whose work nobody hears of do it once more, seconds later."""
    journal = operations.begin(kept.node.paths, "backup", {"kind": "full", "targets": ["disk"]}, by="a test")
    worker = stopped_while_it_writes(kept, journal)
    (performer,) = performers(journal)
    for process in (performer, *performer.children(recursive=True)):
        if process not in workers(kept):
            process.kill()
    state = ended(kept, journal)
    assert (state.state, journal.attempts) == ("done", 2), state.progress.text
    with suppress(psutil.NoSuchProcess):
        worker.resume()
    wait_until(lambda: not workers(kept), seconds=60)
    made = sets.known(kept.node, kept.target)[-1]
    state = perform(kept, "verify", target="disk", set=made.label)
    assert state.state == "done", state.progress.text


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


def test_a_backup_is_made_at_once_by_a_server_that_was_just_promoted(kept: Kept) -> None:
    """It has much to write yet before its control file names the new timeline."""
    back_up(kept)
    # What an earlier restore went by, its time line, too.
    query(kept.node, "alter system reset all")
    try:
        query(kept.node, "create table filled as select n, repeat('x', 800) from generate_series(1, 50000) n")
        query(kept.node, "checkpoint")
        query(kept.node, "update filled set n = -n")
        restart_as_standby(kept)
        query(kept.node, "select pg_promote()")
        written = int(query(kept.node, "select left(pg_walfile_name(pg_current_wal_lsn()), 8)"), 16)
        assert int(query(kept.node, "select timeline_id from pg_control_checkpoint()")) < written
        assert back_up(kept).timeline == written
    finally:
        query(kept.node, "drop table if exists filled")


def restart_as_standby(kept: Kept) -> None:
    """Kill the server; the one that the supervisor starts in its place recovers until it is promoted."""
    runner.run(["touch", cluster(kept.node) / "standby.signal"], user=users.account(users.DATABASE))
    kill_postgres(kept)

    def is_standby() -> bool:
        with suppress(CommandFailed):
            return query(kept.node, "select pg_is_in_recovery()") == "t"
        return False

    wait_until(is_standby)
