"""What a node does for its part in the cluster: begins one, tells of itself, follows the others, leaves."""

from __future__ import annotations

import dataclasses
import json
import socket
import time
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from appliance import as_owner, folders, service_files, users
from appliance.agent import operations
from appliance.agent.disk import Guard
from appliance.agent.journal import Journal
from appliance.cluster import (
    https,
    identity,
    instructions,
    patroni,
    reserves,
    room,
    rotation,
    shared,
    state,
    stores,
    topology,
)
from appliance.cluster.etcd import Etcd, EtcdAway, EtcdMember
from appliance.cluster.instructions import Instruction
from appliance.cluster.state import Beat
from appliance.cluster.topology import (
    BALANCER_PORT,
    ETCD_PORT,
    MEMBER_PORT,
    PATRONI_PORT,
    PEER_PORT,
    ROUTER_PORT,
    Member,
    Membership,
    Role,
    Topology,
    TopologyRefused,
)  # fmt: skip
from appliance.files import write_atomically
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import run
from appliance.services import enabled, named
from appliance.services.balancer.runtime import BalancerAway
from appliance.services.database.names import cluster as data_folder
from appliance.services.database.patroni import DYNAMIC_KEY, dynamic
from appliance.services.database.setup import query
from appliance.services.objects import names
from appliance.services.objects.service import is_store, masters_folder
from appliance.services.portal import version
from appliance.services.router.service import leading
from appliance.supervise import supervisor_for

type Say = Callable[[str], None]

LEADER_SECONDS = 60
STARTED = ("etcd", "member", "database", "router")
"""What `initialise` starts itself."""
FOLLOWERS = ("database", "router", "balancer")
"""Whose files name the other nodes, and who can be told of them without a pause."""
READERS = ("web", "push", "jobs", "telephony")
"""Who must begin anew when the caches are others."""
_OPERATIONS_LOOKED_AT = 5
_TOLD = frozenset({"backup", "restore", "rolling", "upgrade"})
"""Of the others nobody has to hear: somebody who gets a file of their own back does so unseen."""
# What tells PostgreSQL that it is a copy; Patroni puts it there while it starts.
_SIGNALS = ("standby.signal", "recovery.signal")


def ports(node: Node) -> tuple[int, ...]:
    """What the nodes must reach of each other."""
    of_cluster = (ETCD_PORT, PEER_PORT, PATRONI_PORT, MEMBER_PORT, ROUTER_PORT, BALANCER_PORT)
    return (*of_cluster, node.box.database.port)


def listen(address: str, numbers: Iterable[int]) -> list[socket.socket]:
    """Take these ports of this machine; refused where one is taken, or the address is another machine's."""
    taken: list[socket.socket] = []
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for number in numbers:
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.append(listener)
        try:
            listener.bind((address, number))
            listener.listen()
        except OSError as error:
            close(taken)
            raise TopologyRefused(
                f"Port {number} of {address} cannot be had ({error.strerror}): give this machine's own "
                f"address with --address, and end what uses the port (`ss -ltnp`)."
            ) from None
    return taken


def close(listeners: Iterable[socket.socket]) -> None:
    for listener in listeners:
        listener.close()


# --- the first node


def initialise(paths: Paths, *, name: str, address: str, site: str = "", say: Say) -> float:
    """Make the running box a cluster of one node, in place. Returns the seconds in which nobody could write.

    Whatever goes wrong, the box is a single one again. Killed, it is gone on with, or back, by the next.
    """
    is_forward = _end_what_was_cut_short(paths, say)
    before = Node.load(paths)
    if is_forward:
        return 0.0
    if before.membership:
        raise TopologyRefused(f"This is a node of a cluster already: {before.name}.")
    me = Member(name, address, (Role.PORTAL, Role.FILES, Role.DATABASE), site)
    alone = Topology(()).joined_by(me).with_store(name)
    close(listen(address, ports(before)))
    say("Making the cluster's own authority.")
    write_atomically(topology.unfinished(paths), "", mode=0o600)
    try:
        identity.found(paths, name=name, address=address)
        topology.store(paths, Membership(name, alone, founders=(f"{name}={address}",)))
        node = Node.load(paths)
        supervisor = supervisor_for(node)
        folders.prepare(paths)
        say("Starting etcd.")
        service_files.apply(node, only=(named("etcd"),))
        supervisor.apply()
        supervisor.start("etcd")
        etcd = Etcd.of(paths, alone)
        etcd.replace(state.TOPOLOGY, topology.written(alone), revision=0)
        etcd.put(DYNAMIC_KEY, json.dumps(dynamic(node)))
        _, revision = state.read(etcd)
        topology.store(paths, dataclasses.replace(node.cluster, revision=revision))
        node = Node.load(paths)
        # The port by which the portal finds its files is the router's from now on.
        stores.stop(node, supervisor)
        changed = service_files.apply(node)
        supervisor.start("router", "member")
        say("Handing the database over to Patroni. Nobody can write for some seconds.")
        begun = time.monotonic()
        supervisor.restart("database")
        wait_for_leader(paths, alone, name)
        paused = time.monotonic() - begun
        _wait_for_way(node)
        # Until now they have spoken to the database as before, which goes on to work.
        supervisor.reload(*(one for one in changed if one not in (*STARTED, stores.SERVICE)), progress=say)
        # On a busy machine it may have given the lead up for a moment.
        wait_for_leader(paths, alone, name)
        stores.take_over(node, say=say)
    except BaseException:
        say("It failed: the box becomes a single one again.")
        _undo(paths)
        raise
    _open(node)
    return paused


