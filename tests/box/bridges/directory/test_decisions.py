"""What people decide about directories: how they are set up, runs, what the guard asks. None is reached."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection as database
from django.db import connections, transaction
from django.utils import timezone

from box.bridges.directory.actions import (
    answer_guard,
    ask_run,
    cancel_run,
    confirm_connection,
    delete_connection,
    note_bind_refusal,
    save_connection,
)
from box.bridges.directory.apply import Performer
from box.bridges.directory.conflicts import unlink_person
from box.bridges.directory.mapping import GroupRule
from box.bridges.directory.models import Conflict, Connection, Link, Run
from box.bridges.directory.plan.values import PersonStep
from box.bridges.directory.presets import preset
from box.core.events.models import Event
from box.core.groups.actions import NewGroup, create_group
from box.core.groups.models import Group
from box.core.structure.actions import create_department
from box.core.structure.models import Department

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

MODE, STATE = Run.Mode, Run.State


def directory(name: str, **more: Any) -> Connection:
    return Connection(
        name=name, kind=Connection.Kind.OPENLDAP, servers=["ldap.corp.test"], bind_dn="cn=reader",
        people_bases=["dc=corp"], mapping=preset(Connection.Kind.OPENLDAP).mapping, **more,
    )  # fmt: skip


@pytest.fixture
def branch(db: None) -> Connection:
    """Another directory, which nobody means."""
    made = directory("Branch")
    made.save()
    return made


@pytest.fixture
def corp(branch: Connection) -> Connection:
    made = directory("Corp")
    made.save()
    return made


def told(kind: str) -> list[dict[str, Any]]:
    heard = Event.objects.filter(kind=f"directory.{kind}").order_by("id")
    return list(heard.values_list("payload", flat=True))


def test_how_a_directory_is_set_up_is_told_and_touches_no_other(corp: Connection, olga: User) -> None:
    theirs = create_department("Branch", parent=None, by=None)
    Department.objects.filter(pk=theirs.pk).update(source="Branch")
    # No rule fills it any more.
    group = create_group(NewGroup("Roses"), by=olga)
    Group.objects.filter(pk=group.pk).update(source="Corp")
    Connection.objects.update(changed_at=timezone.now() - timedelta(days=1))
    for by in (None, olga):
        save_connection(corp, by=by)
    corp.refresh_from_db()
    assert corp.changed_at > timezone.now() - timedelta(hours=1)
    assert Department.objects.get(pk=theirs.pk).source == "Branch"
    assert Group.objects.get(pk=group.pk).source == ""
    assert told("ConnectionChanged") == [{"connection_id": corp.pk, "by_id": by} for by in (None, olga.pk)]
    with pytest.raises(ValidationError, match="name"):
        save_connection(directory(""), by=olga)
    new = directory("New")
    save_connection(new, by=olga)
    assert Connection.objects.filter(pk=new.pk).exists()


def test_only_administrators_connect_a_directory_that_gives_roles(cara: User, olga: User) -> None:
    made = directory("Corp")
    made.mapping = replace(made.mapping, groups=(GroupRule("1", "cn=admins", target="role", target_id=1),))
    with pytest.raises(PermissionDenied):
        save_connection(made, by=cara)
    assert not Connection.objects.exists()
    save_connection(made, by=olga)
    assert Connection.objects.exists()


def test_that_its_password_is_taken_no_more_is_noted_of_one_directory(
    corp: Connection, branch: Connection
) -> None:
    now = timezone.now()
    note_bind_refusal(corp, "simple", at=now)
    known = Connection.objects.order_by("name").values_list("name", "bind_refused_at", "bind_refused_for")
    assert list(known) == [("Branch", None, ""), ("Corp", now, "simple")]


def test_one_directory_is_removed_and_that_is_told(corp: Connection, branch: Connection, olga: User) -> None:
    delete_connection(corp, by=olga)
    assert list(Connection.objects.all()) == [branch]
    assert told("ConnectionDeleted") == [{"name": "Corp", "by_id": olga.pk}]


def test_a_run_is_asked_for_once_of_each_mode(corp: Connection, olga: User) -> None:
    preview = ask_run(corp, MODE.PREVIEW, by=olga)
    sync = ask_run(corp, MODE.SYNC, by=None)
    assert (preview.mode, sync.mode) == (MODE.PREVIEW, MODE.SYNC)
    assert ask_run(corp, MODE.PREVIEW, by=None) == preview
    assert told("RunAsked") == [
        {"run_id": preview.pk, "by_id": olga.pk},
        {"run_id": sync.pk, "by_id": None},
    ]
    Run.objects.update(state=STATE.DONE)
    assert ask_run(corp, MODE.PREVIEW, by=olga) != preview


def test_what_was_just_decided_is_done_by_a_run_that_has_not_begun_to_read(
    corp: Connection, branch: Connection
) -> None:
    for connection, state in ((corp, STATE.RUNNING), (corp, STATE.DONE), (branch, STATE.WAITING)):
        Run.objects.create(connection=connection, mode=MODE.SYNC, state=state)
    following = ask_run(corp, MODE.SYNC, by=None, anew=True)
    assert (following.connection, following.state) == (corp, STATE.WAITING)
    assert ask_run(corp, MODE.SYNC, by=None, anew=True) == following


def test_a_directory_is_renamed_whatever_only_looks_at_it(corp: Connection, olga: User) -> None:
    run = Run.objects.create(connection=corp, mode=MODE.PREVIEW, state=STATE.RUNNING)
    corp.name = "Head office"
    save_connection(corp, by=olga)
    Run.objects.filter(pk=run.pk).update(mode=MODE.SYNC)
    corp.name = "Corp"
    with pytest.raises(ValidationError, match="Head office is being synchronised"):
        save_connection(corp, by=olga)


def test_what_is_confirmed_is_a_preview_of_how_it_is_set_up_now(
    corp: Connection, branch: Connection, olga: User
) -> None:
    def run(asked_at: Any, mode: str = MODE.PREVIEW, state: str = STATE.DONE) -> None:
        Run.objects.create(connection=corp, mode=mode, state=state, asked_at=asked_at)

    at = corp.changed_at
    later = at + timedelta(hours=1)
    run(later, mode=MODE.SYNC)
    run(later, state=STATE.FAILED)
    for _time in range(2):
        with pytest.raises(ValidationError, match="Look at a preview first"):
            confirm_connection(corp, by=olga)
        run(at - timedelta(seconds=1))
    run(at)
    asked = confirm_connection(corp, by=olga)
    assert (asked.mode, asked.connection, asked.by) == (MODE.SYNC, corp, olga)
    is_used = Connection.objects.order_by("name").values_list("name", "is_confirmed", "is_on")
    assert list(is_used) == [("Branch", False, False), ("Corp", True, True)]
    assert told("ConnectionChanged") == [{"connection_id": corp.pk, "by_id": olga.pk}]


def test_a_run_is_stopped_while_it_goes_on(corp: Connection, olga: User) -> None:
    first, second = (Run.objects.create(connection=corp, mode=MODE.SYNC) for _ in range(2))
    for run, by in ((first, olga), (second, None)):
        cancel_run(run, by=by)
        run.refresh_from_db()
        assert (run.state, run.finished_at is not None) == (STATE.CANCELLED, True)
        with pytest.raises(ValidationError, match="over already"):
            cancel_run(run, by=by)
    assert told("RunCancelled") == [
        {"run_id": first.pk, "by_id": olga.pk},
        {"run_id": second.pk, "by_id": None},
    ]


@pytest.mark.parametrize("is_allowed", [True, False])
def test_what_the_guard_asks_is_answered_once(corp: Connection, olga: User, is_allowed: bool) -> None:
    before = timezone.now() - timedelta(hours=1)
    run = Run.objects.create(
        connection=corp, mode=MODE.SYNC, state=STATE.ASKING, finished_at=before, is_allowed=not is_allowed
    )
    answer_guard(run, is_allowed=is_allowed, by=olga)
    run.refresh_from_db()
    assert run.is_allowed is is_allowed
    if is_allowed:
        assert (run.state, run.finished_at) == (STATE.WAITING, None)
    else:
        assert run.state == STATE.CANCELLED
        assert run.finished_at is not None
        assert run.finished_at > before
    own = {"run_id": run.pk, "by_id": olga.pk}
    assert told("GuardAnswered") == [{**own, "is_allowed": is_allowed}]
    assert told("RunAsked") == ([own] if is_allowed else [])
    with pytest.raises(ValidationError, match="answered already"):
        answer_guard(run, is_allowed=True, by=olga)


# Beside a run


def beside(work: Callable[[], object]) -> threading.Thread:
    """Does it over another line to the database, and waits until it is done, or waits for this one."""

    def do() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=do)
    thread.start()
    with database.cursor() as cursor:
        while thread.is_alive():
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
            )
            if cursor.fetchone() == (True,):
                break
            time.sleep(0.01)
    return thread


@pytest.fixture
def linked(corp: Connection, anna: User) -> Link:
    return Link.objects.create(
        connection=corp, kind=Link.Kind.PERSON, stable_id="id-anna", object_id=anna.pk, dn="uid=anna"
    )


@pytest.fixture
def performer(corp: Connection) -> Performer:
    run = Run.objects.create(connection=corp, mode=MODE.SYNC, state=STATE.RUNNING)
    return Performer(run, now=timezone.now(), moved=lambda _count: None)


def step_of(link: Link) -> PersonStep:
    told = {"position": "Seller"}
    return PersonStep(
        link.stable_id, link.dn, object_id=link.object_id, linked_to=link.object_id, fields=told, values=told
    )


def is_the_portals_own(link: Link, anna: User) -> bool:
    anna.refresh_from_db()
    decided = Conflict.objects.filter(stable_id=link.stable_id, decision=Conflict.Decision.APART)
    return decided.exists() and not anna.owners and not Link.objects.filter(stable_id=link.stable_id).exists()


@pytest.mark.django_db(transaction=True)
def test_a_decision_in_the_middle_of_a_batch_waits_for_its_end_and_counts(
    linked: Link, performer: Performer, anna: User, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    undecided, decisions = performer._undecided, list[threading.Thread]()

    def amid(steps: Sequence[PersonStep]) -> list[PersonStep]:
        left = undecided(steps)
        decisions.append(beside(lambda: unlink_person(linked, by=olga)))
        return left

    monkeypatch.setattr(performer, "_undecided", amid)
    performer.people([step_of(linked)])
    decisions[0].join(30)
    assert len(decisions) == 1
    assert is_the_portals_own(linked, anna)
    assert anna.position == "Seller"


@pytest.mark.django_db(transaction=True)
def test_a_batch_in_the_middle_of_a_decision_waits_for_it_and_leaves_the_person_alone(
    linked: Link, performer: Performer, anna: User, olga: User
) -> None:
    before = anna.position
    with transaction.atomic():
        unlink_person(linked, by=olga)
        batch = beside(lambda: performer.people([step_of(linked)]))
        assert batch.is_alive()
    batch.join(30)
    assert is_the_portals_own(linked, anna)
    assert anna.position == before
