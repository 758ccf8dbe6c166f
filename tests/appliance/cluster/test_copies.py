"""How many copies files have: decided, and on three real stores without the rest of a cluster.

What a cluster adds (ways between nodes, names in PostgreSQL, the lease) is shown by `test_files.py`.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest
import urllib3
from minio.error import MinioException

from appliance import scratch, service_files
from appliance.cluster import copies, identity, state, topology
from appliance.cluster.topology import Member, Membership, Role, Topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from appliance.services.objects import setup, volumes
from appliance.services.objects.service import ONE_COPY, THREE_COPIES, TWO_COPIES
from appliance.services.objects.volumes import Volume
from tests import require
from tests.appliance.boxes import wait_until

SIZE = 40_000
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NAMES = ("node-1", "node-2", "node-3", "node-4")


def cluster_of(count: int, *, joining: int = 0) -> Topology:
    return Topology(
        tuple(
            Member(name, f"10.0.0.{number}", (Role.DATABASE,), number=number, has_store=number < count)
            for number, name in enumerate(NAMES[: count + joining])
        )
    )


@pytest.mark.parametrize(
    ("places", "well", "copies_of_each"),
    [
        (1, 1, ONE_COPY), (1, 0, ONE_COPY),
        (2, 2, TWO_COPIES), (2, 1, TWO_COPIES),
        (3, 3, THREE_COPIES), (3, 2, TWO_COPIES), (3, 1, TWO_COPIES),
        (4, 4, THREE_COPIES), (4, 3, THREE_COPIES), (4, 2, TWO_COPIES),
    ],
)  # fmt: skip
def test_as_many_as_stores_answer_and_two_to_three_of_several(
    places: int, well: int, copies_of_each: str
) -> None:
    assert copies.replication(cluster_of(places), NAMES[:well]) == copies_of_each


def test_a_node_that_still_joins_is_not_counted() -> None:
    assert copies.replication(cluster_of(2, joining=1), NAMES) == TWO_COPIES


def test_a_clock_that_is_put_back_keeps_uploads_waiting_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    node = SimpleNamespace(cluster=SimpleNamespace(topology=cluster_of(3)))
    monkeypatch.setattr(Node, "load", lambda _paths: node)
    monkeypatch.setattr(copies.Keeper, "_holds", lambda *_: True)
    monkeypatch.setattr(copies, "well", lambda _node: frozenset(NAMES[:2]))
    monkeypatch.setattr(copies, "set_replication", lambda _node, wanted: told.append(wanted))
    keeper = copies.Keeper(Paths(Path("/")), lambda _said: None)
    keeper.look(NOW)
    for moment in (NOW - timedelta(hours=1), NOW - timedelta(hours=1) + copies.PATIENCE[TWO_COPIES]):
        keeper.look(moment)
    assert told == [TWO_COPIES]


def volume(number: int, places: int, *replications: str, bucket: str = "files", objects: int = 1) -> Volume:
    return Volume(number, 100, objects, frozenset(NAMES[:places]), bucket, frozenset(replications))


@pytest.mark.parametrize(
    ("wanted", "found", "becomes"),
    [
        (THREE_COPIES, volume(1, 2, TWO_COPIES), THREE_COPIES),
        # Its other copy would stay one of two, and be written to beside this one when it is back.
        (THREE_COPIES, volume(1, 1, TWO_COPIES), None),
        (THREE_COPIES, volume(1, 3, THREE_COPIES), None),
        # A node went while it was changed; when it is back both are told again.
        (THREE_COPIES, volume(1, 2, TWO_COPIES, THREE_COPIES), THREE_COPIES),
        (THREE_COPIES, volume(1, 1, ONE_COPY), THREE_COPIES),
        (THREE_COPIES, volume(1, 2, TWO_COPIES, bucket=""), None),
        (THREE_COPIES, volume(1, 1, ONE_COPY, bucket=""), TWO_COPIES),
        # A third node was taken out for good.
        (TWO_COPIES, volume(1, 2, THREE_COPIES), TWO_COPIES),
        (TWO_COPIES, volume(1, 1, THREE_COPIES), None),
    ],
)
def test_volumes_follow_what_is_wanted_when_their_copies_are_there(
    wanted: str, found: Volume, becomes: str | None
) -> None:
    expected = (f"volume.configure.replication -volumeId=1 -replication={becomes}",) if becomes else ()
    assert copies.configurations([found], bucket="files", wanted=wanted) == expected


def test_files_that_lack_a_copy_are_told_apart_by_how_many_they_have() -> None:
    one, two = volume(1, 1, THREE_COPIES), volume(2, 2, THREE_COPIES)
    whole, empty = volume(3, 3, THREE_COPIES), volume(4, 1, THREE_COPIES, objects=0)
    notes = volume(5, 2, TWO_COPIES, bucket="")
    among = (two, one, whole, empty, notes)
    assert copies.lacking(among, bucket="files", wanted=THREE_COPIES) == {1: (one,), 2: (two,)}
    assert copies.lacking(among, bucket="files", wanted=TWO_COPIES) == {1: (one,)}


class Stores:
    """Three, by the product's own commands, with the names beside the first one. Any may die, and return."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.single = scratch.create(folder / "box")
        service_files.apply(self.single, only=(named("objects"),))
        identity.found(self.single.paths, name=NAMES[0], address="10.0.0.0")
        topology.store(self.single.paths, Membership(NAMES[0], cluster_of(3), ("node-1=10.0.0.0",)))
        self.node = Node.load(self.single.paths)
        self.port = self.node.box.objects.port
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._known: dict[str, str] = {}

    def __enter__(self) -> Self:
        for number in (1, 2, 3):
            self.start(number)
        wait_until(self._sets_up, seconds=120)
        return self

    def __exit__(self, *_: object) -> None:
        for number in tuple(self._running):
            self.kill(number)

    def start(self, number: int) -> None:
        me = self.node.cluster.topology[NAMES[number - 1]]
        place = self.data(number)
        place.mkdir(mode=0o755, exist_ok=True)
        with_masters = place.with_name(f"masters-{number}")
        with_masters.mkdir(exist_ok=True)
        own = {
            "-dir": place, "-ip": me.loopback, "-ip.bind": me.loopback, "-rack": me.name,
            "-master.dir": with_masters, "-s3.config": self.identities,
        }  # fmt: skip
        command = named("objects").command(self.node, "1")
        if number == 1:
            command = (*command, "-s3.ip.bind=127.0.0.1")
        else:
            command = tuple(word for word in command if not word.startswith(("-filer", "-s3")))
        self._run(number, [_with(own, word) for word in command])

    def start_alone(self, number: int) -> None:
        """What is left on that machine is all there is: as a single box's store, with the names."""
        for names in self.data(1).glob("filer.db*"):
            shutil.copy(names, self.data(number))
        shutil.rmtree(self.data(1))
        own = {"-dir": self.data(number), "-s3.config": self.identities}
        told = self.generated / "filer.toml"
        told.write_text(told.read_text().replace(str(self.data(1)), str(self.data(number))))
        topology.file_of(self.single.paths).unlink()
        self._run(number, [_with(own, word) for word in named("objects").command(self.single, "1")])

    def _run(self, number: int, command: Sequence[str]) -> None:
        # It names sockets in /tmp by its ports, which are the same for all.
        private = self.folder / f"tmp-{number}"
        private.mkdir(exist_ok=True)
        bound = ("sh", "-c", 'mount --bind "$0" /tmp && exec "$@"', str(private))
        with (self.folder / f"log-{number}").open("ab") as log:
            self._running[number] = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", *bound, *command],
                cwd=self.generated,
                stdout=log,
                stderr=log,
            )

    def kill(self, *numbers: int) -> None:
        for number in numbers:
            process = self._running.pop(number)
            process.send_signal(signal.SIGKILL)
            process.wait()

    # --- what is asked of them

    @property
    def generated(self) -> Path:
        return self.node.generated("objects")

    @property
    def identities(self) -> Path:
        return self.generated / "identities.json"

    def data(self, number: int) -> Path:
        return self.node.data("objects") if number == 1 else self.folder / f"data-{number}"

    def _sets_up(self) -> bool:
        with suppress(setup.StoreRefused, MinioException, urllib3.exceptions.HTTPError):
            setup.set_up(self.node)
            return True
        return False

    def upload(self, count: int, mark: str) -> None:
        """Files that are acknowledged; each is asked for once more where a store has just died."""
        client = setup.client(self.node)
        for number in range(count):
            name, content = f"{mark}/{number}", os.urandom(SIZE)
            client.put_object(
                bucket_name=self.node.box.objects.bucket, object_name=name,
                data=io.BytesIO(content), length=SIZE,
            )  # fmt: skip
            self._known[name] = hashlib.sha256(content).hexdigest()

    def missing(self) -> set[str]:
        """What was acknowledged and cannot be read."""
        client, missing = setup.client(self.node), set(self._known)
        for name in self._known:
            with (
                suppress(MinioException, urllib3.exceptions.HTTPError),
                client.get_object(bucket_name=self.node.box.objects.bucket, object_name=name) as answer,
            ):
                if hashlib.sha256(answer.read()).hexdigest() == self._known[name]:
                    missing.remove(name)
        return missing

    def counts(self) -> set[int]:
        """How many copies there are of volumes with files."""
        return {len(one.places) for one in volumes.read(self.node) if one.objects and one.collection}