def _open(node: Node) -> None:
    """From here on the names of files are the database's, and there is no way back to those of before."""
    stores.open_again(node)
    topology.unfinished(node.paths).unlink()
    # The last thing: that it is there tells the way on from the way back.
    stores.forget_file(node)


def _end_what_was_cut_short(paths: Paths, say: Say) -> bool:
    """What `init` or `dissolve` have left where they were killed; whether this is a node for good now."""
    if not topology.unfinished(paths).exists():
        return False
    node = Node.load(paths)
    is_forward = node.membership is not None and names.are_set_aside(node)
    if is_forward:
        say("Ending what was cut short.")
        _open(node)
    else:
        say("Undoing what was cut short.")
        _undo(paths)
    return is_forward


def wait_for_leader(paths: Paths, known: Topology, name: str | None = None) -> str:
    """Wait until somebody leads (or `name` does), and takes writes."""
    deadline = time.monotonic() + LEADER_SECONDS
    while True:
        with suppress(patroni.PatroniAway):
            for one in patroni.copies(paths, known):
                if one.is_leader and one.is_well and name in (None, one.name):
                    return one.name
        if time.monotonic() > deadline:
            raise patroni.PatroniAway(
                f"Nobody has led for {LEADER_SECONDS} s: see `boxctl logs database etcd` on the nodes."
            )
        time.sleep(0.1)


def _wait_for_way(node: Node) -> None:
    """Until the router has seen who leads: it looks every half second."""
    deadline = time.monotonic() + LEADER_SECONDS
    while True:
        with suppress(BalancerAway):
            if leading(node):
                return
        if time.monotonic() > deadline:
            raise patroni.PatroniAway("The leader of the database is not reached: see `boxctl logs router`.")
        time.sleep(0.1)


def dissolve(paths: Paths, *, say: Say) -> None:
    """The last node of a cluster is a single box again, with all that it has."""
    if topology.unfinished(paths).exists() and not _end_what_was_cut_short(paths, say):
        return
    membership = _membership(paths)
    others = [member.name for member in membership.topology.members if member.name != membership.name]
    if others:
        raise TopologyRefused(
            f"{', '.join(others)} would be left alone: `boxctl cluster remove {others[0]}` first."
        )
    if patroni.leader(paths, membership.topology) != membership.name:
        raise TopologyRefused("This node does not lead its database at the moment: try again in a minute.")
    say("The node becomes a single box again. Nobody can write for some seconds.")
    node = Node.load(paths)
    stores.give_back(node, supervisor_for(node), say=say)
    write_atomically(topology.unfinished(paths), "", mode=0o600)
    _undo(paths)


_DROP_SLOTS = """
select pg_drop_replication_slot(slot_name) from pg_replication_slots
where slot_type = 'physical' and not active
"""


def _undo(paths: Paths) -> None:
    """Make it a single box; interrupted anywhere, it is done again from the beginning."""
    clustered = Node.load(paths)
    single = dataclasses.replace(clustered, membership=None)
    if clustered.membership:
        supervisor = supervisor_for(clustered)
        stores.stop(clustered, supervisor)
        names.take_file_back(clustered)
        for service in ("member", "router", "database", "etcd"):
            supervisor.stop(service)
        _forget(clustered)
    service_files.apply(single)
    supervisor = supervisor_for(single)
    supervisor.apply()
    supervisor.start("database", *((stores.SERVICE,) if names.has_file(single) else ()))
    # All of them: those whose files had changed before this was interrupted are not known any more.
    others = [one for one in enabled(single) if one.name not in ("agent", "database", stores.SERVICE)]
    supervisor.reload(*(one.name for one in others))
    # What was kept for other nodes would be kept for ever.
    query(single, _DROP_SLOTS, database="postgres")
    names.drop(single)
    # Not before: what a restart of the machine has brought back meanwhile must be stopped as a node's.
    topology.forget(paths)
    topology.unfinished(paths).unlink(missing_ok=True)


