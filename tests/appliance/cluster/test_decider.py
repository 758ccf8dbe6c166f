"""Who decides about the number of nodes, and what follows: with a real etcd, and the clock passed in."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from appliance import config
from appliance.agent.answers import ClusterDecision, ClusterProblem
from appliance.cluster import (
    decider,
    decisions,
    https,
    identity,
    joining,
    membership,
    patroni,
    provider,
    state,
    topology,
    wake_on_lan,
)  # fmt: skip
from appliance.cluster.decider import DRAIN, WAKING, Decider, applied, phases, settled
from appliance.cluster.etcd import Etcd, EtcdAway, EtcdMember
from appliance.cluster.joining import FARTHEST_CLOCK
from appliance.cluster.overview import overview
from appliance.cluster.scaling import History, Phase, Plan, Policy, decide
from appliance.cluster.state import Beat
from appliance.cluster.topology import Member, Rest, Role, Topology, TopologyRefused
from appliance.paths import Paths

from .votes import voting

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ADDRESS = "127.88.77.1"
ONE = Member("node-1", ADDRESS, (Role.PORTAL, Role.FILES, Role.DATABASE))
RESERVE = Member(
    "node-2", "127.88.77.2", (Role.PORTAL,), is_reserve=True, rest=Rest.ASLEEP, rested_at=NOW - 60 * MINUTE
)
BOTH = Topology((ONE, RESERVE))
MACHINE = "reserve-0a1b2c"
POLICY = Policy(minimum=1, maximum=2)


def beat(at: datetime = NOW, busy: float = 0.5, *, is_serving: bool = True) -> Beat:
    return Beat(at, "1.0", busy, 1, is_serving=is_serving)


# --- what follows from what is known


@pytest.mark.parametrize(
    ("rest", "since", "is_there", "phase"),
    [
        (Rest.ASLEEP, timedelta(0), True, Phase.RESERVE),
        (Rest.ASLEEP, timedelta(0), False, Phase.DEAD),
        (Rest.WAKING, WAKING, False, Phase.WAKING),
        (Rest.WAKING, WAKING + timedelta(seconds=1), True, Phase.DEAD),
        # Clocks may be apart so far; beyond that one was wrong, and what it wrote is of long ago.
        (Rest.WAKING, -FARTHEST_CLOCK, True, Phase.WAKING),
        (Rest.WAKING, -FARTHEST_CLOCK - timedelta(seconds=1), True, Phase.DEAD),
        (Rest.DRAINING, timedelta(0), True, Phase.DRAINING),
        (Rest.AWAKE, timedelta(0), True, Phase.ACTIVE),
        (Rest.AWAKE, timedelta(0), False, Phase.DEAD),
    ],
)
def test_a_decision_sees_where_a_reserve_stands(
    rest: Rest, since: timedelta, is_there: bool, phase: Phase
) -> None:
    known = BOTH.with_rest("node-2", rest, at=NOW - since)
    beats = {"node-1": beat(), **({"node-2": beat()} if is_there else {})}
    assert [one.phase for one in phases(known, beats, (), now=NOW)] == [Phase.ACTIVE, phase]


def test_a_machine_that_is_switched_off_can_be_woken_by_its_card() -> None:
    off = Topology((ONE, replace(RESERVE, mac="52:54:00:12:34:56")))
    assert phases(off, {"node-1": beat()}, (), now=NOW)[1].phase is Phase.RESERVE


def test_what_an_administrator_has_drained_is_not_woken_and_not_counted() -> None:
    drained = Topology((ONE, replace(RESERVE, rest=Rest.AWAKE, is_drained=True)))
    assert len(phases(drained, {}, (), now=NOW)) == 1


def test_a_machine_that_is_being_made_counts_until_it_is_a_node() -> None:
    found = phases(BOTH, {"node-1": beat()}, ("reserve-7", "node-2"), now=NOW)
    assert [(one.name, one.phase) for one in found[2:]] == [("reserve-7", Phase.WAKING)]


def test_a_woken_node_is_awake_when_it_serves_and_not_before() -> None:
    waking = BOTH.with_rest("node-2", Rest.WAKING, at=NOW - MINUTE)
    assert settled(waking, {"node-2": beat(is_serving=False)}, now=NOW) == waking
    assert settled(waking, {}, now=NOW) == waking
    assert settled(waking, {"node-2": beat()}, now=NOW)["node-2"].rest is Rest.AWAKE


def test_who_is_woken_while_it_is_drained_has_not_slept() -> None:
    plan = Plan("Much is asked", wake=("node-2",))
    for was, rest in ((Rest.DRAINING, Rest.AWAKE), (Rest.ASLEEP, Rest.WAKING)):
        before = BOTH.with_rest("node-2", was, at=NOW - MINUTE)
        assert applied(before, plan, now=NOW)["node-2"].rest is rest


def test_a_drained_node_sleeps_after_its_half_minute() -> None:
    early = BOTH.with_rest("node-2", Rest.DRAINING, at=NOW - DRAIN + timedelta(seconds=1))
    assert settled(early, {}, now=NOW) == early
    due = BOTH.with_rest("node-2", Rest.DRAINING, at=NOW - DRAIN)
    assert settled(due, {}, now=NOW)["node-2"].rest is Rest.ASLEEP
    ahead = BOTH.with_rest("node-2", Rest.DRAINING, at=NOW + timedelta(hours=3))
    assert settled(ahead, {}, now=NOW)["node-2"].rest is Rest.ASLEEP


def test_a_node_with_data_can_be_put_to_sleep_by_nobody() -> None:
    with pytest.raises(TopologyRefused, match="--reserve"):
        BOTH.with_rest("node-1", Rest.ASLEEP, at=NOW)


@pytest.mark.parametrize(
    "odd",
    [
        replace(RESERVE, roles=(Role.PORTAL, Role.DATABASE)),
        replace(RESERVE, mac="52:54:00:12:34"),
        replace(RESERVE, mac="52:54:00:12:34:56\n"),
        replace(ONE, rest=Rest.ASLEEP),
        replace(ONE, is_made=True),
        replace(RESERVE, is_made=True),
        replace(RESERVE, name="reserve-0a1b2c3", is_made=True),
    ],
)
def test_what_etcd_may_say_of_reserves_is_looked_at(odd: Member) -> None:
    with pytest.raises((TopologyRefused, ValueError)):
        topology.read(topology.written(Topology((odd,))))


def test_a_card_is_told_its_own_address_sixteen_times() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
        card.bind(("127.0.0.1", 0))
        card.settimeout(10)
        wake_on_lan.wake("52:54:00:12:34:56", source="127.0.0.1", to="127.0.0.1", port=card.getsockname()[1])
        assert card.recv(200) == b"\xff" * 6 + b"\x52\x54\x00\x12\x34\x56" * 16


# --- with a real etcd


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paths]:
    """A node whose etcd runs and nothing else; what Patroni says of a leader is told in its place."""
    with voting(tmp_path_factory.mktemp("box"), BOTH) as votes, pytest.MonkeyPatch.context() as patch:
        patch.setattr(patroni, "leader", lambda *_: ONE.name)
        yield votes[ONE.name].paths


@pytest.fixture
def etcd(paths: Paths) -> Etcd:
    """Empty, but for the topology."""
    found = Etcd.of(paths, BOTH)
    found.delete_range("/korobka/", "/korobka0")
    found.put(state.TOPOLOGY, topology.written(BOTH))
    return found


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def at_work(paths: Paths, etcd: Etcd, said: list[str]) -> Callable[..., None]:
    """A decider that looks every minute, at nodes that are as busy as that."""
    one = Decider(paths, said.append)

    def pass_by(begin: datetime, minutes: int, **busy: float) -> None:
        for minute in range(minutes):
            now = begin + minute * MINUTE
            for name, value in busy.items():
                state.beat(etcd, name.replace("_", "-"), beat(now, value))
            one.tick(now)

    return pass_by


def rest_of(etcd: Etcd, name: str = "node-2") -> Rest:
    return state.read(etcd)[0][name].rest


def test_of_two_one_acts_until_it_says_nothing_more(etcd: Etcd) -> None:
    assert state.hold(etcd, "it", "node-1", seconds=20)
    assert not state.hold(etcd, "it", "node-2", seconds=20)
    assert state.hold(etcd, "it", "node-1", seconds=20)
    etcd.delete("/korobka/holders/it")  # its lease has ended
    assert state.hold(etcd, "it", "node-2", seconds=20)
    assert not state.hold(etcd, "it", "node-1", seconds=20)


def test_without_a_policy_nothing_is_decided(etcd: Etcd, at_work: Callable[..., None]) -> None:
    at_work(NOW, 8, node_1=0.99)
    assert rest_of(etcd) is Rest.ASLEEP and decisions.latest(etcd) == []


def test_a_policy_is_kept_and_one_that_cannot_be_read_decides_nothing(etcd: Etcd) -> None:
    decisions.set_policy(etcd, replace(POLICY, window=timedelta(seconds=90), can_create=True))
    assert decisions.policy(etcd) == replace(POLICY, window=timedelta(seconds=90), can_create=True)
    entry = etcd.get("/korobka/scaling/policy")
    assert entry is not None
    for broken in ("{", json.dumps({**json.loads(entry.value), "minimum": 0}), "[]"):
        etcd.put("/korobka/scaling/policy", broken)
        assert decisions.policy(etcd) is None


def test_load_wakes_a_reserve_and_its_end_lets_it_sleep_again(
    etcd: Etcd, at_work: Callable[..., None], said: list[str]
) -> None:
    decisions.set_policy(etcd, POLICY)
    state.beat(etcd, "node-2", beat(is_serving=False))
    at_work(NOW, 8, node_1=0.9)
    assert rest_of(etcd) is Rest.WAKING
    at_work(NOW + 8 * MINUTE, 1, node_1=0.9, node_2=0.0)
    assert rest_of(etcd) is Rest.AWAKE
    at_work(NOW + 9 * MINUTE, 5, node_1=0.1, node_2=0.1)
    assert rest_of(etcd) is Rest.DRAINING
    at_work(NOW + 14 * MINUTE, 1, node_1=0.1, node_2=0.1)
    assert rest_of(etcd) is Rest.ASLEEP
    last, first = decisions.latest(etcd)
    assert first.sentence == "Mean CPU 90% of 1 node over 5 min, above 60%: waking node-2."
    assert (first.wake, first.active) == (("node-2",), 1)
    assert first.mean == pytest.approx(0.9)
    assert last.sentence == "Mean CPU 10% of 2 nodes over 5 min, below 30%: draining node-2."
    assert said == [first.sentence, "node-2 is awake.", last.sentence, "node-2 is asleep."]


def test_every_change_keeps_what_a_newer_release_has_noted(etcd: Etcd, at_work: Callable[..., None]) -> None:
    newer = json.loads(topology.written(BOTH)) | {"rack": "a"}
    newer["members"][1]["colour"] = "red"
    etcd.put(state.TOPOLOGY, json.dumps(newer))
    decisions.set_policy(etcd, POLICY)
    state.beat(etcd, "node-2", beat(is_serving=False))
    at_work(NOW, 8, node_1=0.9)
    assert rest_of(etcd) is Rest.WAKING
    _, revision = state.change(etcd, lambda it: it.with_instruction("node-1", "restart 1"))
    entry = etcd.get(state.TOPOLOGY)
    assert entry is not None
    found = json.loads(entry.value)
    assert (found["rack"], found["members"][1]["colour"]) == ("a", "red")
    assert found["members"][0]["instruction"] == "restart 1"
    # Of two changes of the same one the second is refused.
    assert state.exchange(etcd, BOTH, revision=revision)
    assert not state.exchange(etcd, BOTH, revision=revision)
    # Whatever stands there by now.
    etcd.put(state.TOPOLOGY, "[]")
    assert not state.exchange(etcd, BOTH, revision=revision)


def test_who_does_not_hold_the_lease_looks_and_does_nothing(etcd: Etcd, at_work: Callable[..., None]) -> None:
    decisions.set_policy(etcd, POLICY)
    state.beat(etcd, "node-2", beat(is_serving=False))
    assert state.hold(etcd, "decider", "node-9", seconds=60)
    at_work(NOW, 8, node_1=0.9)
    assert rest_of(etcd) is Rest.ASLEEP
    etcd.delete("/korobka/holders/decider")
    # It has seen the minutes before.
    at_work(NOW + 8 * MINUTE, 1, node_1=0.9)
    assert rest_of(etcd) is Rest.WAKING


def test_a_change_that_came_between_is_not_undone(
    paths: Paths, etcd: Etcd, at_work: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topology is another one when it is to be exchanged: neither it nor the sentence is put."""
    decisions.set_policy(etcd, POLICY)
    state.beat(etcd, "node-2", beat(is_serving=False))

    def changed_meanwhile(history: History, policy: Policy, now: datetime) -> Plan:
        state.change(etcd, lambda before: replace(before, members=(ONE, replace(RESERVE, site="harbour"))))
        return decide(history, policy, now)

    monkeypatch.setattr(decider, "decide", changed_meanwhile)
    at_work(NOW, 8, node_1=0.9)
    assert rest_of(etcd) is Rest.ASLEEP and decisions.latest(etcd) == []


