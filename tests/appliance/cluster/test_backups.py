"""Backups of three nodes, which are set up and made on the first one while it leads, and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import pytest

from appliance import config, folders, service_files
from appliance.agent.journal import Journal
from appliance.cluster import patroni
from appliance.cluster.topology import Member, Membership, Role, Topology
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.services import named
from appliance.services.database import setup
from appliance.services.objects import setup as objects
from appliance.supervise.supervisord import Supervisord
from backup import disaster_recovery, recall, settings
from backup.keys import KeyRefused, RecoveryKey
from backup.operations import back_up as making
from backup.operations.back_up import take_the_lead
from backup.settings import BackupRefused
from tests import require
from tests.appliance.boxes import query, wait_until
from tests.backup.conftest import Kept

from .nodes import BoxNode, Company, require_engines
from .writer import TABLE, Writer

BALLAST = "create table ballast as select number, repeat(md5('x'), 20) from generate_series(1, 300000) number"
"""Some two hundred megabytes: while they are copied there is time for the leader to die."""
KEY = "paper"
"""The file that the recovery key is written down in."""


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    require_engines()
    require.programs("pgbackrest", "rclone", cure="apt-get install pgbackrest rclone")
    with Company(6) as company:
        one, *others = company.nodes[:3]
        one.install("agent", "database", "objects", "cache", has_tables=True)
        query(one.node, f"{TABLE}; {BALLAST}")
        one.cluster("init", "--name", one.name, "--address", one.address)
        for node in others:
            node.install("agent")
            node.join(one, "--database")
        place = company.folder / "backups"
        place.mkdir(mode=0o755)
        said = one.boxctl("backup", "setup", "disk", "--folder", str(place), "--drill-every-days", "0").stdout
        (place.parent / KEY).write_text(next(word for word in said.split() if is_key(word)))
        # The schedule begins the first one, and there is one at a time.
        wait_until(lambda: back_up(one, check=False).returncode == 0, seconds=400)
        yield company


def is_key(word: str) -> bool:
    with suppress(KeyRefused):
        return bool(RecoveryKey.parse(word))
    return False


def back_up(node: BoxNode, *how: str, check: bool = True) -> CompletedProcess[str]:
    return node.boxctl("backup", "now", *how, check=check)


def test_a_set_that_a_cluster_has_made_is_whole(company: Company) -> None:
    one = company.nodes[0]
    assert "database" in back_up(one).stdout
    one.boxctl("backup", "verify")


def test_a_backup_whose_leader_dies_says_so_and_people_go_on(company: Company) -> None:
    one, two, _ = company.nodes[:3]
    company.wait_until_well(*company.nodes[:3])
    with Writer(two.prefix / "run/korobka/router") as writer:
        failed = the_leader_dies_while_one_is_made(one)
        writer.go_on()
    assert failed.returncode == 1 and failed.stderr.startswith("boxctl: disk: ")
    company.wait_until_well(*company.nodes[:3])
    there = {int(line) for line in two.sql("select number from written").split()}
    assert there >= {*writer.acknowledged}


def test_backups_go_on_after_a_failover_for_their_home_takes_the_lead_again(company: Company) -> None:
    one, two, three = company.nodes[:3]
    if one.status()["leader"] == one.name:
        two.cluster("switchover")
    with Writer(three.prefix / "run/korobka/router", begins_at=500_000) as writer:
        back_up(one)
        writer.go_on()
    assert one.status()["leader"] == one.name
    company.wait_until_well(*company.nodes[:3])
    assert {int(line) for line in three.sql("select number from written").split()} >= {*writer.acknowledged}


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


def test_a_home_that_is_drained_does_not_take_the_lead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = (Role.PORTAL, Role.DATABASE)
    known = Topology((Member("one", "10.0.0.1", both, is_drained=True), Member("two", "10.0.0.2", both)))
    alone = Node(Paths(tmp_path), config.Box(), config.new_secrets(), Machine.here())
    node = replace(alone, membership=Membership("one", known, ()))
    monkeypatch.setattr(patroni, "leader", lambda *_: "two")
    with pytest.raises(BackupRefused, match="`boxctl cluster resume one` first"):
        take_the_lead(node, Journal.begin(tmp_path, "backup", {}, by="olga"))


@pytest.mark.parametrize("catches_up", [True, False])
def test_a_home_that_has_just_lost_the_lead_catches_up_before_it_takes_it(
    catches_up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it does not, the switchover says why."""
    both = (Role.PORTAL, Role.DATABASE)
    known = Topology((Member("one", "10.0.0.1", both), Member("two", "10.0.0.2", both)))
    alone = Node(Paths(tmp_path), config.Box(), config.new_secrets(), Machine.here())
    node = replace(alone, membership=Membership("one", known, ()))
    states = ["starting", "starting", "streaming" if catches_up else "starting"]
    seen: list[str] = []

    def copies(*_: object) -> list[patroni.Copy]:
        seen.append(states.pop(0) if len(states) > 1 else states[0])
        return [
            patroni.Copy("two", "leader", "running", 0),
            patroni.Copy("one", "replica", seen[-1], 0),
        ]

    monkeypatch.setattr(patroni, "copies", copies)
    monkeypatch.setattr(patroni, "switch_over", lambda *_, to: seen.append(f"asked for {to}"))
    monkeypatch.setattr(making, "LOOK_SECONDS", 0)
    monkeypatch.setattr(making, "KEEPS_UP_SECONDS", 60 if catches_up else 0)
    journal = Journal.begin(tmp_path, "backup", {}, by="olga")
    take_the_lead(node, journal)
    # The first look asks who leads.
    assert seen[-2:] == ["streaming" if catches_up else "starting", "asked for one"]
    waited = [entry["text"] for entry in journal.entries() if entry["entry"] == "progress"]
    assert waited[0] == "Waiting until one has caught up with who leads the database."
    assert len(waited) == 2


