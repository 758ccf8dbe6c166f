"""How a node comes into the cluster: what it asks, what is checked, what it is given.

The line that `boxctl cluster token` prints holds an address, the fingerprint of the cluster's authority and a
secret. By the fingerprint the joining node knows whom it speaks to before it says the secret; by the secret
it is known.
"""

from __future__ import annotations

import dataclasses
import hmac
import re
import secrets
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from cryptography.hazmat.primitives.serialization import Encoding

from appliance import config, folders, service_files
from appliance.agent import applied_config
from appliance.agent.codec import LINES, decode, encode
from appliance.certificates import key_pem
from appliance.cluster import https, identity, patroni, rotation, state, stores, topology
from appliance.cluster.etcd import Etcd, EtcdAway, EtcdMember, voteless
from appliance.cluster.membership import Say, close, listen, ports, set_aside
from appliance.cluster.topology import (
    MEMBER_PORT,
    Member,
    Membership,
    Rest,
    Role,
    Topology,
)
from appliance.config import KEYS
from appliance.files import write_atomically
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.database.setup import has_cluster
from appliance.services.objects.service import prepare
from appliance.services.portal import version
from appliance.supervise import supervisor_for

FARTHEST_CLOCK = timedelta(seconds=5)
"""Apart by more, certificates and leases would be judged differently."""
SLOWEST = 0.1
"""Seconds of a connection's way there and back, beyond which every commit would wait too long."""
COPY_SECONDS = 6 * 3600
KNOWN_SECONDS = 300
"""Until the others have begun their workers anew, one by one: they divide the cache with this node."""
OLDEST_SECONDS = 300
"""For which a node may be away whose machine is started again, before its administrator has to look."""
LEARNER_SECONDS = 20
"""Within the minute that a visitor has."""
_DOOR = "door"
_DOOR_SECONDS = 120
"""Longer than it takes to let somebody in."""
_ROLLING = (
    "The cluster goes from node to node just now, and would leave out who comes meanwhile: let that come to "
    "its end, and try again."
)
_ROTATING = (
    "The nodes get another authority just now: `boxctl cluster rotate` goes on where that was cut short."
)
_TLS_FILES = ("ca.crt", "ca.key", "portal.pem")


@dataclass(frozen=True)
class Asking:
    """What a joining node says."""

    secret: str
    name: str
    address: str
    roles: tuple[Role, ...]
    site: str
    request: str = field(metadata=LINES)
    version: str
    at: datetime
    is_reserve: bool = False
    mac: str = ""
    is_made: bool = False


@dataclass(frozen=True)
class Welcome:
    """All that makes a machine a node of this cluster. It leaves a node only in answer to a token."""

    certificate: str
    authority: str
    authority_key: str
    balancer_authority: str
    balancer_authority_key: str
    membership: Membership
    box_toml: str
    secrets: dict[str, str]
    tls: dict[str, str]

    def __repr__(self) -> str:
        return "Welcome(...)"


class JoinRefused(Exception):
    """The node is not let in; the text says why and what to do."""


@dataclass(frozen=True)
class Token:
    """What is typed after `boxctl cluster join ADDRESS`."""

    secret: str
    fingerprint: str

    @classmethod
    def read(cls, text: str) -> Token:
        if not re.fullmatch(rf"[0-9a-f]{{{state.TOKEN_DIGITS}}}\.[0-9a-f]{{64}}", text):
            raise JoinRefused("This is not a token: copy the whole line that `boxctl cluster token` prints.")
        secret, fingerprint = text.split(".")
        return cls(secret, fingerprint)

    def __str__(self) -> str:
        return f"{self.secret}.{self.fingerprint}"


