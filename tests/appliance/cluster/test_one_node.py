"""One node that was a box: what it is made into, and who gets nothing of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance import users
from appliance.agent.answers import OperationState
from appliance.agent.journal import Journal
from appliance.client import Agent, Operation, ReadOperation, SetNode, SwitchOver
from appliance.cluster import (
    identity,
    instructions,
    member,
    membership,
    patroni,
    rolling,
    shared,
    state,
    topology,
)  # fmt: skip
from appliance.cluster.etcd import Etcd, EtcdAway
from appliance.cluster.instructions import Instruction, Verb
from appliance.cluster.joining import Asking, JoinRefused, Token, let_in, trusted
from appliance.cluster.rolling import RollingStopped
from appliance.cluster.topology import Member, Role, TopologyRefused
from appliance.files import write_atomically
from appliance.paths import Paths
from appliance.services.database.patroni import DYNAMIC_KEY, dynamic
from appliance.services.portal import version
from appliance.supervise import supervisor_for
from tests.appliance.boxes import query, wait_until
from tests.backup import strace

from .nodes import BoxNode, Company, require_engines
from .writer import TABLE, Writer

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PORTS = {"etcd": 2379, "etcd between nodes": 2380, "Patroni": 8008, "router": 7401}


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    require_engines()
    with Company(1) as company:
        one = company.nodes[0]
        one.install("agent", "database")
        query(one.node, TABLE)
        yield company


@dataclass(frozen=True)
class Attempt:
    """An `init` that failed, and what was left of it."""

    said: tuple[str, ...]
    is_single: bool
    is_written: bool
    refused: str
    restore: str


@pytest.fixture(scope="module")
def attempt(company: Company) -> Attempt:
    """The leader never came, as it were; and before that, somebody gave another machine's address."""
    (box,) = company.nodes
    refused = box.cluster("init", "--name", box.name, "--address", "10.88.0.77", check=False)

    def never(*_: object) -> str:
        raise patroni.PatroniAway("Nobody leads.")

    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch, box.inside() as paths:
        patch.setattr(membership, "wait_for_leader", never)
        with pytest.raises(patroni.PatroniAway):
            membership.initialise(paths, name=box.name, address=box.address, say=said.append)
    query(box.node, "insert into written values (-1, 1)")
    is_single = topology.load(paths) is None and not topology.folder(paths).exists()
    # And once more, whole, and back.
    box.cluster("init", "--name", box.name, "--address", box.address)
    box.sql("insert into written values (-2, 1)")
    restore = box.boxctl("backup", "restore", "--yes", check=False)
    box.cluster("dissolve")
    return Attempt(
        tuple(said),
        is_single=is_single and topology.load(paths) is None,
        is_written=query(box.node, "select count(*) from written where number < 0") == "2",
        restore=restore.stderr,
        refused=refused.stderr,
    )


@pytest.fixture(scope="module")
def one(company: Company, attempt: Attempt) -> BoxNode:
    """The box, made a cluster under somebody who writes all the time, by the way that they had before."""
    (one,) = company.nodes
    assert attempt.is_single
    with Writer(one.prefix / "run/korobka/database") as writer:
        said = one.cluster("init", "--name", one.name, "--address", one.address).stdout
        writer.go_on()
    assert "is a cluster of one node" in said
    assert written(one) >= {*writer.acknowledged, -1, -2}
    return one


def written(node: BoxNode) -> set[int]:
    return {int(line) for line in node.sql("select number from written").splitlines()}


def test_what_goes_wrong_leaves_a_single_box(attempt: Attempt) -> None:
    assert attempt.said[-1] == "It failed: the box becomes a single one again."
    assert attempt.is_single and attempt.is_written


def test_a_node_becomes_a_single_box_again_with_all_that_was_written(attempt: Attempt) -> None:
    assert attempt.is_single and attempt.is_written


def test_what_knows_of_one_copy_only_is_refused_on_a_node(attempt: Attempt) -> None:
    assert "boxctl cluster dissolve" in attempt.restore


def test_an_address_of_another_machine_is_refused_before_anything_is_done(attempt: Attempt) -> None:
    assert "this machine's own address" in attempt.refused


def test_the_box_is_a_cluster_of_one_node(one: BoxNode) -> None:
    wait_until(lambda: one.status()["is_healthy"])
    said = one.status()
    assert said["leader"] == one.name
    assert "one copy of the database" in said["survives"]
    again = one.cluster("init", "--address", one.address, check=False)
    assert again.returncode == 1 and "a node of a cluster already" in again.stderr


