"""Killed while it writes into another box, a migration goes on: nothing is double, nothing is lost.

By turns it dies before a request, and behind one that the other box has carried out, of which nothing was
written down yet; files that go in two steps die between the two. Where, the seed decides.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import asdict
from random import Random
from typing import TYPE_CHECKING

import pytest

from box.transfer import actions
from box.transfer.cloud import Cloud
from box.transfer.models import Migration
from box.transfer.outbound.reconciliation import reconcile_outbound
from tests.box.processes import configuration
from tests.box.transfer.archived import Canonical, archive
from tests.cast import person
from tests.randomness import is_thorough, seed
from tests.transfer.another_box import another_box
from tests.transfer.test_into_a_box import FAST, as_it_was, company_with_a_large_file

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from box.bridges.storage.client import Account, S3Store

LOOPBACK = ["127.0.0.0/8"]
MOST_DEATHS = 30
BEFORE, BEHIND = "before", "behind"
PROGRAM = """
import os, signal, sys
import django
django.setup()
from box.transfer import runner
from box.transfer.models import Migration
from box.transfer.sources import cloud_of
left, when = int(sys.argv[2]), sys.argv[3]
def dying(ask):
    def asked(*given):
        global left
        left -= 1
        if not left and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = ask(*given)
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return asked
def there(migration):
    cloud = cloud_of(migration)
    cloud.transport, cloud.sender = dying(cloud.transport), dying(cloud.sender)
    return cloud
runner.run(Migration.objects.get(pk=sys.argv[1]), connect=there)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3 if is_thorough() else 1))
def test_killed_while_it_writes_into_a_box_everything_is_there_once(
    turn: int, tmp_path: Path, account: Account, store: S3Store, settings: Settings
) -> None:
    settings.REACHABLE_NETWORKS = LOOPBACK
    olga = person("Olga", is_administrator=True)
    company_with_a_large_file(olga)
    went = Canonical(archive()).dump()
    objects = {"engine": "seaweedfs", **asdict(account)}
    env = configuration(tmp_path, reachable_networks=LOOPBACK, objects=objects)
    with another_box(tmp_path, account, is_filled=False) as other:
        there = Cloud(other.webhook, FAST)
        migration = actions.connect(there, by=olga, is_outbound=True)
        actions.look(migration, there)
        actions.begin(migration, by=olga)
        deaths = _killed_until_done(
            migration, {**env, "DJANGO_SETTINGS_MODULE": "box.settings"}, seed() + turn
        )
        assert deaths >= 3
        came = Canonical(other.archive()).dump()
        found = reconcile_outbound(migration, there)
        assert [str(line.label) for line in found.lines if not line.is_whole] == []
    as_it_was(went, came)


def _killed_until_done(migration: Migration, env: dict[str, str], number: int) -> int:
    """How often."""
    random = Random(number)
    print(f"killed by the dice of {number}")  # noqa: T201 - KOROBKA_SEED throws them again
    stages: list[str] = []
    for death in range(MOST_DEATHS):
        # Later each time, so that it comes to its end.
        at, when = 2 + random.randrange(20) + death, (BEFORE, BEHIND)[death % 2]
        words = [sys.executable, "-c", PROGRAM, str(migration.pk), str(at), when]
        status = subprocess.run(words, env=env, check=False, timeout=300).returncode
        if status == 0:
            migration.refresh_from_db()
            assert migration.state == Migration.State.DONE, migration.trouble
            print("killed in", *stages)  # noqa: T201 - the figure of the run
            return death
        assert status == -signal.SIGKILL
        going = migration.progress.filter(is_done=False).order_by("pk").first()
        stages.append(f"{going.stage if going else '-'} ({when})")
    raise AssertionError("it does not come to its end")