def token(paths: Paths, *, seconds: int) -> Token:
    """A new one, which lets one node in."""
    if topology.unfinished(paths).exists():
        raise JoinRefused(f"This node is half a one: {topology.WAS_CUT_SHORT}")
    if rotation.is_under_way(paths):
        raise JoinRefused(_ROTATING)
    membership = Node.load(paths).cluster
    authority = identity.read_authority(paths)
    if authority is None:
        raise JoinRefused("This node cannot let others in: ask for the token on another one.")
    etcd = Etcd.of(paths, membership.topology, first=membership.me.address)
    _refuse_while_rolling(etcd)
    known = identity.fingerprint(authority.certificate.public_bytes(Encoding.DER))
    return Token(state.new_token(etcd, authority, seconds=seconds, now=datetime.now(UTC)), known)


# --- on a node


def let_in(paths: Paths, asking: Asking, *, now: datetime) -> Welcome:
    """Check who asks and what it would be; then it is a member, which only has to start."""
    node = Node.load(paths)
    me, authority = node.cluster, identity.read_authority(paths)
    etcd = Etcd.of(paths, me.topology, first=me.me.address)
    balancers = identity.read_authority(paths, identity.BALANCERS)
    is_known = authority and balancers and state.is_token(etcd, authority, asking.secret, now=now)
    if authority is None or balancers is None or not is_known:
        raise JoinRefused(
            "The token is not known: it was used, or has expired. `boxctl cluster token` prints another."
        )
    if rotation.is_under_way(paths):
        raise JoinRefused(_ROTATING)
    there = _refuse_while_rolling(etcd)
    agreed, _ = state.read(etcd)
    coming = _member(asking, now)
    if asking.name in there:
        raise JoinRefused(f"A node of the name {asking.name} is at work: join with another --name.")
    after = agreed.joined_by(coming).with_store(coming.name)
    stores.refuse_without_the_oldest(node, agreed, after, there)
    _check_facts(asking, version(node), now)
    _check_ports(asking.address, ports(node))
    certificate = identity.issue(authority, asking.request, name=coming.name, address=coming.address, now=now)
    with _one_vote_at_a_time(etcd) if coming.has_vote else nullcontext():
        if coming.has_vote:
            _refuse_among_other_votes(etcd, coming)
        if not state.use_token(etcd, asking.secret):
            raise JoinRefused(
                "The token was just used by another node: `boxctl cluster token` prints another."
            )
        _take_away_what_is_left(etcd, coming)
        if coming.has_vote:
            _add_learner(etcd, coming.address)
        after, revision = state.change(etcd, lambda before: before.joined_by(coming))
    founders = tuple(f"{member.name}={member.address}" for member in after.voters)
    return Welcome(
        certificate=certificate,
        authority=authority.pem,
        authority_key=key_pem(authority.key).decode(),
        balancer_authority=balancers.pem,
        balancer_authority_key=key_pem(balancers.key).decode(),
        membership=Membership(coming.name, after, founders, revision),
        box_toml=paths.box_toml.read_text(encoding="utf-8"),
        secrets=dataclasses.asdict(node.secrets),
        tls={
            name: (paths.tls / name).read_text(encoding="ascii")
            for name in _TLS_FILES
            if (paths.tls / name).exists()
        },
    )


@contextmanager
def _one_vote_at_a_time(etcd: Etcd) -> Iterator[None]:
    """Whoever lets somebody in takes no learner for a left one that another door is just adding."""
    # A door lets several in at once, so that its node's name would say too little.
    mine, deadline = secrets.token_hex(8), time.monotonic() + LEARNER_SECONDS
    while not state.hold(etcd, _DOOR, mine, seconds=_DOOR_SECONDS):
        if time.monotonic() > deadline:
            raise JoinRefused("Another node is let in just now: join again in a minute, by the same line.")
        time.sleep(0.5)
    try:
        yield
    finally:
        # Else the lease ends it.
        with suppress(EtcdAway):
            state.let_go(etcd, _DOOR, mine)


