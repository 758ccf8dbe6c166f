"""In which order nodes are gone to, what they can be asked for, whom people are kept away from meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.agent.answers import ClusterProblem, ClusterState
from appliance.agent.journal import Journal
from appliance.agent.upgrades import CHANGING
from appliance.cluster import https, instructions, membership, patroni, rolling, topology
from appliance.cluster.etcd import EtcdAway
from appliance.cluster.instructions import Instruction, Verb
from appliance.cluster.rolling import RollingStopped, can_be_drained, order, own_keys
from appliance.cluster.topology import Member, Rest, Role, Topology, TopologyRefused
from appliance.node import Node
from appliance.paths import Paths

OPERATION = "20260601T120000000000-rolling-0a1b2c"
BOTH = (Role.PORTAL, Role.DATABASE)
ONE = Member("node-1", "10.0.0.1", (Role.PORTAL, Role.FILES, Role.DATABASE))
TWO, THREE = Member("node-2", "10.0.0.2", BOTH), Member("node-3", "10.0.0.3", BOTH)
WITNESS = Member("witness", "10.0.0.9", (Role.WITNESS,))
RESERVE = Member("node-4", "10.0.0.4", (Role.PORTAL,), is_reserve=True, rest=Rest.ASLEEP)


def test_the_leader_is_the_last() -> None:
    known = Topology((ONE, TWO, RESERVE, THREE, WITNESS))
    assert order(known, "node-1") == ("node-2", "node-4", "node-3", "witness", "node-1")
    assert order(known, "node-3") == ("node-1", "node-2", "node-4", "witness", "node-3")


def test_who_is_the_only_one_that_people_come_to_is_not_drained() -> None:
    known = Topology((ONE, TWO, RESERVE, WITNESS))
    assert can_be_drained(known, "node-1") and can_be_drained(known, "node-2")
    assert not can_be_drained(known, "witness")
    # An administrator has done so: that stays as it is.
    drained = known.with_drained("node-2", is_drained=True)
    assert not can_be_drained(drained, "node-1") and not can_be_drained(drained, "node-2")


def test_a_node_is_asked_for_what_is_known_and_for_nothing_else() -> None:
    asked = str(Instruction(Verb.TAKE_BACK, OPERATION))
    known = Topology((ONE, TWO)).with_instruction("node-2", asked)
    assert [member.instruction for member in known.members] == ["", f"take-back {OPERATION}"]
    assert topology.read(topology.written(known)) == known
    assert Instruction.read(asked) == Instruction(Verb.TAKE_BACK, OPERATION)
    for odd in ("remove all", "restart", "restart a;b", f"restart {OPERATION} "):
        with pytest.raises(TopologyRefused, match="is nothing that node-2 could be asked to do"):
            topology.read(topology.written(Topology((ONE, replace(TWO, instruction=odd)))))


def test_what_each_machine_has_for_itself_is_not_changed_on_all() -> None:
    assert own_keys({"node.listen": ("10.0.0.1",), "cluster.provider": "/bin/x", "web.threads": 8}) == [
        "node.listen", "cluster.provider",
    ]  # fmt: skip


def test_a_rotation_that_was_cut_short_hinders_nothing() -> None:
    away = ClusterProblem("away", "node-2")
    found = ClusterState(datetime(2026, 6, 1, tzinfo=UTC), problems=(ClusterProblem("rotation"), away))
    assert rolling.Rotate._hindrances(found) == [away]


KILLS = 32
"""More than the longest of these has steps."""


class Killed(BaseException):
    """Nothing of the operation runs any more."""


@dataclass
class World:
    """Three nodes, of which some cannot do as they are asked; who asks is killed at a step."""

    killed_at: int = 0
    failing: frozenset[str] = frozenset()
    ill: frozenset[str] = frozenset()
    known: Topology = field(default_factory=lambda: Topology((ONE, TWO, THREE)))
    changed: set[str] = field(default_factory=set)
    restarted: list[str] = field(default_factory=list)
    steps: int = 0
    marked: set[Verb] = field(default_factory=lambda: {Verb.RESTART, Verb.APPLY, Verb.UPGRADE})
    """What a node may be asked to do: at first what the operation begins with."""

    def put(self, verb: Verb) -> None:
        self.step()
        self.marked.add(verb)

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.killed_at:
            raise Killed

    def follow(self, name: str, verb: Verb) -> None:
        self.step()
        assert verb in self.marked
        if name in self.failing and verb not in (Verb.TAKE_BACK, Verb.GO_BACK):
            raise RollingStopped(f"{name} could not.")
        match verb:
            case Verb.RESTART:
                self.restarted.append(name)
            case Verb.APPLY | Verb.UPGRADE:
                self.changed.add(name)
            case Verb.TAKE_BACK | Verb.GO_BACK:
                self.changed.discard(name)
        self.step()

    def look(self) -> None:
        self.step()
        if self.ill & (self.changed | {*self.restarted}):
            raise RollingStopped("They are not well.")

    def drain(self, _: Paths, name: str, *, is_drained: bool, say: object) -> None:
        self.step()
        self.known = self.known.with_drained(name, is_drained=is_drained)
        self.step()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], None]:
    """Has a world follow instead of real nodes."""

    def tell(world: World) -> None:
        for name, act in (
            ("_ask", lambda _, node, verb: world.follow(node, verb)),
            ("_tell", lambda _, node, verb: world.follow(node, verb)),
            ("_wait_until_well", lambda _: world.look()),
            ("_known", lambda _: world.known),
        ):
            monkeypatch.setattr(rolling.Rolling, name, act)
        monkeypatch.setattr(rolling.AllOrNone, "_put", lambda _, verb, __: world.put(verb))
        monkeypatch.setattr(membership, "drain", world.drain)
        monkeypatch.setattr(patroni, "leader", lambda *_: "node-3")
        monkeypatch.setattr(patroni, "switch_over", lambda *_: "node-1")

    return tell


@pytest.fixture
def looks(told: Callable[[World], None], monkeypatch: pytest.MonkeyPatch) -> list[tuple[ClusterProblem, ...]]:
    """What is wrong at each look before an operation begins; afterwards nothing is."""
    found: list[tuple[ClusterProblem, ...]] = []
    told(World())

    def overview(*_: object, **__: object) -> ClusterState:
        return ClusterState(datetime(2026, 6, 1, tzinfo=UTC), problems=found.pop(0) if found else ())

    monkeypatch.setattr(rolling, "overview", overview)
    monkeypatch.setattr(rolling, "LOOK_SECONDS", 0)
    monkeypatch.setattr(Node, "load", lambda _: SimpleNamespace(name="node-1"))
    for name, act in (("_claim", lambda *_: None), ("_beats", lambda _: {})):
        monkeypatch.setattr(rolling.Rolling, name, act)
    for kind in (rolling.Change, rolling.Upgrade):
        monkeypatch.setattr(kind, "_prepare", lambda _: None)
    return found


def begun(kind: type[rolling.Rolling], folder: Path) -> tuple[str, ...]:
    return kind(Paths(folder), Journal.begin(folder, "rolling", {}, by="olga"))._begin()


def test_where_nodes_run_different_releases_an_upgrade_begins_and_nothing_else(
    tmp_path: Path, looks: list[tuple[ClusterProblem, ...]]
) -> None:
    differ = ClusterProblem("versions", words="9.1, 9.2")
    for kind in (rolling.Restart, rolling.Change):
        looks[:] = [(differ,)]
        with pytest.raises(RollingStopped, match="upgrade all by `boxctl cluster upgrade`"):
            begun(kind, tmp_path)
    looks[:] = [(differ,)]
    assert begun(rolling.Upgrade, tmp_path) == ("node-1", "node-2", "node-3")
    looks[:] = [(differ, ClusterProblem("away", "node-2"))]
    with pytest.raises(RollingStopped, match="node-2 says nothing"):
        begun(rolling.Upgrade, tmp_path)


def test_a_vote_of_nobody_is_waited_for_as_of_who_is_just_removed_and_then_stops_it(
    tmp_path: Path, looks: list[tuple[ClusterProblem, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = (ClusterProblem("vote", "node-4"),)
    looks[:] = [left, left]
    assert begun(rolling.Restart, tmp_path) == ("node-1", "node-2", "node-3")
    assert not looks
    looks[:] = [left]
    monkeypatch.setattr(rolling, "WELL_SECONDS", -1)
    with pytest.raises(RollingStopped, match="`boxctl cluster remove node-4` takes it"):
        begun(rolling.Restart, tmp_path)


def test_each_node_goes_back_to_the_release_that_it_ran_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths, back = Paths(tmp_path), Instruction(Verb.GO_BACK, OPERATION)
    paths.releases.mkdir(parents=True)
    paths.current.symlink_to(paths.releases / "9.2+b")
    # Root's mark of it is looked at in test_one_node.py.
    monkeypatch.setattr(instructions, "_values", lambda *_: {"before": "9.1+a"})

    def back_to() -> str:
        return str(instructions.prepared(paths, None, back)["back_to"])  # type: ignore[arg-type]

    # Of another operation: what it came from is gone.
    earlier = Journal.begin(paths.operations, "upgrade", {"key": f"upgrade {OPERATION}0"}, by="the cluster")
    earlier.append(CHANGING, old=str(paths.releases / "9.0+c"), new=str(paths.releases / "9.2+b"))
    assert back_to() == "9.2+b"
    mine = Journal.begin(paths.operations, "upgrade", {"key": f"upgrade {OPERATION}"}, by="the cluster")
    assert back_to() == "9.2+b"
    mine.append(CHANGING, old=str(paths.releases / "9.2+a"), new=str(paths.releases / "9.2+b"))
    assert back_to() == "9.2+a"


def performed(kind: type[rolling.Rolling], folder: Path, world: World) -> str:
    """What it ends with, begun again for as long as it is killed; empty where nothing went wrong."""
    asked = {"offered": {"release": "9.2+b", "before": "9.1+a"}, "with_backup": False}
    journal = Journal.begin(folder, "rolling", asked, by="olga")
    journal.append("order", nodes=[member.name for member in world.known.members])
    while True:
        try:
            kind(Paths(folder), journal).perform()
        except Killed:
            continue
        except RollingStopped as error:
            return str(error)
        finally:
            assert world.steps < KILLS or world.killed_at
        return ""


@pytest.mark.parametrize("killed_at", range(KILLS))
@pytest.mark.parametrize("failing", ["", "node-1", "node-2", "node-3"])
@pytest.mark.parametrize("how", ["failing", "ill"])
def test_a_change_is_on_all_nodes_or_on_none_wherever_it_is_killed(
    tmp_path: Path, told: Callable[[World], None], how: str, failing: str, killed_at: int
) -> None:
    world = World(killed_at=killed_at, **{how: frozenset({failing} - {""})})  # type: ignore[arg-type]
    told(world)
    said = performed(rolling.Change, tmp_path, world)
    assert bool(said) is bool(failing)
    assert world.changed == (set() if failing else {"node-1", "node-2", "node-3"})
    assert said == "" or said.endswith("The change is in force on no node.")


@pytest.mark.parametrize("killed_at", range(KILLS))
@pytest.mark.parametrize("failing", ["", "node-1", "node-2", "node-3"])
@pytest.mark.parametrize("how", ["failing", "ill"])
def test_all_nodes_run_a_release_or_none_does_wherever_it_is_killed(
    tmp_path: Path, told: Callable[[World], None], how: str, failing: str, killed_at: int
) -> None:
    world = World(killed_at=killed_at, **{how: frozenset({failing} - {""})})  # type: ignore[arg-type]
    world.known = world.known.with_drained("node-2", is_drained=True)
    told(world)
    said = performed(rolling.Upgrade, tmp_path, world)
    assert bool(said) is bool(failing)
    assert world.changed == (set() if failing else {"node-1", "node-2", "node-3"})
    assert said == "" or said.endswith("Each node runs the release that it ran before.")
    assert [member.is_drained for member in world.known.members] == [False, True, False]


@pytest.mark.parametrize("killed_at", range(KILLS))
def test_all_restart_and_are_drained_as_before_wherever_it_is_killed(
    tmp_path: Path, told: Callable[[World], None], killed_at: int
) -> None:
    world = World(killed_at=killed_at)
    world.known = world.known.with_drained("node-2", is_drained=True)
    told(world)
    assert performed(rolling.Restart, tmp_path, world) == ""
    assert list(dict.fromkeys(world.restarted)) == ["node-1", "node-2", "node-3"]
    assert [member.is_drained for member in world.known.members] == [False, True, False]


def test_where_one_does_not_restart_the_next_ones_are_left(
    tmp_path: Path, told: Callable[[World], None]
) -> None:
    world = World(failing=frozenset({"node-2"}))
    told(world)
    assert performed(rolling.Restart, tmp_path, world) == (
        "node-2 could not. Nobody is sent to node-2 until `boxctl cluster resume node-2`. "
        "node-3 stayed as before."
    )
    assert world.restarted == ["node-1"]
    assert [member.is_drained for member in world.known.members] == [False, True, False]


@pytest.mark.parametrize(
    "error",
    [
        https.NodeAway("10.0.0.3:8008 does not answer."), https.NodeRefused(503, "No leader."),
        EtcdAway("More than half must answer."), patroni.PatroniAway("Nobody says who leads."),
        TopologyRefused("node-3 has not taken that over."),
    ],
)  # fmt: skip
def test_whatever_the_last_one_meets_all_go_back(
    tmp_path: Path, told: Callable[[World], None], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    world = World()
    told(world)

    def drain(paths: Paths, name: str, *, is_drained: bool, say: object) -> None:
        if name == "node-3" and is_drained:
            raise error
        world.drain(paths, name, is_drained=is_drained, say=say)

    monkeypatch.setattr(membership, "drain", drain)
    said = performed(rolling.Upgrade, tmp_path, world)
    assert said == f"{error} Each node runs the release that it ran before."
    assert world.changed == set()
    assert not any(member.is_drained for member in world.known.members)


def test_who_cannot_be_told_keeps_nobody_from_going_back(
    tmp_path: Path, told: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(failing=frozenset({"node-3"}))
    told(world)

    def busy(*_: object) -> None:
        raise TopologyRefused("node-3 is busy.")

    monkeypatch.setattr(rolling.Rolling, "_tell", busy)
    said = performed(rolling.Upgrade, tmp_path, world)
    assert said.startswith("node-3 could not. Taking it back met a problem: node-3 is busy.")
    assert "boxctl cluster resume node-3" in said
    assert world.changed == set()


def test_while_nobody_leads_etcd_the_way_back_waits(
    tmp_path: Path, told: Callable[[World], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, away = World(failing=frozenset({"node-2"})), [EtcdAway("away")] * 3
    told(world)

    def put(_: object, verb: Verb, __: object) -> None:
        if verb is Verb.TAKE_BACK and away:
            raise away.pop()
        world.put(verb)

    monkeypatch.setattr(rolling.AllOrNone, "_put", put)
    monkeypatch.setattr(rolling, "LOOK_SECONDS", 0)
    assert performed(rolling.Change, tmp_path, world).endswith("The change is in force on no node.")
    assert not away and world.changed == set()


def test_a_long_operation_is_told_of_behind_any_number_of_short_ones(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    long = Journal.begin(paths.operations, "backup", {}, by="olga")
    for _ in range(7):
        Journal.begin(paths.operations, "find", {}, by="olga").append("end", state="done")
    assert membership._doing(paths) == ("backup",)
    long.append("end", state="done")
    assert membership._doing(paths) == ()
