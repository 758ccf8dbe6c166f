"""Which nodes there are, and what follows from it: the one thing that all nodes agree on.

It is kept in etcd, and each node has a copy in `etc/korobka/cluster/cluster.json`, so that its services start
as they were when etcd cannot be asked.
"""

from __future__ import annotations

import ipaddress
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from appliance.agent.codec import Malformed, decode_request, encode, known_fields
from appliance.files import ensure_folder, write_atomically
from appliance.paths import Paths

ETCD_PORT, PEER_PORT, PATRONI_PORT, MEMBER_PORT = 2379, 2380, 8008, 7400
ROUTER_PORT, BALANCER_PORT = 7401, 7443
"""What nodes must reach of each other, beside the database's port. All of it asks for a certificate, or for a
token."""

MOST_MEMBERS = 32
MOST_MASTERS = 5


class Role(StrEnum):
    """What a node is there for."""

    PORTAL = "portal"
    """Pages, push, jobs, a part of the cache: people may come to it, and nothing is lost with it."""
    FILES = "files"
    """Backups, which are made there; and a store that is one process for everybody, such as MinIO."""
    DATABASE = "database"
    """A copy of the database, copies of files, and a vote."""
    WITNESS = "witness"
    """A vote alone: what makes two nodes able to lose one."""


_EVERYWHERE = frozenset({"agent", "member"})
SERVICES: Mapping[Role, frozenset[str]] = {
    Role.PORTAL: frozenset({"router", "cache", "web", "push", "jobs", "telephony", "balancer"}),
    Role.FILES: frozenset({"router", "objects", "backup"}),
    Role.DATABASE: frozenset({"etcd", "database", "router", "objects"}),
    Role.WITNESS: frozenset({"etcd", "router", "objects"}),
}
"""A node's services follow from its roles; of the store, also from what
the others are (`Topology.stores`)."""
OF_CLUSTERS = frozenset({"etcd", "member", "router"})


_OF_RESERVES = SERVICES[Role.PORTAL] - {"cache"}
"""A reserve has no part of the cache: the others would have to divide it anew whenever one wakes."""
SLEEPERS = _OF_RESERVES - {"router"}
"""What a reserve that is asleep does not run."""


class Rest(StrEnum):
    """Where a reserve stands between asleep and at work. Any other node is always awake."""

    AWAKE = "awake"
    WAKING = "waking"
    DRAINING = "draining"
    ASLEEP = "asleep"


class TopologyRefused(Exception):
    """The nodes cannot be arranged so; the text says why and what to do."""


@dataclass(frozen=True)
class Member:
    """One node as all others know it."""

    name: str
    address: str
    roles: tuple[Role, ...]
    site: str = ""
    """The data centre; nodes of one site fail together."""
    is_drained: bool = False
    """Nobody is sent to it while another node can answer."""
    is_reserve: bool = False
    """Whether it may sleep: it has neither data nor a vote, and no part of the cache."""
    rest: Rest = Rest.AWAKE
    rested_at: datetime | None = None
    """Since when its rest is such."""
    mac: str = ""
    """By which Wake-on-LAN switches its machine on; empty where that is never off."""
    is_made: bool = False
    """Whether a provider made its machine, and ends it."""
    number: int = 0
    """Higher than that of whoever was there before it."""
    has_store: bool = False
    """Whether its store has begun: until then no file waits for a copy there."""
    instruction: str = ""
    """What it was asked to do last (`instructions`), and for which operation."""

    @property
    def has_vote(self) -> bool:
        return Role.DATABASE in self.roles or Role.WITNESS in self.roles

    @property
    def keeps_files(self) -> bool:
        """Whether everybody's files have copies there."""
        return Role.FILES in self.roles or Role.DATABASE in self.roles

    @property
    def loopback(self) -> str:
        """By which every node calls this one's store. On the node itself the store listens there, and on the
        others their router, which leads there: a store says nothing on a network."""
        # Of masters that begin anew, SeaweedFS takes the first one by these letters to bring the others
        # together: so it is the oldest, which is there.
        upper, lower = divmod(self.number, 100)
        return f"127.{100 + upper // 100 % 100}.{100 + upper % 100}.{100 + lower}"

    @property
    def services(self) -> frozenset[str]:
        if self.is_reserve:
            asleep = SLEEPERS if self.rest is Rest.ASLEEP else frozenset()
            return _EVERYWHERE | (_OF_RESERVES - asleep)
        return _EVERYWHERE.union(*(SERVICES[role] for role in self.roles))


