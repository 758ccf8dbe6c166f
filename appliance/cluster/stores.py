"""The files of a cluster: taken over from the first node, followed with the topology, given back at the end.

Their names are in a database that fails over with the portal's, their content in volumes of which three nodes
have a copy each (`copies`). What repairs them is SeaweedFS itself (`master.toml`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Container
from pathlib import Path

from appliance import as_owner, service_files, users
from appliance.cluster.topology import Member, Topology, TopologyRefused
from appliance.files import write_atomically
from appliance.node import Node
from appliance.runner import run
from appliance.services import enabled, named
from appliance.services.objects import names, volumes
from appliance.services.objects.service import is_shared, is_store, prepare
from appliance.services.objects.volumes import Volume
from appliance.supervise import State, Supervisor, supervisor_for

type Say = Callable[[str], None]

SERVICE = "objects"
SPEAKING_SECONDS = 30.0
"""For which stores are waited for that must say what they have: one that restarts does so within a few."""
TOLD_SECONDS = 10.0
"""After which it is known what is in a volume: stores say so every five. Of one that was just mounted, as for
another number of copies, they say at first that it is there, and it looks empty."""


def stop(node: Node, supervisor: Supervisor) -> None:
    """End the store for as long as its names move."""
    if is_shared(node):
        supervisor.stop(SERVICE)


def take_over(node: Node, *, say: Say) -> None:
    """Make the first node's files the cluster's: they stay where they are, and their names are copied."""
    if not is_shared(node):
        return
    say("Handing the names of files over to the database.")
    names.into_database(node)
    prepare(node)
    names.set_file_aside(node)


def open_again(node: Node) -> None:
    """From here on the names in the database are right, and a store that was there opens them."""
    if not is_shared(node):
        return
    names.give_name(node)
    if names.are_set_aside(node):
        supervisor_for(node).start(SERVICE)


def forget_file(node: Node) -> None:
    """The file that was set aside."""
    if is_shared(node):
        names.forget_file(node)


def give_back(node: Node, supervisor: Supervisor, *, say: Say) -> None:
    """Bring everything back to this machine alone, whose store starts no more until `take_file_back`."""
    if not is_shared(node):
        return
    if supervisor.status(SERVICE, with_health=False)[0].state is State.RUNNING:
        volumes.want_one_copy(node)
    stop(node, supervisor)
    say("Handing the names of files back to the store.")
    names.out_of_database(node)
    names.take_name(node)


def part(before: Node, node: Node) -> None:
    """End the store before the router leads to masters that are to agree anew, and until it does: this one's
    has what was agreed before, and would hand it to them (decision 0632)."""
    if not is_shared(before) or named(SERVICE) not in enabled(before):
        return
    if before.cluster.agreement == node.cluster.agreement or _begun(before) == _told(node):
        return
    supervisor = supervisor_for(before)
    if _is_wanted(supervisor):
        _note_begun(node, _ENDED)
        supervisor.stop(SERVICE)


def follow(before: Node, node: Node) -> None:
    """The store as the topology wants it now. It is restarted where it is told something else: once, however
    often this is interrupted and begun again."""
    service = named(SERVICE)
    prepare(node)
    was_there, is_there = service in enabled(before), service in enabled(node)
    if was_there and is_there:
        changed, begun = service_files.apply(node, only=(service,)), _begun(before)
        supervisor = supervisor_for(node)
        # Also where it was begun with that: whoever writes after this was cut short, writes what was before.
        supervisor.apply()
        if changed or begun == _ENDED or _told(node) not in (begun, _told(before)):
            if (is_wanted := _is_wanted(supervisor)) or begun == _ENDED:
                _note_begun(node, _ENDED)
                if is_wanted:
                    supervisor.stop(SERVICE)
                supervisor.start(SERVICE)
            _note_begun(node, _told(node))
        return
    if was_there:
        supervisor_for(before).stop(SERVICE)
        supervisor_for(node).apply()
    _place_of_begun(node).unlink(missing_ok=True)


_ENDED = ""


def _told(node: Node) -> str:
    """All that a store is begun with."""
    service = named(SERVICE)
    files = [(file.name, file.content) for file in service.files(node)]
    return hashlib.sha256(repr((service.command(node, "1"), files)).encode()).hexdigest()


def _begun(before: Node) -> str:
    """What the store here was begun with last; `_ENDED` where it was ended for the next beginning, and not by
    somebody."""
    try:
        return _place_of_begun(before).read_text(encoding="ascii")
    except FileNotFoundError:
        return _told(before)


def _note_begun(node: Node, what: str) -> None:
    write_atomically(_place_of_begun(node), what, mode=0o600)


def _place_of_begun(node: Node) -> Path:
    return node.paths.run / "state" / "store-begun"


def _is_wanted(supervisor: Supervisor) -> bool:
    """Whether it runs or is to: one that has just died comes back as it was begun."""
    return supervisor.status(SERVICE, with_health=False)[0].state is not State.STOPPED


def set_aside(node: Node) -> None:
    """Under another name, which the next ones may take: copies of before would be taken for good ones."""
    place, owner = node.data(SERVICE), users.account(users.OBJECTS)
    aside, unfinished = place / "aside", place / "aside.new"
    as_owner.make_folder(unfinished, owner)
    run(
        [
            *("find", place, "-mindepth", "1", "-maxdepth", "1", "!", "-name", aside.name),
            # A disk of its own has root's `lost+found`.
            *("!", "-name", unfinished.name, "-user", str(owner.uid)),
            *("-exec", "mv", "-t", unfinished, "--", "{}", "+"),
        ],
        user=owner,
    )
    if run(["find", unfinished, "-maxdepth", "0", "-empty"], user=owner).stdout:
        # It was done before, and what it has set aside stays there.
        as_owner.remove(unfinished, owner)
        return
    as_owner.remove(aside, owner)
    as_owner.rename(unfinished, aside, owner)


def refuse_stranding(node: Node, gone: Member, there: Container[str]) -> None:
    """Nobody goes who has the only copy of something. Of whose machine is away, nothing is known."""
    if not is_shared(node):
        if node.box.objects.engine != "external" and gone == node.cluster.topology.home:
            raise TopologyRefused(f"{gone.name} is the node with everybody's files: they would be gone.")
        return
    if gone.name not in there or not gone.keeps_files or not is_store(node):
        return

    def alone() -> list[Volume]:
        return [one for one in _survey(node, there) if one.places == {gone.loopback}]

    known = alone()
    if any(not one.objects for one in known):
        time.sleep(TOLD_SECONDS)
        known = alone()
    if stranded := sum(one.objects for one in known):
        raise TopologyRefused(
            f"{stranded} files are on {gone.name} alone: wait until they are "
            f"copied, which `boxctl cluster status` shows, or start the node that has the other copy."
        )


def _survey(node: Node, there: Container[str]) -> tuple[Volume, ...]:
    """Where files are, once all stores of nodes that are there have said what they have."""
    deadline = time.monotonic() + SPEAKING_SECONDS
    while True:
        known, speaking = volumes.survey(node)
        # Masters that have just begun anew have not heard everybody; one that stands alone hears nobody else.
        heard = speaking if not node.cluster.is_alone else {node.cluster.me.loopback}
        places = [one for one in node.cluster.topology.places if one.name in there]
        if not (silent := [one.name for one in places if one.loopback not in heard]):
            return known
        if time.monotonic() > deadline:
            raise TopologyRefused(
                f"{' and '.join(silent)} has not yet said what files it has: try again in a minute, and see "
                f"`boxctl logs objects` there where that says the same."
            )
        time.sleep(1)


class OldestAway(TopologyRefused):
    """Masters would begin anew, and the one that brings them together is away."""


def refuse_without_the_oldest(node: Node, before: Topology, after: Topology, there: Container[str]) -> None:
    """Masters that begin anew are brought together by the oldest of them (`Member.loopback`)."""
    if not is_shared(node) or not after.agrees_anew_after(before):
        return
    oldest = min(after.masters, key=lambda one: one.number)
    if oldest.name not in there:
        raise OldestAway(
            f"{oldest.name} says nothing, and the stores would not find together without it: start it, or "
            f"`boxctl cluster remove {oldest.name}` first."
        )
