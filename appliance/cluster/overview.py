"""How the cluster is, as one node sees it: gathered by `overview`, judged by `judge`, which asks nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from cryptography import x509

from appliance.agent.answers import (
    ClusterDecision,
    ClusterNode,
    ClusterProblem,
    ClusterState,
    ClusterTrouble,
)
from appliance.cluster import decisions, https, patroni, state
from appliance.cluster.etcd import Etcd, EtcdAway, EtcdMember, voteless
from appliance.cluster.identity import NODES
from appliance.cluster.patroni import Copy
from appliance.cluster.state import Beat
from appliance.cluster.topology import Rest, Role, Topology, folder
from appliance.node import Node
from appliance.paths import Paths

MOST_LAG_BYTES = 16 << 20
FARTHEST_CLOCK = timedelta(seconds=5)
CERTIFICATE_WARNING = timedelta(days=30)

SENTENCES: Mapping[ClusterTrouble, str] = {
    "quorum": "More than half of the votes do not answer, so nobody can write: bring one back. {words}",
    "database": "No copy of the database answers. {words}",
    "leader": "No node leads the database: nobody can write until one is elected.",
    "versions": "The nodes run different versions ({words}): upgrade all by `boxctl cluster upgrade`.",
    "away": "{node} says nothing: look whether its machine runs, and `boxctl status` there.",
    "service": "{node}: {words}.",
    "clock": "The clock of {node} is {words} s off: set it by NTP.",
    "disk": "{node} keeps nothing more. {words}",
    "missing": "{node} has no copy of the database: see `boxctl logs database` there.",
    "ill": "The database of {node} is {words}: see `boxctl logs database` there.",
    "slow": "The copy of {node} is {words} MiB behind: look at its disk and its network.",
    "certificate": (
        "The certificate of {node} ends on {words} and was to be renewed by itself: see `boxctl logs member`."
    ),
    "rotation": (
        "The nodes have another authority in part; these trust the one before as well: {words}. "
        "`boxctl cluster rotate` ends it."
    ),
    "vote": (
        "{node} is no node and has a vote in etcd, as if it were one that is away: `boxctl cluster remove "
        "{node}` takes it."
    ),
    "voteless": (
        "The vote of {node} is gone from etcd, and one node less may fail: `boxctl cluster remove {node}`, "
        "and let it join again."
    ),
}


def sentence(problem: ClusterProblem) -> str:
    """In words, with what to do."""
    return SENTENCES[problem.kind].format(node=problem.node, words=problem.words).strip()


def overview(paths: Paths, *, now: datetime) -> ClusterState:
    """Ask etcd and Patroni, whichever answers. Without a quorum this node says what it last knew."""
    node = Node.load(paths)
    me = node.cluster
    known, beats, problems = me.topology, dict[str, Beat](), list[ClusterProblem]()
    made, policy, members = list[ClusterDecision](), None, list[EtcdMember]()
    try:
        etcd = Etcd.of(paths, known, first=me.me.address)
        known, _ = state.read(etcd)
        beats = state.beats(etcd)
        made, policy = decisions.latest(etcd), decisions.policy(etcd)
        # What is known so far holds without them.
        with suppress(EtcdAway, https.NodeRefused):
            members = etcd.members()
    except EtcdAway as error:
        problems.append(ClusterProblem("quorum", words=str(error)))
    try:
        copies = patroni.copies(paths, known)
    except patroni.PatroniAway as error:
        copies = []
        problems.append(ClusterProblem("database", words=str(error)))
    ends = x509.load_pem_x509_certificate(
        (folder(paths) / NODES.certificate).read_bytes()
    ).not_valid_after_utc
    if ends < now + CERTIFICATE_WARNING:
        problems.append(ClusterProblem("certificate", me.name, f"{ends:%Y-%m-%d}"))
    found = judge(known, beats, copies, now=now, problems=problems, members=members)
    return replace(
        found,
        decisions=tuple(made),
        out_above=policy.out_above if policy else None,
        in_below=policy.in_below if policy else None,
    )


def judge(
    known: Topology,
    beats: Mapping[str, Beat],
    copies: Sequence[Copy],
    *,
    now: datetime,
    problems: Sequence[ClusterProblem] = (),
    members: Sequence[EtcdMember] = (),
) -> ClusterState:
    """What is wrong with what was gathered; `members` are those of etcd."""
    by_name = {copy.name: copy for copy in copies}
    leader = next((copy.name for copy in copies if copy.is_leader), "")
    found = list(problems)
    versions = {beat.version for beat in beats.values()}
    releases = {beat.release or beat.version for beat in beats.values()}
    if len(differing := versions if len(versions) > 1 else releases) > 1:
        found.append(ClusterProblem("versions", words=", ".join(sorted(differing))))
    rotating = sorted(name for name, beat in beats.items() if beat.is_rotating)
    if rotating and not any("rolling" in beat.doing for beat in beats.values()):
        found.append(ClusterProblem("rotation", words=", ".join(rotating)))
    # Without a vote it keeps nobody from anything, and goes with the next node that joins.
    voting = [one for one in members if not one.is_learner]
    found += [ClusterProblem("vote", one.label) for one in voting if one.node_in(known) is None]
    found += [ClusterProblem("voteless", one.name) for one in voteless(known, members) if members]
    if not leader and not problems:
        found.append(ClusterProblem("leader"))
    nodes = []
    for member in known.members:
        beat, copy = beats.get(member.name), by_name.get(member.name)
        # A machine that is switched off on purpose says nothing.
        is_off = beat is None and member.rest is Rest.ASLEEP and bool(member.mac)
        own = [] if is_off else _problems_of(member.name, Role.DATABASE in member.roles, beat, copy, now)
        # Without a quorum nobody is heard, which is said once.
        found += own if beats else []
        nodes.append(
            ClusterNode(
                name=member.name,
                address=member.address,
                site=member.site,
                roles=tuple(map(str, member.roles)),
                is_there=beat is not None,
                is_well=not own,
                is_drained=member.is_drained,
                rest=str(member.rest),
                is_reserve=member.is_reserve,
                database_role=copy.role if copy else "",
                database_state=copy.state if copy else "",
                lag_bytes=copy.lag_bytes if copy else None,
                busy=beat.busy if beat else None,
                version=beat.version if beat else "",
            )
        )
    return ClusterState(
        at=now,
        nodes=tuple(nodes),
        leader=leader,
        copies=len(known.with_role(Role.DATABASE)),
        votes=len(known.voters),
        home=known.home.name if known.home else "",
        problems=tuple(found),
    )


def _problems_of(
    name: str, has_database: bool, beat: Beat | None, copy: Copy | None, now: datetime
) -> list[ClusterProblem]:
    if beat is None:
        return [ClusterProblem("away", name)]
    found = [ClusterProblem("service", name, problem) for problem in beat.problems]
    if beat.full:
        found.append(ClusterProblem("disk", name, beat.full))
    if abs(now - beat.at) > FARTHEST_CLOCK:
        found.append(ClusterProblem("clock", name, f"{abs(now - beat.at).total_seconds():.0f}"))
    if has_database and copy is None:
        found.append(ClusterProblem("missing", name))
    elif copy and not copy.is_well:
        found.append(ClusterProblem("ill", name, copy.state))
    elif copy and (copy.lag_bytes or 0) > MOST_LAG_BYTES:
        found.append(ClusterProblem("slow", name, str((copy.lag_bytes or 0) >> 20)))
    return found
