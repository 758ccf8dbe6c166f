"""When a node's store is ended and begun again, and when nobody goes for what only it has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from appliance import as_owner, scratch, users
from appliance.cluster import identity, membership, stores
from appliance.cluster.topology import Member, Membership, Role, Topology, TopologyRefused
from appliance.node import Node
from appliance.runner import run
from appliance.services.database.names import cluster as data_folder
from appliance.services.objects import volumes
from appliance.services.objects.volumes import Volume
from appliance.supervise import State
from tests.appliance.boxes import open_to_everybody

ONE, TWO, THREE = (
    Member(f"node-{number}", f"10.0.0.{number}", (Role.DATABASE,), number=number, has_store=True)
    for number in range(1, 4)
)
WITNESS = Member("witness", "10.0.0.8", (Role.WITNESS,), number=8)
RESERVE = Member("reserve", "10.0.0.9", (Role.PORTAL,), number=9, is_reserve=True)
ALL = Topology((ONE, TWO, THREE, WITNESS, RESERVE), 3)


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    folder = tmp_path_factory.mktemp("node")
    open_to_everybody(folder)
    single = scratch.create(folder)
    identity.found(single.paths, name=TWO.name, address=TWO.address)
    return replace(single, membership=Membership(TWO.name, ALL, ()))


def knowing(node: Node, known: Topology, *, name: str = "") -> Node:
    return replace(node, membership=replace(node.cluster, topology=known, name=name or node.name))


@dataclass
class Supervised:
    """What is done to the store, and how it is."""

    state: State = State.RUNNING
    done: list[str] = field(default_factory=list)
    fails: bool = False
    late: frozenset[str] = frozenset()
    """Who does not come back when told of something."""

    def status(self, name: str, *, with_health: bool) -> list[SimpleNamespace]:
        assert (name, with_health) == ("objects", False)
        return [SimpleNamespace(state=self.state)]

    def apply(self) -> None:
        pass

    def stop(self, _: str) -> None:
        self.done.append("stop")
        self.state = State.STOPPED

    def start(self, _: str) -> None:
        self.done.append("start")
        self.state = State.RUNNING
        if self.fails:
            raise TimeoutError

    def reload(self, *names: str) -> None:
        for name in names:
            if name in self.late:
                raise TimeoutError
            self.done.append(f"tell {name}")


@pytest.fixture
def supervised(monkeypatch: pytest.MonkeyPatch) -> Supervised:
    found = Supervised()
    for module in (stores, membership):
        monkeypatch.setattr(module, "supervisor_for", lambda _: found)
    return found


AFTER = ALL.left_by(THREE.name).agreed_after(ALL)


def test_masters_agree_anew_behind_a_store_that_was_ended(node: Node, supervised: Supervised) -> None:
    before, after = node, knowing(node, AFTER)
    stores.part(before, after)
    assert supervised.done == ["stop"]
    stores.follow(before, after)
    assert supervised.done == ["stop", "start"]


def test_what_fails_afterwards_ends_no_store_again(node: Node, supervised: Supervised) -> None:
    before, after = node, knowing(node, AFTER)
    for _ in range(3):
        stores.part(before, after)
        stores.follow(before, after)
    assert supervised.done == ["stop", "start"]
    # The way back is another one.
    stores.part(after, knowing(node, ALL.agreed_after(AFTER)))
    assert supervised.done == ["stop", "start", "stop"]


def test_a_store_that_was_ended_is_begun_however_often_that_fails(node: Node, supervised: Supervised) -> None:
    before, after = node, knowing(node, AFTER)
    stores.part(before, after)
    # Whoever is killed here begins anew.
    supervised.fails = True
    for _ in range(2):
        stores.part(before, after)
        with pytest.raises(TimeoutError):
            stores.follow(before, after)
    supervised.fails = False
    stores.part(before, after)
    stores.follow(before, after)
    assert supervised.state is State.RUNNING


@pytest.mark.parametrize("state", [State.STARTING, State.FAILED, State.STOPPING])
def test_one_that_has_just_died_does_not_come_back_with_the_masters_of_before(
    node: Node, supervised: Supervised, state: State
) -> None:
    supervised.state = state
    stores.part(node, knowing(node, AFTER))
    assert supervised.done == ["stop"]


def test_what_somebody_has_stopped_stays_so(node: Node, supervised: Supervised) -> None:
    supervised.state = State.STOPPED
    stores.part(node, knowing(node, AFTER))
    stores.follow(node, knowing(node, AFTER))
    assert supervised.done == []


OF_TWO = Topology((ONE, TWO, WITNESS), 1)


@pytest.mark.parametrize(
    ("known", "after", "member", "is_ended"),
    [
        (ALL, AFTER, RESERVE, False),
        (ALL, AFTER, WITNESS, False),
        (Topology((ONE, WITNESS)), OF_TWO, WITNESS, False),
        # A vote about where files are, which the witness had there.
        (OF_TWO, OF_TWO.left_by(TWO.name).agreed_after(OF_TWO), WITNESS, True),
    ],
)
def test_nodes_without_a_store_follow_other_masters(
    node: Node, supervised: Supervised, known: Topology, after: Topology, member: Member, *, is_ended: bool
) -> None:
    before = knowing(node, known, name=member.name)
    stores.part(before, knowing(node, after, name=member.name))
    assert supervised.done == ["stop"] * is_ended


def test_the_store_is_begun_anew_between_the_router_and_those_that_may_be_late(
    node: Node, supervised: Supervised
) -> None:
    supervised.late = frozenset({"database"})
    before, after = node.cluster, knowing(node, AFTER).cluster
    with pytest.raises(TimeoutError):
        membership._serve(node.paths, before, after, lambda _: None)
    assert supervised.done == ["stop", "tell router", "start"]


def test_workers_that_were_told_in_vain_are_told_again(node: Node, supervised: Supervised) -> None:
    before = knowing(node, ALL, name=RESERVE.name).cluster
    # It has a part of the cache.
    another = Member("node-4", "10.0.0.4", (Role.PORTAL,), number=4)
    after = replace(before, topology=ALL.joined_by(another))
    supervised.late = frozenset({"push"})
    for _ in range(2):
        with pytest.raises(TimeoutError):
            membership._serve(node.paths, before, after, lambda _: None)
        assert "tell web" in supervised.done and "tell jobs" not in supervised.done
        supervised.done.clear()
    supervised.late = frozenset()
    membership._serve(node.paths, before, after, lambda _: None)
    assert {"tell web", "tell push", "tell jobs"} < set(supervised.done)
    # Whoever is told begins anew: not where nothing is.
    supervised.done.clear()
    membership._serve(node.paths, after, replace(after, revision=2), lambda _: None)
    assert supervised.done == ["tell router", "tell balancer"]


def volume(*places: Member) -> Volume:
    return Volume(7, 4096, 12, frozenset(one.loopback for one in places))


@pytest.mark.parametrize(
    ("found", "speaking", "words"),
    [
        (volume(ONE, TWO), (ONE, TWO, THREE), ""),
        (volume(THREE), (ONE, TWO, THREE), "12 files are on node-3 alone"),
        # Just asked masters that have begun anew know of nothing yet.
        (volume(ONE), (ONE, TWO), "node-3 has not yet said what files it has"),
        (volume(ONE), (ONE, THREE), "node-2 has not yet said what files it has"),
    ],
)
def test_nobody_goes_before_all_have_said_what_they_have(
    node: Node,
    monkeypatch: pytest.MonkeyPatch,
    found: Volume,
    speaking: tuple[Member, ...],
    words: str,
) -> None:
    spoken = frozenset(one.loopback for one in speaking)
    monkeypatch.setattr(volumes, "survey", lambda _: ((found,), spoken))
    monkeypatch.setattr(stores, "SPEAKING_SECONDS", -1.0)
    there = {one.name for one in (ONE, TWO, THREE)}
    if not words:
        stores.refuse_stranding(node, THREE, there)
        with pytest.raises(TopologyRefused, match="node-1 and node-3 has not yet said"):
            by_itself = replace(node, membership=replace(node.cluster, is_alone=True))
            stores.refuse_stranding(by_itself, THREE, there)
        return
    with pytest.raises(TopologyRefused, match=words):
        stores.refuse_stranding(node, THREE, there)


def test_a_volume_that_was_just_mounted_is_not_believed_to_be_empty(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For another number of copies each is mounted anew."""
    spoken = frozenset(one.loopback for one in (ONE, TWO, THREE))
    there = {one.name for one in (ONE, TWO, THREE)}
    full, mounted = volume(THREE), replace(volume(THREE), size=0, objects=0)
    looks = [mounted, full]
    monkeypatch.setattr(volumes, "survey", lambda _: ((looks.pop(0),), spoken))
    waited = list[float]()
    monkeypatch.setattr("appliance.cluster.stores.time.sleep", waited.append)
    with pytest.raises(TopologyRefused, match="12 files are on node-3 alone"):
        stores.refuse_stranding(node, THREE, there)
    assert waited == [stores.TOLD_SECONDS]
    # One that is empty stays so, and keeps nobody.
    looks = [mounted, mounted]
    stores.refuse_stranding(node, THREE, there)


