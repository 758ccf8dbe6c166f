"""What is killed comes back; what is stopped stays stopped; what runs well is left alone."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from appliance import scratch
from appliance.node import Node
from appliance.services import named
from appliance.services.database.names import cluster
from appliance.supervise import launch, processes
from appliance.supervise.base import Instance, Status, SupervisorError
from appliance.supervise.supervisord import Supervisord
from tests.appliance.boxes import query, wait_until

LAUNCH = Path(launch.__file__)


@pytest.fixture
def supervisor(box: Node) -> Iterator[Supervisord]:
    yield Supervisord(box)
    Supervisord(box).start(*scratch.DEFAULT)


def one(supervisor: Supervisord, name: str) -> Status:
    (status,) = supervisor.status(name)
    return status


def kill(pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # it may end because of another of them
            os.kill(pid, signal.SIGKILL)


def kill_all_of(status: Status) -> None:
    assert status.pid
    kill(processes.children_of(status.pid))


def wait_until_replaced(supervisor: Supervisord, before: Status) -> None:
    def is_replaced() -> bool:
        now = one(supervisor, before.instance)
        return now.is_healthy and now.pid != before.pid

    wait_until(is_replaced)


@pytest.mark.parametrize("name", scratch.DEFAULT)
def test_a_killed_service_is_back_within_ten_seconds(supervisor: Supervisord, name: str) -> None:
    before = one(supervisor, name)
    assert before.is_healthy
    kill_all_of(before)
    wait_until_replaced(supervisor, before)


def test_a_service_comes_back_however_often_it_is_killed(supervisor: Supervisord) -> None:
    for _ in range(5):
        before = one(supervisor, "cache")
        kill_all_of(before)
        wait_until_replaced(supervisor, before)


def test_a_killed_postmaster_leaves_no_second_one(supervisor: Supervisord, box: Node) -> None:
    """Its backends outlive it for a moment, with its shared memory."""
    before = one(supervisor, "database")
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)
    wait_until_replaced(supervisor, before)
    assert query(box, "select 1") == "1"


def test_what_was_committed_survives_the_kill(supervisor: Supervisord, box: Node) -> None:
    query(box, "drop table if exists kept; create table kept as select generate_series(1, 1000) n")
    kill_all_of(one(supervisor, "database"))
    wait_until(lambda: one(supervisor, "database").is_healthy)
    assert query(box, "select count(*) from kept; drop table kept") == "1000"


def test_what_is_stopped_stays_stopped(supervisor: Supervisord) -> None:
    supervisor.stop("cache")
    # By then what is to come back has come back.
    other = one(supervisor, "objects")
    kill_all_of(other)
    wait_until_replaced(supervisor, other)
    stopped = one(supervisor, "cache")
    assert (stopped.state, stopped.pid, stopped.problem) == ("stopped", None, "it is stopped")
    supervisor.start("cache")
    assert one(supervisor, "cache").is_healthy


def test_starting_and_applying_again_touches_nothing(supervisor: Supervisord) -> None:
    before = [(s.instance, s.pid) for s in supervisor.status(*scratch.DEFAULT)]
    assert supervisor.apply() == ()
    assert supervisor.pending() == ()
    supervisor.start(*scratch.DEFAULT)
    assert [(s.instance, s.pid) for s in supervisor.status(*scratch.DEFAULT)] == before


def test_reloading_the_database_keeps_its_process(supervisor: Supervisord, box: Node) -> None:
    before = one(supervisor, "database").pid
    supervisor.reload("database")
    assert one(supervisor, "database").pid == before


def test_restarting_replaces_the_process(supervisor: Supervisord) -> None:
    before = one(supervisor, "cache").pid
    supervisor.restart("cache")
    after = one(supervisor, "cache")
    assert after.is_healthy
    assert after.pid != before


def test_who_is_restarted_comes_back_though_whoever_asked_for_it_is_killed(
    supervisor: Supervisord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be the agent that is missing then, and with it whoever takes up what was killed."""
    before = one(supervisor, "cache")

    class Killed(BaseException):
        pass

    told = supervisor._signal

    def killed(*_: object) -> None:
        raise Killed

    def tell_and_be_killed(instance: Instance, number: signal.Signals) -> None:
        told(instance, number)
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(supervisor, "_start", killed)
        patched.setattr(supervisor, "_signal", tell_and_be_killed)
        supervisor.restart("cache")
    wait_until_replaced(supervisor, before)


