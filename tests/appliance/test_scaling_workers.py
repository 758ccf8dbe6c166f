"""Web workers follow the load: what is decided, and how they come and go on a real box while people click."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import config, service_files, web_workers
from appliance.agent import applied_config, operations, scaling_workers
from appliance.agent.answers import WorkersDecision
from appliance.agent.codec import encode
from appliance.agent.journal import Journal
from appliance.agent.scaling_workers import POLICY, WorkerScaler, members
from appliance.client import ReadStatus
from appliance.cluster.scaling import History, Plan, Sample, decide
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.services.balancer.runtime import Runtime, Server
from appliance.services.balancer.service import runtime_socket
from appliance.supervise import Supervisor, SupervisorError, processes, supervisor_for
from appliance.supervise import base as supervising
from tests.appliance.boxes import PATIENCE, agent_of, boxctl, running_box, wait_until
from tests.appliance.test_boxctl_restart import ask, clicks

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TICK = timedelta(seconds=scaling_workers.TICK_SECONDS)

# What is decided


def plan_of(
    busy: float,
    *,
    count: int = 2,
    most: int = 4,
    has_room: bool = True,
    since: datetime = NOW - 9 * POLICY.window,
) -> Plan:
    """With that many workers, each as busy as that for three minutes."""
    samples = tuple(
        Sample(NOW - number * TICK, f"web@{worker}", busy)
        for number in range(36)
        for worker in range(1, count + 1)
    )
    history = History(
        members(count, most, has_room=has_room), samples, since, shortage="of the memory 500 MiB are free"
    )
    return decide(history, replace(POLICY, minimum=2, maximum=most), NOW)


def test_one_more_above_the_upper_threshold_and_one_less_below_the_lower() -> None:
    assert str(plan_of(0.75)) == "Mean CPU 75% of 2 web workers over 2 min, above 60%: waking web@3."
    assert plan_of(1.0).wake == ("web@3",), "one at a time"
    assert plan_of(0.1, count=4).drain == ("web@4",)
    assert not plan_of(0.6).is_change and not plan_of(0.3, count=4).is_change


def test_never_above_what_the_memory_allows_and_one_leaves_all_the_same() -> None:
    plan = plan_of(0.75, has_room=False)
    assert str(plan).endswith("above 60%, and of the memory 500 MiB are free: nothing is done.")
    assert plan_of(0.1, count=3, has_room=False).drain == ("web@3",)


def test_changes_are_apart_by_the_cool_down() -> None:
    assert not plan_of(0.9, since=NOW - POLICY.cool_down + TICK).is_change
    assert plan_of(0.9, since=NOW - POLICY.cool_down).is_change


def lived(
    work: Callable[[int], float],
    *,
    fewest: int,
    most: int,
    count: int,
    has_room: Callable[[int], bool],
    ticks: int,
) -> list[int]:
    """How many workers run after each tick: `work` is what there is to do at it, in whole cores."""
    samples: list[Sample] = []
    changed_at: datetime | None = None
    counts = []
    for tick in range(ticks):
        now = NOW + tick * TICK
        busy = min(work(tick) / count, 1.0)
        samples = [one for one in samples if one.at > now - 2 * POLICY.window]
        samples += [Sample(now, f"web@{number}", busy) for number in range(1, count + 1)]
        history = History(members(count, most, has_room=has_room(tick)), tuple(samples), changed_at)
        plan = decide(history, replace(POLICY, minimum=fewest, maximum=most), now)
        assert len(plan.wake) + len(plan.drain) <= 1
        if plan.is_change:
            count += len(plan.wake) - len(plan.drain)
            changed_at = now
        counts.append(count)
    return counts


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(0, 5), st.floats(0, 10), st.data())
def test_under_a_steady_load_their_number_goes_one_way_and_stays(
    fewest: int, more: int, work: float, data: st.DataObject
) -> None:
    most = fewest + more
    count = data.draw(st.integers(fewest, most))
    counts = lived(
        lambda _: work, fewest=fewest, most=most, count=count, has_room=lambda _: True, ticks=30 * (more + 2)
    )
    assert counts in (sorted(counts), sorted(counts, reverse=True))
    assert len(set(counts[-30:])) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(0, 5),
    st.lists(st.tuples(st.floats(0, 12), st.booleans()), min_size=2, max_size=8),
)
def test_the_minimum_is_kept_and_neither_maximum_nor_memory_is_passed(
    fewest: int, more: int, times: list[tuple[float, bool]]
) -> None:
    most = fewest + more
    counts = lived(
        lambda tick: times[tick // 30 % len(times)][0],
        fewest=fewest,
        most=most,
        count=fewest,
        has_room=lambda tick: times[tick // 30 % len(times)][1],
        ticks=30 * len(times),
    )
    assert fewest <= min(counts) and max(counts) <= most
    grown = [tick for tick, (a, b) in enumerate(pairwise(counts), 1) if b > a]
    assert all(times[tick // 30 % len(times)][1] for tick in grown)


@pytest.mark.parametrize(
    ("cores", "table", "numbers"),
    [
        (1, "", (2, 2, 2)),
        (2, "", (2, 2, 2)),
        (4, "", (2, 4, 4)),
        (8, "", (4, 8, 8)),
        (32, "", (4, 8, 8)),
        (8, "web_workers = 3", (3, 3, 3)),
        (8, "web_workers = 3\nweb_workers_min = 1\nweb_workers_max = 9", (3, 3, 3)),
        (2, "web_workers_max = 3", (2, 3, 3)),
        (2, "web_workers_min = 4", (4, 4, 4)),
        (8, "web_workers_max = 1", (1, 1, 1)),
        (8, "web_workers_min = 1\nweb_workers_max = 12", (1, 12, 12)),
    ],
)
def test_fewest_and_most_follow_from_the_cores_unless_they_are_given(
    cores: int, table: str, numbers: tuple[int, int, int]
) -> None:
    box = config.parse(f"[node]\n{table}\n")
    node = Node(Paths(Path("/nowhere")), box, config.new_secrets(), Machine(memory_mb=8192, cores=cores))
    assert (node.web_workers_min, node.web_workers_max, node.web_workers) == numbers
    # What was decided by other numbers does not outlive them.
    for count in (0, 99):
        decided = replace(node, decision=WorkersDecision(NOW, count, 2, 0.5, ""))
        assert decided.web_workers == (numbers[0] if count == 0 else numbers[1])


def test_what_was_decided_is_kept_and_what_cannot_be_read_is_nothing(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    assert web_workers.last_decision(paths) is None
    paths.operations.mkdir(parents=True)
    decision = WorkersDecision(NOW, 3, 2, 0.75, "Mean CPU 75%")
    web_workers.remember(paths, decision)
    assert web_workers.last_decision(paths) == decision
    for broken in ("", "{", '{"count": "many"}', "[]"):
        web_workers.file_of(paths).write_text(broken)
        assert web_workers.last_decision(paths) is None


def test_memory_is_what_the_kernel_says(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    1048576 kB\n")
    assert scaling_workers.available_mb(file) == 1024


def test_a_process_is_asked_for_what_it_has_had_of_processors() -> None:
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy:
        before = processes.cpu_seconds(busy.pid)
        assert before is not None
        wait_until(lambda: (processes.cpu_seconds(busy.pid) or 0) > before + 0.1)
        busy.kill()
    assert processes.cpu_seconds(busy.pid) is None


# On a real box


@pytest.fixture(scope="module")
def box() -> Iterator[Node]:
    workers = {"node__web_workers": 0, "node__web_workers_min": 2, "node__web_workers_max": 3}
    with running_box("agent", "web", "balancer", has_tables=False, **workers) as node:
        wait_until(lambda: ask(node) == "200")
        yield node


def balancer_of(box: Node) -> Runtime:
    return Runtime(runtime_socket(box))


def server(box: Node, name: str, backend: str = "web") -> Server:
    return balancer_of(box).servers(backend)[name]


def supervisor(box: Node) -> Supervisor:
    return supervisor_for(applied_config.in_force(box.paths))


def running(box: Node) -> list[str]:
    known = supervisor(box).status("web", with_health=False)
    return [status.instance for status in known if status.pid]


def settled(box: Node) -> bool:
    return not operations.unfinished(box.paths)


AT_ONCE = 20


@contextmanager
def work(box: Node, people: int = 3) -> Iterator[list[str]]:
    """People who ask without a pause, many times in one breath, so that the workers have more to do than who
    asks; after the block, what went wrong."""
    wrong: list[str] = []
    is_over = threading.Event()
    context = ssl.create_default_context(cafile=str(box.paths.tls / "ca.crt"))

    def labour() -> None:
        address = ("127.0.0.1", box.box.balancer.https_port)
        with (
            socket.create_connection(address, timeout=PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            while not is_over.is_set():
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * AT_ONCE)
                answers = b""
                while answers.count(b"HTTP/1.1 200 ") < AT_ONCE:
                    if not (more := connection.recv(1 << 16)):
                        wrong.append(answers.decode(errors="replace"))
                        return
                    answers += more

    threads = [threading.Thread(target=labour) for _ in range(people)]
    for thread in threads:
        thread.start()
    try:
        yield wrong
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def decision_of(box: Node, count: int, before: int) -> dict[str, object]:
    return {"decision": encode(WorkersDecision(datetime.now(UTC), count, before, 0.5, f"To {count}."))}


def to(box: Node, count: int) -> None:
    wait_until(lambda: settled(box))
    before = applied_config.in_force(box.paths).web_workers
    journal = operations.begin(box.paths, "workers", decision_of(box, count, before), by="test")
    list(operations.follow(journal))
    assert journal.state().state == "done", journal.state().progress.text


def test_an_idle_box_lets_one_go_by_itself_and_says_why(box: Node) -> None:
    """The agent's own, with its own window."""
    to(box, 3)
    supervisor(box).start("agent")
    assert running(box) == ["web@1", "web@2", "web@3"]
    serving = balancer_of(box).worker()
    with clicks(box, people=1, pause=0.3) as answers:
        wait_until(lambda: len(running(box)) == 2 and settled(box), seconds=600)
    assert set(answers) == {"200"}
    assert balancer_of(box).worker() == serving, "not reloaded: connections outlive it"
    # Off on purpose, in all backends: neither asked nor looked for.
    for backend in ("web", "writes", "static"):
        assert server(box, "web-3", backend).status.startswith("MAINT")
        assert server(box, "web-2", backend).is_up
    state = agent_of(box).ask(ReadStatus())
    assert state.workers and state.workers.decision
    assert [service.is_healthy for service in state.services if service.name == "web"] == [True]
    assert (state.workers.count, state.workers.fewest, state.workers.most) == (2, 2, 3)
    sentence = state.workers.decision.sentence
    assert "of 3 web workers over 2 min, below 30%: draining web@3." in sentence
    assert sentence in "\n".join(supervisor(box).logs(["agent"], lines=200))
    told = boxctl(box, "status").stdout
    assert f"2 web workers, of 2 to 3. {sentence}" in told
    assert json.loads(boxctl(box, "status", "--json").stdout)["workers"]["count"] == 2
    assert "balancer" not in service_files.pending(applied_config.in_force(box.paths))
    assert supervisor(box).pending() == ()


