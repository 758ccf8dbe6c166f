"""What may go wrong with a directory: the run says so, nobody is touched by it, and the next one finishes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.utils import timezone

from box.bridges.directory import sync
from box.bridges.directory.actions import (
    answer_guard,
    ask_run,
    cancel_run,
    delete_connection,
    save_connection,
)
from box.bridges.directory.apply import Performer
from box.bridges.directory.client import DirectoryTrouble, connect
from box.bridges.directory.conflicts import link_entry, unlink_person
from box.bridges.directory.jobs import run_due, run_once
from box.bridges.directory.models import Change, Conflict, Connection, Cursor, Link, Run
from box.bridges.directory.reader import Reader
from box.core.accounts.actions import NewUser, create_user
from box.core.accounts.models import SignInName, User
from box.core.structure.models import Membership
from tests.box.bridges.directory.companies import connected, picture, previewed, synchronised, told
from tests.box.processes import until
from tests.directory import entries
from tests.directory.entries import Entry
from tests.randomness import chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.directory.slapd import Slapd

pytestmark = pytest.mark.django_db

PEOPLE = 60


@pytest.fixture(scope="module", autouse=True)
def _company(slapd: Slapd) -> None:
    secret = slapd.unit("Secret")
    slapd.seed(
        secret,
        *(slapd.person(f"p{number}", slapd.base, givenName="P") for number in range(PEOPLE // 2)),
        *(slapd.person(f"s{number}", secret.dn, givenName="S") for number in range(PEOPLE // 2)),
        Entry(f"cn=elsewhere,{slapd.base}", {"objectClass": ["referral", "extensibleObject"],
                                              "cn": "elsewhere", "ref": "ldap://127.0.0.1:1/dc=elsewhere"}),
    )  # fmt: skip
    slapd.keep("company")


@pytest.fixture(autouse=True)
def _anew(slapd: Slapd) -> Iterator[None]:
    yield
    slapd.as_usual()
    if not slapd.is_running:
        slapd.start()
    slapd.restore("company")


def nobody_has_left() -> bool:
    return not User.objects.exclude(status="active").exists()


def test_a_reference_to_another_server_is_passed_over(slapd: Slapd) -> None:
    run = synchronised(connected(slapd))
    assert (run.state, User.objects.count()) == (Run.State.DONE, PEOPLE)


def test_a_server_that_refers_to_another_is_no_empty_base(slapd: Slapd) -> None:
    connection = connected(slapd)
    synchronised(connection)
    connection.people_bases = [f"cn=elsewhere,{slapd.base}"]
    connection.save()
    run = synchronised(connection)
    assert run.state == Run.State.FAILED
    assert "names another server" in run.error
    assert "ldap://127.0.0.1:1/" in run.error
    assert nobody_has_left()


def test_an_expired_certificate_is_not_trusted(slapd: Slapd) -> None:
    connection = connected(slapd)
    synchronised(connection)
    slapd.change(tls_days=-1)
    run = synchronised(connection)
    assert run.state == Run.State.FAILED
    assert "certificate has expired" in run.error
    assert nobody_has_left()


def test_a_refused_account_is_not_tried_at_the_next_server(slapd: Slapd) -> None:
    connection = connected(slapd)
    connection.bind_password = "wrong"
    connection.servers *= 2
    connection.save()
    run = synchronised(connection)
    assert run.state == Run.State.FAILED
    assert "does not take the bind account" in run.error
    with pytest.raises(DirectoryTrouble) as refused, connect(connection):
        pass
    assert refused.value.code == "credentials"


def test_the_next_server_is_asked_where_one_does_not_answer(slapd: Slapd) -> None:
    connection = connected(slapd)
    connection.servers = ["127.0.0.1:1", "no-such-host.invalid", *connection.servers]
    connection.save()
    assert synchronised(connection).state == Run.State.DONE


def test_an_answer_that_was_cut_short_by_a_limit_is_no_answer(slapd: Slapd) -> None:
    connection = connected(slapd)
    synchronised(connection)
    slapd.change(size_limit=40, paged_limit="40")
    run = synchronised(connection)
    assert run.state == Run.State.FAILED
    assert "tells only a part" in run.error
    assert nobody_has_left()
    slapd.change(size_limit=40, paged_limit="unlimited")
    assert synchronised(connection, is_full=True).state == Run.State.DONE


def test_what_is_not_told_at_once_is_told_in_pages(slapd: Slapd) -> None:
    connection = connected(slapd)
    with connect(connection) as directory:
        everybody = {entry.dn for entry in directory.search(slapd.base, "(uid=*)", ["uid"])}
    slapd.change(size_limit=40, paged_limit="unlimited")
    assert len(everybody) > 40
    with connect(connection) as directory:
        told = [entry.dn for entry in directory.search(slapd.base, "(uid=*)", ["uid"], page=0)]
    assert (len(told), set(told)) == (len(everybody), everybody)


@contextmanager
def between(slapd: Slapd, *, most: int, then: Callable[[], None] = lambda: None) -> Iterator[str]:
    """A line that breaks after so many bytes of answers, when `then` has been done."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _address = listener.accept()
        server = socket.create_connection((slapd.address, slapd.port))
        threading.Thread(target=_pump, args=(client, server, 10**9), daemon=True).start()
        _pump(server, client, most, then)

    threading.Thread(target=serve, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def _pump(
    source: socket.socket, target: socket.socket, most: int, then: Callable[[], None] = lambda: None
) -> None:
    with suppress(OSError):
        while most > 0 and (data := source.recv(min(most, 4096))):
            target.sendall(data)
            most -= len(data)
    then()
    # To close alone would wait for the other thread, which still listens.
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("most", [20, 2000, 6000])
def test_a_line_that_is_cut_in_the_middle_of_a_page_ends_the_run(slapd: Slapd, most: int) -> None:
    connection = connected(slapd)
    synchronised(connection)
    usual = connection.servers
    with between(slapd, most=most) as cut:
        connection.servers = [cut]
        connection.save()
        run = synchronised(connection, is_full=True)
    assert run.state == Run.State.FAILED
    assert run.error
    assert nobody_has_left()
    connection.servers = usual
    connection.save()
    assert synchronised(connection).state == Run.State.DONE


def test_a_server_killed_in_the_middle_of_a_page_ends_the_run(slapd: Slapd) -> None:
    connection = connected(slapd)
    synchronised(connection)
    usual = connection.servers
    # Behind what is read at the start, and before the end of the first page.
    with between(slapd, most=6000, then=slapd.kill) as killed:
        connection.servers = [killed]
        connection.save()
        run = synchronised(connection, is_full=True)
    assert (run.state, slapd.is_running) == (Run.State.FAILED, False)
    assert nobody_has_left()
    slapd.start()
    connection.servers = usual
    connection.save()
    assert told(synchronised(connection)) == []


def test_a_server_killed_while_it_answers_ends_the_run(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connected(slapd)
    synchronised(connection)
    people = Reader.people

    def killed(reader: Any) -> Iterator[Any]:
        slapd.kill()
        yield from people(reader)

    monkeypatch.setattr(Reader, "people", killed)
    run = synchronised(connection, is_full=True)
    assert run.state == Run.State.FAILED
    assert nobody_has_left()
    monkeypatch.undo()
    slapd.start()
    assert told(synchronised(connection)) == []


def test_a_right_taken_away_is_asked_about(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd)
    synchronised(connection)
    slapd.change(rules=(f'access to dn.subtree="ou=Secret,{slapd.base}" by * none',))
    run = synchronised(connection)
    assert run.state == Run.State.ASKING
    assert "30 of 60 people" in run.question
    assert nobody_has_left()
    assert len(told(run, Change.Action.SUSPEND)) == PEOPLE // 2
    # It was given back before anybody answered.
    slapd.change(rules=())
    Run.objects.update(started_at=None, asked_at=run.asked_at.replace(year=2020))
    run_due(timezone.now())
    run.refresh_from_db()
    assert (run.state, nobody_has_left()) == (Run.State.DONE, True)


def test_a_question_ends_with_the_run_that_finds_its_reason_no_more(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd)
    synchronised(connection)
    elsewhere = Run.objects.create(
        connection=connected(slapd, name="Elsewhere"), mode=Run.Mode.SYNC, state=Run.State.ASKING
    )

    def asking() -> set[int]:
        of_it = connection.runs.filter(state=Run.State.ASKING)
        return set(of_it.values_list("pk", flat=True))

    def asked_for() -> Run:
        run = ask_run(connection, Run.Mode.SYNC, by=olga)
        assert run_once(run.pk)
        run.refresh_from_db()
        return run

    slapd.change(rules=(f'access to dn.subtree="ou=Secret,{slapd.base}" by * none',))
    first = synchronised(connection)
    assert asking() == {first.pk}
    # A look at it is no answer, nor is a run that has seen nothing.
    previewed(connection)
    slapd.stop()
    assert asked_for().state == Run.State.FAILED
    assert asking() == {first.pk}
    slapd.start()
    second = asked_for()
    assert asking() == {second.pk}
    slapd.change(rules=())
    assert asked_for().state == Run.State.DONE
    assert asking() == set()
    first.refresh_from_db()
    assert (first.state, first.finished_at is not None) == (Run.State.CANCELLED, True)
    with pytest.raises(ValidationError, match="answered already"):
        answer_guard(second, is_allowed=True, by=olga)
    elsewhere.refresh_from_db()
    assert elsewhere.state == Run.State.ASKING


def test_what_the_guard_asks_may_be_allowed(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd)
    synchronised(connection)
    slapd.change(rules=(f'access to dn.subtree="ou=Secret,{slapd.base}" by * none',))
    run = synchronised(connection)
    answer_guard(run, is_allowed=True, by=olga)
    assert run_once(run.pk)
    run.refresh_from_db()
    assert run.state == Run.State.DONE
    assert User.objects.filter(status="suspended").count() == PEOPLE // 2


def test_an_empty_base_is_asked_about(slapd: Slapd) -> None:
    connection = connected(slapd, f"ou=Secret,{slapd.base}", rules={"guard_people": 1000})
    synchronised(connection)
    connection.people_filter = "(cn=nobody)"
    connection.save()
    run = synchronised(connection)
    assert run.state == Run.State.ASKING
    assert "nobody is in it" in run.question


def test_one_entry_that_cannot_be_written_stops_no_other(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Performer._link

    def refusing(performer: Performer, steps: Any, ids: Any) -> None:
        if any(step.stable_id and step.name.endswith("p7") for step in steps):
            raise ValueError("the seventh")
        real(performer, steps, ids)

    monkeypatch.setattr(Performer, "_link", refusing)
    connection = connected(slapd)
    run = synchronised(connection)
    # And the department.
    assert (run.state, run.counts) == (Run.State.DONE, {"create": PEOPLE - 1 + 1, "failed": 1})
    assert not User.objects.filter(login="p7").exists()
    assert Link.objects.filter(kind="person").count() == PEOPLE - 1
    monkeypatch.undo()
    assert synchronised(connection).counts == {"create": 1}


KILLED = """
import os, sys, time, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from box.bridges.directory import apply, sync
from box.bridges.directory.models import Run
stage, left = sys.argv[2], int(sys.argv[3])
sync.BATCH = 10
holder = apply.Performer if hasattr(apply.Performer, stage) else apply
real = getattr(holder, stage)
def slow(*args, **kwargs):
    global left
    left -= 1
    told = real(*args, **kwargs)
    if left == 0:
        print("in the middle", flush=True)
        time.sleep(600)
    return told
setattr(holder, stage, slow)
sync.perform_run(Run.objects.get(state="waiting"))
"""


def killed(connection: Connection, stage: str, *, calls: int) -> None:
    """A run in a process of its own, which is killed (-9) when it has done this for the so-many-th time."""
    Run.objects.create(connection=connection, mode=Run.Mode.SYNC)
    name = database.settings_dict["NAME"]
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, name, stage, str(calls)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "box.settings"},
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    until(lambda: not _others(name))


def finished() -> Run:
    """By schedule, once it is seen that nobody does it any more."""
    left = Run.objects.going().get()
    Run.objects.filter(pk=left.pk).update(moved_at=None, asked_at=left.asked_at.replace(year=2020))
    run_due(timezone.now())
    left.refresh_from_db()
    return left


@pytest.mark.django_db(transaction=True)
def test_a_box_killed_in_the_middle_finishes_at_the_next_run(slapd: Slapd) -> None:
    create_user(NewUser(login="olga", is_administrator=True), password=None, by=None)
    killed(connected(slapd), "_write_people_down", calls=3)
    assert User.objects.count() == 1 + 20
    assert Link.objects.filter(kind="person").count() == 20
    assert Change.objects.filter(kind="person").count() == 20
    run = finished()
    # And the department; what was done before the kill stays said, and is counted.
    assert (run.state, run.counts) == (Run.State.DONE, {"create": PEOPLE + 1})
    assert Change.objects.filter(kind="person", action="create").count() == PEOPLE
    assert User.objects.count() == 1 + PEOPLE
    assert told(synchronised(Connection.objects.get(), is_full=True)) == []


@pytest.mark.django_db(transaction=True)
def test_pictures_that_a_kill_has_left_out_come_with_the_next_run(slapd: Slapd) -> None:
    create_user(NewUser(login="olga", is_administrator=True), password=None, by=None)
    for number, colour in enumerate(("red", "blue")):
        slapd.apply(entries.modify(f"cn=p{number},{slapd.base}", jpegPhoto=picture(colour)))
    killed(connected(slapd), "set_photo", calls=1)
    assert Link.objects.people().count() == PEOPLE
    assert Link.objects.people().exclude(photo_fingerprint="").count() == 0
    assert finished().state == Run.State.DONE
    for login in ("p0", "p1"):
        assert User.objects.get(login=login).photo is not None
    assert told(synchronised(Connection.objects.get(), is_full=True)) == []


@pytest.mark.django_db(transaction=True)
def test_heads_that_a_kill_has_left_out_come_with_the_next_run(slapd: Slapd) -> None:
    """Nobody is news any more by then."""
    create_user(NewUser(login="olga", is_administrator=True), password=None, by=None)
    connection = connected(slapd)
    synchronised(connection)
    secret = f"ou=Secret,{slapd.base}"
    for number in (1, 2):
        slapd.apply(entries.modify(f"cn=s{number},{secret}", manager=f"cn=s0,{secret}"))
    killed(connection, "forget_conflicts", calls=1)
    assert finished().state == Run.State.DONE
    heads = Membership.objects.filter(role=Membership.Role.HEAD, department__name="Secret")
    assert list(heads.values_list("user__login", flat=True)) == ["s0"]
    # What has come to its end is followed by what is new, as usual.
    assert not synchronised(connection).is_full


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("stage", "has_happened"),
    chosen(
        "kills of an exchange of names",
        [
            # The names are written, and of the rest nothing; all is written, and not committed.
            ("change_people", False),
            ("_link", False),
            ("_write_people_down", False),
            # Committed, and the run is not at its end.
            ("forget_conflicts", True),
        ],
    ),
)
def test_names_that_change_hands_while_the_box_is_killed_are_never_between(
    slapd: Slapd, stage: str, has_happened: bool
) -> None:
    create_user(NewUser(login="olga", is_administrator=True), password=None, by=None)
    logins = ["p0", "p1", "p2", "p3"]
    for login in logins:
        slapd.apply(entries.modify(f"cn={login},{slapd.base}", mail=f"{login}@corp.test"))
    connection = connected(slapd)
    assert synchronised(connection).error == ""
    people = {login: User.objects.get(login=login).pk for login in logins}

    def names() -> list[tuple[str, str]]:
        rows = {one.pk: (one.login, one.email) for one in User.objects.filter(pk__in=people.values())}
        return [rows[people[login]] for login in logins]

    before = [(login, f"{login}@corp.test") for login in logins]
    after = [*before[1:], before[0]]
    assert names() == before
    for login, (new, mail) in zip(logins, after, strict=True):
        slapd.apply(entries.modify(f"cn={login},{slapd.base}", uid=new, mail=mail))
    killed(connection, stage, calls=1)
    assert names() == (after if has_happened else before)
    assert SignInName.objects.filter(person__in=people.values()).count() == 2 * len(logins)
    run = finished()
    assert (run.state, run.error) == (Run.State.DONE, "")
    assert names() == after
    assert not connection.conflicts.exists()
    assert told(synchronised(connection, is_full=True)) == []


def test_of_a_killed_run_it_is_said_what_it_has_done(slapd: Slapd) -> None:
    connection = connected(slapd)
    synchronised(connection)
    run = Run.objects.create(connection=connection, mode=Run.Mode.SYNC, state=Run.State.RUNNING)
    for name, action, outcome, stable_id in (
        ("suspended", "suspend", "done", "1"),
        ("told of", "report", "done", "1"),
        ("in sum", "report", "done", ""),
        ("left out", "skip", "done", "1"),
        ("failed", "suspend", "failed", "1"),
        ("planned", "suspend", "planned", "1"),
    ):
        Change.objects.create(
            run=run, kind="person", name=name, action=action, outcome=outcome, stable_id=stable_id
        )
    sync.perform_run(run)
    run.refresh_from_db()
    assert set(run.changes.values_list("name", flat=True)) == {"suspended", "told of"}
    assert (run.state, run.counts) == (Run.State.DONE, {"suspend": 1, "report": 1})
    # Also where it cannot go on.
    slapd.stop()
    Run.objects.update(state=Run.State.RUNNING)
    sync.perform_run(run)
    run.refresh_from_db()
    assert (run.state, run.counts) == (Run.State.FAILED, {"suspend": 1, "report": 1})


def test_what_somebody_decides_while_a_run_is_going_stays_decided(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd, slapd.base)
    synchronised(connection)
    unlinked, again, other = (
        Link.objects.people().get(dn=f"cn=p{number},{slapd.base}") for number in range(1, 4)
    )
    unlink_person(again, by=olga)
    conflict = Conflict.objects.get(stable_id=again.stable_id)
    for link in (unlinked, again, other):
        slapd.apply(entries.modify(link.dn, givenName="Q"))
    asked: list[Run] = []

    def decide(news: Mapping[str, Any]) -> None:
        if news.get("stage") == Run.Stage.WRITING:
            unlink_person(unlinked, by=olga)
            asked.append(link_entry(conflict, by=olga))

    run = synchronised(connection, is_full=True, tell=decide)
    assert run.state == Run.State.DONE
    assert not Link.objects.filter(stable_id=unlinked.stable_id).exists()
    apart = Conflict.objects.get()
    assert (apart.stable_id, apart.decision) == (unlinked.stable_id, Conflict.Decision.APART)
    assert User.objects.get(login="p1").owners == {}
    assert User.objects.get(login="p3").first_name == "Q"
    # What was linked is written by the run that follows, and not by the one that had read it before.
    (following,) = asked
    assert (following.state, following.pk > run.pk) == (Run.State.WAITING, True)
    assert ask_run(connection, Run.Mode.SYNC, by=olga, anew=True) == following
    assert User.objects.get(login="p2").first_name == "P"
    sync.perform_run(following)
    assert User.objects.get(login="p2").first_name == "Q"
    assert Link.objects.people().get(stable_id=again.stable_id).object_id == again.object_id
    assert told(synchronised(connection, is_full=True), Change.Action.LINK) == []


def test_a_directory_is_not_renamed_while_it_is_synchronised(slapd: Slapd, olga: User) -> None:
    """What comes from it would be owned under a name that nothing has."""
    connection = connected(slapd, slapd.base)
    synchronised(connection)
    renamed = Connection.objects.get()
    renamed.name = "Renamed"
    stages = []

    def rename(news: Mapping[str, Any]) -> None:
        if "stage" in news:
            with pytest.raises(ValidationError, match="Corp is being synchronised"):
                save_connection(renamed, by=olga)
            stages.append(news["stage"])
            # Its schedule is another matter.
            save_connection(Connection.objects.get(), by=olga)

    assert synchronised(connection, tell=rename).state == Run.State.DONE
    assert len(stages) == len(Run.Stage)
    # Who only looks writes nothing.
    Run.objects.create(connection=connection, mode=Run.Mode.PREVIEW, state=Run.State.RUNNING)
    save_connection(renamed, by=olga)
    assert set(User.objects.get(login="p1").owners.values()) == {"Renamed"}


def test_a_run_that_is_stopped_keeps_what_it_has_done_and_the_next_does_the_rest(
    slapd: Slapd, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "BATCH", 10)
    connection = connected(slapd)
    written = 0

    def stop(news: Mapping[str, Any]) -> None:
        nonlocal written
        written += news.keys() == {"done"} and Run.objects.get().stage == Run.Stage.WRITING
        # The first is that of the departments.
        if written == 3:
            cancel_run(Run.objects.get(), by=olga)

    run = synchronised(connection, tell=stop)
    # And the department.
    assert (run.state, run.counts) == (Run.State.CANCELLED, {"create": 31})
    assert User.objects.exclude(pk=olga.pk).count() == Link.objects.filter(kind="person").count() == 30
    assert not Cursor.objects.exists()
    with pytest.raises(ValidationError, match="over already"):
        cancel_run(run, by=olga)
    assert synchronised(connection).counts == {"create": PEOPLE - 30}


@pytest.mark.django_db(transaction=True)
def test_a_directory_that_is_removed_in_the_middle_of_a_run_ends_it(slapd: Slapd, olga: User) -> None:
    connection = connected(slapd)
    run = Run.objects.create(connection=connection, mode=Run.Mode.SYNC)

    def remove(news: Mapping[str, Any]) -> None:
        if news.get("stage") == Run.Stage.WRITING:
            delete_connection(Connection.objects.get(), by=olga)

    sync.perform_run(run, tell=remove)
    assert not User.objects.exclude(pk=olga.pk).exists()


def _others(name: str) -> int:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [name]
        )
        return int(cursor.fetchone()[0])


def test_the_guards_history_counts_the_last_day(slapd: Slapd) -> None:
    connection = connected(slapd, rules={"guard_people": 5, "guard_percent": 100.0})
    synchronised(connection)
    for number in range(4):
        slapd.apply(entries.delete(f"cn=p{number},{slapd.base}"))
    assert synchronised(connection).state == Run.State.DONE
    for number in range(4, 6):
        slapd.apply(entries.delete(f"cn=p{number},{slapd.base}"))
    run = synchronised(connection)
    assert run.state == Run.State.ASKING
    assert "4 were within" in run.question