def test_what_has_changed_for_the_supervisor_is_restarted_with_it(
    supervisor: Supervisord, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = supervisor._section

    def changed(instance: Instance) -> dict[str, str]:
        found = section(instance)
        return {**found, "stopwaitsecs": "61"} if instance.name == "cache" else found

    before = one(supervisor, "cache")
    with monkeypatch.context() as patched:
        patched.setattr(supervisor, "_section", changed)
        assert supervisor.apply() == ("cache",)
        supervisor.restart("cache")
        assert supervisor._has_changed("cache") is False
        assert one(supervisor, "cache").pid != before.pid
    supervisor.apply()
    supervisor.restart("cache")


def test_a_killed_supervisor_is_replaced_and_no_service_runs_twice(
    supervisor: Supervisord, box: Node
) -> None:
    supervisor_pid = int((box.paths.run / "supervisord.pid").read_text())
    orphan = one(supervisor, "cache").pid
    os.kill(supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not processes.is_alive(supervisor_pid))
    supervisor.start(*scratch.DEFAULT)
    assert all(status.is_healthy for status in supervisor.status(*scratch.DEFAULT))
    assert orphan
    assert not processes.is_alive(orphan)
    found = list(processes.marked(box.paths.prefix).values())
    assert sorted(set(found)) == sorted(scratch.DEFAULT)


def test_everything_killed_at_once_starts_again(supervisor: Supervisord, box: Node) -> None:
    """As after a power cut, but for the pid files: they may name other programs by now."""
    victims = {int((box.paths.run / "supervisord.pid").read_text())}
    for status in supervisor.status(*scratch.DEFAULT):
        assert status.pid
        victims |= processes.children_of(status.pid)
    kill(victims)
    wait_until(lambda: not any(processes.is_alive(pid) for pid in victims))
    pid_file = cluster(box) / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    supervisor.start(*scratch.DEFAULT)
    assert all(status.is_healthy for status in supervisor.status(*scratch.DEFAULT))


def test_an_unknown_name_is_answered_with_the_known_ones(supervisor: Supervisord) -> None:
    with pytest.raises(
        SupervisorError, match=r"databse does not run in this box\. There are: agent, .*database"
    ):
        supervisor.start("databse")


def test_a_service_that_cannot_start_says_why(
    supervisor: Supervisord, box: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.supervise.base._START_SECONDS", 3.0)
    supervisor.stop("cache")
    program = box.run("cache") / "memcached.sock"
    program.unlink(missing_ok=True)
    program.mkdir()  # where its socket should be
    try:
        with pytest.raises(
            SupervisorError, match=r"cache did not start .*boxctl logs cache(.|\n)*Address already in use"
        ):
            supervisor.start("cache")
    finally:
        program.rmdir()
    wait_until(lambda: one(supervisor, "cache").is_healthy)


def what_they_say(pids: Collection[int], attribute: str) -> list[Any]:
    """Passes over those that have ended since: the database's workers come and go."""
    said = [process.info[attribute] for process in psutil.process_iter([attribute]) if process.pid in pids]
    return [value for value in said if value is not None]


def test_memory_is_shared_out_and_not_counted_twice(supervisor: Supervisord) -> None:
    status = one(supervisor, "database")
    assert status.pid
    memory = what_they_say(processes.children_of(status.pid), "memory_info")
    resident = sum(each.rss for each in memory) >> 20
    assert status.memory_mb
    assert 5 < status.memory_mb < resident
    (brief,) = supervisor.status("database", with_health=False)
    assert (brief.pid, brief.memory_mb) == (status.pid, None)


def test_logs_are_read_and_followed_over_a_rotation(supervisor: Supervisord, box: Node) -> None:
    log = box.paths.log / "cache.log"
    with log.open("a") as file:
        file.write("one\ntwo\n")
    assert list(supervisor.logs(["cache"], lines=2)) == ["one", "two"]
    following = supervisor.logs(["cache"], lines=1, follow=True)
    assert next(following) == "two"
    with log.open("a") as file:
        file.write("three\n")
    assert next(following) == "three"
    log.rename(log.with_name("cache.log.1"))
    log.write_text("four\n")
    assert next(following) == "four"
    following.close()
    supervisor.restart("cache")


def test_no_secret_is_in_the_supervisors_configuration_or_an_argument(
    supervisor: Supervisord, box: Node
) -> None:
    text = (box.paths.generated / "supervisor" / "supervisord.conf").read_text()
    commands = what_they_say(processes.marked(box.paths.prefix), "cmdline")
    arguments = " ".join(" ".join(each) for each in commands)
    for name, value in vars(box.secrets).items():
        assert value not in text, name
        assert value not in arguments, name


def launched(stamp: Path, *options: str, command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCH), "--stamp", str(stamp), *options, "--", *command],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_service_that_ends_at_once_is_not_started_in_a_busy_loop(tmp_path: Path) -> None:
    stamp = tmp_path / "started"
    begun = time.monotonic()
    for _ in range(3):
        assert launched(stamp, command=["true"]).returncode == 0
    assert time.monotonic() - begun > 2 * 0.9


@pytest.mark.usefixtures("as_root")
def test_a_launched_service_keeps_only_what_it_needs(tmp_path: Path) -> None:
    plain = launched(tmp_path / "a", "--user", "65534:65534", command=["cat", "/proc/self/status"]).stdout
    assert "Uid:\t65534\t65534\t65534\t65534" in plain
    assert "CapEff:\t0000000000000000" in plain
    assert "NoNewPrivs:\t1" in plain
    bound = launched(
        tmp_path / "b",
        "--user",
        "65534:65534",
        "--capability",
        "net_bind_service",
        command=["cat", "/proc/self/status"],
    ).stdout
    assert "CapEff:\t0000000000000400" in bound  # CAP_NET_BIND_SERVICE is number 10


@pytest.mark.usefixtures("as_root")
def test_a_tmp_of_its_own_hides_the_one_that_others_write_to(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    seen = launched(tmp_path / "a", "--tmp", str(own), command=["ls", "-A", "/tmp"])
    assert (seen.stdout, seen.stderr) == ("", "")


def test_a_pid_file_of_another_program_is_removed_and_the_own_is_kept(tmp_path: Path) -> None:
    pid_file = tmp_path / "postmaster.pid"
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        pid_file.write_text(f"{sleeper.pid}\n/somewhere\n")
        launched(tmp_path / "a", "--pid-file", str(pid_file), command=["/usr/bin/true"])
        assert not pid_file.exists()
        pid_file.write_text(f"{sleeper.pid}\n/somewhere\n")
        launched(tmp_path / "b", "--pid-file", str(pid_file), command=["sleep", "0"])
        assert pid_file.exists()
        sleeper.kill()


def test_start_order_puts_what_is_needed_first() -> None:
    order = [named(name).order // 10 for name in ("agent", "database", "web", "balancer")]
    assert order == sorted(set(order))