_MOST_AGREEMENTS = 1_000_000
"""It becomes the name of a folder and of a protocol."""


@dataclass(frozen=True)
class Topology:
    """All nodes. Immutable: a change is another topology."""

    members: tuple[Member, ...]
    agreement: int = 0
    """Of the masters about where files are: another one whenever they are others."""

    def agreed_after(self, before: Topology) -> Topology:
        """Numbered as what follows another one."""
        return replace(self, agreement=before.agreement + self.agrees_anew_after(before))

    def agrees_anew_after(self, before: Topology) -> bool:
        """Whether the masters are others: who comes again under its name is another one."""
        mine, theirs = ({(one.name, one.number) for one in known.masters} for known in (self, before))
        return mine != theirs

    def __getitem__(self, name: str) -> Member:
        for member in self.members:
            if member.name == name:
                return member
        known = ", ".join(member.name for member in self.members)
        raise TopologyRefused(f"There is no node {name} in the cluster. There are: {known}.")

    def with_role(self, role: Role) -> tuple[Member, ...]:
        return tuple(member for member in self.members if role in member.roles)

    @property
    def voters(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.has_vote)

    @property
    def caches(self) -> tuple[Member, ...]:
        """Those that the cache is divided between."""
        return tuple(member for member in self.with_role(Role.PORTAL) if not member.is_reserve)

    @property
    def stores(self) -> tuple[Member, ...]:
        """Those that have files, or will have when they have joined."""
        return tuple(member for member in self.members if member.keeps_files)

    @property
    def places(self) -> tuple[Member, ...]:
        """Those that the files are divided between, two copies of each."""
        return tuple(member for member in self.stores if member.has_store)

    @property
    def masters(self) -> tuple[Member, ...]:
        """Those that agree on where files are: an odd number, for SeaweedFS takes no other. One alone while
        there is one store, whose loss the others could not make up for."""
        others = [member for member in self.voters if not member.keeps_files]
        known = (*self.places, *others) if len(self.places) > 1 else self.places
        return tuple(known[: min(len(known) - 1 + len(known) % 2, MOST_MASTERS)])

    @property
    def home(self) -> Member | None:
        """The node of the backups."""
        return next(iter(self.with_role(Role.FILES)), None)

    def joined_by(self, member: Member) -> Topology:
        """With one more node; one of the same name is replaced, for it begins anew without what it had."""
        is_known = any(one.name == member.name for one in self.members)
        others = (self.left_by(member.name) if is_known else self).members
        if taken := next((one for one in others if one.address == member.address), None):
            raise TopologyRefused(
                f"{member.address} is the address of {taken.name}: remove that node first, or give another."
            )
        if len(others) >= MOST_MEMBERS:
            raise TopologyRefused(f"A cluster has {MOST_MEMBERS} nodes at most.")
        _refuse_odd(member)
        number = 1 + max((one.number for one in self.members), default=-1)
        return replace(self, members=(*others, replace(member, number=number, has_store=False)))

    def left_by(self, name: str) -> Topology:
        gone = self[name]
        left = replace(self, members=tuple(member for member in self.members if member is not gone))
        if gone.has_vote and not left.with_role(Role.DATABASE):
            raise TopologyRefused(f"{name} is the last node with the database: the data would be gone.")
        return left._with_home_after(gone) if Role.FILES in gone.roles else left

    def _with_home_after(self, gone: Member) -> Topology:
        """Another one that has copies of the files makes the backups."""
        heir = next(iter(sorted(self.places, key=lambda one: Role.PORTAL not in one.roles)), None)
        if heir is None:
            raise TopologyRefused(f"{gone.name} is the last node with everybody's files: they would be gone.")
        home = replace(heir, roles=(*heir.roles, Role.FILES))
        return replace(self, members=tuple(home if one is heir else one for one in self.members))

    def with_drained(self, name: str, *, is_drained: bool) -> Topology:
        """People are sent to that node no more, or again."""
        changed = replace(self[name], is_drained=is_drained)
        if Role.PORTAL not in changed.roles:
            raise TopologyRefused(f"Nobody is sent to {name}: the portal does not run there.")
        after = replace(self, members=tuple(changed if one.name == name else one for one in self.members))
        if all(one.is_drained or one.rest is not Rest.AWAKE for one in after.with_role(Role.PORTAL)):
            raise TopologyRefused(
                f"{name} is the last node that people are sent to: resume another one first."
            )
        return after

    def with_store(self, name: str) -> Topology:
        """Files are copied to that node from now on."""
        changed = replace(self[name], has_store=self[name].keeps_files)
        return replace(self, members=tuple(changed if one.name == name else one for one in self.members))

    def with_instruction(self, name: str, instruction: str) -> Topology:
        """That node is asked to do so, once."""
        changed = replace(self[name], instruction=instruction)
        return replace(self, members=tuple(changed if one.name == name else one for one in self.members))

    def with_rest(self, name: str, rest: Rest, *, at: datetime) -> Topology:
        """That reserve wakes, or goes to sleep."""
        changed = replace(self[name], rest=rest, rested_at=at)
        if not changed.is_reserve:
            raise TopologyRefused(
                f"{name} is no reserve and never sleeps: a node that may was joined with --reserve."
            )
        return replace(self, members=tuple(changed if one.name == name else one for one in self.members))

    def survives(self) -> str:
        """What may be lost of it, in a sentence."""
        copies, votes = len(self.with_role(Role.DATABASE)), len(self.voters)
        if copies == 1:
            return "There is one copy of the database: the loss of its node stops the portal. Join another."
        if votes < 3:
            return (
                "Two votes cannot tell a dead node from a cut cable: the loss of either stops all writing. "
                "Join a third node, or a small machine with --witness."
            )
        lost = (votes - 1) // 2
        also = "" if votes % 2 else " An odd number of votes would survive as much."
        return f"{lost} of the {votes} voting nodes may be lost.{also}"


