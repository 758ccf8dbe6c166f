"""When runs are done, what is kept of them, and what a directory that is renamed or removed leaves behind."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.db import connections
from django.utils import timezone

from box.bridges.directory.actions import ask_run, confirm_connection, delete_connection, save_connection
from box.bridges.directory.client import UNWILLING, Directory
from box.bridges.directory.jobs import LOCK, forget_old, run_due, run_once
from box.bridges.directory.models import Connection, Run
from box.core.accounts.models import User
from box.core.files.jobs import locked
from box.core.structure.models import Department
from tests.box.bridges.directory.companies import connected, person, previewed, synchronised
from tests.directory.slapd import READER_PASSWORD

if TYPE_CHECKING:
    from tests.directory.slapd import Slapd

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _company(slapd: Slapd) -> None:
    sales = slapd.unit("Sales")
    slapd.seed(sales, slapd.person("anna", sales.dn, givenName="Anna", mail="anna@corp.test"))


def test_a_run_is_due_by_its_interval(slapd: Slapd) -> None:
    connected(slapd, interval_minutes=15)
    now = timezone.now()
    for minutes, runs in ((0, 1), (5, 1), (16, 2)):
        run_due(now + timedelta(minutes=minutes))
        assert Run.objects.filter(state=Run.State.DONE, why=Run.Why.SCHEDULE).count() == runs


@pytest.mark.parametrize("off", [{"interval_minutes": 0}, {"is_on": False}, {"is_confirmed": False}])
def test_nothing_is_due_where_nobody_wants_it(slapd: Slapd, off: dict[str, bool]) -> None:
    connected(slapd, **off)
    run_due(timezone.now())
    assert not Run.objects.exists()


def test_a_refused_account_is_not_tried_by_schedule_until_it_is_set_right(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd)
    connection.bind_password = "wrong"
    connection.save()
    now = timezone.now()
    for minutes, runs in ((0, 1), (16, 1), (29, 1), (31, 2)):
        run_due(now + timedelta(minutes=minutes))
        assert Run.objects.filter(state=Run.State.FAILED).count() == runs, minutes
    # Whoever asks for a run has one.
    assert run_once(ask_run(connection, Run.Mode.SYNC, by=olga).pk)
    assert Run.objects.filter(state=Run.State.FAILED).count() == 3
    connection.refresh_from_db()
    connection.bind_password = slapd.reader_password
    connection.save()
    run_due(now + timedelta(minutes=32))
    assert Run.objects.filter(state=Run.State.DONE).count() == 1


@pytest.mark.parametrize("is_away", [True, False])
def test_a_directory_that_is_away_or_unwilling_is_tried_again_by_schedule(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch, is_away: bool
) -> None:
    """Its password is not said to be wrong."""
    connected(slapd, **({"servers": ["127.0.0.1:1"]} if is_away else {}))
    refuse = Directory._refuse_failure

    def unwilling(directory: Directory, base: str) -> None:
        directory._line.result["result"] = UNWILLING
        refuse(directory, base)

    monkeypatch.setattr(Directory, "_refuse_failure", unwilling)
    now = timezone.now()
    for minutes, runs in ((0, 1), (16, 2)):
        run_due(now + timedelta(minutes=minutes))
        assert Run.objects.filter(state=Run.State.FAILED).count() == runs
    assert ("does not take the bind account" in Run.objects.latest("pk").error) is not is_away


def test_nothing_is_done_by_schedule_before_a_preview_was_confirmed(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd, is_confirmed=False, is_on=False)
    with pytest.raises(ValidationError, match="Look at a preview first"):
        confirm_connection(connection, by=olga)
    connection.changed_at = timezone.now()
    connection.save()
    previewed(connection)
    run = confirm_connection(connection, by=olga)
    assert ask_run(connection, Run.Mode.SYNC, by=olga) == run
    assert run_once(run.pk)
    assert not run_once(run.pk)
    assert person("anna").name == "Anna anna"


def test_kept_is_what_changed_something_and_the_newest(slapd: Slapd) -> None:
    connection = connected(slapd)
    runs = [synchronised(connection) for _ in range(3)]
    now = timezone.now()
    assert forget_old(now + timedelta(days=8)) == 1
    assert set(Run.objects.all()) == {runs[0], runs[2]}
    forget_old(now + timedelta(days=200))
    assert set(Run.objects.all()) == {runs[2]}


def test_a_directory_renamed_owns_on_and_removed_it_owns_nothing(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd, slapd.base)
    synchronised(connection)
    connection.name = "Head office"
    save_connection(connection, by=olga)
    assert set(person("anna").owners.values()) == {"Head office"}
    assert Department.objects.get(name="Sales").source == "Head office"
    delete_connection(connection, by=olga)
    assert person("anna").owners == {}
    assert Department.objects.get(name="Sales").source == ""


def test_boxctl_tests_previews_synchronises_and_tells(
    slapd: Slapd, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="No directory is connected"):
        call_command("directory", "test")
    connection = connected(slapd)
    call_command("directory", "test")
    call_command("directory", "preview")
    assert not User.objects.exists()
    call_command("directory", "sync", "--full")
    call_command("directory", "status")
    call_command("directory", "explain", "anna")
    told = capsys.readouterr().out
    with pytest.raises(CommandError, match="No run is going"):
        call_command("directory", "cancel")
    going = Run.objects.create(connection=connection, mode=Run.Mode.SYNC, state=Run.State.RUNNING)
    call_command("directory", "cancel")
    going.refresh_from_db()
    assert going.state == Run.State.CANCELLED
    told += capsys.readouterr().out
    for sentence in (
        "Corp: the synchronisation is stopped",
        "shows 1 people", "created: Anna anna", "Corp: synchronisation done", "comes from Corp",
    ):  # fmt: skip
        assert sentence in told
    connection.bind_password = "wrong"
    connection.save()
    with pytest.raises(CommandError, match="Not every directory"):
        call_command("directory", "test")
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("directory", "sync")
    Connection.objects.update(is_confirmed=False)
    with pytest.raises(CommandError, match="look at a preview"):
        call_command("directory", "sync")


def test_the_bind_password_is_nowhere(
    slapd: Slapd, olga: User, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    connection = connected(slapd, slapd.base)
    synchronised(connection)
    save_connection(connection, by=olga)
    for wrong in ("reader@nowhere", slapd.reader):
        connection.bind_dn, connection.servers = wrong, [*connection.servers, "127.0.0.1:1"]
        connection.save()
        synchronised(connection)
    call_command("directory", "status")
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(
                f'SELECT count(*) FROM "{table}" AS one WHERE one::text LIKE %s',
                [f"%{READER_PASSWORD}%"],
            )
            assert cursor.fetchone() == (0,), table
    assert READER_PASSWORD not in caplog.text + "".join(capsys.readouterr())
    assert READER_PASSWORD not in repr(connection) + str(vars(connection))


@pytest.mark.django_db(transaction=True)
def test_one_run_at_a_time_in_the_cluster(slapd: Slapd) -> None:
    connection = connected(slapd)
    run = Run.objects.create(connection=connection, mode=Run.Mode.SYNC)
    answers: list[bool] = []

    def elsewhere() -> None:
        answers.append(run_once(run.pk))
        connections.close_all()

    with locked(LOCK, 0) as is_ours:
        assert is_ours
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert answers == [False]
    assert run_once(run.pk)