def test_etcd_tells_what_was_changed_meanwhile(one: BoxNode) -> None:
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        assert etcd.get("/test/a") is None
        assert etcd.replace("/test/a", "1", revision=0)
        assert not etcd.replace("/test/a", "2", revision=0)
        entry = etcd.get("/test/a")
        assert entry and entry.value == "1"
        etcd.put("/test/b", "ü" * 1000)
        assert [(one.key, len(one.value)) for one in etcd.entries("/test/")] == [
            ("/test/a", 1),
            ("/test/b", 1000),
        ]
        assert etcd.delete("/test/a") and not etcd.delete("/test/a")
        nowhere = Etcd(("10.88.0.77",), etcd.context)
        with pytest.raises(EtcdAway, match=r"More than half of 10\.88\.0\.77 must answer"):
            nowhere.get("/test/b")


def test_what_holds_for_all_copies_is_as_the_leaders_box_toml_says_but_while_the_lead_moves(
    one: BoxNode,
) -> None:
    wanted = json.dumps(dynamic(one.node))
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        etcd.put(patroni.MOVES_KEY, one.name)
        etcd.put(DYNAMIC_KEY, json.dumps({**dynamic(one.node), "maximum_lag_on_failover": 7}))
        assert not membership.settle(paths)
        etcd.delete(patroni.MOVES_KEY)
        wait_until(lambda: (found := etcd.get(DYNAMIC_KEY)) is not None and found.value == wanted)
        assert not membership.settle(paths)


def test_the_lead_goes_to_nobody_who_could_not_take_it(one: BoxNode) -> None:
    for words, why in (
        ([], "No other node can lead"),
        ([one.name], f"{one.name} leads the database already"),
        (["node-9"], "There is no node node-9 in the cluster"),
    ):
        refused = one.cluster("switchover", *words, check=False)
        assert refused.returncode == 1 and why in refused.stderr


def test_a_leader_that_dies_is_started_again(one: BoxNode) -> None:
    with Writer(one.prefix / "run/korobka/router", begins_at=1_000_000) as writer:
        one.kill("database")
        writer.go_on()
    assert {int(line) for line in one.sql("select number from written").splitlines()} >= set(
        writer.acknowledged
    )


@pytest.mark.parametrize("what", PORTS)
def test_who_has_no_certificate_gets_nothing_from(one: BoxNode, what: str) -> None:
    command = [
        "openssl", "s_client", "-connect", f"{one.address}:{PORTS[what]}", "-quiet",
    ]  # fmt: skip
    asked = one.run(
        ["sh", "-c", f"printf 'GET /v3/ HTTP/1.0\\r\\n\\r\\n' | timeout 5 {' '.join(command)}"], check=False
    )
    assert "HTTP/1" not in asked.stdout
    assert "alert" in asked.stderr + asked.stdout


def test_nothing_between_nodes_is_in_the_clear(one: BoxNode) -> None:
    for port in (*PORTS.values(), 5432, 7400):
        asked = one.run(
            ["timeout", "5", "curl", "-sS", "--max-time", "4", f"http://{one.address}:{port}/"], check=False
        )
        assert "leader" not in asked.stdout and "etcd" not in asked.stdout


def test_a_password_alone_opens_no_database(one: BoxNode) -> None:
    password = one.node.secrets.database_replication_password
    asked = one.run(
        ["psql", f"host={one.address} user=korobka_replication dbname=x replication=true sslmode=require"],
        env={"PGPASSWORD": password}, check=False,
    )  # fmt: skip
    assert asked.returncode != 0
    assert "certificate" in asked.stderr


def asking(node: BoxNode, **said: object) -> Asking:
    """What another machine at the node's address would say to come in."""
    words: dict[str, object] = {
        "name": "node-9", "address": node.address, "roles": (Role.WITNESS,), "site": "",
        "request": identity.request("node-9", identity.new_key()), "version": version(node.node), "at": NOW,
        **said,
    }  # fmt: skip
    return Asking(**words)  # type: ignore[arg-type]


def new_secret(node: BoxNode) -> str:
    return str(Token.read(node.cluster("token").stdout.split()[-1]).secret)


def authority_of(paths: Paths) -> identity.Authority:
    found = identity.read_authority(paths)
    assert found
    return found


