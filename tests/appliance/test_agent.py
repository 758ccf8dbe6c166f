"""The agent of a running box: who may speak to it, what it answers, what survives whom."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance import users
from appliance.agent import operations
from appliance.agent.journal import Journal
from appliance.agent.server import MOST_AT_ONCE, REQUEST_SECONDS
from appliance.client import (
    Agent,
    AgentAway,
    AgentLost,
    ApplyConfig,
    FollowOperation,
    ListOperations,
    NodeStatus,
    OperationState,
    Progress,
    ReadCertificate,
    ReadConfig,
    ReadLog,
    ReadOperation,
    ReadStatus,
    Refused,
    RestartService,
    SetConfig,
)
from appliance.node import Node
from tests.appliance.boxes import ROOT, agent_of, recorded, running_box, wait_until


@pytest.fixture(scope="module")
def box() -> Iterator[Node]:
    with running_box("agent", "cache") as node:
        yield node


@pytest.fixture
def agent(box: Node) -> Agent:
    wait_until(lambda: is_there(box))
    return agent_of(box)


def is_there(box: Node) -> bool:
    try:
        agent_of(box).ask(ListOperations())
    except (AgentAway, AgentLost):
        return False
    return True


def pid_of(status: NodeStatus, name: str) -> int:
    [pid] = [i.pid for service in status.services for i in service.instances if i.name == name]
    assert pid
    return pid


def finish(agent: Agent, state: OperationState) -> OperationState:
    return agent.ask(FollowOperation(state.id))


def ask_as(account: users.Account, box: Node, operation: str, *, acting: str = "console") -> str:
    """Another user asks; returns what they get to see."""
    program = (
        "import sys\n"
        "from appliance.client import *\n"
        "try:\n"
        f"    agent = Agent({str(box.run('agent') / 'agent.sock')!r}, acting={acting!r})\n"
        f"    print(agent.ask({operation}, by='olga'))\n"
        "except AgentError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    become = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups", "--"]
    done = subprocess.run(
        ["setpriv", *become, sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


def say(box: Node, line: bytes) -> dict[str, object]:
    """Send a raw line and read the raw answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(box.run("agent") / "agent.sock"))
        connection.sendall(line)
        with connection.makefile() as answer:
            found: dict[str, object] = json.loads(answer.readline())
            return found


# Who may speak


@pytest.mark.usefixtures("as_root")
def test_socket_is_closed_to_everybody_but_root_and_the_portals_group(box: Node) -> None:
    path = box.run("agent") / "agent.sock"
    portal = users.account(users.PORTAL)
    assert (path.stat().st_uid, path.stat().st_gid) == (0, portal.gid)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o007 == 0
    assert ask_as(users.Account("nobody", 65534, 65534), box, "ReadStatus()").startswith("AgentAway")


@pytest.mark.usefixtures("as_root")
def test_the_portals_group_cannot_open_the_agents_lock(box: Node) -> None:
    """Whoever opens it, even to read, could lock it, and no agent would start any more."""
    known = (box.run("agent") / "agent.lock").stat()
    assert (known.st_uid, known.st_mode & 0o777) == (os.geteuid(), 0o600)


@pytest.mark.usefixtures("as_root")
def test_a_stranger_in_the_portals_group_is_refused_by_the_kernels_word(box: Node) -> None:
    stranger = users.Account("nobody", 65534, users.account(users.PORTAL).gid)
    assert "Only root and the portal" in ask_as(stranger, box, "ReadStatus()")


@pytest.mark.usefixtures("as_root")
def test_the_portal_may_ask_but_not_as_root(box: Node) -> None:
    portal = users.account(users.PORTAL)
    assert ask_as(portal, box, "ReadStatus()").startswith("NodeStatus(")
    assert "may not act as root" in ask_as(portal, box, "ReadStatus()", acting="root")