_INSTRUCTION = r"((restart|apply|take-back|upgrade|go-back|trust|enter|forget) [A-Za-z0-9-]{1,80})?"


def new_machine() -> str:
    """A name for one that a provider is to make."""
    return f"reserve-{secrets.token_hex(3)}"


def is_machine(name: str) -> bool:
    """Whether a machine of that name may be ended: a provider made it for us, and knows others by other
    names. Whoever can write into etcd can write any, and a program of root's is told it."""
    return bool(re.fullmatch(r"reserve-[0-9a-f]{6}", name))


def _refuse_odd(member: Member) -> None:
    """What could mean something else where configurations name the nodes."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", member.name):
        raise TopologyRefused(
            f"{member.name!r} cannot be the name of a node: small letters, digits and hyphens, such as "
            f"node-2."
        )
    if member.mac and not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", member.mac):
        raise TopologyRefused(
            f"{member.mac!r} is no hardware address: give the one of the network card, such as "
            f"52:54:00:12:34:56."
        )
    if not re.fullmatch(_INSTRUCTION, member.instruction):
        raise TopologyRefused(f"{member.instruction!r} is nothing that {member.name} could be asked to do.")
    if member.is_reserve and member.roles != (Role.PORTAL,):
        raise TopologyRefused(f"{member.name} would hold data or a vote, and could not sleep.")
    if not member.is_reserve and (member.rest is not Rest.AWAKE or member.is_made):
        raise TopologyRefused(f"{member.name} is no reserve, and cannot be asleep.")
    if member.is_made and not is_machine(member.name):
        raise TopologyRefused(
            f"No provider was asked for a machine {member.name}: join without --made, or with the name that "
            f"the provider was told."
        )
    try:
        ipaddress.ip_address(member.address)
    except ValueError:
        raise TopologyRefused(
            f"{member.address!r} is no IP address: nodes know each other by those, such as 10.0.0.2."
        ) from None


def refuse_in_cluster(paths: Paths, what: str) -> None:
    """For what stops the database, or replaces it, and knows of one copy only."""
    if load(paths):
        raise TopologyRefused(
            f"{what} works on a single box, and this is a node of a cluster: remove the other nodes, "
            f"`boxctl cluster dissolve`, and let them join again afterwards."
        )


@dataclass(frozen=True)
class Membership:
    """What a node knows of the cluster and of itself in it."""

    name: str
    topology: Topology
    founders: tuple[str, ...]
    """How etcd has found the others when it began here, `name=address`: only read at its first start."""
    revision: int = 0
    """Of etcd's, at which the topology was such."""
    is_alone: bool = False
    """Whether files are opened here from this node's own copies, for the others are away (`alone`). No other
    node knows."""

    @property
    def me(self) -> Member:
        return self.topology[self.name]

    @property
    def masters(self) -> tuple[Member, ...]:
        """Whom this node believes about where files are."""
        return (self.me,) if self.is_alone else self.topology.masters

    @property
    def agreement(self) -> str:
        """Of these masters: the name of a folder, and part of that of a protocol."""
        return "alone" if self.is_alone else str(self.topology.agreement)

    @property
    def is_founder(self) -> bool:
        return len(self.founders) == 1