def test_a_token_works_once(one: BoxNode) -> None:
    secret = new_secret(one)
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        authority = authority_of(paths)
        assert state.is_token(etcd, authority, secret, now=NOW)
        assert state.use_token(etcd, secret)
        assert not state.use_token(etcd, secret)
        with pytest.raises(JoinRefused, match="was used, or has expired"):
            let_in(paths, asking(one, secret=secret), now=NOW)


def test_a_token_expires(one: BoxNode) -> None:
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        for wrong in (state.SHORTEST_TOKEN - 1, state.LONGEST_TOKEN + 1):
            with pytest.raises(TopologyRefused, match="between one minute and one day"):
                state.new_token(etcd, authority_of(paths), seconds=wrong, now=NOW)
        etcd.put("/korobka/tokens/short", "", lease=etcd.lease(1))
        wait_until(lambda: etcd.get("/korobka/tokens/short") is None)


def test_who_does_not_fit_is_told_why_and_the_token_stays(one: BoxNode) -> None:
    secret = new_secret(one)
    known = one.node.cluster.topology
    with one.inside() as paths:
        for said, why in (
            ({"secret": "0" * 32}, "The token is not known"),
            ({"version": "9.9.9"}, r"runs Korobka .* and this machine 9\.9\.9"),
            ({"at": NOW - timedelta(seconds=6)}, "The clocks are 6 s apart"),
            ({"name": one.name}, f"node of the name {one.name} is at work|is the address of"),
            # Nobody listens there.
            (
                {"address": "10.88.0.77"},
                r"does not reach port 2379, 2380, 8008, 7400, 7401, 7443, 5432 of 10\.88\.0\.77",
            ),
            ({"address": one.address}, f"is the address of {one.name}"),
        ):
            with pytest.raises((JoinRefused, TopologyRefused), match=why):
                let_in(paths, asking(one, **{"secret": secret, "address": "10.88.0.77", **said}), now=NOW)
        etcd = Etcd.of(paths, known)
        assert state.is_token(etcd, authority_of(paths), secret, now=NOW)
        assert state.read(etcd)[0] == known
        assert len(etcd.members()) == 1


def test_who_can_write_into_etcd_lets_nobody_in(one: BoxNode) -> None:
    """The database's user can; whom a node lets in is given the authorities' keys."""
    secret = "f" * 32
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        for mark in (secret, hashlib.sha256(secret.encode()).hexdigest()):
            etcd.put(f"/korobka/tokens/{mark}", "")
        with pytest.raises(JoinRefused, match="The token is not known"):
            let_in(paths, asking(one, secret=secret, address="10.88.0.77"), now=NOW)


def test_nor_changes_a_key_of_box_toml(one: BoxNode) -> None:
    with one.inside() as paths:
        etcd, now = Etcd.of(paths, one.node.cluster.topology), datetime.now(UTC)
        operation, other = (f"{at:%Y%m%dT%H%M%S%f}-rolling-0a1b2c" for at in (now, now - timedelta(hours=25)))
        asked, late = (Instruction(Verb.APPLY, one) for one in (operation, other))
        instructions.put_change(paths, etcd, asked, {"cache.memory_mb": 96})
        instructions.put_change(paths, etcd, late, {"cache.memory_mb": 96})
        assert instructions.prepared(paths, etcd, asked, now=now)["values"] == {"cache.memory_mb": 96}
        key = f"/korobka/changes/{operation}/apply"
        good = etcd.get(key)
        assert good
        for forged in (
            good.value.replace("96", "97"),
            json.dumps({"values": "{}", "mark": ""}),
            json.dumps({"values": "{}"}),
            "[",
        ):
            etcd.put(key, forged)
            with pytest.raises(TopologyRefused, match="not one that a node's root has asked for"):
                instructions.prepared(paths, etcd, asked, now=now)
        # Nor what was asked for once, kept, and put there again; nor has it taken back what nobody took back.
        another, back = Instruction(Verb.APPLY, f"{operation[:-1]}d"), Instruction(Verb.TAKE_BACK, operation)
        for odd in (another, back):
            etcd.put(f"/korobka/changes/{odd.operation}/{odd.verb}", good.value)
        for odd in (late, another, back):
            with pytest.raises(TopologyRefused, match="not one that a node's root has asked for"):
                instructions.prepared(paths, etcd, odd, now=now)
        instructions.put_change(paths, etcd, back, {})
        assert instructions.prepared(paths, etcd, back, now=now)["takes_back"] == str(asked)