def _refuse_among_other_votes(etcd: Etcd, coming: Member) -> None:
    """etcd takes one learner at a time, and one whose machine has died meanwhile stays one. And a new member
    starts only where those that it is told of are all that there are."""
    agreed, _ = state.read(etcd)
    members = etcd.members()
    for member in members:
        node = member.node_in(agreed)
        if member.is_learner and node and not _is_left(member, node, coming):
            raise JoinRefused(
                f"{node.name} was let in and has not come yet, and votes come one at a time: let it come "
                f"(`boxctl cluster join` goes on there), or `boxctl cluster remove {node.name}` first."
            )
        if not node and not _is_left(member, node, coming):
            raise JoinRefused(
                f"{member.label} is no node and has a vote: `boxctl cluster remove {member.label}` first."
            )
    for node in voteless(agreed, members):
        if node.name != coming.name:
            raise JoinRefused(
                f"{node.name} is a node whose vote is gone: `boxctl cluster remove {node.name}` first, and "
                f"let it join again."
            )


def _take_away_what_is_left(etcd: Etcd, coming: Member) -> None:
    agreed, _ = state.read(etcd)
    for member in etcd.members():
        if _is_left(member, member.node_in(agreed), coming):
            etcd.remove(member.id)


def _is_left(member: EtcdMember, node: Member | None, coming: Member) -> bool:
    """Whether it is what came of letting the same node in before, or keeps its learner out and never was a
    node."""
    if member.is_of(coming):
        return True
    return node.name == coming.name if node else member.is_learner and coming.has_vote


def _add_learner(etcd: Etcd, address: str) -> None:
    """etcd takes nobody while it has not heard of all its votes for five seconds, as of one just come."""
    deadline = time.monotonic() + LEARNER_SECONDS
    while True:
        try:
            if not any(member.is_at(address) for member in etcd.members()):
                etcd.add_learner(address)
        except EtcdAway:
            if time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(1)


def _refuse_while_rolling(etcd: Etcd) -> Mapping[str, state.Beat]:
    """What all nodes say of themselves, where none of them does so."""
    there = state.beats(etcd)
    if any(beat.is_rotating for beat in there.values()):
        raise JoinRefused(_ROTATING)
    if any("rolling" in beat.doing for beat in there.values()):
        raise JoinRefused(_ROLLING)
    return there


def _member(asking: Asking, now: datetime) -> Member:
    """A reserve sleeps until it is needed; one that was just made for it is needed."""
    member = Member(asking.name, asking.address, asking.roles, asking.site)
    if not asking.is_reserve:
        return member
    rest = Rest.WAKING if asking.is_made else Rest.ASLEEP
    return dataclasses.replace(
        member, is_reserve=True, rest=rest, rested_at=now, mac=asking.mac, is_made=asking.is_made
    )


def _check_facts(asking: Asking, own_version: str, now: datetime) -> None:
    if asking.version != own_version:
        raise JoinRefused(
            f"The cluster runs Korobka {own_version} and this machine {asking.version}: install the same."
        )
    if (apart := abs(now - asking.at)) > FARTHEST_CLOCK:
        raise JoinRefused(
            f"The clocks are {apart.total_seconds():.0f} s apart: set both by the same time server "
            f"(`timedatectl set-ntp true`)."
        )


def _check_ports(address: str, numbers: tuple[int, ...]) -> None:
    """From here to there; the node that joins has looked the other way."""
    closed = unreachable(address, numbers)
    if closed:
        raise JoinRefused(
            f"The cluster does not reach port {', '.join(map(str, closed))} of {address}: open it in the "
            f"firewalls between the nodes."
        )


def unreachable(address: str, numbers: tuple[int, ...]) -> tuple[int, ...]:
    def is_open(number: int) -> bool:
        try:
            socket.create_connection((address, number), https.SECONDS).close()
        except OSError:
            return False
        return True

    with ThreadPoolExecutor(len(numbers)) as beside:
        found = dict(zip(numbers, beside.map(is_open, numbers), strict=True))
    return tuple(number for number, is_there in found.items() if not is_there)