def folder(paths: Paths) -> Path:
    """Root's own: what the node is called, and its certificate."""
    return paths.etc / "cluster"


WAS_CUT_SHORT = "`boxctl cluster init` or `dissolve` was cut short: run it again."


def unfinished(paths: Paths) -> Path:
    """There from the first change of `init` or `dissolve` to the last: whoever finds it ends them first."""
    return paths.etc / "cluster.unfinished"


def file_of(paths: Paths) -> Path:
    return folder(paths) / "cluster.json"


def load(paths: Paths) -> Membership | None:
    """What this node was told last; None for a single box."""
    try:
        text = file_of(paths).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        # A newer release, of which this one is the way back, may have written it.
        return decode_request(
            Membership, known_fields(Membership, json.loads(text)), place=str(file_of(paths))
        )
    except (ValueError, Malformed) as error:
        raise TopologyRefused(
            f"{file_of(paths)} cannot be read ({error}): copy the one of another node, and set its name."
        ) from None


def forget(paths: Paths) -> None:
    """This is no node any more."""
    file_of(paths).unlink(missing_ok=True)
    shutil.rmtree(folder(paths), ignore_errors=True)


def store(paths: Paths, membership: Membership) -> bool:
    ensure_folder(folder(paths), mode=0o700)
    text = json.dumps(encode(membership), indent=1, ensure_ascii=False) + "\n"
    return write_atomically(file_of(paths), text, mode=0o600)


def written(topology: Topology, before: str = "{}") -> str:
    """`before` is the text whose place it takes: what a newer release has noted there, of all and of each
    member that stays, is kept."""
    was = json.loads(before)
    of_members = {(one["name"], one.get("number", 0)): one for one in was.get("members", ())}
    said = was | encode(topology)
    said["members"] = [of_members.get((one["name"], one["number"]), {}) | one for one in said["members"]]
    return json.dumps(said, ensure_ascii=False)


def read(text: str) -> Topology:
    """Whoever can write into etcd can write this: it is looked at as what a joining node says."""
    try:
        # While an upgrade goes from node to node, one of a newer release may have written it.
        found = decode_request(Topology, known_fields(Topology, json.loads(text)), place="the topology")
    except (ValueError, Malformed) as error:
        raise TopologyRefused(f"What etcd keeps as the topology cannot be read: {error}") from None
    for member in found.members:
        _refuse_odd(member)
    if not 0 <= found.agreement <= _MOST_AGREEMENTS:
        raise TopologyRefused(f"The masters of files cannot have agreed for the {found.agreement}th time.")
    return found