def _forget(node: Node) -> None:
    """What a node keeps of its part in the cluster, but for that it is one."""
    (node.paths.run / "state" / NO_LEADER).unlink(missing_ok=True)
    room.flag(node.paths).unlink(missing_ok=True)
    owner = users.account(users.DATABASE)
    for name in _SIGNALS:
        as_owner.remove(data_folder(node) / name, owner)
    as_owner.remove(node.data("etcd") / "member", owner)
    run(["rm", "-rf", "--", masters_folder(node).parent])


# --- all of them, all the time


def beat(paths: Paths, *, busy: float, problems: tuple[str, ...] = ()) -> None:
    """Tell the others how this node is."""
    node = Node.load(paths)
    membership = node.cluster
    etcd = Etcd.of(paths, membership.topology, first=membership.me.address)
    problem = instructions.ended(paths, membership.me.instruction)
    said = Beat(
        at=datetime.now(UTC),
        version=version(node),
        busy=busy,
        revision=membership.revision,
        problems=problems,
        is_serving=reserves.is_serving(node),
        doing=_doing(paths),
        full=Guard(paths).reason(),
        instruction="" if problem is None else membership.me.instruction,
        instruction_problem=problem or "",
        is_rotating=rotation.is_under_way(paths),
        release=node.release_name,
    )
    state.beat(etcd, membership.name, said)


def _doing(paths: Paths) -> tuple[str, ...]:
    """The long operations that run here, and that a node should not go to sleep during."""
    latest = [one for one in Journal.all(paths.operations) if one.named_kind in _TOLD][:_OPERATIONS_LOOKED_AT]
    return tuple(dict.fromkeys(one.named_kind for one in latest if not one.is_over()))


def follow(paths: Paths, say: Say) -> bool:
    """Take over what the nodes have agreed on since; whether anything was new.

    It counts as taken over when the services have it: what is interrupted is done again.
    """
    membership = _membership(paths)
    etcd = Etcd.of(paths, membership.topology, first=membership.me.address)
    agreed, revision = state.read(etcd)
    # At the same revision it is another one where this release reads more of it than the one before did.
    if (agreed, revision) == (membership.topology, membership.revision) and not membership.is_alone:
        return False
    if not any(member.name == membership.name for member in agreed.members):
        say("This node was removed from the cluster: its services end.")
        leave(paths)
        return True
    say(f"The nodes are {', '.join(member.name for member in agreed.members)} (revision {revision}).")
    taken = dataclasses.replace(membership, topology=agreed, revision=revision, is_alone=False)
    asked = _asked(paths, etcd, membership, taken, say)
    with service_files.following(paths):
        _serve(paths, membership, taken, say)
        if asked:
            instructions.begin(paths, Instruction.read(taken.me.instruction), asked)
        topology.store(paths, taken)
    return True


def stand_alone(paths: Paths, say: Say) -> None:
    """Open files from this node's own copies until `follow` finds the others again.

    What is interrupted is done again, or taken back by that.
    """
    before = dataclasses.replace(_membership(paths), is_alone=False)
    taken = dataclasses.replace(before, is_alone=True)
    topology.store(paths, taken)
    _serve(paths, before, taken, say)


def _serve(paths: Paths, had: Membership, taken: Membership, say: Say) -> None:
    """Let the services have what is known now, where they had what was known before."""
    box = Node.load(paths)
    before, node = (dataclasses.replace(box, membership=one) for one in (had, taken))
    reserves.fall_asleep(before, node, say)
    known = [service for service in enabled(node) if service.name in (*FOLLOWERS, *READERS)]
    changed = service_files.apply(node, only=tuple(known))
    woken = {service.name for service in enabled(node)} - {service.name for service in enabled(before)}
    told = [
        service.name
        for service in known
        if service.name not in woken
        # Whoever was told in vain before has its files, and has not read them.
        and (service.name in (*FOLLOWERS, *changed) or service.files(before) != service.files(node))
    ]
    supervisor = supervisor_for(node)
    stores.part(before, node)
    # The store before the others, of which any may take long, or not come back.
    supervisor.reload("router")
    stores.follow(before, node)
    if others := [name for name in told if name != "router"]:
        supervisor.reload(*others)
    reserves.wake(node, woken, say)