def test_under_load_one_comes_is_asked_and_goes_with_the_load_and_no_request_fails(box: Node) -> None:
    # Its clock is another one: two deciders would not know of each other's samples.
    supervisor(box).stop("agent")
    to(box, 2)
    pace = timedelta(seconds=12)
    # The machine of a test has others on it: a worker gets less of its core than it could use.
    quick = replace(POLICY, window=pace, cool_down=pace, out_above=0.12, in_below=0.06)
    scaler, serving = WorkerScaler(box.paths, quick), balancer_of(box).worker()

    def is_at(count: int) -> bool:
        scaler.tick(datetime.now(UTC))
        time.sleep(0.4)
        return len(running(box)) == count and settled(box)

    with clicks(box, people=1, pause=0.3) as answers:
        with work(box) as wrong:
            wait_until(lambda: is_at(3), seconds=3 * PATIENCE)
            asked = server(box, "web-3").total
            wait_until(lambda: server(box, "web-3").total > asked + 20)
        wait_until(lambda: is_at(2), seconds=3 * PATIENCE)
    assert (wrong, set(answers)) == ([], {"200"})
    assert balancer_of(box).worker() == serving
    done = [state for state in operations.list_states(box.paths, 20) if state.kind == "workers"]
    assert "above 12%: waking web@3." in done[1].progress.text
    assert "below 6%: draining web@3." in done[0].progress.text


