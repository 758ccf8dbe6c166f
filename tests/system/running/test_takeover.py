"""Each service taken over: a process of its user tries ways to root, and to what belongs to the others.

It runs without the sandbox that the service itself has under systemd, so that what holds here is held by the
users alone. `docs/dev/takeover.md` says the same in words. Both kinds of boxes are in a root of their own.
"""

from __future__ import annotations

import fnmatch
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from appliance import users

from ..intruder import PYTHON, found_by, let_in, run_as
from ..living import MachineBox, wait_until
from ..machines import Machine

PUBLIC = (
    "etc/korobka/box.toml", "etc/korobka/tls/ca.crt", "run/korobka/state/*",
)  # fmt: skip
"""What everybody on the machine may read."""


@dataclass(frozen=True)
class Own:
    """What a user has: patterns of what it may read, what it may write, and the sockets that let it in."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sockets: tuple[str, ...] = ()


OWN: Mapping[str, Own] = {
    users.PORTAL: Own(
        reads=("etc/korobka/generated/portal/*",),
        writes=(
            "run/korobka/web", "run/korobka/push", "run/korobka/jobs", "run/korobka/jobs/*",
            "run/korobka/telephony", "run/korobka/telephony/*",
            "run/korobka/tmp/web*", "run/korobka/tmp/push*", "run/korobka/tmp/jobs*",
            "run/korobka/tmp/telephony*",
        ),
        sockets=(
            "web/*.sock", "push/*.sock", "agent/agent.sock", "database/.s.PGSQL.*", "cache/memcached.sock",
        ),
    ),
    users.DATABASE: Own(
        reads=("etc/korobka/generated/database/*", "etc/korobka/backup/*"),
        writes=("var/lib/korobka/database*", "var/lib/korobka/backup/*", "run/korobka/database*",
                "run/korobka/tmp/database*", "run/korobka/tmp/backup*"),
        sockets=("database/.s.PGSQL.*",),
    ),
    users.OBJECTS: Own(
        reads=("etc/korobka/generated/objects/*",),
        writes=("var/lib/korobka/objects*", "run/korobka/objects*", "run/korobka/tmp/objects*"),
        sockets=("objects/*", "tmp/objects/*"),
    ),
    users.CACHE: Own(
        writes=("run/korobka/cache*", "run/korobka/tmp/cache*"),
        sockets=("cache/*",),
    ),
    users.BALANCER: Own(
        reads=("etc/korobka/generated/balancer/*",),
        writes=("run/korobka/balancer*", "run/korobka/tmp/balancer*"),
        sockets=("web/*.sock", "push/*.sock", "balancer/*"),
    ),
}  # fmt: skip

# Looks at every process that is not its own, the first one among them; prints what it could do to them.
MEDDLE = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    try:
        if os.stat(f"/proc/{pid}").st_uid == os.getuid():
            continue
    except OSError:
        continue
    try:
        os.kill(pid, 0)
        print("signal", pid)
    except OSError:
        pass
    for name in ("environ", "mem", "maps"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                if name != "mem" and file.read(1):
                    print(name, pid)
        except OSError:
            pass
    if os.path.exists(f"/proc/{pid}") and libc.ptrace(16, pid, 0, 0) == 0:
        print("ptrace", pid)
        libc.ptrace(17, pid, 0, 0)
    try:
        os.stat(f"/proc/{pid}/fd/0")
        print("fd", pid)
    except OSError:
        pass
print("looked")
"""

# Tries each role of the database, and as each each statement.
RULE = """
import json, subprocess, sys
roles, statements = json.load(sys.stdin)
for role in roles:
    psql = ["psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-h", sys.argv[1], "-U", role, "korobka"]
    if subprocess.run([*psql, "-c", "SELECT 1"], capture_output=True).returncode:
        continue
    print("let in as", role)
    for sql in statements:
        # This one is refused in every transaction, for another reason.
        wrapped = sql if sql.startswith("ALTER SYSTEM") else f"BEGIN; {sql}; ROLLBACK"
        if subprocess.run([*psql, "-c", wrapped], capture_output=True).returncode == 0:
            print("done", role, sql)
"""
SQL = [
    "SET ROLE postgres",
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT lo_import('/etc/hostname')",
    "ALTER SYSTEM SET archive_command = 'id'",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "CREATE ROLE eve SUPERUSER LOGIN",
    "CREATE TABLE public.eve (id int)",
    "DROP TABLE accounts_user",
    "CREATE EXTENSION dblink",
]

