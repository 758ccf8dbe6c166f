"""What services are told while the nodes become others: by the member, and by whoever writes beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from appliance import folders, scratch, service_files
from appliance.cluster import identity, membership, shared, state, stores, topology
from appliance.cluster.etcd import Etcd
from appliance.cluster.topology import Member, Membership, Role, Topology
from appliance.node import Node
from appliance.paths import Paths
from appliance.services import named
from appliance.supervise.supervisord import Supervisord
from tests.appliance.boxes import open_to_everybody, wait_until

ONE, TWO, THREE = (
    Member(f"node-{number}", f"10.0.0.{number}", (Role.DATABASE,), number=number, has_store=True)
    for number in range(1, 4)
)
BEFORE = Topology((ONE, TWO), 1)
AFTER = Topology((ONE, TWO, THREE)).agreed_after(BEFORE)
ROUTER = named("router")


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """One of two, as its files say."""
    folder = tmp_path_factory.mktemp("node")
    open_to_everybody(folder)
    paths = scratch.create(folder).paths
    identity.found(paths, name=TWO.name, address=TWO.address)
    topology.store(paths, Membership(TWO.name, BEFORE, (), 7))
    folders.prepare(paths)
    return Node.load(paths)


def told(node: Node) -> tuple[bool, bool]:
    """Whether the router and the store, as it would be begun, know of the third one."""
    conf = (node.generated("router") / "haproxy.cfg").read_text()
    units = node.paths.generated / "supervisor/supervisord.conf"
    return THREE.loopback in conf, units.exists() and THREE.loopback in units.read_text()


def test_a_node_tells_which_build_it_runs_where_one_is_installed(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[state.Beat] = []
    monkeypatch.setattr(state, "beat", lambda _, __, what: told.append(what))
    membership.beat(node.paths, busy=0.1)
    release = node.paths.releases / "9.1+1a2b3c4d"
    release.mkdir(parents=True)
    (release / "pyproject.toml").write_text('[project]\nversion = "9.1"\n')
    node.paths.current.symlink_to(release)
    membership.beat(node.paths, busy=0.1)
    assert [beat.release for beat in told] == ["", "9.1+1a2b3c4d"]
    assert told[1].version == "9.1"


def write(loaded: Node) -> None:
    """As operations do, and who renews a certificate."""
    service_files.apply(loaded, only=(ROUTER,))
    Supervisord(loaded).apply()


def test_who_has_loaded_before_writes_what_the_nodes_are_by_now(node: Node) -> None:
    write(node)
    assert told(node) == (False, False)
    topology.store(node.paths, replace(node.cluster, topology=AFTER, revision=8))
    write(node)
    assert told(node) == (True, True)
    topology.store(node.paths, replace(node.cluster, topology=AFTER, revision=8, is_alone=True))
    write(node)
    masters = [one for one in (ONE, TWO, THREE) if one.loopback in peers_in(node)]
    assert masters == [TWO]


def peers_in(node: Node) -> str:
    words = (node.paths.generated / "supervisor/supervisord.conf").read_text().split()
    return next(word for word in words if "-master.peers=" in word)


@dataclass
class Reloaded:
    """A supervisor that writes its units, and notes whom it tells; `meanwhile` happens then."""

    meanwhile: Callable[[], None] = lambda: None
    told: list[str] = field(default_factory=list)
    node: Node | None = None

    def on(self, node: Node) -> Reloaded:
        self.node = node
        return self

    def reload(self, *names: str, **_: object) -> None:
        self.told += names
        self.meanwhile()

    def apply(self) -> None:
        assert self.node is not None
        Supervisord(self.node).apply()

    def status(self, *_: str, **__: bool) -> list[object]:
        return [self]

    state = None

    def stop(self, *_: str) -> None:
        pass

    start = stop

    def pending(self) -> tuple[str, ...]:
        return ()

    restart = reload


@pytest.fixture
def reloaded(monkeypatch: pytest.MonkeyPatch) -> Reloaded:
    found = Reloaded()
    for place in (membership, stores):
        monkeypatch.setattr(place, "supervisor_for", found.on)
    return found


@pytest.fixture
def agreed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Topology, int], None]:
    """What etcd says."""

    def say(known: Topology, revision: int) -> None:
        monkeypatch.setattr(state, "read", lambda _: (known, revision))

    monkeypatch.setattr(Etcd, "of", lambda *_, **__: None)
    return say


def is_waited_for(lock: Path) -> bool:
    """Whether somebody waits for it: proc_locks(5)."""
    waiting = [line for line in Path("/proc/locks").read_text().splitlines() if "-> FLOCK" in line]
    return any(f":{lock.stat().st_ino} " in line for line in waiting)


def test_who_writes_while_the_nodes_become_others_waits_and_writes_what_they_are_then(
    node: Node,
    reloaded: Reloaded,
    agreed: Callable[[Topology, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agreed(AFTER, 8)
    write(node)
    lock, store = node.paths.generated / ".lock", topology.store
    beside = threading.Thread(target=write, args=(node,))

    def meanwhile() -> None:
        """The files are written, and it is not yet written down that they are."""
        if beside.ident is None:
            assert told(node)[0] and topology.load(node.paths) == node.cluster
            beside.start()
            wait_until(lambda: not beside.is_alive() or is_waited_for(lock))

    def write_down(paths: Paths, known: Membership) -> bool:
        assert is_waited_for(lock)
        return store(paths, known)

    reloaded.meanwhile = meanwhile
    monkeypatch.setattr(topology, "store", write_down)
    assert membership.follow(node.paths, lambda _: None)
    beside.join(60)
    assert not beside.is_alive()
    assert told(node) == (True, True)
    assert Node.load(node.paths).cluster.topology == AFTER


@pytest.mark.parametrize("at", ["router", "database"])
def test_where_it_fails_others_go_on_by_the_nodes_of_before_and_it_is_done_again(
    node: Node, reloaded: Reloaded, agreed: Callable[[Topology, int], None], at: str
) -> None:
    """Before the store begins anew, or behind it."""
    agreed(AFTER, 8)

    def fail() -> None:
        if at in reloaded.told:
            raise TimeoutError

    reloaded.meanwhile = fail
    with pytest.raises(TimeoutError):
        membership.follow(node.paths, lambda _: None)
    write(node)
    assert told(node) == (False, False)
    reloaded.meanwhile, reloaded.told = lambda: None, []
    assert membership.follow(node.paths, lambda _: None)
    assert told(node) == (True, True) and {"router", "database"} <= set(reloaded.told)


def test_a_release_that_reads_more_of_what_was_agreed_takes_it_over(
    node: Node, reloaded: Reloaded, agreed: Callable[[Topology, int], None]
) -> None:
    agreed(BEFORE, 7)
    assert not membership.follow(node.paths, lambda _: None) and not reloaded.told
    # What the release before has not known, and so not written down here.
    more = replace(BEFORE, members=(ONE, replace(TWO, site="harbour")))
    agreed(more, 7)
    assert membership.follow(node.paths, lambda _: None)
    assert Node.load(node.paths).cluster.topology == more
    assert not membership.follow(node.paths, lambda _: None)


def test_a_database_that_was_to_archive_otherwise_is_told_wherever_that_was_cut_short(
    node: Node, reloaded: Reloaded, agreed: Callable[[Topology, int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed(BEFORE, 7)
    theirs = (shared.SharedFile("cipher.key", "secret", is_databases=False, is_public=False),)
    monkeypatch.setattr(shared, "known", lambda _: theirs)

    with monkeypatch.context() as killed:
        killed.setattr(service_files, "apply", lambda *_, **__: fail())
        for _ in range(2):
            with pytest.raises(TimeoutError):
                membership.share(node.paths, lambda _: None)
    # It takes long to come back, which is no reason to end it once more.
    reloaded.meanwhile = fail
    with pytest.raises(TimeoutError):
        membership.share(node.paths, lambda _: None)
    assert reloaded.told == ["database"]
    reloaded.meanwhile = lambda: None
    assert not membership.share(node.paths, lambda _: None)
    assert reloaded.told == ["database"]


def fail() -> None:
    raise TimeoutError
