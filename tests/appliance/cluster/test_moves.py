"""Whoever moves the lead dies between two lines, or the network parts meanwhile.

The lead can be moved again, and nothing that was acknowledged is lost.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from appliance.cluster import membership, patroni
from appliance.cluster.etcd import EtcdAway
from appliance.services.database.patroni import dynamic
from tests.appliance.boxes import query, wait_until
from tests.randomness import chosen

from .leads import leader_of, leader_of_etcd, let_lead_etcd, missing, parted, settings, writing
from .nodes import BoxNode, Company, require_engines
from .writer import TABLE

DEATHS = ("marked", "asked of all", "confirmed", "asked", "moved", "put back")
"""When whoever moves the lead dies: after what was just done, in the order of `switch_over`."""
DIES = """
import os, signal, sys, threading, time
from appliance.cluster import patroni
from appliance.cluster.etcd import Etcd
from installer import cluster

stage, (put, asks, has) = sys.argv[1], (Etcd.put, patroni._ask_for, patroni._has_every_write)
puts = iter(("marked", "asked of all", "put back"))

def dies_at(*stages):
    if stage in stages:
        os.kill(os.getpid(), signal.SIGKILL)

def put_and_die(*given, **named):
    put(*given, **named)
    dies_at(next(puts))

def ask_and_die(*given):
    asking = threading.Thread(target=asks, args=given)
    asking.start()
    if stage == "asked":
        time.sleep(0.2)  # on its way, and not answered
    else:
        asking.join()
    dies_at("asked", "moved")

def know_and_die(*given):
    if found := has(*given):
        dies_at("confirmed")
    return found

Etcd.put, patroni._ask_for, patroni._has_every_write = put_and_die, ask_and_die, know_and_die
cluster.main(sys.argv[2:])
"""
PARTS_AFTER = (0.0, 0.02, 0.1, 0.5)
"""Seconds between the hand-over of etcd and the cut."""


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    require_engines()
    with Company() as company:
        one, two, three = company.nodes
        one.install("agent", "database", "objects")
        query(one.node, TABLE)
        one.cluster("init", "--name", one.name, "--address", one.address)
        for node in (two, three):
            node.install("agent")
            node.join(one, "--database")
        yield company


def test_whoever_moves_the_lead_dies_at_any_line(company: Company, figure: Callable[[str], None]) -> None:
    options = [(stage, is_with_leader) for stage in DEATHS for is_with_leader in (False, True)]
    for stage, is_with_leader in chosen("death of whoever moves the lead", options):
        dies_when(stage, company, is_with_leader=is_with_leader)
        figure(f"died when it had {stage}{', and the leader with it' * is_with_leader}: nothing lost")


def dies_when(stage: str, company: Company, *, is_with_leader: bool) -> None:
    leader, other, named = parted(company)
    with writing(other) as writer:
        killed = other.run([sys.executable, "-c", DIES, stage, "switchover", named.name], check=False)
        if is_with_leader:
            leader.kill()
        assert killed.returncode == -signal.SIGKILL, killed.stdout + killed.stderr
        writer.go_on()
        if is_with_leader:
            leader.boot()
        # As its lease does it after three minutes; until then nobody puts anything right.
        with other.etcd() as etcd:
            etcd.delete(patroni.MOVES_KEY)
        wait_until(lambda: settings(other) == dynamic(other.node), seconds=60)
        company.wait_until_well()
        writer.go_on()
    assert missing(other, writer) == set()
    to = next(node for node in company.nodes if node.name != leader_of(other))
    assert f"{to.name} leads the database" in other.cluster("switchover", to.name).stdout


def test_what_was_asked_of_all_is_over_by_itself(company: Company) -> None:
    _, other, named = parted(company)
    with writing(other) as writer:
        other.run([sys.executable, "-c", DIES, "asked of all", "switchover", named.name], check=False)
        assert settings(other) != dynamic(other.node)
        wait_until(lambda: settings(other) == dynamic(other.node), seconds=4 * patroni.SWITCHOVER_SECONDS)
        writer.go_on()
    assert missing(other, writer) == set()


def test_the_network_parts_while_the_lead_of_etcd_is_handed_over(
    company: Company, figure: Callable[[str], None]
) -> None:
    for seconds in chosen("moment of the cut", PARTS_AFTER):
        parts_after(seconds, company)
        figure(f"cut off {seconds} s after etcd's lead began to be handed over: nothing lost")


def parts_after(seconds: float, company: Company) -> None:
    leader, other, _ = parted(company)
    leader.boxctl("stop", "member")  # it would have handed over before
    let_lead_etcd(company, leader)
    with writing(other) as writer, writing(leader, beside=True) as inside:
        begun = threading.Thread(target=hand_over, args=(leader,))
        begun.start()
        time.sleep(seconds)
        company.cut(leader)
        begun.join()
        hand_over(leader)  # once more, on the wrong side
        writer.go_on()
        company.mend(leader)
        leader.boxctl("start", "member")
        inside.go_on()
    company.wait_until_well()
    assert missing(other, writer) == missing(other, inside) == set()
    wait_until(lambda: leader_of_etcd(other) not in ("", leader_of(other)), seconds=60)


def hand_over(node: BoxNode) -> None:
    """As its member does it; nobody answers where there is nobody."""
    with node.inside() as paths, suppress(EtcdAway, TimeoutError):
        membership.keep_apart(paths)
