"""Three nodes with the database: who leads it, who leads etcd, and somebody who writes meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace

from appliance.services.database.patroni import DYNAMIC_KEY
from tests.appliance.boxes import wait_until

from .nodes import BoxNode, Company
from .writer import Writer


def leader_of(node: BoxNode) -> str | None:
    """The name of who leads the database, as this node knows it."""
    leader = node.status()["leader"]
    return str(leader) if leader else None


def parted(company: Company) -> tuple[BoxNode, BoxNode, BoxNode]:
    """The leader, and the two others, once all are well."""
    company.wait_until_well()
    name = leader_of(company.nodes[0])
    (leader,) = (node for node in company.nodes if node.name == name)
    others = [node for node in company.nodes if node is not leader]
    return leader, others[0], others[1]


def writing(node: BoxNode, *, beside: bool = False) -> Writer:
    """Through that node, numbers that nobody has written; `beside` another, far from its own."""
    beginning = int(node.sql("select coalesce(max(number), 0) + 1000 from written")) + 1_000_000 * beside
    return Writer(node.prefix / "run/korobka/router", begins_at=beginning)


def missing(node: BoxNode, writer: Writer) -> set[int]:
    """What was acknowledged and is not there."""
    there = {int(line) for line in node.sql("select number from written").splitlines()}
    return set(writer.acknowledged) - there


def settings(node: BoxNode) -> object:
    """What holds for all copies."""
    with node.etcd() as etcd:
        found = etcd.get(DYNAMIC_KEY)
    return json.loads(found.value) if found else None


def leader_of_etcd(node: BoxNode) -> str:
    """Its name; empty while none is elected."""
    with node.etcd() as etcd:
        names = {member.id: member.name for member in etcd.members()}
        return names.get(etcd.leader(), "")


def let_lead_etcd(company: Company, node: BoxNode) -> None:
    """Only who leads it hands it over."""
    wait_until(lambda: leader_of_etcd(node) != "")
    before = next(one for one in company.nodes if one.name == leader_of_etcd(node))
    if before is not node:
        with node.etcd() as etcd:
            (mine,) = (member.id for member in etcd.members() if member.name == node.name)
            replace(etcd, addresses=(before.address,)).hand_over(mine)
        wait_until(lambda: leader_of_etcd(node) == node.name)