# --- on the machine that joins


@dataclass(frozen=True)
class Coming:
    """What this machine shall be in the cluster."""

    name: str
    address: str
    roles: tuple[Role, ...]
    site: str = ""
    is_reserve: bool = False
    mac: str = ""
    is_made: bool = False


def join(paths: Paths, to: str, text: str, coming: Coming, *, say: Say) -> None:
    """Make this machine a node of the cluster of which `to` is an address. Its own portal ends."""
    node = Node.load(paths)
    if node.membership:
        raise JoinRefused(f"This is a node of a cluster already: {node.name}.")
    wanted = Token.read(text)
    context = trusted(to, wanted.fingerprint)
    say("Looking whether the nodes reach each other.")
    begun = time.monotonic()
    if unreachable(to, (MEMBER_PORT,)):
        raise JoinRefused(f"Port {MEMBER_PORT} of {to} is not reached from here: open it in the firewalls.")
    if (took := time.monotonic() - begun) > SLOWEST:
        say(f"Warning: a connection to {to} takes {took * 1000:.0f} ms, and every commit waits for one.")
    # A box that was just installed for it serves nobody; its ports must be free to be looked at.
    key = identity.new_key()
    listening = listen(coming.address, ports(node))
    try:
        asking = Asking(
            secret=wanted.secret,
            request=identity.request(coming.name, key),
            version=version(node),
            at=datetime.now(UTC),
            **{one.name: getattr(coming, one.name) for one in dataclasses.fields(coming)},
        )
        said = https.ask(to, MEMBER_PORT, "/join", encode(asking), context=context, seconds=60)
    except https.NodeRefused as error:
        raise JoinRefused(str(error)) from None
    finally:
        close(listening)
    welcome = decode(Welcome, said, place="the welcome")
    say("Let in. What ran here ends.")
    _become(node, welcome, key_pem(key).decode())
    start(paths, say=say)


def trusted(to: str, fingerprint: str) -> ssl.SSLContext:
    """A context that believes the authority of this fingerprint, which the other side shows, alone."""
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.check_hostname, looking.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection((to, MEMBER_PORT), https.SECONDS) as plain,
            looking.wrap_socket(plain) as connection,
        ):
            shown = connection.get_unverified_chain()
    except OSError as error:
        raise JoinRefused(
            f"{to}:{MEMBER_PORT} does not answer ({error}): is it a node, and is the port open?"
        ) from None
    for certificate in shown:
        if hmac.compare_digest(identity.fingerprint(certificate), fingerprint):
            context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(certificate))
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            return context
    raise JoinRefused(f"{to} is not the cluster that the token is of: somebody else answers there.")


def _become(node: Node, welcome: Welcome, key: str) -> None:
    """From here on this machine is a node, whatever interrupts it: `start` may be done again."""
    paths = node.paths
    supervisor = supervisor_for(node)
    supervisor.stop()
    if has_cluster(node):
        set_aside(node)
    stores.set_aside(node)
    identity.keep(
        paths,
        authority=welcome.authority,
        certificate=welcome.certificate,
        key=key,
        authority_key=welcome.authority_key,
    )
    me = welcome.membership.me
    balancers = identity.authority_of(
        welcome.balancer_authority.encode(), welcome.balancer_authority_key.encode()
    )
    identity.enter(paths, identity.BALANCERS, balancers, name=me.name, address=me.address)
    authority = identity.authority_of(welcome.authority.encode(), welcome.authority_key.encode())
    identity.enter(paths, identity.STORE, authority, name=identity.store_name(me.name), address=me.address)
    for name, text in welcome.tls.items():
        write_atomically(paths.tls / name, text, mode=0o644 if name.endswith(".crt") else 0o600)
    config.create_secrets(paths, welcome.secrets)
    own = {key: config.value_of(node.box, key) for key in KEYS if key.startswith("node.")}
    write_atomically(paths.box_toml, _with_own(welcome.box_toml, own), mode=0o644)
    # By this and not by what was in force before goes whatever the box does by itself from now on.
    applied_config.remember(paths)
    topology.store(paths, welcome.membership)


