"""Backups of three nodes, which are set up and made on the first one while it leads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess

import psutil
import pytest

from appliance.services.database import setup
from tests import require
from tests.appliance.boxes import wait_until

from .nodes import BoxNode, Company, require_engines
from .writer import TABLE, Writer

BALLAST = "create table ballast as select number, repeat(md5('x'), 20) from generate_series(1, 300000) number"
"""Some two hundred megabytes: while they are copied there is time for the leader to die."""


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    require_engines()
    require.programs("pgbackrest", "rclone", cure="apt-get install pgbackrest rclone")
    with Company() as company:
        one, *others = company.nodes
        one.install("agent", "database", "objects", "cache", has_tables=True)
        setup.query(one.node, f"{TABLE}; {BALLAST}")
        one.cluster("init", "--name", one.name, "--address", one.address)
        for node in others:
            node.install("agent")
            node.join(one, "--database")
        place = company.folder / "backups"
        place.mkdir(mode=0o755)
        one.boxctl("backup", "setup", "disk", "--folder", str(place), "--drill-every-days", "0")
        # The schedule begins the first one, and there is one at a time.
        wait_until(lambda: back_up(one, check=False).returncode == 0, seconds=400)
        yield company


def back_up(node: BoxNode, *how: str, check: bool = True) -> CompletedProcess[str]:
    return node.boxctl("backup", "now", *how, check=check)


def wait_until_well(company: Company) -> None:
    wait_until(lambda: all(node.status()["is_healthy"] for node in company.nodes), seconds=300)


def test_a_set_that_a_cluster_has_made_is_whole(company: Company) -> None:
    (one, *_) = company.nodes
    assert "database" in back_up(one).stdout
    one.boxctl("backup", "verify")


def test_a_backup_whose_leader_dies_says_so_and_people_go_on(company: Company) -> None:
    one, two, _ = company.nodes
    wait_until_well(company)
    with Writer(two.prefix / "run/korobka/router") as writer:
        failed = the_leader_dies_while_one_is_made(one)
        writer.go_on()
    assert failed.returncode == 1 and failed.stderr.startswith("boxctl: disk: ")
    wait_until_well(company)
    there = {int(line) for line in two.sql("select number from written").split()}
    assert there >= {*writer.acknowledged}


def the_leader_dies_while_one_is_made(home: BoxNode) -> CompletedProcess[str]:
    """What the backup says to that."""
    with ThreadPoolExecutor(1) as beside:
        made = beside.submit(back_up, home, "--full", check=False)
        wait_until(lambda: is_copied_from(home), seconds=120)
        home.kill("database")
        return made.result()


def is_copied_from(home: BoxNode) -> bool:
    """Whether pgBackRest has workers that read the database's files."""
    commands = (process.info["cmdline"] or () for process in psutil.process_iter(["cmdline"]))
    return any("backup:local" in words and f"{home.prefix}/" in " ".join(words) for words in commands)