@pytest.mark.parametrize("doing", ["backup", "upgrade"])
def test_while_a_node_is_busy_otherwise_none_goes_to_sleep(
    etcd: Etcd, at_work: Callable[..., None], doing: str
) -> None:
    decisions.set_policy(etcd, POLICY)
    etcd.put(state.TOPOLOGY, topology.written(BOTH.with_rest("node-2", Rest.AWAKE, at=NOW - 60 * MINUTE)))
    state.beat(etcd, "other", replace(beat(), doing=(doing,)))
    at_work(NOW, 8, node_1=0.1, node_2=0.1)
    assert rest_of(etcd) is Rest.AWAKE
    etcd.delete("/korobka/beats/other")
    at_work(NOW + 8 * MINUTE, 1, node_1=0.1, node_2=0.1)
    assert rest_of(etcd) is Rest.DRAINING


def test_a_machine_that_is_off_is_switched_on_until_it_speaks(
    etcd: Etcd, at_work: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[tuple[str, str]] = []
    monkeypatch.setattr(wake_on_lan, "wake", lambda mac, source: woken.append((mac, source)))
    off = replace(RESERVE, mac="52:54:00:12:34:56", rest=Rest.WAKING, rested_at=NOW)
    etcd.put(state.TOPOLOGY, topology.written(Topology((ONE, off))))
    at_work(NOW, 2, node_1=0.9)
    assert woken == 2 * [("52:54:00:12:34:56", ADDRESS)]
    at_work(NOW + 2 * MINUTE, 1, node_1=0.9, node_2=0.1)
    assert len(woken) == 2


def test_a_machine_that_cannot_be_switched_on_keeps_nobody_from_deciding(
    etcd: Etcd, at_work: Callable[..., None], monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def no_such_card(*_: object, **__: object) -> None:
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(wake_on_lan, "wake", no_such_card)
    waking = replace(RESERVE, mac="52:54:00:12:34:56", rest=Rest.WAKING, rested_at=NOW)
    drained = replace(
        RESERVE, name="node-3", address="127.88.77.3", rest=Rest.DRAINING, rested_at=NOW - DRAIN
    )
    etcd.put(state.TOPOLOGY, topology.written(Topology((ONE, waking, drained))))
    at_work(NOW, 1, node_1=0.5)
    assert "node-2 cannot be switched on from 127.88.77.1: [Errno 99]" in said[0]
    assert rest_of(etcd, "node-3") is Rest.ASLEEP


def test_decisions_of_more_than_a_month_ago_are_forgotten(etcd: Etcd) -> None:
    for age in (31, 29):
        decision = ClusterDecision(NOW - timedelta(days=age), f"{age} days ago.")
        for key, text in decisions.entry_of(decision).items():
            etcd.put(key, text)
    decisions.forget_old(etcd, now=NOW)
    assert [one.sentence for one in decisions.latest(etcd)] == ["29 days ago."]


# --- machines that are made


PROVIDER = """#!/bin/sh
echo "$1 $(cat)" >> {log}
if [ -e {broken} ]; then echo "ignored" >&2; echo "No room is left." >&2; exit 3; fi
"""


type Told = Callable[[], list[tuple[str, dict[str, object]]]]


@pytest.fixture
def told(paths: Paths, tmp_path: Path) -> Iterator[Told]:
    """What a real program was told that makes machines; it fails while `broken` is there."""
    program, log = tmp_path / "provider", tmp_path / "log"
    program.write_text(PROVIDER.format(log=log, broken=tmp_path / "broken"))
    program.chmod(0o755)
    before = paths.box_toml.read_text()
    paths.box_toml.write_text(
        config.set_values(before, {"cluster.provider": str(program)}, from_console=False)
    )

    def read() -> list[tuple[str, dict[str, object]]]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [(line.partition(" ")[0], json.loads(line.partition(" ")[2])) for line in lines]

    yield read
    paths.box_toml.write_text(before)


def alone(etcd: Etcd, policy: Policy) -> None:
    etcd.put(state.TOPOLOGY, topology.written(Topology((ONE,))))
    decisions.set_policy(etcd, policy)


def test_a_machine_is_made_once_and_told_how_to_join(
    paths: Paths, etcd: Etcd, at_work: Callable[..., None], told: Told
) -> None:
    alone(etcd, replace(POLICY, can_create=True))
    at_work(NOW, 12, node_1=0.9)
    ((verb, what),) = told()
    assert verb == "create" and set(what) == {"name", "join", "reason"}
    (making,) = decisions.making(etcd)
    assert what["name"] == making
    assert what["reason"] == "Mean CPU 90% of 1 node over 5 min, above 60%: making 1 node."
    join = what["join"]
    assert isinstance(join, list)
    assert join[:4] == ["boxctl", "cluster", "join", ADDRESS] and join[5:] == ["--name", making, "--made"]
    authority = identity.read_authority(paths)
    secret = join[4].partition(".")[0]
    assert authority is not None and state.is_token(etcd, authority, secret, now=datetime.now(UTC))


def test_a_provider_that_fails_is_quoted_and_asked_again_later(
    etcd: Etcd, at_work: Callable[..., None], told: Told, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    alone(etcd, replace(POLICY, can_create=True))
    at_work(NOW, 6, node_1=0.9)
    assert said[-1] == f"{tmp_path}/provider create: No room is left."
    assert decisions.making(etcd) == ()


def test_a_provider_that_fails_is_asked_again_after_the_cool_down_only(
    etcd: Etcd, at_work: Callable[..., None], told: Told, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    alone(etcd, replace(POLICY, minimum=2, can_create=True))
    _, before = state.read(etcd)
    at_work(NOW, 10, node_1=0.9)
    assert [verb for verb, _ in told()] == 2 * ["create"]
    assert len(decisions.latest(etcd)) == 2 and state.read(etcd)[1] > before


def test_what_a_provider_says_of_the_token_is_not_said_again(
    etcd: Etcd, at_work: Callable[..., None], told: Told, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "provider").write_text("#!/bin/sh\ncat >&2\nexit 1\n")
    alone(etcd, replace(POLICY, minimum=2, can_create=True))
    at_work(NOW, 1, node_1=0.9)
    assert re.search(r'"127\.88\.77\.1", "\[secret\]\.[0-9a-f]{64}"', said[-1])


def test_of_two_machines_the_second_counts_while_the_first_is_made(
    etcd: Etcd, at_work: Callable[..., None], told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To make one may take longer than the lease lasts, and another node decides meanwhile."""
    counted: list[int] = []
    monkeypatch.setattr(provider, "create", lambda *_, **__: counted.append(len(decisions.making(etcd))))
    alone(etcd, Policy(minimum=3, maximum=3, can_create=True))
    at_work(NOW, 1, node_1=0.9)
    assert counted == [2, 2]


def test_no_machine_is_made_where_that_was_not_chosen(
    etcd: Etcd, at_work: Callable[..., None], told: Told
) -> None:
    alone(etcd, POLICY)
    at_work(NOW, 8, node_1=0.9)
    assert told() == []


def test_a_machine_that_was_made_is_ended_when_it_is_not_needed_until_that_is_done(
    etcd: Etcd, at_work: Callable[..., None], told: Told, said: list[str], tmp_path: Path
) -> None:
    made = replace(RESERVE, name=MACHINE, is_made=True, rest=Rest.DRAINING, rested_at=NOW - DRAIN)
    etcd.put(state.TOPOLOGY, topology.written(Topology((ONE, made))))
    (tmp_path / "broken").touch()
    at_work(NOW, 2, node_1=0.1)
    assert [member.name for member in state.read(etcd)[0].members] == ["node-1"]
    assert said[-1].endswith("end: No room is left.")
    (tmp_path / "broken").unlink()
    at_work(NOW + 2 * MINUTE, 2, node_1=0.1)
    assert told() == 2 * [("end", {"name": MACHINE})]


@pytest.mark.parametrize("name", ["erp", "reserve-7", f"{MACHINE}; halt", f"{MACHINE}\n", f"../{MACHINE}"])
def test_who_can_write_into_etcd_has_no_machine_ended_but_those_that_were_made(
    etcd: Etcd, at_work: Callable[..., None], told: Told, name: str
) -> None:
    alone(etcd, replace(POLICY, can_create=True))
    for prefix in ("ending", "making"):
        etcd.put(f"/korobka/scaling/{prefix}/{name}", "")
    at_work(NOW, 2, node_1=0.5)
    assert told() == []
    assert decisions.making(etcd) == ()
    etcd.put(f"/korobka/scaling/ending/{MACHINE}", "")
    at_work(NOW + MINUTE, 2, node_1=0.5)
    assert told() == [("end", {"name": MACHINE})]


def test_a_provider_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(provider.ProviderFailed, match="cannot be run"):
        provider.end(tmp_path / "nothing", name="reserve-7")


# --- a node is removed


@pytest.fixture
def losing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """From the first change on, the first answer of each kind is lost, though what was asked is done: so it
    is while another node of etcd begins to lead. The addresses whose answer was lost."""
    lost, really = set[str](), Etcd._ask

    def ask(self: Etcd, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = really(self, path, body)
        if path not in lost and (lost or path == "/v3/kv/txn"):
            lost.add(path)
            raise EtcdAway("etcdserver: leader changed")
        return answer

    monkeypatch.setattr(Etcd, "_ask", ask)
    return lost


def test_a_node_is_removed_while_another_one_begins_to_lead_etcd(
    paths: Paths, etcd: Etcd, losing: set[str], said: list[str]
) -> None:
    membership.remove(paths, RESERVE.name, say=said.append)
    assert losing == {"/v3/kv/txn", "/v3/kv/range", "/v3/cluster/member/list"}
    assert state.read(etcd)[0].members == (ONE,)


NEVER_STARTED, NOBODY = "127.88.77.3", "127.88.77.4"
"""One each: etcd takes no address again within the second in which it was removed."""


def places(etcd: Etcd) -> list[str]:
    return sorted(member.label for member in etcd.members())


def test_a_node_that_was_let_in_and_never_started_takes_its_learner_along(
    paths: Paths, etcd: Etcd, said: list[str]
) -> None:
    coming = Member("node-3", NEVER_STARTED, (Role.DATABASE,))
    joining._add_learner(etcd, coming.address)
    state.change(etcd, lambda before: before.joined_by(coming))
    assert places(etcd) == [NEVER_STARTED, ONE.name]
    membership.remove(paths, coming.name, say=said.append)
    assert places(etcd) == [ONE.name] and state.read(etcd)[0].members == BOTH.members


def test_what_is_no_node_goes_by_its_address_and_what_is_one_stays(
    paths: Paths, etcd: Etcd, said: list[str]
) -> None:
    joining._add_learner(etcd, NOBODY)
    for known in (ADDRESS, "node-3"):
        with pytest.raises(TopologyRefused, match=f"There is no node {known} in the cluster"):
            membership.remove(paths, known, say=said.append)
    assert places(etcd) == [NOBODY, ONE.name]
    membership.remove(paths, NOBODY, say=said.append)
    assert places(etcd) == [ONE.name]


def test_an_etcd_that_does_not_say_who_votes_is_seen_through_all_the_same(
    paths: Paths, etcd: Etcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patroni, "copies", lambda *_: [])
    state.beat(etcd, RESERVE.name, beat())
    stray = EtcdMember("77", "node-4", ("https://10.0.0.4:2380",), is_learner=False)
    monkeypatch.setattr(Etcd, "members", lambda _: [stray])
    assert ClusterProblem("vote", "node-4") in overview(paths, now=NOW).problems
    for error in (EtcdAway("away"), https.NodeRefused(503, "timed out")):

        def members(_: Etcd, error: Exception = error) -> list[EtcdMember]:
            raise error

        monkeypatch.setattr(Etcd, "members", members)
        found = overview(paths, now=NOW)
        assert [node.name for node in found.nodes if node.is_there] == [RESERVE.name]
        assert not {"quorum", "vote"} & {problem.kind for problem in found.problems}


def test_nobody_waits_for_ever_for_etcd(
    paths: Paths, etcd: Etcd, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    def change(*_: object) -> None:
        raise EtcdAway("etcdserver: no leader")

    monkeypatch.setattr(membership, "LEADER_SECONDS", 1)
    monkeypatch.setattr(state, "change", change)
    with pytest.raises(EtcdAway, match="no leader"):
        membership.remove(paths, RESERVE.name, say=said.append)
    assert state.read(etcd)[0] == BOTH


def test_a_moment_that_is_to_come_does_not_keep_anybody_from_deciding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Decider, "_business", lambda *_: None)
    decider = Decider(Paths(tmp_path), lambda _: None)
    for at, changed_at in ((NOW - MINUTE, NOW - MINUTE), (NOW + timedelta(hours=3), None)):
        view: Any = SimpleNamespace(known=BOTH.with_rest("node-2", Rest.AWAKE, at=at), beats={}, at=NOW)
        assert decider._history(view, ()).changed_at == changed_at


def test_the_lead_moves_once_all_nodes_send_nobody_to_who_has_it(
    paths: Paths, etcd: Etcd, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    other = replace(ONE, name="node-2", address="127.88.77.2")
    etcd.put(state.TOPOLOGY, topology.written(Topology((ONE, other))))
    for node in (ONE, other):
        state.beat(etcd, node.name, beat())
    behind: list[str] = []

    def follow(_: float) -> None:
        revision = state.read(etcd)[1]
        for node in (ONE, other):
            state.beat(etcd, node.name, replace(beat(), revision=revision))

    def switch_over(_: Paths, known: Topology) -> str:
        revision = state.read(etcd)[1]
        behind.extend(one for one, said in state.beats(etcd).items() if said.revision < revision)
        assert known[ONE.name].is_drained
        return other.name

    monkeypatch.setattr("time.sleep", follow)
    monkeypatch.setattr(patroni, "switch_over", switch_over)
    membership.drain(paths, ONE.name, is_drained=True, say=said.append)
    assert said == ["Another node takes the lead of the database."] and not behind
    membership.drain(paths, ONE.name, is_drained=False, say=said.append)
    assert len(said) == 1
