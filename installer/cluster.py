"""`boxctl cluster`: make one of the running box, let nodes in and out, see how they are.

Here, and not in the appliance, because a node needs more of Debian's packages than a single box.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.table import Table

from appliance import certificates, config
from appliance.agent import operations, operations_log
from appliance.agent.answers import ClusterNode, ClusterState
from appliance.agent.applied_config import read_box_toml
from appliance.agent.codec import encode
from appliance.agent.operations_log import Asker
from appliance.cluster import (
    decisions,
    https,
    identity,
    joining,
    membership,
    patroni,
    reserves,
    rolling,
    state,
    topology,
)
from appliance.cluster.etcd import Etcd, EtcdAway
from appliance.cluster.joining import Coming
from appliance.cluster.overview import overview, sentence
from appliance.cluster.scaling import Policy, PolicyRefused
from appliance.cluster.topology import Role
from appliance.commands.common import box, fail, follow, out, plain_errors, say
from appliance.commands.config import values_of
from appliance.node import Node
from appliance.paths import Paths
from appliance.quoting import on_terminal
from installer import cluster_upgrade, packages, release, upgrade_plan

HERE = Path(__file__).resolve().parents[1]

_REFUSALS = (
    topology.TopologyRefused, joining.JoinRefused, identity.IdentityRefused, patroni.PatroniAway, EtcdAway,
    https.NodeAway, https.NodeRefused, PolicyRefused,
)  # fmt: skip


def main(words: Sequence[str]) -> int:
    arguments = _parser().parse_args(words)
    with plain_errors():
        paths = box()
        try:
            return _VERBS[arguments.verb](paths, arguments)
        except _REFUSALS as error:
            fail(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="boxctl cluster", description="Several machines as one box.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    init = verbs.add_parser("init", help="make the running box the first node of a cluster")
    token = verbs.add_parser("token", help="print the line that lets one more machine in, once")
    token.add_argument("--minutes", type=int, default=60, help="until it expires (60)")
    join = verbs.add_parser("join", help="make this machine a node; without arguments, go on with a join")
    join.add_argument("to", nargs="?", help="the address of a node, from the line of `cluster token`")
    join.add_argument("token", nargs="?", help="the token, from the same line")
    kind = join.add_mutually_exclusive_group()
    kind.add_argument(
        "--database", action="store_true", help="a copy of the database alone, without the portal"
    )
    kind.add_argument("--witness", action="store_true", help="a vote alone, without the database")
    kind.add_argument("--reserve", action="store_true", help="the portal alone, asleep until it is needed")
    kind.add_argument("--made", action="store_true", help="a reserve whose machine a provider made")
    join.add_argument("--mac", default="", help="of the network card, where Wake-on-LAN wakes the machine")
    for one in (init, join):
        one.add_argument("--address", help="this machine's address for the other nodes")
        one.add_argument("--name", help="what the node is called; else as its machine")
        one.add_argument("--site", default="", help="the data centre")
    status = verbs.add_parser("status", help="the nodes, who leads, and what may be lost")
    status.add_argument("--json", action="store_true", help="for other programs")
    verbs.add_parser("doctor", help="look for what is wrong between the nodes, and say how to cure it")
    over = verbs.add_parser("switchover", help="let another node lead the database")
    over.add_argument("to", nargs="?", help="which; else the one that keeps up best")
    verbs.add_parser("restart", help="restart the services of all nodes, one node after the other")
    configure = verbs.add_parser("config", help="change keys of box.toml on all nodes, or on none")
    configure.add_argument("assignment", nargs="+", metavar="KEY VALUE", help="as of `boxctl config set`")
    upgrade_plan.add_arguments(
        verbs.add_parser("upgrade", help="have all nodes move over to a release, one after the other")
    )
    verbs.add_parser("rotate", help="give all nodes a new authority: certificates of before open nothing")
    drain = verbs.add_parser("drain", help="send nobody to a node while others can answer; none is cut off")
    resume = verbs.add_parser("resume", help="send people to it again")
    wake = verbs.add_parser("wake", help="wake a reserve node")
    sleep = verbs.add_parser("sleep", help="drain a reserve node, and let it sleep")
    for one in (drain, resume, wake, sleep):
        one.add_argument("node")
    _scaling_options(verbs.add_parser("scaling", help="show or set how many nodes are awake, by load"))
    verbs.add_parser("dissolve", help="make the last node a single box again")
    remove = verbs.add_parser("remove", help="take a node out, dead or alive")
    remove.add_argument("node")
    return parser


def _scaling_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minimum", type=int, help="nodes that are always awake")
    parser.add_argument("--maximum", type=int, help="nodes that are awake at most")
    parser.add_argument("--out", type=int, metavar="PERCENT", help="mean CPU above which one more wakes (60)")
    parser.add_argument("--in", type=int, dest="in_", metavar="PERCENT", help="below which one sleeps (30)")
    parser.add_argument("--window", type=int, metavar="MINUTES", help="that the mean is taken over (5)")
    parser.add_argument("--cool-down", type=int, metavar="MINUTES", help="between two changes by load (5)")
    parser.add_argument("--step", type=int, metavar="NODES", help="that one decision wakes at most (2)")
    parser.add_argument("--machines", choices=("yes", "no"), help="whether a provider makes machines (no)")
    parser.add_argument("--off", action="store_true", help="decide nothing any more")


def _init(paths: Paths, arguments: argparse.Namespace) -> int:
    _install()
    operations_log.note(paths, Asker.here(), "cluster init")
    name, address = _name(arguments), _address(paths, arguments)
    paused = membership.initialise(paths, name=name, address=address, site=arguments.site, say=say)
    say(f"{name} is a cluster of one node. Nobody could write for {paused:.1f} s.", style="green")
    say("`boxctl cluster token` prints the line that lets another machine in.")
    return 0


def _token(paths: Paths, arguments: argparse.Namespace) -> int:
    made = joining.token(paths, seconds=arguments.minutes * 60)
    operations_log.note(paths, Asker.here(), "cluster token")
    address = Node.load(paths).cluster.me.address
    say(f"sudo boxctl cluster join {address} {made}")
    return 0


def _join(paths: Paths, arguments: argparse.Namespace) -> int:
    _install()
    if arguments.to is None:
        joining.start(paths, say=say)
    elif arguments.token is None:
        fail("The token is missing: copy the whole line that `boxctl cluster token` prints.", code=2)
    else:
        operations_log.note(paths, Asker.here(), f"cluster join {arguments.to}")
        coming = Coming(
            _name(arguments), _address(paths, arguments), _roles(arguments), arguments.site,
            is_reserve=arguments.reserve or arguments.made, mac=arguments.mac, is_made=arguments.made,
        )  # fmt: skip
        joining.join(paths, arguments.to, arguments.token, coming, say=say)
    node = Node.load(paths)
    say(f"{node.name} is a node of the cluster. {node.cluster.topology.survives()}", style="green")
    return 0


def _roles(arguments: argparse.Namespace) -> tuple[Role, ...]:
    if arguments.witness:
        return (Role.WITNESS,)
    if arguments.reserve or arguments.made:
        return (Role.PORTAL,)
    return (Role.DATABASE,) if arguments.database else (Role.PORTAL, Role.DATABASE)


def _status(paths: Paths, arguments: argparse.Namespace) -> int:
    found = overview(paths, now=datetime.now(UTC))
    if not arguments.json:
        _show(found)
        return _say_what_is_wrong(paths, found)
    survives = Node.load(paths).cluster.topology.survives()
    said = {**encode(found), "is_healthy": found.is_healthy, "survives": survives}
    say(json.dumps(said | {"problems": [sentence(problem) for problem in found.problems]}, indent=1))
    return 0 if found.is_healthy else 1


def _show(found: ClusterState) -> None:
    table = Table("Node", "Address", "Roles", "Answers", "Database", "Lag", "CPU", box=None, pad_edge=False)
    for node in found.nodes:
        table.add_row(
            node.name,
            node.address + (f" ({node.site})" if node.site else ""),
            ", ".join(node.roles),
            _answers(node),
            on_terminal(f"{node.database_role}, {node.database_state}") if node.database_role else "",
            "" if node.lag_bytes is None else f"{node.lag_bytes >> 10} KiB",
            "" if node.busy is None else f"{node.busy:.0%}",
            style=None if node.is_well else "red",
        )
    out.print(table)


def _answers(node: ClusterNode) -> str:
    if node.rest != "awake":
        return node.rest
    if not node.is_there:
        return "no"
    return "drained" if node.is_drained else "yes"


def _say_what_is_wrong(paths: Paths, found: ClusterState) -> int:
    for problem in found.problems:
        say(sentence(problem), style="red")
    if found.is_healthy:
        say("Nothing is wrong between the nodes.", style="green")
    if found.leader and found.home not in ("", found.leader):
        say(
            f"{found.leader} leads the database. Its log is archived all the same; for the next whole backup "
            f"{found.home} takes the lead."
        )
    say(Node.load(paths).cluster.topology.survives())
    return 0 if found.is_healthy else 1


def _doctor(paths: Paths, _: argparse.Namespace) -> int:
    return _say_what_is_wrong(paths, overview(paths, now=datetime.now(UTC)))


def _switch_over(paths: Paths, arguments: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), f"cluster switchover {arguments.to or ''}".strip())
    leader = patroni.switch_over(paths, Node.load(paths).cluster.topology, to=arguments.to)
    say(f"{leader} leads the database.", style="green")
    return 0


def _restart(paths: Paths, _: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), "cluster restart")
    if len(Node.load(paths).cluster.topology.members) == 1:
        fail("This is the only node, and nobody could answer meanwhile: `boxctl restart` does it.")
    follow(paths, operations.begin(paths, "rolling", {}, by=str(Asker.here())).state())
    return 0


def _rotate(paths: Paths, _: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), "cluster rotate")
    follow(paths, operations.begin(paths, "rolling", {"rotates": True}, by=str(Asker.here())).state())
    return 0


def _config(paths: Paths, arguments: argparse.Namespace) -> int:
    values = values_of(arguments.assignment)
    if own := rolling.own_keys(values):
        fail(f"{', '.join(own)}: each machine has its own. Use `boxctl config set` there.", code=2)
    # Every node does the same again. It is done here so that what is wrong is refused to their face.
    config.set_values(read_box_toml(paths), values, from_console=False, file=str(paths.box_toml))
    operations_log.note(paths, Asker.here(), f"cluster config {', '.join(values)}")
    follow(paths, operations.begin(paths, "rolling", {"values": values}, by=str(Asker.here())).state())
    return 0


def _remove(paths: Paths, arguments: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), f"cluster remove {arguments.node}")
    membership.remove(paths, arguments.node, say=say)
    me = Node.load(paths).cluster
    agreed, _ = state.read(Etcd.of(paths, me.topology, first=me.me.address))
    say(f"{arguments.node} is no node any more. {agreed.survives()}", style="green")
    return 0


def _drain(paths: Paths, arguments: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), f"cluster drain {arguments.node}")
    membership.drain(paths, arguments.node, is_drained=True, say=say)
    say(
        f"{arguments.node} gets no more requests, and may be switched off. `boxctl cluster resume "
        f"{arguments.node}` sends people to it again.",
        style="green",
    )
    return 0


def _resume(paths: Paths, arguments: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), f"cluster resume {arguments.node}")
    membership.drain(paths, arguments.node, is_drained=False, say=say)
    say(f"People are sent to {arguments.node} again.", style="green")
    return 0


def _wake(paths: Paths, arguments: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), f"cluster wake {arguments.node}")
    reserves.set_rest(paths, arguments.node, is_awake=True)
    say(f"{arguments.node} wakes. It gets requests as soon as it can answer them.", style="green")
    return 0


def _sleep(paths: Paths, arguments: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), f"cluster sleep {arguments.node}")
    reserves.set_rest(paths, arguments.node, is_awake=False)
    say(f"{arguments.node} gets no more requests, and sleeps in half a minute.", style="green")
    return 0


def _scaling(paths: Paths, arguments: argparse.Namespace) -> int:
    me = Node.load(paths).cluster
    etcd = Etcd.of(paths, me.topology, first=me.me.address)
    known = decisions.policy(etcd)
    chosen = _chosen(arguments)
    if arguments.off or chosen:
        operations_log.note(paths, Asker.here(), "cluster scaling")
        known = None if arguments.off else dataclasses.replace(known or Policy(), **chosen)
        decisions.set_policy(etcd, known)
    say(_told(known))
    for decision in decisions.latest(etcd, most=10):
        say(f"{decision.at.astimezone():%Y-%m-%d %H:%M}  {decision.sentence}")
    return 0


def _chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was given of a policy, by the names of its fields."""
    given = {
        "minimum": arguments.minimum,
        "maximum": arguments.maximum,
        "out_above": _or_none(arguments.out, lambda percent: percent / 100),
        "in_below": _or_none(arguments.in_, lambda percent: percent / 100),
        "window": _or_none(arguments.window, lambda minutes: timedelta(minutes=minutes)),
        "cool_down": _or_none(arguments.cool_down, lambda minutes: timedelta(minutes=minutes)),
        "step": arguments.step,
        "can_create": _or_none(arguments.machines, lambda word: word == "yes"),
    }
    return {name: value for name, value in given.items() if value is not None}


