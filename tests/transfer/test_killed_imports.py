"""Killed anywhere, whatever it reads from, an import goes on: nothing is double, nothing is lost.

What is here at the end is what one that nobody kills brings: every line of the archive that is written of it,
every table's rows, every stage's figures, every remark. Where it dies, the seed draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import transaction

from box.transfer import actions, jobs, runner
from box.transfer.cloud import Cloud
from box.transfer.models import Migration
from box.transfer.pace import Limits
from tests.box.processes import configuration
from tests.box.transfer.archived import (
    Canonical,
    a_file,
    archive,
    company,
    lines_without,
    looked,
    undone,
)
from tests.boxed.company import Boxed
from tests.cast import person
from tests.cloud.companies import small_company
from tests.cloud.company import HOST
from tests.cloud.server import served
from tests.randomness import is_thorough, seed
from tests.transfer.another_box import COMPANY, another_box
from tests.transfer.deaths import Step, drawn, killed_at, watched

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from box.bridges.storage.client import Account, S3Store
    from box.core.accounts.models import User

LOOPBACK = ["127.0.0.0/8"]
FAST = Limits(burst=10**6, per_second=1e6)
ANEW = {
    "posts": {"closes_at": "a poll that is over there ends when it comes"},
    "pipelines": {"code": "a stage of a company's own is called by its number here"},
}
"""By kind the fields that are otherwise in each run, with why."""
MOST_DEATHS = 40 if is_thorough() else 4


@dataclass(frozen=True)
class Ground:
    """Where an import takes place: who begins it, and a folder and a store for its source."""

    olga: User
    folder: Path
    account: Account


def _connected(webhook: str, limits: Limits, by: User) -> Migration:
    there = Cloud(webhook, limits)
    migration = actions.connect(there, by=by)
    actions.look(migration, there)
    return migration


@contextmanager
def _cloud(ground: Ground) -> Iterator[Migration]:
    with served(small_company(), burst=FAST.burst, per_second=FAST.per_second) as cloud:
        yield _connected(cloud.webhook, FAST, ground.olga)


@contextmanager
def _dump(ground: Ground) -> Iterator[Migration]:
    Boxed(small_company()).written(ground.folder / "moving/portal")
    migration = actions.connect_dump("portal", HOST, by=ground.olga)
    jobs.go_on_once(migration.pk)
    yield migration


@contextmanager
def _another(ground: Ground) -> Iterator[Migration]:
    with another_box(ground.folder, ground.account, filled=COMPANY) as other:
        yield _connected(other.webhook, Limits(burst=1000, per_second=1000), ground.olga)


@contextmanager
def _archive(ground: Ground) -> Iterator[Migration]:
    with transaction.atomic(), undone():
        company(ground.olga)
        content = archive().getvalue()
    migration = actions.connect_archive(a_file(ground.olga, "company.zip", content), by=ground.olga)
    looked(migration)
    yield migration


SOURCES: dict[str, Callable[[Ground], Any]] = {
    "the cloud": _cloud,
    "a dump": _dump,
    "another box": _another,
    "an archive": _archive,
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("source", SOURCES)
def test_killed_anywhere_everything_comes_once(
    source: str, tmp_path: Path, account: Account, store: S3Store, settings: Settings
) -> None:
    settings.REACHABLE_NETWORKS = LOOPBACK
    settings.MOVING_DIR, settings.EXTRACTS_DIR = tmp_path / "moving", tmp_path / "extracts"
    olga = person("Olga", is_administrator=True)
    objects = {"engine": "seaweedfs", **asdict(account)}
    env = configuration(tmp_path, reachable_networks=LOOPBACK, objects=objects)
    steps: list[Step] = []
    with SOURCES[source](Ground(olga, tmp_path, account)) as migration:
        actions.begin(migration, by=olga)
        with transaction.atomic(), undone():
            with watched(steps.append) as connect:
                runner.run(_again(migration), connect=connect)
            unhurt = _kept(migration)
        places = drawn(Random(seed()), steps, MOST_DEATHS)
        stood = killed_at(places, migration, tmp_path, env)
        print(f"{source}, by the dice of {seed()}: killed in", *stood)  # noqa: T201 - KOROBKA_SEED throws them again
        assert stood
        runner.run(_again(migration))
        kept = _kept(migration)
    for part in unhurt:
        assert kept[part] == unhurt[part], part


def _again(migration: Migration) -> Migration:
    return Migration.objects.select_related("by").get(pk=migration.pk)


def _kept(migration: Migration) -> dict[str, Any]:
    """All that there is in the end, by what is alike in two runs."""
    migration.refresh_from_db()
    figures = ("stage", "is_done", "done", "created", "changed", "refused")
    return {
        "state": (migration.state, migration.trouble),
        "figures": list(migration.progress.values_list(*figures)),
        "remarks": sorted(migration.remarks.values_list("kind", "theirs", "text")),
        "identities": sorted(migration.identities.values_list("kind", "theirs", "is_new", "has_links")),
        "rows": {model._meta.label: model._base_manager.count() for model in apps.get_models()},
        "things": {
            kind: lines_without(lines, ANEW.get(kind, ()))
            for kind, lines in Canonical(archive()).dump().items()
        },
    }
