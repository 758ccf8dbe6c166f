"""Three whole boxes, and people who read and write while parts of them go.

Each row of the table of people at work in `docs/admin/failures.md` is a test of this file.
"""

from __future__ import annotations

import csv
import http.client
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.cluster.membership import ports
from appliance.cluster.topology import BALANCER_PORT
from appliance.services.balancer.runtime import BalancerAway, Runtime
from appliance.services.balancer.service import runtime_socket
from appliance.services.database.patroni import DYNAMIC_KEY, dynamic
from tests.appliance.boxes import query, wait_until

from .history import READ, WRITE, History, Register
from .leads import leader_of_etcd
from .nodes import BoxNode, Company, require_engines
from .office import PASSWORD, Office, door, people_at_work, read_from
from .people import Browser
from .strangers import Stranger, listening
from .writer import TABLE, Writer

SMALL_DISK = 1500
WHOLE = ("agent", "database", "objects", "cache", "web", "push", "jobs", "balancer")


@pytest.fixture(scope="module")
def office(rows: list[str], figure: Callable[[str], None]) -> Iterator[Office]:
    require_engines()
    with Company(4) as company, ExitStack() as at_work:
        office = Office(company, rows)
        office.small_disk = office.nodes[1].put_on_a_small_disk("database", mib=SMALL_DISK)
        one = company.nodes[0]
        one.install(*WHOLE, has_tables=True, metrics__networks=("10.88.0.0/24",))
        one.cluster("init", "--name", one.name, "--address", one.address)
        for node in company.nodes[1:]:
            node.install("agent")
            node.join(one, *(() if node in office.nodes else ("--reserve",)))
        at_work.enter_context(people_at_work(office))
        yield office
        figure(reads_of(office))


def reads_of(office: Office) -> str:
    """Where pages were read from, by the figures of all nodes."""
    counts = read_from(office.nodes)
    asked = counts.total() or 1
    return f"pages and forms: {dict(counts)}, {counts['replica'] / asked:.0%} read from replicas"


def test_a_worker_is_killed(office: Office) -> None:
    office.happens("one of a node's web workers killed", lambda: office.nodes[1].kill("web@1"))


def test_all_workers_of_a_node_are_killed(office: Office) -> None:
    office.happens("all web workers of a node killed", lambda: office.nodes[1].kill("web"))


def test_a_cache_is_killed(office: Office) -> None:
    office.happens("the cache of a node killed", lambda: office.nodes[2].kill("cache"))


def test_a_balancer_is_killed(office: Office) -> None:
    office.happens("the balancer of a node killed", lambda: office.nodes[1].kill("balancer"))


def test_etcds_leader_is_killed(office: Office) -> None:
    def kill() -> None:
        name = leader_of_etcd(office.nodes[0])
        next(node for node in office.nodes if node.name == name).kill("etcd")

    office.happens("etcd's leader killed", kill)


def test_the_lead_is_handed_over(office: Office) -> None:
    office.happens("`boxctl cluster switchover`", lambda: void(office.nodes[0].cluster("switchover")))


def test_the_leaders_process_is_killed(office: Office) -> None:
    office.happens("the leader's PostgreSQL and Patroni killed", lambda: office.leader.kill("database"))


def test_the_leaders_machine_is_killed(office: Office) -> None:
    leader = office.leader
    office.happens("the leader's machine killed, and back", leader.kill, undo=leader.boot)


def test_the_leader_is_cut_off(office: Office) -> None:
    leader, company = office.leader, office.company
    office.happens(
        "the leader cut off from the network, and back",
        lambda: company.cut(leader),
        undo=lambda: company.mend(leader),
    )


def test_a_router_is_killed(office: Office) -> None:
    office.happens("the router of a node killed", lambda: office.nodes[1].kill("router"))


def test_a_copy_that_stands_still_is_not_read(office: Office) -> None:
    """It is there, says that all is well, and is older every second."""
    late = office.followers[0]

    def read_meanwhile() -> None:
        query(late.node, "select pg_wal_replay_pause()", database="postgres")
        for one in office.colleagues:
            for _ in range(3):
                one.go_on()

    def go_on() -> None:
        query(late.node, "select pg_wal_replay_resume()", database="postgres")

    office.happens("a copy of the database stands still, and goes on", read_meanwhile, undo=go_on)


def test_a_copy_that_confirms_writes_stalls(office: Office) -> None:
    """As on a disk that does not answer: its connections stay, and nothing comes of them. The other one
    confirms."""
    office.wait_until_well()
    with ExitStack() as stalled:
        halted = office.followers[0].stalled("database", "postgres")
        office.happens(
            "a copy that confirms writes stalls, and goes on",
            lambda: stalled.enter_context(halted),
            undo=stalled.close,
        )