def test_it_comes_back_on_one_machine_which_becomes_three(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that there was is gone; the target and the key on paper are left."""
    burnt, (new, *others) = company.nodes[:3], company.nodes[3:]
    home = burnt[0]
    company.wait_until_well(*burnt)
    back_up(home)
    with Writer(home.prefix / "run/korobka/router", begins_at=1_000_000) as writer:
        writer.go_on()
    with home.inside():
        files = Kept(home.node, company.folder / "backups", RecoveryKey.new())
        keys = files.add_blobs(3)
    back_up(home)
    for node in burnt:
        node.kill()

    restore(new, files.folder, RecoveryKey.parse((company.folder / KEY).read_text()), monkeypatch)
    assert new.node.membership is None
    assert {int(line) for line in of_single_box(new).split()} >= {*writer.acknowledged}
    with new.inside():
        assert {key: Kept.stored(replace(files, node=new.node), key) for key in keys} == files.contents
    new.cluster("init", "--name", new.name, "--address", new.address)
    for node in others:
        node.install("agent")
        node.join(new, "--database")
    company.wait_until_well(*company.nodes[3:])
    for node in (new, *others):
        assert {int(line) for line in node.sql("select number from written").split()} >= {
            *writer.acknowledged
        }
    back_up(new)
    new.boxctl("backup", "verify")


def of_single_box(node: BoxNode) -> str:
    return query(node.node, "select number from written")


def restore(node: BoxNode, place: Path, key: RecoveryKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `install.sh --restore` does it."""
    with node.inside() as paths:
        monkeypatch.setenv("KOROBKA_PREFIX", str(paths.prefix))
        folders.prepare(paths)
        disaster_recovery.begin(
            paths, disaster_recovery.place(str(place)), key, moment=None, version="0.1.0", say=print
        )
        # The address of the machine that burnt.
        text = paths.box_toml.read_text()
        changed = config.set_values(text, {"node.listen": (node.address,)}, from_console=False)
        paths.box_toml.write_text(changed)
        box, parts = node.node, ("agent", "database", "objects", "cache")
        service_files.apply(box, only=tuple(map(named, (*parts, "web"))))
        supervisor = Supervisord(box)
        supervisor.apply()
        disaster_recovery.recover_database(box, say=print)
        supervisor.start(*parts)
        setup.set_up(box)
        objects.set_up(box)
        assert disaster_recovery.recover_files(box, say=print).missing == 0
        recall.bring_rest(box, settings.load(paths))
