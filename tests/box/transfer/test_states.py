"""In which state a migration may be begun, paused, undone and forgotten, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from box.core.accounts.models import User
from box.core.events.models import Event
from box.core.files.models import Blob, File
from box.core.registry.rest import TRANSFER
from box.lib.sealing import unseal
from box.transfer import actions, jobs
from box.transfer.actions import NotNow
from box.transfer.models import Identity, Match, Migration, Progress
from box.transfer.pace import Limits
from tests.box.transfer.moving import Move
from tests.cast import person

pytestmark = pytest.mark.django_db

State = Migration.State


@pytest.fixture
def olga(db: None) -> User:
    return person("Olga", is_administrator=True)


def standing(by: User, state: State, **more: Any) -> Migration:
    """One that has come so far."""
    usual: dict[str, Any] = {"portal": "rose.bitrix24.com", "stages": ["people", "posts"]}
    return Migration.objects.create(by=by, state=state, **{**usual, **more})


def again(migration: Migration) -> Migration:
    return Migration.objects.get(pk=migration.pk)


def told(kind: str) -> list[dict[str, Any]]:
    """What was said of this kind since it was asked last."""
    rows = Event.objects.filter(kind=f"transfer.{kind}").order_by("pk")
    found = [row.payload for row in rows]
    rows.delete()
    return found


# Begun


def test_a_pass_begins_anew_with_each_stage_that_was_chosen_and_what_it_needs(olga: User) -> None:
    counts = {"people": 7, "posts": 3}
    migration = standing(
        olga, State.READY, trouble="It was away.", inventory={"counts": counts},
        finished_at=timezone.now(), passes=1,
    )  # fmt: skip
    Progress.objects.create(migration=migration, stage="people", position=0, done=5)
    before = timezone.now()
    actions.begin(migration, ["posts"], by=olga)
    migration = again(migration)
    assert (migration.state, migration.trouble, migration.passes) == (State.RUNNING, "", 2)
    assert migration.stages == ["posts"]
    assert migration.started_at is not None
    assert (migration.started_at == migration.moved_at >= before, migration.finished_at) == (True, None)
    stages = list(migration.progress.values_list("stage", "position", "done", "total"))
    names = [stage for stage, *_rest in stages]
    assert {"people", "posts"} < set(names)
    assert names[-1] == "links", "what leads elsewhere is settled when everything is here"
    assert [position for _stage, position, *_rest in stages] == list(range(len(stages)))
    assert {done for _stage, _position, done, _total in stages} == {0}
    assert {stage: total for stage, *_rest, total in stages if total} == counts
    assert told("MigrationDue") == [{"migration_id": migration.pk}]
    assert told("MigrationBegun") == [
        {
            "migration_id": migration.pk, "portal": "rose.bitrix24.com", "by_id": olga.pk, "is_undo": False,
            "is_outbound": False,
        }
    ]  # fmt: skip


def test_without_a_choice_the_stages_of_before_go_again(olga: User) -> None:
    migration = standing(olga, State.DONE)
    actions.begin(migration, by=olga)
    assert again(migration).stages == ["people", "posts"]
    # To begin what goes on changes nothing.
    told("MigrationBegun")
    actions.begin(migration, ["tasks"], by=olga)
    assert (again(migration).stages, again(migration).passes) == (["people", "posts"], 1)
    assert told("MigrationBegun") == []


@pytest.mark.parametrize("state", [State.LOOKING, State.PAUSED, State.UNDOING, State.UNDONE])
def test_what_is_neither_ready_nor_done_is_not_begun(olga: User, state: State) -> None:
    migration = standing(olga, state)
    with pytest.raises(NotNow, match="wait until that is over"):
        actions.begin(migration, by=olga)
    assert (again(migration).state, again(migration).passes) == (state, 0)


def test_what_was_counted_by_a_dry_run_is_more_than_the_portal_says(olga: User) -> None:
    counted = {"counts": {"people": 7, "drives": 2}, "dry_run": {"rows": {"people": 9}}}
    migration = standing(olga, State.READY, stages=["people", "drives"], inventory=counted)
    actions.begin(migration, by=olga)
    totals = dict(again(migration).progress.values_list("stage", "total"))
    # Of drives the portal counts the drives, and not what is on them.
    assert (totals["people"], totals["drives"]) == (9, None)


# A dry run


def test_a_dry_run_is_begun_once_of_what_has_brought_nothing_yet(olga: User) -> None:
    migration = standing(olga, State.READY, trouble="It was away.")
    actions.begin_dry_run(migration, by=olga)
    migration = again(migration)
    assert (migration.state, migration.is_dry_run, migration.trouble) == (State.LOOKING, True, "")
    actions.begin_dry_run(migration, by=olga)
    assert told("MigrationDue") == [{"migration_id": migration.pk}]


@pytest.mark.parametrize(
    "more", [{"is_outbound": True}, {"passes": 1}, {"state": State.LOOKING}, {"state": State.DONE}]
)
def test_there_is_no_dry_run_of_anything_else(olga: User, more: dict[str, Any]) -> None:
    migration = standing(olga, **{"state": State.READY, **more})
    with pytest.raises(NotNow, match="of which nothing has come yet"):
        actions.begin_dry_run(migration, by=olga)
    assert not again(migration).is_dry_run


# Paused


@pytest.mark.parametrize("state", list(State))
def test_only_what_runs_is_paused_and_only_what_is_paused_goes_on(olga: User, state: State) -> None:
    migration = standing(olga, state, trouble="It was away.")
    actions.pause(migration, by=olga)
    assert again(migration).state == (State.PAUSED if state == State.RUNNING else state)
    told("MigrationDue")
    Migration.objects.filter(pk=migration.pk).update(state=state)
    long_ago = timezone.now() - timedelta(days=1)
    Migration.objects.filter(pk=migration.pk).update(moved_at=long_ago)
    actions.resume(migration, by=olga)
    migration = again(migration)
    if state == State.PAUSED:
        assert (migration.state, migration.trouble, migration.moved_at > long_ago) == (
            State.RUNNING,
            "",
            True,
        )
        assert told("MigrationDue") == [{"migration_id": migration.pk}]
    else:
        assert (migration.state, migration.trouble, migration.moved_at) == (state, "It was away.", long_ago)
        assert told("MigrationDue") == []


def test_none_goes_on_beside_another(olga: User) -> None:
    paused, ready = standing(olga, State.PAUSED), standing(olga, State.READY)
    standing(olga, State.RUNNING)
    ways_on: list[Callable[[], object]] = [
        lambda: actions.resume(paused, by=olga),
        lambda: actions.begin(ready, by=olga),
        lambda: actions.begin_dry_run(ready, by=olga),
    ]
    for go_on in ways_on:
        with pytest.raises(NotNow, match="Another migration"):
            go_on()
    assert [again(one).state for one in (paused, ready)] == [State.PAUSED, State.READY]


# Undone, and forgotten


def test_what_stands_still_is_undone_and_that_is_told(olga: User) -> None:
    for state in (State.PAUSED, State.DONE):
        migration = standing(olga, state)
        actions.begin_undo(migration, by=olga)
        assert again(migration).state == State.UNDOING
        (said,) = told("MigrationBegun")
        assert (said["migration_id"], said["by_id"], said["is_undo"]) == (migration.pk, olga.pk, True)
        assert told("MigrationDue") == [{"migration_id": migration.pk}]
        migration.delete()


def test_what_goes_on_or_was_sent_elsewhere_is_not_undone(olga: User) -> None:
    with pytest.raises(NotNow, match="removed there"):
        actions.begin_undo(standing(olga, State.DONE, is_outbound=True), by=olga)
    for state in (State.RUNNING, State.READY, State.UNDONE):
        with pytest.raises(NotNow, match="pause it first"):
            actions.begin_undo(standing(olga, state), by=olga)


def test_what_goes_on_is_not_forgotten_and_the_rest_goes_with_its_archive(olga: User) -> None:
    for state in (State.RUNNING, State.UNDOING):
        migration = standing(olga, state)
        with pytest.raises(NotNow, match="Pause it first"):
            actions.forget(migration, by=olga)
        migration.delete()
    blob = Blob.objects.create(key=f"2026/01/{'0' * 32}", size=1)
    archive, other = (
        File.objects.create(owner=olga, name=name, blob=blob, audience=[f"U{olga.pk}"]) for name in "ab"
    )
    actions.forget(standing(olga, State.DONE, archive=archive), by=olga)
    actions.forget(standing(olga, State.LOOKING), by=olga)
    assert not Migration.objects.exists()
    assert list(File.objects.all()) == [other]


# Who is who


def test_somebody_of_the_portal_is_one_person_here_and_may_be_added_after_all(olga: User) -> None:
    migration = standing(olga, State.READY)
    here = person("Anna")
    first, second = (Match.objects.create(migration=migration, theirs=theirs) for theirs in ("1", "2"))
    actions.decide_match(first, here, by=olga)
    first.refresh_from_db()
    assert (first.user, first.way) == (here, Match.Way.HAND)
    # Said again it is the same.
    actions.decide_match(first, here, by=olga)
    with pytest.raises(NotNow, match="somebody else of the portal already"):
        actions.decide_match(second, here, by=olga)
    actions.decide_match(second, None, by=olga)
    actions.decide_match(first, None, by=olga)
    first.refresh_from_db()
    assert (first.user, first.way) == (None, Match.Way.HAND)
    # Of another portal they may be somebody, too.
    other = Match.objects.create(migration=standing(olga, State.READY), theirs="1")
    actions.decide_match(first, here, by=olga)
    actions.decide_match(other, here, by=olga)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"is_outbound": True}, "known there by their e-mail"),
        ({"passes": 1}, "come already"),
        ({"state": State.LOOKING}, "come already"),
    ],
)
def test_once_people_have_come_nobody_is_matched(olga: User, more: dict[str, Any], why: str) -> None:
    match = Match.objects.create(migration=standing(olga, **{"state": State.READY, **more}), theirs="1")
    with pytest.raises(NotNow, match=why):
        actions.decide_match(match, olga, by=olga)


def test_whom_it_has_added_and_who_has_no_way_in_is_a_newcomer(olga: User) -> None:
    migration, other = (standing(olga, State.DONE) for _number in range(2))
    new, found, left, joined, invited, anothers = (
        person(name) for name in ("New", "Found", "Left", "Joined", "Invited", "Another")
    )
    silent = person("Silent")
    User.objects.filter(pk=silent.pk).update(email="")
    User.objects.filter(pk=left.pk).update(status=User.Status.DISMISSED)
    User.objects.filter(pk=joined.pk).update(last_login=timezone.now())
    User.objects.filter(pk=invited.pk).update(invited_at=timezone.now())
    for one in (new, found, left, joined, invited, silent, anothers):
        Identity.objects.create(
            migration=other if one == anothers else migration, kind="person", theirs=str(one.pk), ours=one.pk,
            is_new=one != found,
        )  # fmt: skip
    # What is no person may have the number of one.
    Identity.objects.create(migration=migration, kind="post", theirs="1", ours=olga.pk)
    assert list(actions.newcomers(migration)) == [new]
    Migration.objects.filter(pk=migration.pk).update(is_outbound=True)
    assert list(actions.newcomers(again(migration))) == []


def test_looking_again_leaves_what_was_decided_by_hand(olga: User) -> None:
    move = Move(olga)
    other = standing(olga, State.READY)
    kept = Match.objects.create(migration=other, theirs="2")
    move.look()
    match = move.migration.matches.get(theirs="2")
    actions.decide_match(match, olga, by=olga)
    count = move.migration.matches.count()
    Migration.objects.filter(pk=move.migration.pk).update(state=State.LOOKING, trouble="It was away.")
    migration = move.look()
    assert (migration.state, migration.trouble) == (State.READY, "")
    assert migration.matches.count() == count
    match.refresh_from_db()
    assert (match.user, match.way) == (olga, Match.Way.HAND)
    assert Match.objects.filter(pk=kept.pk).exists()


def test_what_was_paused_meanwhile_does_not_become_ready_by_being_looked_at(olga: User) -> None:
    move = Move(olga)
    Migration.objects.filter(pk=move.migration.pk).update(state=State.DONE)
    assert move.look().state == State.DONE


# The way to the portal


def test_another_webhook_is_of_the_same_portal(olga: User) -> None:
    move = Move(olga)
    other = standing(olga, State.DONE, webhook="sealed", trouble="Another one's.")
    Migration.objects.filter(pk=move.migration.pk).update(trouble="It is no longer valid.", webhook="x")
    cloud = move.cloud()
    actions.reconnect(move.migration, cloud, by=olga)
    migration = move.again()
    assert (unseal(migration.webhook, settings.SECRET_KEY), migration.trouble) == (cloud.webhook, "")
    assert (again(other).webhook, again(other).trouble) == ("sealed", "Another one's.")
    with pytest.raises(NotNow, match="is a webhook of"):
        actions.reconnect(other, cloud, by=olga)


def test_what_has_not_begun_is_looked_at_anew_by_another_webhook(olga: User) -> None:
    move = Move(olga)
    move.portal.scopes = ("user", "department")
    move.look()
    assert "crm" in move.migration.inventory["missing_scopes"]
    told("MigrationDue")
    move.portal.scopes = ("user", "department", "crm", TRANSFER)
    cloud = move.cloud()
    cloud.limits = Limits(burst=250, per_second=5)
    actions.reconnect(move.migration, cloud, by=olga)
    migration = move.again()
    assert (migration.state, migration.burst, migration.per_second) == (State.LOOKING, 250, 5)
    assert told("MigrationDue") == [{"migration_id": migration.pk}]
    assert "crm" not in move.look().inventory["missing_scopes"]
    standing(olga, State.RUNNING)
    with pytest.raises(NotNow, match="Another migration"):
        actions.reconnect(move.migration, cloud, by=olga)
    assert move.again().state == State.READY


@pytest.mark.parametrize("state", [State.READY, State.PAUSED, State.DONE])
def test_what_has_begun_stays_where_it_is_and_knows_what_another_webhook_opens(
    olga: User, state: State
) -> None:
    move = Move(olga)
    move.portal.scopes = ("user", "department")
    counts = {"counts": {"people": 1}, "is_korobka": False}
    Migration.objects.filter(pk=move.migration.pk).update(state=state, passes=1, inventory=counts)
    move.portal.scopes = ("user", "department", TRANSFER)
    actions.reconnect(move.migration, move.cloud(), by=olga)
    migration = move.again()
    assert migration.state == state
    assert migration.inventory["is_korobka"] is True
    assert "crm" in migration.inventory["missing_scopes"]


def test_the_end_of_a_pass_is_told_with_what_it_came_to(olga: User) -> None:
    migration = standing(olga, State.RUNNING, passes=2)
    said = {"migration_id": migration.pk, "portal": "rose.bitrix24.com", "by_id": olga.pk, "passes": 2,
            "is_outbound": False}  # fmt: skip
    actions.tell_finished(migration)
    assert told("MigrationFinished") == [{**said, "created": 0, "changed": 0, "refused": 0}]
    for position, stage in enumerate(("people", "posts")):
        Progress.objects.create(
            migration=migration, stage=stage, position=position, created=5, changed=2, refused=1
        )
    actions.tell_finished(migration)
    assert told("MigrationFinished") == [{**said, "created": 10, "changed": 4, "refused": 2}]


# Which of several boxctl means


def test_of_several_boxctl_says_and_does_nothing_until_one_is_named(
    olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rose = standing(olga, State.PAUSED, passes=1)
    for portal, is_outbound in (("oak.example", False), ("rose.bitrix24.com", True)):
        standing(olga, State.DONE, portal=portal, is_outbound=is_outbound, passes=2)
    # Neither what was undone nor what was connected again and never begun is in the way of what has come.
    standing(olga, State.UNDONE, portal="elm.example")
    standing(olga, State.READY)
    for name in ("plan", "dry-run", "run", "delta", "status", "pause", "resume", "check"):
        with pytest.raises(CommandError, match=r"rose.bitrix24.com \(out\), oak.example \(in\), rose"):
            call_command("transfer", name)
    with pytest.raises(CommandError, match=r"of rose.bitrix24.com \(out\), rose.bitrix24.com \(in\)\."):
        call_command("transfer", "undo", "--yes", "--portal", "rose.bitrix24.com")
    with pytest.raises(CommandError, match="No portal is connected"):
        call_command("transfer", "status", "--portal", "ash.example")
    assert {again(one).state for one in Migration.objects.all()} == {
        State.PAUSED, State.DONE, State.UNDONE, State.READY,
    }  # fmt: skip

    def go_on(pk: int) -> None:
        Migration.objects.filter(pk=pk, state=State.RUNNING).update(state=State.DONE)

    monkeypatch.setattr(jobs, "go_on_once", go_on)
    out = StringIO()
    call_command("transfer", "resume", "--portal", "Rose.bitrix24.com", "--way", "in", stdout=out)
    assert again(rose).state == State.DONE
    assert out.getvalue().startswith("done:")
    call_command("transfer", "status", "--json", "--portal", "elm.example", stdout=out)
    assert '"state": "undone"' in out.getvalue()