def test_none_goes_while_a_backup_runs_and_nothing_begins_beside_a_restart(box: Node) -> None:
    supervisor(box).stop("agent")
    to(box, 3)
    pace = timedelta(seconds=10)
    scaler = WorkerScaler(box.paths, replace(POLICY, window=pace, cool_down=pace))

    def looks() -> bool:
        """Whether something has begun."""
        scaler.tick(datetime.now(UTC))
        time.sleep(0.3)
        return not settled(box)

    for kind in ("backup", "restart"):
        journal = Journal.begin(box.paths.operations, kind, {}, by="test")
        lock = journal.take()
        assert lock is not None
        end = time.monotonic() + 1.5 * pace.total_seconds()
        while time.monotonic() < end:
            looks()
        known = [one.kind for one in operations.unfinished(box.paths)]
        os.close(lock)
        journal.end("done", "")
        assert known == [kind]
    # It was only waiting for that.
    wait_until(looks)
    wait_until(lambda: settled(box) and len(running(box)) == 2)


@pytest.mark.parametrize(("before", "count"), [(2, 3), (3, 2)])
def test_killed_on_the_way_it_is_done_again(box: Node, before: int, count: int) -> None:
    supervisor(box).stop("agent")
    to(box, before)
    with clicks(box) as answers:
        journal = operations.begin(box.paths, "workers", decision_of(box, count, before), by="test")
        wait_until(lambda: journal.noted("progress"))
        for leader in operations._performers(journal):
            os.killpg(leader, signal.SIGKILL)
        wait_until(lambda: not journal.is_performed())
        if journal.state().state == "running":
            assert operations.recover(box.paths) == [journal]
        list(operations.follow(journal))
    assert journal.state().state == "done"
    assert set(answers) == {"200"}
    assert len(running(box)) == count
    assert server(box, "web-3").status.startswith("UP" if count == 3 else "MAINT")
    assert applied_config.in_force(box.paths).web_workers == count


def test_where_one_does_not_start_as_many_run_as_before(box: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor(box).stop("agent")
    to(box, 2)
    kept = web_workers.last_decision(box.paths)
    monkeypatch.setattr(supervising, "_START_SECONDS", 0.05)
    with clicks(box) as answers, pytest.raises(SupervisorError, match="web@3 did not start"):
        supervisor(box).follow_load(WorkersDecision(NOW, 3, 2, 0.9, ""))
    assert set(answers) == {"200"}
    assert running(box) == ["web@1", "web@2"]
    assert web_workers.last_decision(box.paths) == kept
    assert supervisor(box).pending() == ()


def test_a_restart_of_the_balancer_and_of_everything_finds_as_many(box: Node) -> None:
    to(box, 2)
    again = supervisor(box)
    again.restart("balancer")
    wait_until(lambda: ask(box) == "200")
    assert server(box, "web-3").status.startswith("MAINT")
    to(box, 3)
    wait_until(lambda: server(box, "web-3").is_up)
    with clicks(box) as answers:
        supervisor(box).start("agent")
        assert boxctl(box, "restart", "web").returncode == 0
    assert set(answers) == {"200"}
    assert running(box) == ["web@1", "web@2", "web@3"]
