"""Three whole boxes keep everybody's files while nodes go, the first one for good among them.

Each row of the table of files in `docs/admin/failures.md` is a test of this file.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import pytest
import urllib3
from minio import Minio
from minio.error import MinioException

from appliance.cluster import state
from appliance.cluster.stores import TOLD_SECONDS
from appliance.services.objects import setup, volumes
from appliance.services.objects.service import Ports
from tests.appliance.boxes import wait_until
from tests.randomness import chosen

from .nodes import BoxNode, Company, require_engines

SIZE = 40_000
PAUSE = 0.3
COPIED_SECONDS = 240
"""Until the stores are believed to be there, and a copy; on a machine that is busy."""
LONGEST = 120
LATE_SECONDS = 8
"""Longer than a store takes to begin, and masters to elect one."""


def store_of(node: BoxNode) -> Minio:
    """The files by the address at which the portal of that node finds them, in this thread's network."""
    box, secrets = node.node.box.objects, node.node.secrets
    return Minio(
        f"127.0.0.1:{box.port}",
        access_key=secrets.objects_access_key,
        secret_key=secrets.objects_secret_key,
        secure=False,
        region=box.region,
        http_client=urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=15), retries=False),
    )


@dataclass
class Uploads:
    """Somebody who uploads all the time through one node, and notes the hash of what was acknowledged."""

    node: BoxNode
    mark: str
    known: dict[str, str] = field(default_factory=dict)
    failed: int = 0
    longest: float = 0.0
    _ends: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        self.go_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def go_on(self) -> None:
        """Wait until one more is acknowledged that was begun now."""
        before = len(self.known)
        wait_until(lambda: len(self.known) > before + 1, seconds=LONGEST)

    def _work(self) -> None:
        with self.node.inside():
            store, bucket = store_of(self.node), self.node.node.box.objects.bucket
            last = time.monotonic()
            while not self._ends.wait(PAUSE):
                content, name = os.urandom(SIZE), f"{self.mark}/{len(self.known)}-{self.failed}"
                try:
                    store.put_object(
                        bucket_name=bucket, object_name=name, data=io.BytesIO(content), length=SIZE
                    )
                except (MinioException, urllib3.exceptions.HTTPError):
                    self.failed += 1
                    continue
                self.known[name] = hashlib.sha256(content).hexdigest()
                self.longest = max(self.longest, time.monotonic() - last)
                last = time.monotonic()


@dataclass
class Office:
    """The company, and all that was ever acknowledged to it."""

    company: Company
    rows: list[str]
    known: dict[str, str] = field(default_factory=dict)

    def read_by(self, node: BoxNode) -> None:
        """Every file is what it was."""
        assert self.missing_at(node) == set()

    def missing_at(self, node: BoxNode) -> set[str]:
        """What was acknowledged and cannot be read there within a minute."""
        with node.inside():
            store, bucket = store_of(node), node.node.box.objects.bucket
            missing = dict(self.known)

            def are_read() -> bool:
                for name, expected in list(missing.items()):
                    if read(store, bucket, name) != expected:
                        return False
                    del missing[name]
                return True

            with suppress(AssertionError):
                wait_until(are_read, seconds=60)
        return set(missing)

    def happens(self, what: str, at: BoxNode, event: Callable[[], object]) -> None:
        """Let it happen while somebody uploads, and note what it cost."""
        with Uploads(at, what.replace(" ", "-")) as uploads:
            event()
            uploads.go_on()
        self.known |= uploads.known
        lost, known = self.missing_at(at), len(uploads.known)
        self.rows.append(f"| {what} | {uploads.longest:.1f} | {uploads.failed} | {known} | {len(lost)} |")
        assert not lost


def read(store: Minio, bucket: str, name: str) -> str:
    """The hash of a file; empty while the store is not quite there."""
    with (
        suppress(MinioException, urllib3.exceptions.HTTPError),
        store.get_object(bucket_name=bucket, object_name=name) as answer,
    ):
        return hashlib.sha256(answer.read()).hexdigest()
    return ""


def in_copies(node: BoxNode, count: int, places: int) -> None:
    """Wait until each volume with files has so many copies, on so many nodes in all."""

    def is_so() -> bool:
        with node.inside():
            # SeaweedFS's own notes, in no bucket, have two.
            bucket = node.node.box.objects.bucket
            known = [one for one in volumes.read(node.node) if one.objects and one.collection == bucket]
        time.sleep(2)  # a look costs a program's start
        return (
            bool(known)
            and {len(one.places) for one in known} == {count}
            and len(frozenset().union(*(one.places for one in known))) == places
        )

    def stays_so() -> bool:
        if not is_so():
            return False
        # Those that were just mounted for another number of copies look empty at first.
        time.sleep(TOLD_SECONDS)
        return is_so()

    wait_until(stays_so, seconds=COPIED_SECONDS)