def test_of_two_that_begin_at_once_to_go_from_node_to_node_one_is_stopped(
    one: BoxNode, tmp_path: Path
) -> None:
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        journals = [Journal.begin(tmp_path, "rolling", {"values": {}}, by="olga") for _ in range(2)]
        first, second = (rolling.Change(paths, journal) for journal in journals)
        first._claim("node-9")
        # Begun again, it is still its own.
        first._claim("node-9")
        with pytest.raises(RollingStopped, match="Nothing was begun: node-9 goes from node to node"):
            second.perform()
        assert etcd.delete(rolling.CLAIM)


def test_who_has_gone_from_node_to_node_keeps_nobody_from_doing_so_next(one: BoxNode, tmp_path: Path) -> None:
    """Nor does whoever was stopped, and whoever was stopped by another leaves that one's claim alone."""
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        for is_well in (True, False):
            journal = Journal.begin(tmp_path, "rolling", {"values": {}}, by="olga")
            going = Going(paths, journal, is_well=is_well)
            with contextlib.nullcontext() if is_well else pytest.raises(RollingStopped, match="Broken"):
                going.perform()
            assert going.claimed and etcd.get(rolling.CLAIM) is None
        etcd.put(rolling.CLAIM, "node-9 another")
        with pytest.raises(RollingStopped, match="node-9 goes from node to node"):
            Going(paths, Journal.begin(tmp_path, "rolling", {}, by="olga"), is_well=True).perform()
        assert etcd.delete(rolling.CLAIM)


class Going(rolling.Restart):
    """Begins as any, and asks its one node for nothing."""

    def __init__(self, paths: Paths, journal: Journal, *, is_well: bool) -> None:
        super().__init__(paths, journal)
        self.is_well, self.claimed = is_well, False

    def _go_to(self, name: str, verb: Verb, others: tuple[str, ...]) -> None:
        self.claimed = self._etcd().get(rolling.CLAIM) is not None
        if not self.is_well:
            raise RollingStopped("Broken")


@pytest.mark.parametrize("name", ["../evil", "..", ".hidden", "a/b", ""])
def test_nor_writes_a_file_of_roots_elsewhere(one: BoxNode, tmp_path: Path, name: str) -> None:
    elsewhere = empty_box(tmp_path)
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        file = {"name": name, "content": "x", "is_databases": False, "is_public": True}
        etcd.put(shared.KEY, json.dumps([file]))
        assert not shared.take(elsewhere, etcd)
    assert [*elsewhere.etc.rglob("*")] == [elsewhere.backup]


def test_nor_a_program_that_runs_as_root(one: BoxNode, tmp_path: Path) -> None:
    """The folder of backups lets the database's user in, and a file of root's with that mode would do."""
    elsewhere = empty_box(tmp_path)
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        file = {"name": "evil", "content": "#!", "mode": 0o4755, "is_databases": False}
        etcd.put(shared.KEY, json.dumps([file]))
        assert not shared.take(elsewhere, etcd)
    assert [*elsewhere.backup.iterdir()] == []


def test_what_backups_need_is_the_same_on_other_nodes(one: BoxNode, tmp_path: Path) -> None:
    here, there = empty_box(tmp_path / "here"), empty_box(tmp_path / "there")
    archiver = users.account(users.DATABASE)
    write_atomically(here.backup / "backup.json", "keys\n", mode=0o600)
    write_atomically(here.backup / "places.json", "{}", mode=0o644)
    write_atomically(here.backup / "pgbackrest.conf", "[global]\n", mode=0o400, owner=archiver)
    write_atomically(there.backup / "ca-1.pem", "gone", mode=0o644)
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        shared.publish(here, etcd)
        assert not shared.publish(here, etcd)
        assert shared.take(there, etcd)
        assert not shared.take(there, etcd)
    found = {
        file.name: (file.read_text(), file.stat().st_uid, file.stat().st_mode & 0o7777)
        for file in there.backup.iterdir()
    }
    assert found == {
        "backup.json": ("keys\n", 0, 0o600),
        "places.json": ("{}", 0, 0o644),
        "pgbackrest.conf": ("[global]\n", archiver.uid, 0o400),
    }


def empty_box(place: Path) -> Paths:
    paths = Paths(place)
    for folder in (paths.backup, paths.run / "state"):
        folder.mkdir(parents=True)
    return paths


