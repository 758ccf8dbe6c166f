"""Three boxes become one, lose what machines lose, and nothing that was acknowledged.

Each row of the first table in `docs/admin/failures.md` is a test of this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.agent import applied_config
from appliance.runner import CommandFailed
from appliance.services.database.patroni import dynamic
from tests.appliance.boxes import query, wait_until

from .leads import leader_of, leader_of_etcd, let_lead_etcd, missing, parted, settings, writing
from .nodes import BoxFailed, BoxNode, Company, require_engines
from .strangers import Stranger, Visitor
from .writer import TABLE, Writer

type Noted = Callable[[str, BoxNode, Writer], None]


@pytest.fixture(scope="module")
def noted(rows: list[str]) -> Noted:
    """What it cost whoever wrote; nothing that was acknowledged may be missing."""

    def note(what: str, at: BoxNode, writer: Writer) -> None:
        lost = missing(at, writer)
        rows.append(f"| {what} | {writer.longest_pause:.1f} | {writer.failures} | {len(lost)} |")
        assert not lost

    return note


@pytest.fixture(scope="module")
def company(noted: Noted) -> Iterator[Company]:
    require_engines()
    with Company() as company:
        one, two, three = company.nodes
        one.install("agent", "database", "objects")
        query(one.node, TABLE)
        with Writer(one.prefix / "run/korobka/database") as before:
            one.cluster("init", "--name", one.name, "--address", one.address)
            # The same writer, by the way that it had: the database was handed over under it.
            before.go_on()
        noted("`boxctl cluster init` on a running box", one, before)
        for node in (two, three):
            node.install("agent")
            node.join(one, "--database")
        yield company


def test_three_nodes_are_one_cluster(company: Company) -> None:
    company.wait_until_well()
    said = company.nodes[2].status()
    assert [node["name"] for node in said["nodes"]] == ["node-1", "node-2", "node-3"]
    assert said["leader"] == "node-1"
    assert said["survives"] == "1 of the 3 voting nodes may be lost."
    roles = sorted(node["database_role"] for node in said["nodes"])
    assert roles == ["leader", "quorum_standby", "quorum_standby"]
    written = {node.sql("select count(*) from written") for node in company.nodes}
    assert len(written) == 1 and written != {"0"}
    for node in company.nodes:
        # What the box does by itself, it does by this one.
        assert applied_config.in_force(node.node.paths).box == node.node.box


def test_who_leads_the_database_does_not_lead_etcd_too(company: Company) -> None:
    """Wherever the lead of etcd went, at an election or by hand."""
    leader, *_ = parted(company)
    wait_until(lambda: leader_of_etcd(leader) != leader.name)
    let_lead_etcd(company, leader)
    wait_until(lambda: leader_of_etcd(leader) != leader.name)


def test_a_switchover_loses_nothing(company: Company, noted: Noted) -> None:
    leader, other, _ = parted(company)
    with writing(other) as writer:
        said = other.cluster("switchover").stdout
        writer.go_on()
    assert "leads the database" in said and leader.name not in said
    company.wait_until_well()
    noted("`boxctl cluster switchover`", leader, writer)


def test_the_lead_goes_to_whom_one_names(company: Company, noted: Noted) -> None:
    leader, other, named = parted(company)
    with writing(other) as writer:
        said = other.cluster("switchover", named.name).stdout
        writer.go_on()
    assert said.strip() == f"{named.name} leads the database."
    refused = other.cluster("switchover", named.name, check=False)
    assert f"{named.name} leads the database already" in refused.stderr
    wait_until(lambda: settings(named) == dynamic(named.node))
    company.wait_until_well()
    noted("`boxctl cluster switchover` to a certain node", leader, writer)


def test_the_leaders_process_is_killed(company: Company, noted: Noted) -> None:
    leader, other, _ = parted(company)
    with writing(other) as writer:
        leader.kill("database")
        writer.go_on()
    company.wait_until_well()
    noted("the leader's PostgreSQL and Patroni killed", other, writer)


def test_the_leaders_machine_dies_and_comes_back(company: Company, noted: Noted) -> None:
    leader, other, third = parted(company)
    with writing(other) as writer:
        leader.kill()
        writer.go_on()
        assert leader_of(other) in (other.name, third.name)
        problems = " ".join(other.status()["problems"])
        wait_until(lambda: f"{leader.name} says nothing" in " ".join(other.status()["problems"]))
        leader.boot()
    company.wait_until_well()
    assert problems is not None
    noted("the leader's machine killed", leader, writer)


def test_a_leader_that_is_cut_off_takes_no_writes_before_another_does(company: Company, noted: Noted) -> None:
    leader, other, _ = parted(company)
    with (
        writing(other) as writer,
        writing(leader, beside=True) as inside,
    ):
        company.cut(leader)
        writer.go_on()
        # Whoever is on the wrong side hears an error, and no acknowledgement that means nothing.
        known = len(inside.acknowledged)
        failures = inside.failures
        wait_until(lambda: inside.failures > failures)
        assert len(inside.acknowledged) == known
        company.mend(leader)
        inside.go_on()
    company.wait_until_well()
    assert missing(other, writer) == missing(other, inside) == set()
    noted("the leader cut off from the network", leader, writer)


def test_with_one_of_three_left_nobody_writes_and_it_is_said(company: Company) -> None:
    leader, other, third = parted(company)
    other.kill()
    third.kill()
    wait_until(lambda: not can_write(leader))
    said = " ".join(leader.status()["problems"])
    assert "nobody can write" in said
    # What was there can still be read, on the node itself, once it has stepped down.
    wait_until(lambda: is_readable(leader))
    other.boot()
    third.boot()
    company.wait_until_well()
    wait_until(lambda: can_write(leader))


def is_readable(node: BoxNode) -> bool:
    with suppress(CommandFailed):
        return int(query(node.node, "select count(*) from written")) > 0
    return False


def can_write(node: BoxNode) -> bool:
    with suppress(BoxFailed):
        node.sql("create temporary table try (n int)")
        return True
    return False


def test_a_removed_node_ends_its_services_and_is_let_in_again(company: Company) -> None:
    leader, *others = parted(company)
    # The first one has the portal, and cannot go.
    third, other = sorted(others, key=lambda node: node is not company.nodes[0])
    refused = other.cluster("remove", leader.name, check=False)
    assert refused.returncode == 1 and "leads the database" in refused.stderr
    with writing(leader) as writer:
        said = leader.cluster("remove", other.name).stdout
        writer.go_on()
        assert "Two votes cannot tell" in said
        wait_until(lambda: not other.pids("database") and not other.pids("etcd"))
        assert not (other.prefix / "etc/korobka/cluster").exists()
        other.join(third, "--database")
        writer.go_on()
    company.wait_until_well()
    assert missing(other, writer) == set()


def test_a_stolen_nodes_certificates_open_nothing_any_more(
    company: Company, noted: Noted, tmp_path: Path
) -> None:
    """Nor do those that its thief makes by the authority's key, which lies on every node."""
    leader, *others = parted(company)
    kept, stolen = sorted(others, key=lambda node: node is not company.nodes[0])
    thief = Stranger.who_stole(stolen, tmp_path)
    with company.at_desk():
        # Until then they are one of the nodes, but for the address, at which the database looks.
        assert thief.answered_at(leader) == Visitor.who_is(leader).answered_at(leader) != set()
        why = thief.psql(leader.address, leader.node.box.database.port, "korobka_app")
        assert "no pg_hba.conf entry" in why
    with writing(leader) as writer:
        leader.cluster("remove", stolen.name)
        leader.cluster("rotate")
        writer.go_on()
    with company.at_desk():
        for node in (leader, kept):
            assert not thief.gets_from(node)
    noted("`boxctl cluster rotate` after a node was removed", leader, writer)
    stolen.join(kept, "--database")
    company.wait_until_well()
    with company.at_desk():
        assert not thief.gets_from(stolen)
