"""What is judged of what the nodes say, and each time the cure."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from appliance.agent.answers import ClusterProblem, ClusterState
from appliance.cluster.etcd import Etcd, EtcdAway, EtcdMember
from appliance.cluster.overview import MOST_LAG_BYTES, judge, sentence
from appliance.cluster.patroni import Copy
from appliance.cluster.state import Beat
from appliance.cluster.topology import Member, Rest, Role, Topology

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NODES = Topology(
    (
        Member("node-1", "10.0.0.1", (Role.PORTAL, Role.FILES, Role.DATABASE)),
        Member("node-2", "10.0.0.2", (Role.DATABASE,)),
        Member("witness", "10.0.0.9", (Role.WITNESS,)),
    )
)
BEAT = Beat(NOW, "0.1.0", 0.25, 3)
BEATS = {"node-1": BEAT, "node-2": BEAT, "witness": BEAT}
COPIES = [Copy("node-1", "leader", "running", None), Copy("node-2", "quorum_standby", "streaming", 0)]


def judged(beats: dict[str, Beat] | None = None, copies: list[Copy] | None = None) -> ClusterState:
    return judge(NODES, BEATS if beats is None else beats, COPIES if copies is None else copies, now=NOW)


def said(found: ClusterState) -> tuple[str, ...]:
    return tuple(map(sentence, found.problems))


def test_when_all_is_well_nothing_is_said() -> None:
    found = judged()
    assert found.is_healthy and found.leader == "node-1"
    assert [node.busy for node in found.nodes] == [0.25] * 3
    assert (found.copies, found.votes, found.home) == (2, 3, "node-1")


def test_a_node_that_says_nothing_is_named() -> None:
    found = judged(beats={"node-1": BEAT, "witness": BEAT})
    assert said(found) == ("node-2 says nothing: look whether its machine runs, and `boxctl status` there.",)
    assert [node.is_there for node in found.nodes] == [True, False, True]


def test_a_full_disk_is_named_with_its_cure() -> None:
    full = replace(BEAT, full="The disk is full: 3 of 900 MiB are free. Free some space.")
    assert said(judged(beats=BEATS | {"node-2": full})) == (
        "node-2 keeps nothing more. The disk is full: 3 of 900 MiB are free. Free some space.",
    )


def test_a_machine_that_is_switched_off_on_purpose_says_nothing_and_need_not() -> None:
    reserve = Member("node-3", "10.0.0.3", (Role.PORTAL,), is_reserve=True, rest=Rest.ASLEEP)
    for mac, troubles in (("", 1), ("52:54:00:12:34:56", 0)):
        known = Topology((*NODES.members, replace(reserve, mac=mac)))
        assert len(judge(known, BEATS, COPIES, now=NOW).problems) == troubles
    awake = Topology((*NODES.members, replace(reserve, mac=mac, rest=Rest.AWAKE)))
    assert said(judge(awake, BEATS, COPIES, now=NOW))[0].startswith("node-3 says nothing")


def test_nobody_leads() -> None:
    found = judged(copies=[replace(COPIES[0], role="replica", state="streaming"), COPIES[1]])
    assert found.leader == ""
    assert said(found) == ("No node leads the database: nobody can write until one is elected.",)


def test_a_copy_that_is_missing_ill_or_behind_is_told_apart() -> None:
    assert said(judged(copies=COPIES[:1])) == (
        "node-2 has no copy of the database: see `boxctl logs database` there.",
    )
    ill = judged(copies=[COPIES[0], replace(COPIES[1], state="start failed")])
    assert said(ill) == ("The database of node-2 is start failed: see `boxctl logs database` there.",)
    assert judged(copies=[COPIES[0], replace(COPIES[1], lag_bytes=MOST_LAG_BYTES)]).is_healthy
    behind = judged(copies=[COPIES[0], replace(COPIES[1], lag_bytes=MOST_LAG_BYTES + 1)])
    assert said(behind) == ("The copy of node-2 is 16 MiB behind: look at its disk and its network.",)


def test_a_clock_that_is_off_is_told_from_one_that_is_not() -> None:
    late = replace(BEAT, at=NOW - timedelta(seconds=5))
    assert judged(beats={**BEATS, "witness": late}).is_healthy
    found = judged(beats={**BEATS, "witness": replace(BEAT, at=NOW + timedelta(seconds=600))})
    assert said(found) == ("The clock of witness is 600 s off: set it by NTP.",)


def test_a_rotation_that_was_cut_short_is_due_and_one_under_way_is_not() -> None:
    rotating = replace(BEAT, is_rotating=True)
    beats = {**BEATS, "node-2": rotating, "witness": rotating}
    assert said(judged(beats=beats)) == (
        "The nodes have another authority in part; these trust the one before as well: node-2, witness. "
        "`boxctl cluster rotate` ends it.",
    )
    assert judged(beats={**beats, "node-1": replace(BEAT, doing=("rolling",))}).is_healthy


def test_versions_that_differ_and_services_that_fail_are_named() -> None:
    found = judged(
        beats={**BEATS, "node-2": replace(BEAT, version="0.2.0", problems=("etcd: it is failed",))}
    )
    assert said(found) == (
        "The nodes run different versions (0.1.0, 0.2.0): upgrade all by `boxctl cluster upgrade`.",
        "node-2: etcd: it is failed.",
    )


def test_two_builds_of_one_version_are_told_apart_and_one_is_not() -> None:
    one, other = (replace(BEAT, release=f"0.1.0+{build}") for build in ("1a2b3c4d", "5e6f7a8b"))
    assert judged(beats=dict.fromkeys(BEATS, one)).is_healthy
    mixed = {**dict.fromkeys(BEATS, one), "node-2": other}
    assert said(judged(beats=mixed)) == (
        "The nodes run different versions (0.1.0+1a2b3c4d, 0.1.0+5e6f7a8b): upgrade all by "
        "`boxctl cluster upgrade`.",
    )
    # Its release tells no builds apart, so it is another one.
    (problem,) = judged(beats={**dict.fromkeys(BEATS, one), "node-2": BEAT}).problems
    assert problem.words == "0.1.0, 0.1.0+1a2b3c4d"
    # Where versions differ they say enough.
    (problem,) = judged(beats={**mixed, "witness": replace(BEAT, version="0.2.0")}).problems
    assert problem.words == "0.1.0, 0.2.0"


def voting(name: str, host: str, number: str = "1") -> EtcdMember:
    return EtcdMember(number, name, (f"https://{host}:2380",), is_learner=False)


OWN = [voting("node-1", "10.0.0.1"), voting("", "10.0.0.2"), voting("witness", "10.0.0.8")]


def test_a_vote_of_nobody_is_named_and_those_of_nodes_are_not() -> None:
    learner = replace(voting("", "10.0.0.7"), is_learner=True)
    left = [voting("node-4", "10.0.0.4"), voting("", "10.0.0.5"), voting("", "[fd00::6]")]
    found = judge(NODES, BEATS, COPIES, now=NOW, members=[*OWN, learner, *left])
    assert [(one.kind, one.node) for one in found.problems] == [
        ("vote", "node-4"), ("vote", "10.0.0.5"), ("vote", "fd00::6"),
    ]  # fmt: skip
    assert said(found)[0].endswith("as if it were one that is away: `boxctl cluster remove node-4` takes it.")
    assert all(member.is_called(member.label) for member in left)


def test_who_writes_into_etcd_has_root_type_no_words_of_theirs() -> None:
    odd = voting("node-4`halt`", "10.0.0.4$(halt)", "77")
    (problem,) = judge(NODES, BEATS, COPIES, now=NOW, members=[*OWN, odd]).problems
    assert problem.node == "77" and odd.is_called("77")


@pytest.mark.parametrize("number", ["1; halt", "", "٣", None])
def test_what_answers_as_etcd_and_numbers_its_members_otherwise_is_not_believed(
    number: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    etcd = Etcd((), ssl.create_default_context())
    listed = {"members": [{"ID": "7", "peerURLs": []}, {"ID": number, "peerURLs": []}]}
    monkeypatch.setattr(Etcd, "_ask", lambda *_: listed)
    with pytest.raises(EtcdAway, match="is no number"):
        etcd.members()
    del listed["members"][1]
    assert [one.id for one in etcd.members()] == ["7"]


def test_a_node_whose_vote_is_gone_is_named_once_etcd_has_said_who_votes() -> None:
    found = judge(NODES, BEATS, COPIES, now=NOW, members=OWN[:2])
    assert [(one.kind, one.node) for one in found.problems] == [("voteless", "witness")]
    assert "`boxctl cluster remove witness`, and let it join again" in said(found)[0]
    learner = replace(OWN[2], is_learner=True)
    for members in ([], [*OWN[:2], learner]):
        assert judge(NODES, BEATS, COPIES, now=NOW, members=members).problems == ()


def test_without_a_quorum_it_is_said_once() -> None:
    found = judge(NODES, {}, [], now=NOW, problems=[ClusterProblem("quorum")])
    assert [problem.kind for problem in found.problems] == ["quorum"]
    assert not any(node.is_there for node in found.nodes)