def _with(own: Mapping[str, object], word: str) -> str:
    name, _, _ = word.partition("=")
    return f"{name}={own[name]}" if name in own else word


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    require.root("Stores with a /tmp of their own are root's to start")
    # The lease and what nodes say of their disks are etcd's, which does not run here.
    monkeypatch.setattr(state, "hold", lambda *_, **__: True)
    monkeypatch.setattr(state, "beats", lambda *_: {})
    folder = Path(tempfile.mkdtemp(prefix="korobka-copies-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        with Stores(folder) as stores:
            yield stores
    finally:
        shutil.rmtree(folder)


def test_files_outlive_two_of_three_stores_and_uploads_go_on_with_one_away(stores: Stores) -> None:
    said: list[str] = []
    keeper, clock = copies.Keeper(stores.node.paths, said.append), NOW

    def settles() -> None:
        """The same stores answer for long enough."""
        nonlocal clock
        for _ in range(2):
            keeper.look(clock)
            clock += copies.PATIENCE[THREE_COPIES]

    settles()
    stores.upload(20, "three copies at once")
    wait_until(lambda: stores.counts() == {3}, seconds=60)

    stores.kill(3)
    keeper.look(clock)
    assert len(said) == 1, "a store that is only restarted changes nothing"
    settles()
    stores.upload(20, "two while one is away")
    keeper.repair()
    # Nothing is made of one copy, and those of three wait for theirs.
    wait_until(lambda: stores.counts() == {2}, seconds=60)

    stores.start(3)
    wait_until(lambda: 3 in stores.counts(), seconds=60)
    settles()
    stores.upload(20, "three copies again")

    def is_told() -> bool:
        keeper.review()
        return "have two copies" in "".join(keeper.problems)

    def is_repaired() -> bool:
        keeper.repair()
        return stores.counts() == {3}

    wait_until(is_told, seconds=60)
    wait_until(is_repaired, seconds=60)
    keeper.review()
    assert keeper.problems == ()
    assert [line.split(".")[0] for line in said] == [f"Copies of each upload: {count}" for count in (3, 2, 3)]

    stores.kill(1, 2, 3)
    stores.start_alone(3)
    wait_until(lambda: not stores.missing(), seconds=60)