# Sends each line of its input to the socket as a request of its own, and prints what comes back.
SAY = """
import json, socket, sys
for line in json.load(sys.stdin):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(sys.argv[1])
        try:
            s.sendall(line.encode("utf-8", "surrogatepass") + b"\\n")
            s.shutdown(socket.SHUT_WR)
            answer = s.makefile("rb").readline().decode()
        except OSError:
            answer = ""
    print(json.dumps(answer))
"""

# Replaces everything in its own folders by links, and tries to replace the folders themselves.
TURN = """
import json, os, sys
to, kept = sys.argv[1], "-kept-by-a-test"
for folder in sys.argv[2:]:
    try:
        os.rename(folder, folder + kept)
        os.rename(folder + kept, folder)
        print("turned", folder)
    except OSError:
        pass
    try:
        inside = os.listdir(folder)
    except OSError:
        continue
    for name in inside:
        path = os.path.join(folder, name)
        try:
            os.rename(path, path + kept)
            os.symlink(to if os.path.isdir(path + kept) else os.path.join(to, "file"), path)
            print("linked", path)
        except OSError:
            pass
    for name in ("changing.lock", "state.json", "drills.json", "elsewhere.json", "pid", ".stamp", "sets"):
        try:
            os.symlink(os.path.join(to, "file"), os.path.join(folder, name))
            print("linked", os.path.join(folder, name))
        except OSError:
            pass
"""

# Takes the links away again, whoever has made what in their place.
TURN_BACK = """
import os, sys
kept = "-kept-by-a-test"
for folder in sys.argv[1:]:
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.islink(path):
            os.unlink(path)
    for name in os.listdir(folder):
        if name.endswith(kept):
            was = os.path.join(folder, name.removesuffix(kept))
            if not os.path.lexists(was):
                os.rename(os.path.join(folder, name), was)
"""

EACH = pytest.mark.parametrize("user", users.ALL)


@pytest.fixture(scope="module")
def plain_box(kept_plain_box: Path) -> Iterator[MachineBox]:
    """A machine without systemd with a box to itself, under supervisord."""
    with Machine("plain", based_on=kept_plain_box) as machine:
        box = MachineBox(machine)
        box.boxctl("start")
        wait_until(box.is_healthy, "the box of the machine", seconds=120)
        yield box


@pytest.fixture(params=["plain", "machine"])
def box(request: pytest.FixtureRequest) -> MachineBox:
    found: MachineBox = request.getfixturevalue(f"{request.param}_box")
    wait_until(found.is_healthy, "the box, which the test before has left ill")
    return found


def test_every_user_of_the_box_is_tried() -> None:
    assert set(OWN) == set(users.ALL)


@EACH
def test_of_files_each_user_has_its_own_alone(box: MachineBox, user: str) -> None:
    private = [str(box.prefix / name) for name in ("etc/korobka", "var/lib/korobka", "var/log/korobka",
                                                   "run/korobka")]  # fmt: skip
    code = [str(box.prefix / name) for name in ("opt/korobka", "usr/local/bin", "etc")]
    own = OWN[user]
    found = found_by(box, user, *private)
    named = {(way, str(Path(path).relative_to(box.prefix))) for way, path in found}
    allowed = {"r": (*PUBLIC, *own.reads, *own.writes), "w": own.writes}
    assert not [(way, path) for way, path in sorted(named) if not _is_among(path, allowed[way])]
    read = [path for way, path in named if way == "r" and _is_among(path, own.reads)]
    assert bool(read) == bool(own.reads), "it reads what it needs"
    written = [path for way, path in found_by(box, user, *code) if way == "w"]
    assert written == [], "nobody writes what root runs, or reads"


@EACH
def test_of_sockets_each_user_opens_those_that_it_needs(box: MachineBox, user: str) -> None:
    listed = box.run(["find", str(box.prefix / "run/korobka"), "-type", "s"]).stdout.split()
    assert len(listed) >= 6
    opened = [str(Path(path).relative_to(box.prefix / "run/korobka")) for path in let_in(box, user, *listed)]
    assert [name for name in opened if not _is_among(name, OWN[user].sockets)] == []
    if user == users.PORTAL:
        assert {"agent/agent.sock", "cache/memcached.sock"} <= set(opened)


@EACH
def test_no_process_of_another_user_is_ended_traced_or_read(box: MachineBox, user: str) -> None:
    assert run_as(box, user, MEDDLE).split() == ["looked"]


