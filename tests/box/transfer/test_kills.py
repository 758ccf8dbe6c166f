"""Killed anywhere, a migration goes on: nothing is double, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from box.apps.calendar.models import Event
from box.apps.calls.models import LoggedCall
from box.apps.crm.models import Record
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import ChecklistItem, Task, TimeEntry
from box.core.accounts.models import User
from box.core.discussion.models import Comment
from box.core.fields.models import Field
from box.core.files.models import File
from box.core.groups.models import Group
from box.transfer import actions
from box.transfer.cloud import Cloud
from box.transfer.models import Identity, Migration
from box.transfer.outbound.stages import OUTBOUND_STAGES
from box.transfer.pace import Limits
from tests.box.processes import configuration
from tests.box.transfer.archived import company as filled
from tests.box.transfer.test_moving_out import empty_portal, shape
from tests.cast import person
from tests.cloud.company import small_company
from tests.cloud.portal import Fault, Portal
from tests.cloud.server import served

if TYPE_CHECKING:
    from pytest_django import Settings

LOOPBACK = ["127.0.0.0/8"]
# Dies in the middle of a page's transaction: at this row of the run, longer than a page.
AT_ROW = 60
PROGRAM = """
import os, signal, sys
import django
django.setup()
from box.transfer import runner
from box.transfer.jobs import go_on_once
rows, take = 0, runner._taken
def dying(*given):
    global rows
    rows += 1
    if rows == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return take(*given)
runner._taken = dying
go_on_once(int(sys.argv[1]))
"""


@pytest.mark.django_db(transaction=True)
def test_killed_in_pages_and_between_them_everything_comes_once(tmp_path: Path, settings: Settings) -> None:
    settings.REACHABLE_NETWORKS = LOOPBACK
    olga = person("Olga", is_administrator=True)
    company = small_company()
    env = {**configuration(tmp_path, reachable_networks=LOOPBACK), "DJANGO_SETTINGS_MODULE": "box.settings"}
    with served(company, burst=10**6, per_second=1e6) as cloud:
        there = Cloud(cloud.webhook, Limits(burst=10**6, per_second=1e6))
        migration = actions.connect(there, by=olga)
        actions.look(migration, there)
        actions.begin(migration, by=olga)
        stages = _until_done(migration, cloud.portal, env)
    # It was killed at most of what it does, and not at one place again and again.
    assert len(stages) >= 5
    counts = dict(migration.progress.values_list("stage", "created"))
    assert User.objects.count() == len(company.people) + 1 == counts["people"] + 1
    assert Group.objects.count() == len(company.groups)
    assert Post.objects.exclude(kind=Post.Kind.SYSTEM).count() == len(company.posts)
    assert Task.objects.count() == len(company.tasks)
    assert Comment.objects.count() == len(company.comments) + 1 + len(company.timeline)
    assert Record.objects.count() == sum(len(rows) for rows in company.records.values())
    assert ChecklistItem.objects.count() == 2
    hosts = [row for row in company.events if row["ID"] == row["PARENT_ID"]]
    assert Event.objects.count() == len(hosts)
    assert LoggedCall.objects.count() == len(company.calls)
    assert Field.objects.count() == sum(len(rows) for rows in company.own_fields.values()) - 1
    assert TimeEntry.objects.count() == 1
    assert Item.objects.exclude(parent=None).count() == len(company.objects)
    assert File.objects.count() == len(company.attachments) + 6
    assert not Identity.objects.filter(kind="post").exclude(ours__in=Post.objects.values("pk")).exists()


def _until_done(migration: Migration, portal: Portal, env: dict[str, str]) -> set[str]:
    """Killed by turns in a page, and at a request a little later each time; where it stood then."""
    stages: set[str] = set()
    for turn in range(60):
        at_row, at_request = (AT_ROW, None) if turn % 2 else (10**9, 2 + turn // 2)
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(migration.pk), str(at_row)], env=env)
        begun = portal.requests

        def kill(portal: Portal, pid: int = process.pid, most: int | None = at_request) -> None:
            if most is not None and portal.requests - begun == most:  # noqa: B023 - of this turn
                os.kill(pid, signal.SIGKILL)

        portal.on_request = kill
        status = process.wait(120)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        going = migration.progress.filter(is_done=False).first()
        stages |= {going.stage} if going else set()
    portal.on_request = lambda portal: None
    migration.refresh_from_db()
    assert migration.state == Migration.State.DONE
    return stages


@pytest.mark.django_db(transaction=True)
def test_killed_on_the_way_out_everything_is_there_once(
    tmp_path: Path, settings: Settings, store: object
) -> None:
    """Before a request and behind one that the portal has carried out: it is killed while both go on."""
    settings.REACHABLE_NETWORKS = LOOPBACK
    olga = person("Olga", is_administrator=True)
    filled(olga)
    env = {**configuration(tmp_path, reachable_networks=LOOPBACK), "DJANGO_SETTINGS_MODULE": "box.settings"}
    shapes = []
    for is_killed in (True, False):
        with served(empty_portal(), burst=10**6, per_second=1e6) as cloud:
            there = Cloud(cloud.webhook, Limits(burst=10**6, per_second=1e6))
            migration = actions.connect(there, by=olga, is_outbound=True)
            actions.look(migration, there)
            actions.begin(migration, [*OUTBOUND_STAGES], by=olga)
            deaths = _run_until_done(migration, cloud.portal, env, every=6 if is_killed else 0)
            assert deaths >= 6 or not is_killed
            shapes.append(shape(cloud.company))
    assert shapes[0] == shapes[1]


def _run_until_done(migration: Migration, portal: Portal, env: dict[str, str], *, every: int) -> int:
    """Killed at a request, a few more of them each time; how often."""
    for turn in range(40):
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(migration.pk), str(10**9)], env=env)
        begun = portal.requests

        def kill(portal: Portal, pid: int = process.pid, most: int = every + turn) -> None:
            # The portal carries the request out all the same; every other time it does not.
            if every and portal.requests - begun == most:  # noqa: B023 - of this turn
                portal.faults.append(Fault() if most % 2 else None)
                os.kill(pid, signal.SIGKILL)

        portal.on_request = kill
        status = process.wait(120)
        if status == 0:
            migration.refresh_from_db()
            assert migration.state == Migration.State.DONE
            return turn
        assert status == -signal.SIGKILL
    raise AssertionError("it does not come to its end")
