"""Killed while it writes into a portal or a box, a migration goes on: nothing is double, nothing is lost.

By turns it dies before a request, and behind one that was carried out there, of which nothing was written
down yet; files that go in two steps die between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import TYPE_CHECKING

import pytest

from box.transfer import actions
from box.transfer.cloud import Cloud
from box.transfer.models import Migration
from box.transfer.outbound.reconciliation import reconcile_outbound
from box.transfer.outbound.stages import OUTBOUND_STAGES
from box.transfer.pace import Limits
from tests.box.processes import configuration
from tests.box.transfer.archived import Canonical, archive, company
from tests.box.transfer.test_moving_out import shape
from tests.cast import person
from tests.cloud.companies import empty_company
from tests.cloud.server import served
from tests.randomness import is_thorough, seed
from tests.transfer.another_box import NOTHING, another_box
from tests.transfer.deaths import BEGUN, DONE, REQUEST, Place, dies
from tests.transfer.test_into_a_box import FAST, as_it_was, company_with_a_large_file

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from box.bridges.storage.client import Account, S3Store

LOOPBACK = ["127.0.0.0/8"]
ANY = Limits(burst=10**6, per_second=1e6)
MOST_DEATHS = 40


@pytest.fixture
def env(tmp_path: Path, account: Account, store: S3Store, settings: Settings, db: None) -> dict[str, str]:
    settings.REACHABLE_NETWORKS = LOOPBACK
    objects = {"engine": "seaweedfs", **asdict(account)}
    return configuration(tmp_path, reachable_networks=LOOPBACK, objects=objects)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", range(3 if is_thorough() else 1))
def test_killed_while_it_writes_into_a_box_everything_is_there_once(
    turn: int, tmp_path: Path, account: Account, env: dict[str, str]
) -> None:
    olga = person("Olga", is_administrator=True)
    company_with_a_large_file(olga)
    went = Canonical(archive()).dump()
    random = Random(seed() + turn)
    print(f"killed by the dice of {seed() + turn}")  # noqa: T201 - KOROBKA_SEED throws them again
    with another_box(tmp_path, account, filled=NOTHING) as other:
        there = Cloud(other.webhook, FAST)
        migration = actions.connect(there, by=olga, is_outbound=True)
        actions.look(migration, there)
        actions.begin(migration, by=olga)
        # Later each time, so that it comes to its end.
        deaths = _until_done(migration, tmp_path, env, lambda death: 1 + random.randrange(20) + death)
        assert deaths >= 3
        came = Canonical(other.archive()).dump()
        found = reconcile_outbound(migration, there)
        assert [str(line.label) for line in found.lines if not line.is_whole] == []
    as_it_was(went, came)


@pytest.mark.django_db(transaction=True)
def test_killed_on_the_way_out_into_the_cloud_everything_is_there_once(
    tmp_path: Path, env: dict[str, str]
) -> None:
    olga = person("Olga", is_administrator=True)
    company(olga)
    shapes = []
    for is_killed in (True, False):
        with served(empty_company(), burst=ANY.burst, per_second=ANY.per_second) as cloud:
            there = Cloud(cloud.webhook, ANY)
            migration = actions.connect(there, by=olga, is_outbound=True)
            actions.look(migration, there)
            actions.begin(migration, [*OUTBOUND_STAGES], by=olga)
            at = (lambda death: 5 + death) if is_killed else (lambda death: 10**9)
            assert (_until_done(migration, tmp_path, env, at) >= 6) is is_killed
            shapes.append(shape(cloud.company))
    assert shapes[0] == shapes[1]


def _until_done(migration: Migration, folder: Path, env: dict[str, str], at: Callable[[int], int]) -> int:
    """Killed at a request each time, which by turns is carried out or is not; how often."""
    for death in range(MOST_DEATHS):
        place = Place("", at(death), f"{REQUEST} {(BEGUN, DONE)[death % 2]}")
        if not dies(place, migration, folder, env):
            migration.refresh_from_db()
            assert migration.state == Migration.State.DONE, migration.trouble
            return death
    raise AssertionError("it does not come to its end")