def test_what_a_node_says_is_one_line_and_of_a_known_form(one: BoxNode) -> None:
    """It is shown to root, on a terminal."""
    with one.inside() as paths:
        etcd = Etcd.of(paths, one.node.cluster.topology)
        said = {"at": NOW.isoformat(), "version": "1", "busy": 0, "revision": 1}
        for name, problems in (("evil", ["\x1b]0;owned\x07"]), ("other", {}), ("good", ["it is slow"])):
            etcd.put(f"/korobka/beats/{name}", json.dumps(said | {"problems": problems}))
        etcd.put("/korobka/beats/broken", "{")
        try:
            assert {"evil", "other", "broken", "good"} & state.beats(etcd).keys() == {"good"}
        finally:
            for name in ("evil", "other", "good", "broken"):
                etcd.delete(f"/korobka/beats/{name}")


def test_the_door_has_places_for_a_few_and_the_next_is_sent_away(one: BoxNode) -> None:
    with one.inside(), contextlib.ExitStack() as held:
        door = (one.address, topology.MEMBER_PORT)
        silent = [held.enter_context(socket.create_connection(door, 5)) for _ in range(member.MOST_AT_ONCE)]

        def is_sent_away() -> bool:
            with socket.create_connection(door, 5) as another:
                another.settimeout(2)
                try:
                    return another.recv(1) == b""
                except TimeoutError:
                    return False
                except ConnectionResetError:
                    return True

        wait_until(is_sent_away)
        silent[0].close()
        wait_until(lambda: not is_sent_away())


def test_what_is_said_at_the_door_is_bounded(one: BoxNode) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    deep = "[" * 60_000
    with one.inside():
        for length, body, status in (
            (str(member.MOST_BYTES + 1), "", 404),
            ("\N{SUPERSCRIPT TWO}", "", 404),
            ("-1", "", 404),
            (str(len(deep)), deep, 400),
        ):
            with (
                socket.create_connection((one.address, topology.MEMBER_PORT), 5) as plain,
                context.wrap_socket(plain) as connection,
            ):
                head = f"POST /join HTTP/1.0\r\nContent-Length: {length}\r\n\r\n"
                connection.sendall(head.encode("latin-1") + body.encode())
                assert connection.recv(100).split()[1] == str(status).encode()


def test_somebody_else_at_the_address_hears_no_secret(one: BoxNode) -> None:
    with one.inside(), pytest.raises(JoinRefused, match="somebody else answers there"):
        trusted(one.address, "0" * 64)
    with one.inside(), pytest.raises(JoinRefused, match="does not answer"):
        trusted("10.88.0.77", "0" * 64)


RESERVE = Member("reserve", "10.88.0.78", (Role.PORTAL,), is_reserve=True)


def test_where_nodes_are_set_root_does_nothing_in_a_folder_of_a_service(one: BoxNode, tmp_path: Path) -> None:
    """As the kernel saw it: see tests/backup/test_root.py, where all other operations are asked for."""
    agent = Agent(one.node.run("agent") / "agent.sock", acting="root", timeout=300)

    def done(operation: Operation[OperationState]) -> str:
        begun = agent.ask(operation, by="olga")
        read = ReadOperation(begun.id)
        wait_until(lambda: agent.ask(read).state != "running", seconds=300)
        return f"{agent.ask(read).state}: {agent.ask(read).progress.text}"

    etcd = Etcd.of(one.node.paths, one.node.cluster.topology)
    (process,) = supervisor_for(one.node).status("agent")
    pids = [int((one.prefix / "run/korobka/supervisord.pid").read_text()), process.pid or 0]
    threads = strace.threads_of(*pids)
    with strace.followed(tmp_path / "calls", *pids):
        went = [done(SetNode(one.name, "drained"))]
        # Where another one is known people can be kept away from this one.
        with one.inside():
            state.change(etcd, lambda before: before.joined_by(RESERVE))
        went += [
            done(operation)
            for operation in (
                SetNode(one.name, "drained"),
                SetNode(one.name, "resumed"),
                SetNode(RESERVE.name, "asleep"),
                SetNode(RESERVE.name, "awake"),
                SwitchOver(one.name),
            )
        ]
        with one.inside():
            state.change(etcd, lambda before: before.left_by(RESERVE.name))
    assert went == [
        f"failed: {one.name} is the last node that people are sent to: resume another one first.",
        f"done: {one.name} gets no more requests.",
        f"done: People are sent to {one.name} again.",
        "done: reserve gets no more requests, and goes to sleep.",
        "done: reserve wakes.",
        f"done: {one.name} leads the database.",
    ]
    deeds = list(strace.deeds(tmp_path / "calls", threads))
    assert len(deeds) > 100
    places = strace.services_folders(one.node.paths)
    assert strace.in_services_folders(one.node.paths, deeds, places) == []