def _or_none[T](value: T | None, made: Callable[[T], object]) -> object | None:
    return None if value is None else made(value)


def _told(policy: Policy | None) -> str:
    if policy is None:
        return "Nobody decides about the number of nodes: `boxctl cluster scaling --maximum 4` begins it."
    made = " Machines are made where no reserve is left." if policy.can_create else ""
    return (
        f"Between {policy.minimum} and {policy.maximum} nodes are awake: one more where the mean CPU is "
        f"above {policy.out_above:.0%} over {policy.window.total_seconds() / 60:g} min, one less where it is "
        f"below {policy.in_below:.0%}, {policy.cool_down.total_seconds() / 60:g} min apart.{made}"
    )


def _dissolve(paths: Paths, _: argparse.Namespace) -> int:
    operations_log.note(paths, Asker.here(), "cluster dissolve")
    membership.dissolve(paths, say=say)
    say("This is a single box again.", style="green")
    return 0


_VERBS = {
    "init": _init,
    "token": _token,
    "join": _join,
    "status": _status,
    "doctor": _doctor,
    "switchover": _switch_over,
    "remove": _remove,
    "restart": _restart,
    "rotate": _rotate,
    "config": _config,
    "upgrade": cluster_upgrade.main,
    "drain": _drain,
    "resume": _resume,
    "wake": _wake,
    "sleep": _sleep,
    "scaling": _scaling,
    "dissolve": _dissolve,
}


def _install() -> None:
    if missing := packages.missing(packages.OF_CLUSTERS):
        say(f"Installing {', '.join(missing)}.")
        packages.install(HERE / release.BUNDLE, packages.OF_CLUSTERS)


def _name(arguments: argparse.Namespace) -> str:
    return arguments.name or socket.gethostname().lower().partition(".")[0]


def _address(paths: Paths, arguments: argparse.Namespace) -> str:
    """As given, or the only one that it could be."""
    if arguments.address:
        return str(arguments.address)
    node = Node.load(paths)
    found = [
        one
        for one in certificates.addresses_of(node.box.public_name)
        if not one.startswith(("127.", "::1", "fe80"))
    ]
    if len(found) != 1:
        fail(
            f"Say with --address which one the other nodes reach ({', '.join(found) or 'none was found'}).",
            code=2,
        )
    return found[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
