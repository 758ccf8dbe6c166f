"""The push service among things that break."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from box.core.accounts.actions import end_session
from box.core.accounts.models import Session
from box.core.events.delivery import deliver_all
from box.core.push.models import PushMessage
from tests.box.core.push.listening import EventSource, listening
from tests.box.processes import PATIENCE, PUSH, database_away, get, serving, stop, until

if TYPE_CHECKING:
    from box.core.accounts.models import User

SessionOf = Callable[["User"], str]
Tell = Callable[..., None]


def publishers() -> list[int]:
    """The database's process ids of those who hold the lock: one, or for a moment none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory'"
            " AND granted AND datname = current_database()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def test_the_database_goes_and_returns_and_nothing_is_lost(
    push: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    session = session_of(anna)
    with listening(push, session) as of_anna:
        tell("UA", "before")
        assert of_anna.next_message().kind == "before"
        with database_away():
            tell("UA", "meanwhile")
            assert get(push, "/healthz")[0] == 200
            assert EventSource(push, session).status == 503
        tell("UA", "after")
        assert [of_anna.next_message().kind, of_anna.next_message().kind] == ["meanwhile", "after"]
        with listening(push, session):
            pass


def test_a_service_that_starts_before_the_database_waits_for_it(
    env: dict[str, str], tmp_path: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    session, path = session_of(anna), tmp_path / "push.sock"
    with database_away():
        process = serving([*PUSH, "--uds", str(path)], path, env=env)
        process.__enter__()
        assert EventSource(path, session).status == 503
    try:
        until(lambda: EventSource(path, session).status == 200)
    finally:
        process.__exit__(None, None, None)


def test_numbers_that_jumped_reset_everybody(
    push: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    """As after a restore of the database to an earlier time."""
    with listening(push, session_of(anna)) as of_anna:
        tell("UA", "first")
        tell("UA", "second")
        assert [of_anna.next_message().kind, of_anna.next_message().kind] == ["first", "second"]
        with database_away():
            PushMessage.objects.filter(kind="second").delete()
        reset = of_anna.next()
        assert reset is not None
        assert (reset.name, reset.number) == ("reset", PushMessage.objects.get().number)
        tell("UA", "third")
        assert of_anna.next_message().kind == "third"


def test_who_comes_from_a_service_that_was_ahead_is_told_nothing_twice(
    push: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    """In a cluster the one on another node may have lost the database for longer."""
    session = session_of(anna)
    with listening(push, session) as of_anna:
        tell("UA", "first")
        last = of_anna.next_message().number
    # Numbered by another one, of which this one hears as soon as it looks by itself.
    PushMessage.objects.create(number=last + 1, topic="feed", kind="second", audience=["UA"])
    with closing(EventSource(push, session, Last_Event_ID=str(last + 1))) as source:
        hello = source.next()
        assert hello is not None
        assert (hello.name, hello.number) == ("hello", last + 1)
        tell("UA", "third")
        assert source.next_message().kind == "third"


def test_who_is_signed_out_while_a_service_catches_up_hears_nothing(
    push: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    session = session_of(anna)
    with listening(push, session) as of_anna:
        tell("UA", "first")
        last = of_anna.next_message().number
    PushMessage.objects.create(number=last + 1, topic="feed", kind="second", audience=["UA"])
    with ThreadPoolExecutor(1) as page:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE push_pushmessage IN ACCESS EXCLUSIVE MODE")
            coming = page.submit(EventSource, push, session, Last_Event_ID=str(last + 1))
            until(asks_how_far_it_is)
            end_session(Session.objects.get(session_key=session))
            deliver_all()
        with closing(coming.result(PATIENCE)) as source:
            assert source.status == 401


def asks_how_far_it_is() -> bool:
    """Whether a service that has seen who somebody is waits for this connection's lock."""
    with connection.cursor() as cursor:
        # Within a transaction it would be what it was at first.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%pg_is_in_recovery%' AND pid <> pg_backend_pid()"
        )
        return bool(cursor.fetchone()[0])


def test_who_comes_from_before_a_restore_looks_at_everything(
    push: Path, anna: User, session_of: SessionOf, tell: Tell
) -> None:
    session = session_of(anna)
    with listening(push, session) as of_anna:
        tell("UA", "first")
        last = of_anna.next_message().number
    with closing(EventSource(push, session, Last_Event_ID=str(last + 100))) as source:
        reset = source.next()
    assert reset is not None
    assert (reset.name, reset.number) == ("reset", last)


def test_two_services_hear_the_same_and_a_killed_publisher_is_replaced(
    env: dict[str, str], tmp_path: Path, anna: User, boris: User, session_of: SessionOf, tell: Tell
) -> None:
    paths = [tmp_path / "one.sock", tmp_path / "two.sock"]
    with (
        serving([*PUSH, "--uds", str(paths[0])], paths[0], env=env) as first,
        listening(paths[0], session_of(anna)) as of_anna,
        serving([*PUSH, "--uds", str(paths[1])], paths[1], env=env),
        listening(paths[1], session_of(boris)) as of_boris,
    ):
        for kind in ("one", "two"):
            tell("UA", kind)
            assert of_anna.next_message() == of_boris.next_message()
        assert len(publishers()) == 1
        first.send_signal(signal.SIGKILL)
        first.wait()
        tell("UA", "three")
        tell("UA", "four")
        three, four = of_boris.next_message(), of_boris.next_message()
        assert (three.kind, four.kind) == ("three", "four")
        assert four.number == three.number + 1
        assert len(publishers()) == 1


@pytest.mark.parametrize("reads", [True, False])
def test_stopping_ends_streams_with_a_time_to_come_back(
    env: dict[str, str], tmp_path: Path, anna: User, session_of: SessionOf, tell: Tell, reads: bool
) -> None:
    """Also while somebody doesn't read, whose buffer can never be emptied."""
    path = tmp_path / "push.sock"
    with (
        serving([*PUSH, "--uds", str(path)], path, env=env) as process,
        listening(path, session_of(anna)) as of_anna,
        listening(path, session_of(anna)) as stuck,
    ):
        if not reads:
            for _ in range(20):
                tell("UA", "big", text="x" * 50_000)
                assert of_anna.next_message().kind == "big"
        assert stop(process) in (0, -signal.SIGTERM)
        assert of_anna.next() is None
        assert of_anna.retry is not None
        assert stuck.socket.fileno() > 0
    assert not path.exists()


def test_a_socket_of_a_killed_service_is_no_obstacle(env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "push.sock"
    with serving([*PUSH, "--uds", str(path)], path, env=env) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    assert path.exists()
    with serving([*PUSH, "--uds", str(path)], path, env=env) as process:
        assert isinstance(process, subprocess.Popen)
        assert get(path, "/healthz") == (200, b"ok\n")