def test_a_listing_says_which_stores_have_spoken(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = (
        "      DataNode 127.100.100.1:20013 hdd(volume:1/16384)\n"
        "          volume Id:3, Size:9, ReplicaPlacement:020, Collection:files, FileCount:2, ...\n"
        "the cluster has 2 volume servers: [127.100.100.1:20013 127.100.100.2:20013]\n"
    )
    monkeypatch.setattr(volumes, "shell", lambda *_: listing)
    known, speaking = volumes.survey(node)
    assert speaking == {"127.100.100.1", "127.100.100.2"}
    assert [one.places for one in known] == [{"127.100.100.1"}]


def test_what_was_set_aside_stays_when_it_is_done_again(node: Node) -> None:
    place, owner = node.data("objects"), users.account(users.OBJECTS)
    as_owner.make_folder(place, owner)
    run(["touch", place / "7.dat"], user=owner)
    if users.are_separated():
        (place / "lost+found").mkdir(mode=0o700)
    for _ in range(2):
        stores.set_aside(node)
        assert (
            run(["find", place / "aside", "-name", "*.dat"], user=owner)
            .stdout.strip()
            .endswith("aside/7.dat")
        )
    database, owner = data_folder(node), users.account(users.DATABASE)
    as_owner.make_folder(database, owner)
    run(["touch", database / "PG_VERSION"], user=owner)
    for _ in range(2):
        membership.set_aside(node)
        aside = database.with_name(f"{database.name}.aside")
        assert run(["test", "-f", aside / "PG_VERSION"], user=owner, check=False).code == 0


def test_the_last_majority_is_not_taken_apart() -> None:
    def refused(gone: Member, known: tuple[Member, ...], *there: Member) -> bool:
        names = {one.name for one in there}
        try:
            membership._refuse_without_votes(Topology(known).left_by(gone.name), gone, names)
        except TopologyRefused as error:
            assert "boxctl cluster remove" in str(error)
            return True
        return False

    three, four = (ONE, TWO, THREE), (ONE, TWO, THREE, WITNESS)
    assert not refused(THREE, three, ONE, TWO, THREE)
    assert refused(THREE, three, ONE, THREE)
    assert not refused(TWO, (ONE, TWO), ONE, TWO)
    assert not refused(THREE, four, ONE, TWO, THREE)
    assert refused(THREE, four, ONE, THREE)