def _with_own(text: str, own: Mapping[str, config.Value]) -> str:
    """The cluster's box.toml with this machine's [node]."""
    return config.set_values(text, dict(own), from_console=False)


def start(paths: Paths, *, say: Say) -> None:
    """Start a node that was let in: its vote first, then its copy, and what serves people at the end."""
    node = Node.load(paths)
    me = node.cluster.me
    folders.prepare(paths)
    service_files.apply(node)
    prepare(node)
    supervisor = supervisor_for(node)
    supervisor.apply()
    etcd = Etcd.of(paths, node.cluster.topology)
    if me.has_vote:
        say("Joining the vote.")
        supervisor.start("etcd")
        _promote(etcd, me)
    supervisor.start("member")
    _wait_until_known(etcd, node.cluster)
    if Role.DATABASE in me.roles:
        say("Copying the database.")
        supervisor.begin("database")
        _wait_for_copy(paths, node.cluster.topology, me.name, say)
    supervisor.start(progress=say)
    if me.keeps_files:
        _count_store(node, etcd, say)
        say("Its store has begun: from now on files are copied to it as well.")


def _count_store(node: Node, etcd: Etcd, say: Say) -> None:
    """Let it be one of the places of files, and maybe a master, once who brings the masters together is
    there."""

    def counted(before: Topology) -> Topology:
        after = before.with_store(node.name)
        stores.refuse_without_the_oldest(node, before, after, state.beats(etcd))
        return after

    deadline, told = time.monotonic() + OLDEST_SECONDS, ""
    while True:
        try:
            state.change(etcd, counted)
        except (EtcdAway, stores.OldestAway) as error:
            if time.monotonic() > deadline:
                _give_up(str(error))
            if (words := str(error)) != told:
                say(f"Waiting. {words}")
                told = words
        else:
            return
        time.sleep(0.5)


def _promote(etcd: Etcd, me: Member) -> None:
    deadline = time.monotonic() + 120
    mine = next((one for one in etcd.members() if one.is_at(me.address)), None)
    if mine is None:
        _give_up(f"etcd does not know {me.name}: was it removed meanwhile? Join again with a new token.")
    while not etcd.promote(mine.id):
        if time.monotonic() > deadline:
            _give_up("etcd has not caught up within 2 min: see `boxctl logs etcd`.")
        time.sleep(0.2)


def _wait_until_known(etcd: Etcd, membership: Membership) -> None:
    """Until then the others do not let this node's address in. Who is dead need not know."""
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        beats = state.beats(etcd)
        # Who was removed may speak still.
        known = {member.name for member in membership.topology.members}
        late = [name for name, beat in beats.items() if name in known and beat.revision < membership.revision]
        if membership.name in beats and not late:
            return
        if time.monotonic() > deadline:
            _give_up(f"{', '.join(late) or membership.name} has not taken over the topology in five minutes.")
        time.sleep(0.5)


def _wait_for_copy(paths: Paths, known: Topology, name: str, say: Say) -> None:
    deadline, before = time.monotonic() + COPY_SECONDS, ""
    while True:
        copy = next((one for one in patroni.copies(paths, known) if one.name == name), None)
        if copy and copy.is_well:
            return
        if (words := copy.state if copy else "not begun") != before:
            say(f"The copy: {words}.")
            before = words
        if time.monotonic() > deadline:
            _give_up("The database was not copied within six hours.")
        time.sleep(0.5)


def _give_up(why: str) -> NoReturn:
    raise JoinRefused(f"{why} Afterwards `boxctl cluster join`, without more, goes on from here.")