@pytest.mark.usefixtures("as_root")
def test_the_portal_may_not_change_what_root_trusts(box: Node) -> None:
    before = box.paths.box_toml.read_text()
    said = ask_as(users.account(users.PORTAL), box, "SetConfig({'objects.program': '/tmp/evil'})")
    assert said.startswith("Refused")
    assert "only be changed by root" in said
    assert box.paths.box_toml.read_text() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"rm -rf /\n", "Expecting value"),
        (b"[]\n", "must be dict"),
        (b'{"operation": "RunShell", "arguments": {"command": "id"}}\n', "is not an operation of the agent"),
        (b'{"operation": "ReadLog", "arguments": {"service": 7}}\n', "ReadLog.service must be str"),
        (b'{"operation": "ReadLog", "arguments": {"service": "web", "path": "/"}}\n', "no field 'path'"),
        (b'{"operation": "ReadLog", "arguments": {"service": "../../etc/passwd"}}\n', "no service"),
        (b'{"operation": "ReadOperation", "arguments": {"id": "../../../etc/shadow"}}\n', "no operation"),
        (b'{"operation": "ReadStatus", "scope": "cluster"}\n', "single machine"),
        (b'{"operation": "ReadStatus", "node": "elsewhere"}\n', "single machine"),
        (b'{"operation": "RestartService", "arguments": {"service": "web; reboot"}}\n', "no service"),
        (b'{"operation": "SetConfig", "arguments": {"values": {"cache.memory_mb": true}}}\n', "whole number"),
    ],
)
def test_what_is_not_on_the_list_is_refused_with_a_reason(box: Node, line: bytes, words: str) -> None:
    problem = say(box, line)["problem"]
    assert isinstance(problem, dict)
    assert problem["kind"] == "refused"
    assert words in problem["message"]