@EACH
def test_nobody_starts_stops_or_restarts_anything(box: MachineBox, user: str) -> None:
    before = box.pids()
    for words in (
        ("stop", "cache"), ("restart", "web"), ("config", "apply"), ("backup", "code"),
        ("backup", "root-key"), ("backup", "key", "add", "eve"), ("uninstall", "--yes"),
    ):  # fmt: skip
        boxctl = [str(box.prefix / "usr/local/bin/boxctl"), *words]
        assert box.run(boxctl, user=user, check=False).returncode != 0, words
    if box.machine.kind == "systemd":
        for verb in ("stop", "restart", "kill"):
            done = box.run(["systemctl", "--no-ask-password", verb, "korobka-cache"], user=user, check=False)
            assert done.returncode != 0, verb
    assert box.pids() == before


def test_no_program_of_the_box_makes_somebody_else_of_its_user(box: MachineBox) -> None:
    found = box.run(["find", str(box.prefix / "opt/korobka"), str(box.prefix / "usr/local"), "-perm", "/6000",
                     "-type", "f"])  # fmt: skip
    assert found.stdout == ""


@pytest.mark.parametrize("user", [one for one in users.ALL if one != users.DATABASE])
def test_the_database_makes_nobody_its_owner(box: MachineBox, user: str) -> None:
    roles = [role for (role,) in box.query("SELECT rolname FROM pg_roles WHERE rolcanlogin")]
    sockets = str(box.prefix / "run/korobka/database")
    done = run_as(box, user, RULE, sockets, stdin=json.dumps([roles, SQL])).split("\n")
    assert [line for line in done if line.startswith("done")] == []
    tried = [line for line in done if line.startswith("let in as")]
    assert tried == (["let in as korobka_app"] if user == users.PORTAL else [])
    assert box.query("SELECT 1 FROM pg_roles WHERE rolname = 'eve'") == []


# --- the portal's user, at the agent's socket


def requests(box: MachineBox) -> Iterator[str]:
    """What the portal's user may not have, or not so."""

    def asked(operation: str, /, _envelope: Mapping[str, Any] | None = None, **arguments: Any) -> str:
        return json.dumps({"operation": operation, "arguments": arguments, **(_envelope or {})})

    yield asked("ReadStatus", {"acting": "root"})
    yield asked("ReadStatus", {"scope": "cluster"})
    yield asked("ReadStatus", {"node": "elsewhere"})
    yield asked("RunCommand", command="id")
    yield asked("__init__")
    yield asked("ReadStatus", more="than there is")
    yield from ("", "{", "[]", "null", "[" * 5000, '{"operation": 7}', "x" * (2 << 20))
    # Secrets, and what takes work away.
    for proof in ("", "AAAAA-AAAAA"):
        for operation, arguments in (
            ("AddBackupTarget", {"kind": "folder", "path": "/tmp"}),
            ("AddBackupTarget", {"kind": "s3", "path": "", "endpoint": "https://s3.example.org",
                                 "bucket": "theirs", "access_key": "a", "secret_key": "b"}),
            ("AddKeyHolder", {"name": "eve"}),
            ("RotateKeys", {"name": "eve"}),
            ("BeginRestore", {"target": "disk"}),
            ("RemoveBackupTarget", {"name": "disk"}),
            ("RemoveKeyHolder", {"name": "first"}),
        ):  # fmt: skip
            yield asked(operation, {"proof": proof}, **arguments)
    # The configuration that root executes or trusts.
    for name in ("hostname", "objects.engine", "objects.endpoint", "database.port", "node.listen",
                 "nothing.of.it"):  # fmt: skip
        yield asked("SetConfig", values={name: "eve"})
    # Names that would be another one's, or a line of their own.
    for name in ("sshd", "web; id", "../../../etc/shadow", "web@../../x", "web\n", "web\x00", "-x"):
        yield asked("RestartService", service=name)
        yield asked("ReadLog", service=name)
    for name in ("../proofs", "../../../etc/shadow", "x\ny", "*", ""):
        yield asked("ReadOperation", id=name)
        yield asked("CancelOperation", id=name)
        yield asked("FollowOperation", id=name)
        yield asked("ReadFound", id=name, reader="olga")
        yield asked("PutBack", id=name, number=1, reader="olga")
    # Other machines, and releases: root has put them there, or nobody.
    for name in ("elsewhere", "../../../etc/shadow", "../offered/x.tar.gz", "x\ny", "*", ""):
        yield asked("SwitchOver", to=name)
        for to in ("drained", "resumed", "awake", "asleep"):
            yield asked("SetNode", name=name, to=to)
        yield asked("ExamineRelease", archive=name)
        yield asked("BeginUpgrade", examination=name)
    for control in ("\n", "\r", "\x00", "\x1b", "\x85", "\u2028"):
        word = f"disk{control}[global]"
        yield asked("RemoveBackupTarget", name=word)
        yield asked("RemoveKeyHolder", name=word)
        yield asked("VerifyBackups", target=word)
        yield asked("ConfirmRecoveryKey", holder=word, groups=["AAAAA", "BBBBB"])
        yield asked("AddBackupTarget", kind="folder", path=f"/mnt/{word}")
        yield asked("SetConfig", values={"log_level": word})
        yield asked("ReadStatus", {"by": word})