def _asked(
    paths: Paths, etcd: Etcd, before: Membership, taken: Membership, say: Say
) -> dict[str, Any] | None:
    """What this node was just asked to do; looked at before anything else is, for it may have to wait."""
    if taken.me.instruction in ("", before.me.instruction):
        return None
    instruction = Instruction.read(taken.me.instruction)
    operations.refuse_if_busy(paths, instruction.kind)
    try:
        return instructions.prepared(paths, etcd, instruction)
    except TopologyRefused as error:
        say(str(error))
        return None


NO_LEADER = "no-leader"
"""Of the files that tell the portal what it must know when nothing else works."""


def watch(paths: Paths) -> bool:
    """Tell the portal here whether anything can be saved; whether that is so."""
    flag = paths.run / "state" / NO_LEADER
    node = Node.load(paths)
    try:
        is_led = not node.runs("router") or leading(node) is not None
    except BalancerAway:
        # It is being started: then there is no way to the database at all, and the portal finds that out.
        is_led = True
    if is_led:
        flag.unlink(missing_ok=True)
    else:
        write_atomically(flag, "", mode=0o644)
    return is_led


def share(paths: Paths, say: Say) -> bool:
    """Archive the log as all nodes do, whichever leads; whether anything was new here."""
    node = Node.load(paths)
    membership = node.cluster
    etcd = Etcd.of(paths, membership.topology, first=membership.me.address)
    if node.is_home:
        shared.publish(paths, etcd)
        return False
    if not node.runs("database"):
        return False
    was_cut_short = shared.untold(paths).exists()
    if not shared.take(paths, etcd) and not was_cut_short:
        return False
    say("Backups were set up anew: this node archives as the others do.")
    database, supervisor = named("database"), supervisor_for(node)
    service_files.apply(node, only=(database,))
    needs_start = was_cut_short or database.name in supervisor.pending()
    try:
        if needs_start:
            # Its folders are others now, which only a new start sees.
            supervisor.apply()
            supervisor.restart(database.name)
        else:
            supervisor.reload(database.name)
    finally:
        # Told, also where it takes long to come back: told again and again it never would.
        shared.untold(paths).unlink(missing_ok=True)
    return True


def settle(paths: Paths) -> bool:
    """What holds for all copies of the database is what box.toml says on the node that leads; whether it was
    new."""
    node = Node.load(paths)
    if not node.runs("database"):
        return False
    with suppress(BalancerAway):
        if leading(node) != node.name:
            return False
        etcd = Etcd.of(paths, node.cluster.topology, first=node.cluster.me.address)
        wanted, there = json.dumps(dynamic(node)), etcd.get(DYNAMIC_KEY)
        if (there and there.value == wanted) or etcd.get(patroni.MOVES_KEY):
            return False
        # Unless the lead has begun to move since.
        return etcd.replace(DYNAMIC_KEY, wanted, revision=there.revision if there else 0)
    return False


def keep_apart(paths: Paths) -> bool:
    """Let another node lead etcd where this one leads the database; whether it was so. Lost with both, the
    lease of the lead would begin anew with the next leader of etcd, and nobody could write meanwhile."""
    node = Node.load(paths)
    if not node.runs("database"):
        return False
    with suppress(BalancerAway, https.NodeRefused):
        if leading(node) != node.name:
            return False
        etcd = Etcd.of(paths, node.cluster.topology, first=node.cluster.me.address)
        votes = {member.name: member.id for member in etcd.members() if not member.is_learner}
        if etcd.leader() != votes.get(node.name):
            return False
        for other in node.cluster.topology.voters:
            if other.name in votes and other.name != node.name and etcd.at(other.address).answers():
                etcd.hand_over(votes[other.name])
                return True
    return False


def leave(paths: Paths) -> None:
    """End what runs here, and set the copy of the data aside: started again, it would be an old portal."""
    node = Node.load(paths)
    supervisor = supervisor_for(node)
    # This is done by the member itself, which goes last.
    supervisor.stop(*(one.name for one in enabled(node) if one.name not in ("agent", "member")))
    if Role.DATABASE in node.cluster.me.roles:
        set_aside(node)
    if is_store(node):
        stores.set_aside(node)
    _forget(node)
    topology.forget(paths)
    supervisor.stop("member")