@pytest.mark.usefixtures("as_root")
def test_a_portal_that_was_taken_over_takes_its_own_places_and_none_of_roots(box: Node, agent: Agent) -> None:
    portal = users.account(users.PORTAL)
    waiting = subprocess.Popen(
        ["setpriv", f"--reuid={portal.uid}", f"--regid={portal.gid}", "--clear-groups", "--",
         sys.executable, "-c", _TAKES_ALL, str(box.run("agent") / "agent.sock"), str(MOST_AT_ONCE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert waiting.stdout and "speaks with 24 others already" in waiting.stdout.readline()
        assert agent.ask(ReadStatus()).services
    finally:
        waiting.communicate("", timeout=60)
    wait_until(lambda: "services" in ask_as(portal, box, "ReadStatus()"))


_TAKES_ALL = """
import socket, sys
taken = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[2]) + 1)]
for one in taken:
    one.connect(sys.argv[1])
print(taken[-1].makefile().readline(), flush=True)
sys.stdin.read()
"""


def test_who_never_comes_to_the_end_is_not_waited_for(box: Node) -> None:
    """Each sign may come just in time."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(4 * REQUEST_SECONDS)
        connection.connect(str(box.run("agent") / "agent.sock"))
        answers = connection.makefile()
        done = threading.Event()
        slowly = threading.Thread(target=_trickle, args=(connection, done))
        slowly.start()
        try:
            answer = json.loads(answers.readline())
        finally:
            done.set()
            slowly.join()
    assert answer["problem"]["kind"] == "refused"


def _trickle(connection: socket.socket, done: threading.Event) -> None:
    with suppress(OSError):
        while not done.wait(REQUEST_SECONDS / 5):
            connection.sendall(b" ")


# What it answers


def test_status_tells_what_runs_and_what_does_not(agent: Agent) -> None:
    status = agent.ask(ReadStatus())
    states = {service.name: service.state for service in status.services}
    assert (states["agent"], states["cache"], states["database"]) == ("running", "running", "stopped")
    [cache] = next(service for service in status.services if service.name == "cache").instances
    assert cache.is_healthy
    assert cache.since
    assert cache.memory_mb is not None
    assert Path(f"/proc/{cache.pid}/comm").read_text().strip() == "memcached"
    assert not status.is_healthy
    assert status.disk.total > status.disk.free > 0


def test_log_comes_in_pages(agent: Agent) -> None:
    page = agent.ask(ReadLog("agent", lines=1))
    assert len(page.lines) == 1
    everything = agent.ask(ReadLog("agent", lines=2000))
    assert any("Listening at" in line for line in everything.lines)


def test_configuration_is_shown_without_a_secret(agent: Agent) -> None:
    keys = {key.name: key for key in agent.ask(ReadConfig()).keys}
    assert keys["web.threads"].value == keys["web.threads"].default == 8
    assert not any("secret" in name or "password" in name for name in keys)


def test_certificate_is_the_own_one(agent: Agent) -> None:
    certificate = agent.ask(ReadCertificate())
    assert certificate.is_own
    assert certificate.names == ("localhost", "127.0.0.1")


def test_restart_is_a_long_operation_with_progress_and_a_record(box: Node, agent: Agent) -> None:
    before = pid_of(agent.ask(ReadStatus()), "cache")
    told: list[Progress] = []
    state = agent.ask(RestartService("cache"), by="olga@example.com")
    end = agent.ask(FollowOperation(state.id), progress=told.append)
    assert (end.state, end.asked_by) == ("done", "olga@example.com")
    assert told
    assert pid_of(agent.ask(ReadStatus()), "cache") != before
    assert agent.ask(ReadOperation(state.id)) == end
    latest = recorded(box)[-1]
    assert latest["operation"] == "RestartService"
    assert latest["arguments"] == {"service": "cache"}
    assert (latest["by"], latest["uid"], latest["pid"]) == ("olga@example.com", os.geteuid(), os.getpid())


# Configuration


def test_a_changed_key_restarts_only_whom_it_concerns(box: Node, agent: Agent) -> None:
    before = agent.ask(ReadStatus())
    box.paths.box_toml.write_text("# a remark of the administrator\n" + box.paths.box_toml.read_text())
    end = finish(agent, agent.ask(SetConfig({"cache.memory_mb": 32}), by="olga"))
    assert (end.state, end.progress.text) == ("done", "In force: cache.")
    after = agent.ask(ReadStatus())
    assert pid_of(after, "cache") != pid_of(before, "cache")
    assert pid_of(after, "agent") == pid_of(before, "agent")
    assert b"\x0032\x00" in Path(f"/proc/{pid_of(after, 'cache')}/cmdline").read_bytes()
    assert box.paths.box_toml.read_text().startswith("# a remark of the administrator\n")
    assert {s.name for s in after.services if s.state == "running"} == {"agent", "cache"}, (
        "what is stopped stays so"
    )

    again = finish(agent, agent.ask(SetConfig({"cache.memory_mb": 32})))
    assert again.progress.text == "Nothing to do: it is in force already."
    assert pid_of(agent.ask(ReadStatus()), "cache") == pid_of(after, "cache")


def test_a_mistake_in_the_file_is_refused_with_its_line_and_the_box_runs_on(box: Node, agent: Agent) -> None:
    good, before = box.paths.box_toml.read_text(), agent.ask(ReadStatus())
    generated = {p: p.read_bytes() for p in box.paths.generated.rglob("*") if p.is_file()}
    box.paths.box_toml.write_text(good + "\n[cache2]\nsize = 1\n")
    line = good.count("\n") + 2
    try:
        with pytest.raises(Refused, match=f"line {line}: cache2"):
            agent.ask(ApplyConfig())
        with pytest.raises(Refused, match="cache2"):
            agent.ask(SetConfig({"cache.memory_mb": 48}))
        assert pid_of(agent.ask(ReadStatus()), "cache") == pid_of(before, "cache")
        assert finish(agent, agent.ask(RestartService("cache"))).state == "done"
        assert generated == {p: p.read_bytes() for p in box.paths.generated.rglob("*") if p.is_file()}
    finally:
        box.paths.box_toml.write_text(good)


# What survives whom


@pytest.fixture
def slow_restart(box: Node, agent: Agent) -> Iterator[OperationState]:
    """A restart that lasts until it is thawed: its service is frozen and does not stop when asked, and before
    that one is killed for it, which takes seconds, the performer is frozen too."""
    frozen = pid_of(agent.ask(ReadStatus()), "cache")
    os.kill(frozen, signal.SIGSTOP)
    state = agent.ask(RestartService("cache"), by="anna")
    journal = Journal.find(box.paths.operations, state.id)
    wait_until(lambda: journal.noted("progress"))
    os.kill(performer_of(journal), signal.SIGSTOP)
    yield state
    thaw(box, journal)
    wait_until(lambda: journal.noted("end"))


def performers_of(journal: Journal) -> list[int]:
    """Whoever performs an operation: the processes that have its name in their environment."""
    mark = f"{operations.JOURNAL_VARIABLE}={journal.path}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def performer_of(journal: Journal) -> int:
    [performer] = performers_of(journal)
    return performer


def thaw(box: Node, journal: Journal) -> None:
    """Let go on whoever is frozen of an operation and of its service, if anybody is left."""
    services = agent_of(box).ask(ReadStatus()).services
    frozen = [one.pid for service in services for one in service.instances if one.name == "cache" and one.pid]
    for pid in (*frozen, *performers_of(journal)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_one_long_operation_at_a_time(agent: Agent, slow_restart: OperationState) -> None:
    with pytest.raises(Refused, match=r"'restart' is running, begun by anna .* wait until it ends"):
        agent.ask(RestartService("cache"))
    assert agent.ask(ReadOperation(slow_restart.id)).state == "running"


def test_an_operation_survives_the_agents_death(
    box: Node, agent: Agent, slow_restart: OperationState
) -> None:
    journal = Journal.find(box.paths.operations, slow_restart.id)
    performer = performer_of(journal)
    os.kill(pid_of(agent.ask(ReadStatus()), "agent"), signal.SIGKILL)
    wait_until(lambda: is_there(box))
    assert performer_of(journal) == performer
    thaw(box, journal)
    end = finish(agent, slow_restart)
    assert (end.state, journal.attempts) == ("done", 1)


def test_an_operation_that_was_killed_is_taken_up_again(
    box: Node, agent: Agent, slow_restart: OperationState
) -> None:
    journal = Journal.find(box.paths.operations, slow_restart.id)
    os.kill(performer_of(journal), signal.SIGKILL)
    wait_until(lambda: journal.attempts == 2)
    thaw(box, journal)
    assert finish(agent, slow_restart).state == "done"


def test_an_interrupted_change_tells_those_who_were_not_told(box: Node, agent: Agent) -> None:
    """The files were written, then the power went: only the journal knows who was not told."""
    before = pid_of(agent.ask(ReadStatus()), "cache")
    arguments = {"values": {}, "from_console": False}
    journal = Journal.begin(box.paths.operations, "apply", arguments, by="anna")
    journal.append("attempt", number=1)
    journal.append("plan", wanted=["agent", "cache"], files=[], units=["cache"])
    wait_until(lambda: journal.noted("end"))
    assert (journal.state().state, journal.state().progress.text) == ("done", "In force: cache.")
    assert pid_of(agent.ask(ReadStatus()), "cache") != before


def test_who_stops_listening_stops_nothing(agent: Agent, box: Node, slow_restart: OperationState) -> None:
    impatient = Agent(box.run("agent") / "agent.sock", timeout=0.5)
    with pytest.raises(AgentLost):
        impatient.ask(FollowOperation(slow_restart.id))
    thaw(box, Journal.find(box.paths.operations, slow_restart.id))
    end = finish(agent, slow_restart)
    assert end.state == "done", end.progress.text


def test_an_absent_agent_is_named_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(AgentAway, match="boxctl start agent"):
        Agent(tmp_path / "agent.sock").ask(ReadStatus())