def test_two_of_three_are_lost_at_once_and_the_third_has_every_file() -> None:
    """Also where its store has forgotten where they are: by its own word alone (decision 0633), which the
    others do not hear when they are back."""
    with Company() as company:
        one, two, three = company.nodes
        one.install("agent", "database", "objects")
        one.cluster("init", "--name", one.name, "--address", one.address)
        for node in (two, three):
            node.install("agent")
            node.join(one, "--database")
        office = Office(company, [])
        with Uploads(one, "before") as uploads:
            in_copies(one, 3, 3)
            uploads.go_on()
        office.known = uploads.known
        for node in (one, two):
            node.kill()
        three.kill("objects")
        # Whoever ends its store for that, and is killed then, begins it again.
        begun = three.prefix / "run/korobka/state/store-begun"
        wait_until(lambda: begun.exists() and not begun.read_text(), seconds=LONGEST)
        three.kill("member")
        wait_until(lambda: not office.missing_at(three), seconds=LONGEST)
        for node in (one, two):
            node.boot()
        office.happens(
            "two of three were lost, and are back", three, lambda: wait_until(lambda: agree(company))
        )
        for node in company.nodes:
            office.read_by(node)


def test_two_nodes_and_a_witness_open_files_while_one_of_them_is_left() -> None:
    with Company() as company:
        one, two, witness = company.nodes
        one.install("agent", "database", "objects")
        one.cluster("init", "--name", one.name, "--address", one.address)
        witness.install("agent")
        witness.join(one, "--witness")
        two.install("agent")
        # From now on the witness has a vote about where files are.
        two.join(one, "--database")
        wait_until(lambda: agree(company), seconds=LONGEST)
        office = Office(company, [])
        with Uploads(one, "of-two") as uploads:
            in_copies(one, 2, 2)
            uploads.go_on()
        office.known = uploads.known
        one.kill()
        wait_until(lambda: not office.missing_at(two), seconds=LONGEST)
        witness.kill()
        two.kill("objects")
        wait_until(lambda: not office.missing_at(two), seconds=LONGEST)


def test_the_last_node_takes_everything_with_it() -> None:
    with Company(2) as company:
        one, two = company.nodes
        one.install("agent", "database", "objects")
        office = Office(company, [])
        with Uploads(one, "before") as uploads:
            uploads.go_on()
        one.cluster("init", "--name", one.name, "--address", one.address)
        two.install("agent")
        two.join(one, "--database")
        with Uploads(two, "of-two") as later:
            later.go_on()
        # Until uploads are told that there are two stores, one alone may keep something, and may not go.
        in_copies(one, 2, 2)
        one.cluster("remove", two.name)
        wait_until(lambda: not two.pids("objects"))
        one.cluster("dissolve")
        with one.inside():
            assert setup.is_set_up(one.node)
        with Uploads(one, "afterwards") as last:
            last.go_on()
        office.known = uploads.known | later.known | last.known
        office.read_by(one)


def test_masters_of_before_are_not_heard() -> None:
    """SeaweedFS gives a vote to every master that calls, and what it has agreed on: who hears late that the
    masters are others now would stop them for ever, or leave them two histories."""
    with Company() as company:
        one, two, three = company.nodes
        one.install("agent", "database", "objects")
        one.cluster("init", "--name", one.name, "--address", one.address)
        two.install("agent")
        two.join(one, "--database")
        three.install("agent")
        office = Office(company, [])
        with late(one):
            three.join(two, "--database")
        office.happens("the first hears late of a third", one, partial(wait_until, lambda: agree(company)))
        with late(two):
            one.cluster("remove", three.name)
        office.happens(
            "the second hears late that it is gone", two, lambda: wait_until(lambda: agree(company))
        )
        assert "adding new raft server" not in one.log("objects", 10_000)
        office.read_by(one)


@contextmanager
def late(node: BoxNode) -> Iterator[None]:
    """Whatever changes who says where files are, this node hears of it seconds later than the others."""

    def agreed() -> tuple[str, ...]:
        with node.etcd() as etcd:
            return tuple(one.name for one in state.read(etcd)[0].masters)

    def stall() -> bool:
        wait_until(lambda: agreed() != known)
        with node.stalled("member", "python"):
            was_late = node.node.cluster.topology.masters == masters
            time.sleep(LATE_SECONDS)
        return was_late

    masters = node.node.cluster.topology.masters
    known = agreed()
    with ThreadPoolExecutor(1) as watch:
        stalled = watch.submit(stall)
        yield
        assert stalled.result(), f"{node.name} had heard of it already"


def agree(company: Company) -> bool:
    """Whether all masters know the same ones, and no others."""
    wanted = {one.loopback for one in company.nodes[0].node.cluster.topology.masters}
    return all(
        votes_with(node) == wanted
        for node in company.nodes
        if (node.prefix / "etc/korobka/cluster").exists() and node.node.cluster.me.loopback in wanted
    )


def votes_with(node: BoxNode) -> set[str]:
    """By what its master says of itself."""
    known = node.node
    place = f"http://{known.cluster.me.loopback}:{Ports(known.box.objects.port).master}/cluster/status"
    with node.inside(), suppress(OSError), urllib.request.urlopen(place, timeout=3) as answer:
        said = json.load(answer)
        return {peer.partition(":")[0] for peer in said["Peers"]} if said.get("Leader") else set()
    return set()