def set_aside(node: Node) -> None:
    """The database's folder under another name, which the next one may take. Nothing where it is done."""
    place, owner = data_folder(node), users.account(users.DATABASE)
    aside = place.with_name(f"{place.name}.aside")
    if run(["test", "-e", place], user=owner, check=False).code:
        return
    as_owner.remove(aside, owner)
    as_owner.rename(place, aside, owner)


def remove(paths: Paths, name: str, *, say: Say) -> None:
    """Take a node out, dead or alive. One that lives ends its services by itself."""
    membership = _membership(paths)
    etcd = Etcd.of(paths, membership.topology, first=membership.me.address)
    agreed, _ = state.read(etcd)
    if all(one.name != name for one in agreed.members):

        def is_left(member: EtcdMember) -> bool:
            return member.is_called(name) and member.node_in(agreed) is None

        if any(map(is_left, etcd.members())):
            say(f"{name} was taken out before, but for its vote.")
            _once_led(lambda: _remove_votes(etcd, is_left))
            return
    gone = agreed[name]
    if name == membership.name:
        raise TopologyRefused(f"{name} is this node: remove it from another one.")
    if Role.DATABASE in gone.roles and patroni.leader(paths, agreed) == name:
        raise TopologyRefused(f"{name} leads the database: `boxctl cluster switchover` first.")
    node, there = Node.load(paths), state.beats(etcd)
    stores.refuse_stranding(node, gone, there)
    if name in there:
        stores.refuse_without_the_oldest(node, agreed, agreed.left_by(name), there)
    if name in there and gone.has_vote:
        _refuse_without_votes(agreed.left_by(name), gone, there)
        # First of all: ended with it, its vote would be missing to the others until it is taken from it.
        _once_led(lambda: _remove_votes(etcd, lambda member: member.is_of(gone)))
    _once_led(lambda: state.change(etcd, lambda before: _left_by(before, name)))
    deadline = time.monotonic() + LEADER_SECONDS
    while name in _once_led(lambda: state.beats(etcd)) and time.monotonic() < deadline:
        say(f"Waiting until {name} has ended its services.")
        time.sleep(2)
    _once_led(lambda: _remove_votes(etcd, lambda member: member.is_of(gone)))


def _left_by(before: Topology, name: str) -> Topology:
    is_there = any(member.name == name for member in before.members)
    return before.left_by(name) if is_there else before


def _refuse_without_votes(left: Topology, gone: Member, there: Container[str]) -> None:
    """Who has no majority of those that are left can't even take the next one out."""
    missing = [one.name for one in left.voters if one.name not in there]
    if 2 * len(missing) >= len(left.voters):
        raise TopologyRefused(
            f"Without {gone.name} {len(missing)} of {len(left.voters)} votes would be missing, and nobody "
            f"could write any more: start {' and '.join(missing)}, or `boxctl cluster remove` what is lost "
            f"first."
        )


def _remove_votes(etcd: Etcd, is_meant: Callable[[EtcdMember], bool]) -> None:
    for member in etcd.members():
        if is_meant(member):
            etcd.remove(member.id)


def _once_led[T](ask: Callable[[], T]) -> T:
    """Where the one that goes has led etcd, the others choose another leader first. Then nobody knows what
    became of what was asked, and it is asked again: it has to be what may be done twice."""
    deadline = time.monotonic() + LEADER_SECONDS
    while True:
        try:
            return ask()
        except EtcdAway:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)


def drain(paths: Paths, name: str, *, is_drained: bool, say: Say) -> None:
    """Send people to a node no more, or again; returns when all nodes do so. Another one leads then."""
    membership = _membership(paths)
    etcd = Etcd.of(paths, membership.topology, first=membership.me.address)
    after, revision = state.change(etcd, lambda before: before.with_drained(name, is_drained=is_drained))
    deadline = time.monotonic() + LEADER_SECONDS
    known = {member.name for member in after.members}
    # Who was removed may speak still.
    while late := [
        one for one, beat in state.beats(etcd).items() if one in known and beat.revision < revision
    ]:
        if time.monotonic() > deadline:
            raise TopologyRefused(
                f"{', '.join(sorted(late))} has not taken that over in {LEADER_SECONDS} s: see "
                f"`boxctl logs member` there."
            )
        time.sleep(0.5)
    # Not before: while all nodes load their configuration anew, the lead takes seconds longer to move.
    if is_drained and len(after.with_role(Role.DATABASE)) > 1 and patroni.leader(paths, after) == name:
        say("Another node takes the lead of the database.")
        patroni.switch_over(paths, after)


def _membership(paths: Paths) -> Membership:
    return Node.load(paths).cluster