def test_two_of_three_machines_are_killed(office: Office) -> None:
    """The last one shows what is there, refuses what it could not keep, and says why; all by itself it is
    over once they are back."""
    office.wait_until_well()
    lost = office.leader, office.followers[0]
    (last,) = (node for node in office.nodes if node not in lost)
    browser = Browser([door(last)])
    browser.sign_in("anna@example.com", PASSWORD)

    def says_why() -> bool:
        refused = browser.post("/feed/", text="Lost?", audience="UA", nonce=uuid4().hex)
        assert refused.status == 503
        return "Too few of its machines answer" in refused.text

    def live_on_one() -> None:
        for node in lost:
            node.kill()
        try:
            wait_until(lambda: is_read(browser), seconds=120)
            # Until its balancer has noticed that both are gone it may ask one of them after the other.
            wait_until(says_why, seconds=20)
            assert "nobody can write" in " ".join(last.status()["problems"])
        finally:
            for node in lost:
                node.boot()

    office.happens("two of three machines killed, and back", live_on_one)
    assert not office.leader.sql("select text from feed_post where text = 'Lost?'")


def is_read(browser: Browser) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return browser.get("/feed/").status == 200
    return False


def test_a_clock_is_ten_minutes_ahead(office: Office) -> None:
    office.wait_until_well()
    wrong, asked = office.followers

    def put_it_forward() -> None:
        wrong.kill()
        wrong.boot_ahead(seconds=600)
        said = f"The clock of {wrong.name} is"
        wait_until(lambda: said in " ".join(asked.status()["problems"]), seconds=120)
        for one in office.colleagues:
            one.go_on()

    def put_it_right() -> None:
        wrong.kill()
        wrong.boot()

    office.happens("the clock of a node ten minutes ahead, and put right", put_it_forward, undo=put_it_right)


def test_all_nodes_restart_one_after_the_other(office: Office) -> None:
    office.wait_until_well()
    one, before = office.nodes[0], {node: node.processes() for node in office.nodes}

    def restart() -> None:
        assert "restarted, and well" in one.cluster("restart").stdout

    office.happens("`boxctl cluster restart`", restart)
    for node in office.nodes:
        assert not node.processes() & before[node]
    assert not any(member["is_drained"] for member in one.status()["nodes"])


def test_a_restart_stops_at_the_first_node_that_is_not_well(office: Office) -> None:
    office.wait_until_well()
    one, broken = office.nodes[0], office.followers[0]
    others = [node for node in office.nodes if node is not broken]
    before = {node: node.pids("web") for node in others}

    def restart() -> None:
        with broken.taken_when_free(broken.node.box.balancer.http_port):
            refused = one.cluster("restart", check=False)
        assert refused.returncode == 1
        assert f"{broken.name} could not restart: balancer did not start" in refused.stderr
        assert f"`boxctl cluster resume {broken.name}`" in refused.stderr
        assert "stayed as before" in refused.stderr

    def repair() -> None:
        broken.boxctl("start")
        one.cluster("resume", broken.name)

    office.happens("`boxctl cluster restart`, and a node does not come back", restart, undo=repair)
    assert {node: node.pids("web") for node in others} == before


def test_a_fourth_machine_goes_and_another_one_comes(office: Office) -> None:
    """With all that a node has, so that everybody has to take notice of it."""
    one, fourth = office.nodes[0], office.reserve
    one.cluster("remove", fourth.name)
    office.happens("a fourth machine joins", lambda: void(fourth.join(one)))
    wait_until(lambda: answered(fourth) > 5)
    office.happens("`boxctl cluster remove` of it", lambda: void(one.cluster("remove", fourth.name)))
    assert not fourth.pids("web") and not fourth.pids("database")
    fourth.join(one, "--reserve")
    office.wait_until_well()


def test_the_leaders_disk_is_full(office: Office) -> None:
    one, full = office.nodes[0], office.nodes[1]
    if office.leader is not full:
        wait_until(lambda: not one.cluster("switchover", full.name, check=False).returncode, seconds=120)
    filler = office.small_disk / "filler"

    def fill() -> None:
        with filler.open("wb") as file, suppress(OSError):
            while True:
                file.write(b"\0" * (1 << 20))
        wait_until(lambda: str(one.status()["leader"]) not in ("", full.name), seconds=120)
        # A node says how it is every few seconds.
        wait_until(lambda: f"{full.name} keeps nothing more" in " ".join(one.status()["problems"]))
        # Who comes to that node is served: what they write goes to the one that leads.
        browser = Browser([door(full)])
        browser.sign_in("anna@example.com", PASSWORD)
        post = {"text": "From a full node", "audience": "UA", "nonce": uuid4().hex}
        # Who asks before that node knows who leads now is asked to try again.
        wait_until(lambda: browser.post("/feed/", **post).status == 200, seconds=30)

    office.happens("the disk of the leader full, and emptied", fill, undo=filler.unlink)


def test_a_change_of_configuration_reaches_all_nodes(office: Office) -> None:
    office.happens(
        "`boxctl cluster config`", lambda: void(office.nodes[0].cluster("config", "cache.memory_mb", "96"))
    )
    assert {node.node.box.cache.memory_mb for node in office.nodes} == {96}