CALLED = {
    "init": (
        "membership.wait_for_leader", "names.into_database", "names.set_file_aside",
        "names.give_name", "stores.open_again", "names.forget_file",
    ),
    "dissolve": (
        "names.out_of_database", "names.take_name", "names.take_file_back",
        "membership._forget", "service_files.apply", "names.drop",
    ),
}  # fmt: skip
"""What each of the two calls, in its order; it is killed instead."""
KILLED = """
import importlib, importlib.util, os, signal, sys
from installer import cluster
module, function = sys.argv[1].split(".")
for home in ("appliance.cluster", "appliance.services.objects", "appliance"):
    if importlib.util.find_spec(f"{home}.{module}"):
        place = importlib.import_module(f"{home}.{module}")
assert callable(getattr(place, function))
setattr(place, function, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
cluster.main(sys.argv[2:])
"""


@pytest.mark.parametrize("verb", CALLED)
def test_killed_anywhere_and_begun_again_it_has_every_file(verb: str) -> None:
    with Company(1) as company:
        (box,) = company.nodes
        box.install("agent", "database", "objects")
        office = Office(company, [])
        init = ("init", "--name", box.name, "--address", box.address)
        for stage in chosen(f"killed {verb}", CALLED[verb]):
            if verb == "dissolve":
                box.cluster(*init)
            killed = box.run(
                [sys.executable, "-c", KILLED, stage, *(init if verb == "init" else (verb,))], check=False
            )
            assert killed.returncode == -signal.SIGKILL, f"{stage}: {killed.stdout}{killed.stderr}"
            # A store that may starts then, and what it acknowledges counts.
            box.kill()
            box.boxctl("start", check=False)
            taken = upload_if_taken(office, box, stage)
            if verb == "init":
                again = box.cluster(*init, check=False)
                assert not again.returncode or "a node of a cluster already" in again.stderr, again.stderr
                assert box.status()["leader"] == box.name
            box.cluster("dissolve")
            office.happens(f"{verb} killed at {stage}{', then a file' * taken}", box, lambda: None)


def upload_if_taken(office: Office, box: BoxNode, name: str) -> bool:
    """Whether the store answers, and has a file more."""
    content, deadline = os.urandom(SIZE), time.monotonic() + 15
    with box.inside():
        store, bucket = store_of(box), box.node.box.objects.bucket
        while time.monotonic() < deadline:
            with suppress(MinioException, urllib3.exceptions.HTTPError):
                store.put_object(bucket_name=bucket, object_name=name, data=io.BytesIO(content), length=SIZE)
                office.known[name] = hashlib.sha256(content).hexdigest()
                return True
            time.sleep(0.5)
    return False


# The office works until the end of this file: what has a company of its own comes before it.


@pytest.fixture(scope="module")
def office(rows: list[str]) -> Iterator[Office]:
    require_engines()
    with Company() as company:
        one, two, three = company.nodes
        one.install("agent", "database", "objects")
        office = Office(company, rows)
        # Of before the cluster: with it, names move, and the file stays where it is.
        with Uploads(one, "before") as uploads:
            uploads.go_on()
        office.known |= uploads.known
        office.happens(
            "`boxctl cluster init`", one,
            lambda: one.cluster("init", "--name", one.name, "--address", one.address),
        )  # fmt: skip
        for node, what in ((two, "the second node joins"), (three, "the third node joins")):
            node.install("agent")
            office.happens(what, one, partial(node.join, one, "--database"))
        yield office


def test_each_file_is_on_three_nodes(office: Office) -> None:
    one, two, three = office.company.nodes
    in_copies(one, 3, 3)
    office.read_by(two)
    office.read_by(three)
    wait_until(lambda: not any("objects: " in said for said in one.status()["problems"]), seconds=150)


def test_a_store_is_killed_and_another_answers(office: Office) -> None:
    _, two, _ = office.company.nodes
    office.happens("the store of a node killed, uploads through that node", two, lambda: two.kill("objects"))


def test_a_node_is_away_and_gets_what_it_missed(office: Office) -> None:
    one, _, three = office.company.nodes

    def is_away() -> None:
        three.kill()
        # Longer than what is taken for a restart: volumes of two copies are made.
        time.sleep(30)

    in_copies(one, 3, 3)
    office.happens("a node away for half a minute", one, is_away)
    three.boot()
    office.happens("the node is back, and gets its copies", one, partial(in_copies, one, 3, 3))
    office.read_by(three)


def test_the_home_is_lost_for_good_and_its_copies_are_made_again(office: Office) -> None:
    one, two, three = office.company.nodes
    in_copies(one, 3, 3)
    office.happens("the first node lost for good", two, one.kill)
    office.read_by(three)
    wait_until(lambda: two.status()["leader"] in (two.name, three.name), seconds=120)
    office.happens("`boxctl cluster remove` of it", three, lambda: two.cluster("remove", one.name))
    # Backups are made where the files' new home is.
    assert two.status()["home"] == two.name
    in_copies(two, 2, 2)
    office.read_by(two)
    office.read_by(three)
