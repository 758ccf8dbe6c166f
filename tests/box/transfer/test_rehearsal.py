"""A dry run counts what the run then meets, and writes nothing."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.core.accounts.models import User
from box.transfer import actions
from box.transfer.cloud import Cloud, CloudRefused
from box.transfer.jobs import go_on_once
from box.transfer.models import Migration
from box.transfer.pace import Limits
from box.transfer.reconciliation import reconcile
from box.transfer.rehearsal import keep, rehearse, rows_of
from tests.box.transfer.moving import Move
from tests.cast import person
from tests.cloud.company import Company
from tests.cloud.portal import Refused
from tests.cloud.server import served

if TYPE_CHECKING:
    from pytest_django import Settings

pytestmark = pytest.mark.django_db

WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|SAVEPOINT)", re.IGNORECASE)


@pytest.fixture
def olga(db: None) -> User:
    return person("Olga", is_administrator=True)


def company() -> Company:
    """A little of each kind, with what cannot come among it."""
    found = Company()
    found.department(1, "Company", head=1)
    for pk, name in enumerate(("Anna", "Boris", "Cara"), start=1):
        found.person(pk, name, UF_DEPARTMENT=[1])
    found.group(1, "Launch", 2, {3: "K"})
    for pk in range(1, 4):
        found.post(pk, 1, f"Post {pk}", ("SG1",))
    found.comment(1, 2, 1, "A word")
    found.comment(2, 3, 1, "")
    found.task(1, "A task", 1, 2)
    found.section(3, "user", 2, "Boris")
    found.event(3, "Talk", "2021-06-09 10:00", 1, 2, {1: "Y"})
    found.storage(1, "common", "shared_files_s1")
    found.file(("storage", 1), "rules.txt", 1, b"Rules")
    found.own_field("deal", "UF_CRM_1", "string", "Contract")
    found.own_field("deal", "UF_CRM_2", "iblock_element", "Shelf")
    found.record("deal", 1, "Roses", 2, CATEGORY_ID=0, STAGE_ID="NEW")
    found.activity(1, (2, 1), "Called", 2)
    found.activity(2, (2, 777), "About what is gone", 2)
    found.call(1, 2, "+79638835976", CALL_DURATION=5)
    return found


def test_it_writes_nothing_and_the_run_meets_its_counts(olga: User, store: object) -> None:
    move = Move(olga, company())
    move.look()
    with CaptureQueriesContext(connection) as asked:
        found = rehearse(move.migration, move.cloud())
    assert [one["sql"] for one in asked if WRITES.match(one["sql"])] == []
    assert move.loaded == []
    assert not found.refused
    keep(move.migration, found)
    move.bring()
    assert move.migration.state == Migration.State.DONE
    came = {one.stage: one.created + one.refused for one in move.migration.progress.exclude(stage="links")}
    assert came == rows_of(move.again()) == found.rows
    assert (came["comments"], came["fields"], came["activities"], came["events"]) == (2, 2, 2, 1)
    assert {one.stage: one.total for one in move.migration.progress.exclude(stage="links")} == came
    lines = {one.label: one for one in reconcile(move.migration, move.cloud()).lines}
    assert lines["Events in calendars"].counted == lines["Events in calendars"].came == 1


def test_it_says_of_what_the_portal_gives_nothing_and_goes_on(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(olga, company())
    move.look()

    def refuse(given: object) -> object:
        raise Refused("ACCESS_DENIED", "Access denied!", 403)

    monkeypatch.setitem(move.portal.answers, "department.get", refuse)
    found = rehearse(move.migration, move.cloud())
    assert (found.rows["departments"], found.rows["people"]) == (0, 3)
    assert "ACCESS_DENIED" in found.refused["departments"]


def test_it_stops_where_nobody_is_let_in(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    move = Move(olga, company())
    move.look()

    def refuse(given: object) -> object:
        raise Refused("expired_token", "The access token provided has expired.", 401)

    monkeypatch.setitem(move.portal.answers, "department.get", refuse)
    with pytest.raises(CloudRefused):
        rehearse(move.migration, move.cloud())


def test_the_console_has_it_done_in_the_background(olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    move = Move(olga, company())
    move.look()
    monkeypatch.setattr("box.transfer.jobs.cloud_of", move.cloud)
    actions.begin_dry_run(move.migration, by=olga)
    with pytest.raises(actions.NotNow):
        actions.begin(move.again(), by=olga)
    go_on_once(move.migration.pk)
    migration = move.again()
    assert (migration.state, migration.is_dry_run) == (Migration.State.READY, False)
    assert rows_of(migration)["posts"] == 3
    assert User.objects.count() == 1
    assert move.bring().state == Migration.State.DONE
    with pytest.raises(actions.NotNow, match="nothing has come yet"):
        actions.begin_dry_run(move.migration, by=olga)


def test_in_the_background_it_ends_where_nobody_is_let_in(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Move(olga, company())
    move.look()
    monkeypatch.setattr("box.transfer.jobs.cloud_of", move.cloud)

    def refuse(given: object) -> object:
        raise Refused("expired_token", "The access token provided has expired.", 401)

    monkeypatch.setitem(move.portal.answers, "department.get", refuse)
    actions.begin_dry_run(move.migration, by=olga)
    go_on_once(move.migration.pk)
    migration = move.again()
    assert migration.state == Migration.State.READY
    assert "expired_token" in migration.trouble


def test_the_command_says_what_it_has_counted_and_keeps_it(olga: User, settings: Settings) -> None:
    settings.REACHABLE_NETWORKS = ["127.0.0.0/8"]
    out = StringIO()
    with served(company(), burst=10**6, per_second=1e6) as portal:
        there = Cloud(portal.webhook, Limits(burst=10**6, per_second=1e6))
        migration = actions.connect(there, by=olga)
        actions.look(migration, there)
        call_command("transfer", "dry-run", stdout=out, stderr=StringIO())
    said = out.getvalue()
    assert "  Posts of the feed: 3\n" in said
    assert "nothing was written" in said
    assert rows_of(Migration.objects.get())["posts"] == 3
    Migration.objects.update(passes=1)
    with pytest.raises(CommandError, match="nothing has come yet"):
        call_command("transfer", "dry-run", stdout=out)