def test_the_portal_gets_nothing_from_the_agent_that_it_may_not_have(box: MachineBox) -> None:
    toml = box.path("etc/korobka/box.toml").read_text()
    (agent,) = box.pids()["agent"]
    said = list(requests(box))
    socket = str(box.prefix / "run/korobka/agent/agent.sock")
    answers = run_as(box, users.PORTAL, SAY, socket, stdin=json.dumps(said)).splitlines()
    assert len(answers) == len(said)
    for line, answer in zip(said, map(json.loads, answers), strict=True):
        assert "result" not in answer or json.loads(answer)["result"] is None, line[:200]
    assert box.path("etc/korobka/box.toml").read_text() == toml
    assert box.pids()["agent"] == {agent}, "and it is still there"
    record = box.path("var/log/korobka/operations.log").read_text()
    assert all(json.loads(line) for line in record.splitlines()), "nobody else writes a line of it"
    box.boxctl("backup", "code")  # so that proofs are looked at again


@pytest.mark.parametrize("user", [one for one in users.ALL if one != users.PORTAL])
def test_nobody_else_speaks_to_the_agent(box: MachineBox, user: str) -> None:
    socket = str(box.prefix / "run/korobka/agent/agent.sock")
    said = json.dumps([json.dumps({"operation": "ReadStatus"})])
    done = box.run([PYTHON, "-c", SAY, socket], user=user, stdin=said, check=False)
    assert (done.returncode != 0, done.stdout) == (True, "")


# --- links in their own folders, when root comes by


def test_root_follows_no_link_out_of_a_services_folder(box: MachineBox) -> None:
    """Everything in the services' folders leads to something of root's, and root starts the box with that."""
    canary, file = box.path("canary"), box.path("canary/file")
    canary.mkdir(mode=0o700)
    file.write_text("root's own")
    file.chmod(0o600)
    before = _look_of(canary)
    owned = {user: _folders_of(box, user) for user in users.ALL}
    box.boxctl("stop")
    try:
        for user, folders in owned.items():
            said = run_as(box, user, TURN, str(box.prefix / "canary"), *folders).splitlines()
            assert not [line for line in said if line.startswith("turned")], (
                "the folders themselves are root's"
            )
        box.boxctl("start", check=False)
        for words in (("status",), ("backup", "status"), ("config", "apply"), ("doctor",)):
            box.boxctl(*words, check=False)
        assert _look_of(canary) == before
        assert sorted(path.name for path in canary.iterdir()) == ["file"]
    finally:
        box.boxctl("stop", check=False)
        for user, folders in owned.items():
            run_as(box, user, TURN_BACK, *folders)
        box.boxctl("start")
        shutil.rmtree(canary)
    wait_until(box.is_healthy, "the box as it was", seconds=120)


def _look_of(folder: Path) -> list[tuple[str, int, int, int, bytes]]:
    found = [folder, *folder.iterdir()]
    return [
        (path.name, (at := path.lstat()).st_mode, at.st_uid, at.st_gid,
         path.read_bytes() if path.is_file() else b"")
        for path in found
    ]  # fmt: skip


def _folders_of(box: MachineBox, user: str) -> list[str]:
    """The topmost folders that are this user's."""
    places = [str(box.prefix / name) for name in ("etc/korobka", "var/lib/korobka", "var/log/korobka",
                                                  "run/korobka")]  # fmt: skip
    found = box.run(["find", *places, "-type", "d", "-user", user, "-prune", "-print"]).stdout.split()
    assert found, f"{user} has no folder"
    return found


def _is_among(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)