def test_or_none_of_them(office: Office) -> None:
    """The last one to be asked cannot have a port that all others have taken by then."""
    office.wait_until_well()
    last, port = office.leader, office.nodes[0].node.box.balancer.http_port + 1000

    def change() -> None:
        with last.inside(), socket.create_server((last.address, port)):
            refused = office.nodes[0].cluster("config", "balancer.http_port", str(port), check=False)
        assert refused.returncode == 1
        assert f"{last.name} could not apply: balancer does not take its new files" in refused.stderr
        assert "The change is in force on no node." in refused.stderr

    office.happens("`boxctl cluster config`, and a node cannot follow", change)
    assert {node.node.box.balancer.http_port for node in office.nodes} == {port - 1000}
    for node in office.nodes:
        assert port not in listening(node)


def test_load_wakes_a_reserve_and_requests_reach_it(office: Office, figure: Callable[[str], None]) -> None:
    one = office.nodes[0]
    # Whatever this machine does is above two per cent.
    size, thresholds = ("--minimum", "3", "--maximum", "4"), ("--out", "2", "--in", "1")

    def wake() -> None:
        one.cluster("scaling", *size, *thresholds, "--window", "1", "--cool-down", "1")
        wait_until(lambda: answered_if_there(office.reserve) > 5, seconds=300)
        decided_at = datetime.fromisoformat(one.status()["decisions"][0]["at"])
        passed = (datetime.now(UTC) - decided_at).total_seconds()
        figure(f"requests answered by a reserve {passed:.0f} s after it was decided")

    office.happens("load wakes a reserve node", wake)
    assert rest_of(office) == "awake"
    assert "waking node-4" in one.cluster("scaling").stdout


def test_load_gone_it_sleeps_and_nobody_is_cut_off(office: Office) -> None:
    one = office.nodes[0]

    def sleep() -> None:
        one.cluster("scaling", "--minimum", "1", "--maximum", "3")
        wait_until(lambda: rest_of(office) == "asleep", seconds=300)
        one.cluster("scaling", "--off")
        wait_until(lambda: not office.reserve.pids("web") and not office.reserve.pids("balancer"))

    office.happens("a reserve node goes to sleep", sleep)
    assert office.reserve.pids("member")


def rest_of(office: Office) -> str:
    return next(str(node["rest"]) for node in office.nodes[0].status()["nodes"] if node["name"] == "node-4")


def answered_if_there(node: BoxNode) -> int:
    """The same of a node whose balancer may not run yet."""
    with suppress(BalancerAway):
        return answered(node)
    return 0


def answered(node: BoxNode) -> int:
    """Requests that its own workers have answered for other nodes."""
    said = Runtime(runtime_socket(node.node))._ask("show stat own 2 -1").removeprefix("# ")
    (row,) = csv.DictReader(said.splitlines())
    return int(row["stot"])


def test_pages_are_read_from_replicas(office: Office) -> None:
    office.wait_until_well()
    wait_until(lambda: re.search(r"'replica': [1-9]\d", reads_of(office)) is not None)


def test_an_asynchronous_cluster_is_caught(office: Office) -> None:
    """Broken on purpose: what the judge of histories says of the runs above means something."""
    office.wait_until_well()
    leader, other = office.leader, office.followers[0]
    query(leader.node, TABLE)
    replicate(office, is_synchronous=False)
    with Writer(leader.prefix / "run/korobka/router") as inside:
        office.company.cut(leader)
        known = len(inside.acknowledged)
        wait_until(lambda: len(inside.acknowledged) > known + 20)
        wait_until(lambda: str(other.status()["leader"]) not in ("", leader.name))
    office.company.mend(leader)
    replicate(office, is_synchronous=True)
    office.wait_until_well()
    there = {int(line) for line in other.sql("select number from written").splitlines()}
    history = History()
    for number in inside.acknowledged:
        history.note(str(number), WRITE, True, begun_at=0, ended_at=1)
        history.note(str(number), READ, number in there, begun_at=2, ended_at=3)
    assert history.violations({str(number): Register(False) for number in inside.acknowledged})


def test_a_stranger_on_the_network_gets_nothing(office: Office, tmp_path: Path) -> None:
    """With nothing, and with the certificate of an authority that calls itself the cluster's."""
    office.wait_until_well()
    for node in office.nodes:
        box = node.node.box
        people = {box.balancer.http_port, box.balancer.https_port}
        # A port that is not known here is one that nobody has thought of.
        assert {*people, BALANCER_PORT} <= listening(node) <= {*people, *ports(node.node)}
        assert not Stranger.as_if(node, tmp_path).gets_from(node)


def replicate(office: Office, *, is_synchronous: bool) -> None:
    """The members, who would see to it that all is as box.toml says, are there where it is."""
    one = office.nodes[0]
    if not is_synchronous:
        for node in office.nodes:
            node.boxctl("stop", "member")
        with one.etcd() as etcd:
            etcd.put(DYNAMIC_KEY, json.dumps({**dynamic(one.node), "synchronous_mode": False}))
    else:
        for node in office.nodes:
            node.boxctl("start", "member")
    wait_until(
        lambda: (
            any(node["database_role"] == "quorum_standby" for node in one.status()["nodes"]) is is_synchronous
        )
    )


def void(_: object) -> None:
    """An event has no answer."""
