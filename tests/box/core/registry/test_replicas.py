"""When a page is read from a replica, and that nobody reads less than they wrote.

Real replicas are in `tests/appliance/cluster/test_traffic.py`; here their verdict is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.cookies import Morsel
from pathlib import Path

import pytest
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import MiddlewareNotUsed
from django.core.signing import get_cookie_signer
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from box.core.accounts import gate
from box.core.accounts.models import User
from box.core.registry import replicas as module
from box.core.registry.replicas import (
    COOKIE,
    NOTE,
    OLDEST,
    Note,
    ReplicaMiddleware,
    Replicas,
    Verdict,
    judge,
    noted,
    own_position,
)
from box.core.registry.settings import Remembered, as_of
from box.lib.replicas import (
    REPLICA,
    Reading,
    ReplicaRouter,
    alias_for_reads,
    at_leader,
    current,
    reading_from,
)

ROUTER = ReplicaRouter()
HEAD = 5_000


@pytest.mark.parametrize(
    ("replayed", "note", "own", "verdict"),
    [
        (HEAD, Note(HEAD, 0.5), 0, Verdict.REPLICA),
        (HEAD - 1, Note(HEAD, 0.5), 0, Verdict.BEHIND),
        (HEAD, Note(HEAD, OLDEST), 0, Verdict.REPLICA),
        (HEAD, Note(HEAD, OLDEST + 0.001), 0, Verdict.UNKNOWN),
        (HEAD, Note(HEAD, -0.001), 0, Verdict.UNKNOWN),
        (HEAD, None, 0, Verdict.UNKNOWN),
        (HEAD + 10, Note(HEAD, 0.5), HEAD + 10, Verdict.REPLICA),
        (HEAD + 9, Note(HEAD, 0.5), HEAD + 10, Verdict.BEHIND),
    ],
)
def test_a_replica_is_read_from_when_it_has_enough(
    replayed: int, note: Note | None, own: int, verdict: Verdict
) -> None:
    assert judge(replayed, note, own=own) is verdict


def test_a_note_is_as_old_as_the_clock_of_the_machine_says(tmp_path: Path) -> None:
    file = tmp_path / NOTE
    assert noted(file) is None
    file.write_text(f"{HEAD} {time.monotonic_ns() - 2_000_000_000}\n")
    found = noted(file)
    assert found is not None and found.position == HEAD and 2 <= found.age < 60
    for broken in ("", "5000", "5000 soon\n"):
        file.write_text(broken)
        assert noted(file) is None


# --- what a request reads from


def test_without_a_request_everything_is_the_leaders() -> None:
    assert alias_for_reads() == ROUTER.db_for_read(None) == DEFAULT_DB_ALIAS


def test_a_request_reads_from_the_replica_until_it_writes() -> None:
    with reading_from(Reading(REPLICA)) as _:
        assert ROUTER.db_for_read(None) == REPLICA
        assert ROUTER.db_for_write(None) == DEFAULT_DB_ALIAS
        assert ROUTER.db_for_read(None) == DEFAULT_DB_ALIAS
    assert alias_for_reads() == DEFAULT_DB_ALIAS


def test_what_stands_in_a_transaction_is_the_leaders(monkeypatch: pytest.MonkeyPatch) -> None:
    with reading_from(Reading(REPLICA)):
        monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "in_atomic_block", True)
        assert alias_for_reads() == DEFAULT_DB_ALIAS
        monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "in_atomic_block", False)
        assert alias_for_reads() == REPLICA


def test_what_is_kept_is_read_at_the_leader() -> None:
    with reading_from(Reading(REPLICA)):
        with at_leader():
            assert alias_for_reads() == DEFAULT_DB_ALIAS
        assert alias_for_reads() == REPLICA


def test_what_a_worker_remembers_by_version_is_read_at_the_leader() -> None:
    remembered = Remembered(alias_for_reads)
    for version in (1, 2):
        with reading_from(Reading(REPLICA)), as_of(version):
            assert remembered.value == DEFAULT_DB_ALIAS
            assert alias_for_reads() == REPLICA


def test_nothing_is_migrated_on_a_replica() -> None:
    assert ROUTER.allow_migrate(REPLICA, "feed") is False
    assert ROUTER.allow_migrate(DEFAULT_DB_ALIAS, "feed") is None


# --- the middleware


type Answer = Callable[[HttpRequest], HttpResponse]


@pytest.fixture
def verdict(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[Verdict]:
    """What the replicas are found to be; the last is the one that counts."""
    monkeypatch.setitem(settings.DATABASES, REPLICA, connections[DEFAULT_DB_ALIAS].settings_dict)
    found = [Verdict.REPLICA]
    replicas = Replicas()
    monkeypatch.setattr(replicas, "verdict", lambda own: found[-1])
    monkeypatch.setattr(replicas, "lose", lambda: found.append(Verdict.AWAY))
    monkeypatch.setattr(module, "replicas", replicas)
    return found


def asked(
    answer: Answer,
    method: str = "GET",
    user: User | AnonymousUser | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """By the person who is signed in, or somebody else, as Django does it."""
    request = RequestFactory().generic(method, "/feed/", headers=headers)
    request.user = user or User()

    def resolved(request: HttpRequest) -> HttpResponse:
        return middleware.process_view(request, answer, (), {}) or answer(request)

    middleware = ReplicaMiddleware(resolved)
    return middleware(request)


def test_a_single_box_has_no_such_thing() -> None:
    with pytest.raises(MiddlewareNotUsed):
        ReplicaMiddleware(lambda _: HttpResponse())


def read_from(aliases: list[str], *statuses: int) -> Answer:
    left = list(statuses)

    def answer(_: HttpRequest) -> HttpResponse:
        aliases.append(alias_for_reads())
        return HttpResponse(status=left.pop(0) if left else 200)

    return answer


def test_a_page_is_read_from_a_replica_and_a_part_of_one_is_not(verdict: list[Verdict]) -> None:
    aliases: list[str] = []
    asked(read_from(aliases))
    asked(read_from(aliases), headers={"HX-Request": "true", "HX-Boosted": "true"})
    asked(read_from(aliases), headers={"HX-Request": "true"})
    assert aliases == [REPLICA, REPLICA, DEFAULT_DB_ALIAS]
    assert module.replicas.verdicts == {Verdict.REPLICA: 2, Verdict.LEADER: 1}


def test_who_is_not_signed_in_reads_at_the_leader_and_gets_no_cookie(verdict: list[Verdict]) -> None:
    aliases: list[str] = []
    for method in ("GET", "POST", "PROPFIND"):
        assert COOKIE not in asked(read_from(aliases), method, AnonymousUser()).cookies
    assert {*aliases} == {DEFAULT_DB_ALIAS}


def test_what_opens_by_its_address_alone_is_read_at_the_leader(verdict: list[Verdict]) -> None:
    aliases: list[str] = []
    asked(login_not_required(read_from(aliases)))
    assert aliases == [DEFAULT_DB_ALIAS]


def test_whether_somebody_may_go_on_is_asked_of_the_leader(
    client: Client, anna: User, verdict: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate asks when the view is known, which is within all middleware."""
    aliases: list[str] = []

    def noted(*_: object) -> bool:
        reading = current()
        assert reading is not None
        aliases.append(reading.alias)
        return True

    monkeypatch.setattr(gate, "may_come_from", noted)
    client.force_login(anna)
    assert client.get("/employees/").status_code == 200
    assert aliases == [DEFAULT_DB_ALIAS]
    assert module.replicas.verdicts == {Verdict.REPLICA: 1}


def test_what_was_written_while_the_leader_was_read_is_known() -> None:
    with reading_from(Reading(REPLICA)) as _:
        with at_leader():
            ROUTER.db_for_write(None)
        assert alias_for_reads() == DEFAULT_DB_ALIAS


@pytest.mark.parametrize("why", [Verdict.BEHIND, Verdict.UNKNOWN, Verdict.AWAY])
def test_a_replica_that_has_not_enough_is_not_read_from(verdict: list[Verdict], why: Verdict) -> None:
    verdict.append(why)
    aliases: list[str] = []
    asked(read_from(aliases))
    assert aliases == [DEFAULT_DB_ALIAS]


@pytest.mark.parametrize("status", [404, 500, 503])
def test_what_a_replica_lacks_is_asked_of_the_leader(verdict: list[Verdict], status: int) -> None:
    aliases: list[str] = []
    assert asked(read_from(aliases, status)).status_code == 200
    assert aliases == [REPLICA, DEFAULT_DB_ALIAS]
    assert verdict[-1] is (Verdict.AWAY if status == 503 else Verdict.REPLICA)


def test_what_was_refused_is_asked_once(verdict: list[Verdict]) -> None:
    aliases: list[str] = []
    assert asked(read_from(aliases, 403)).status_code == 403
    assert aliases == [REPLICA]


def test_a_page_that_wrote_is_not_made_twice(db: None, verdict: list[Verdict]) -> None:
    asks: list[str] = []

    def answer(_: HttpRequest) -> HttpResponse:
        asks.append(ROUTER.db_for_write(None))
        return HttpResponse(status=404)

    response = asked(answer)
    assert response.status_code == 404 and len(asks) == 1
    assert COOKIE in response.cookies


def own_after(morsel: Morsel[str]) -> int:
    request = RequestFactory().get("/")
    request.COOKIES[COOKIE] = morsel.value
    return own_position(request)


def test_who_writes_reads_nothing_older_from_then_on(db: None, verdict: list[Verdict]) -> None:
    response = asked(lambda _: HttpResponse(status=302), "POST")
    cookie = response.cookies[COOKIE]
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        (now,) = cursor.fetchone()
    assert 0 < own_after(cookie) <= now
    assert cookie["httponly"] and cookie["secure"] and cookie["max-age"] > OLDEST
    assert COOKIE not in asked(lambda _: HttpResponse()).cookies


def test_a_clock_that_is_ahead_forgets_nothing(
    db: None, verdict: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = asked(lambda _: HttpResponse(status=302), "POST").cookies[COOKIE]
    known = own_after(cookie)
    ahead = time.time() + 600
    monkeypatch.setattr("django.core.signing.time.time", lambda: ahead)
    assert own_after(cookie) == known > 0


def test_where_the_position_is_not_known_the_leader_is_read(
    verdict: list[Verdict], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "cursor", away)
    own = own_after(asked(lambda _: HttpResponse(status=302), "POST").cookies[COOKIE])
    assert judge(HEAD, Note(HEAD, 0.1), own=own) is Verdict.BEHIND


def test_a_cookie_that_was_not_signed_here_counts_for_nothing() -> None:
    request = RequestFactory().get("/")
    for forged in ("0", f"{HEAD}", get_cookie_signer(salt="other").sign(f"{HEAD}")):
        request.COOKIES[COOKIE] = forged
        assert own_position(request) == 0


# --- a copy in the leader's place


@pytest.mark.parametrize(
    ("lacks", "noted_at", "status"), [(0, 0, 200), (0, 1, 503), (1, 0, 503)], ids=["all", "noted", "own"]
)
def test_a_copy_in_the_leaders_place_shows_nothing_old(
    db: None, verdict: list[Verdict], worker: Replicas, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    lacks: int, noted_at: int, status: int,
) -> None:  # fmt: skip
    """Of which somebody wrote, or the machine once noted, more than it has; a note is good at any age."""
    verdict.append(Verdict.UNKNOWN)
    (settings.STATE_DIR / NOTE).write_text(f"{noted_at * (1 << 62)} 1\n")
    monkeypatch.setattr(module, "own_position", lambda _: lacks * (1 << 62))
    assert asked(lambda _: HttpResponse()).status_code == 200, "the leader has everything"
    monkeypatch.setattr(module, "_is_copy", lambda _: True)
    said = asked(lambda _: HttpResponse())
    assert said.status_code == status
    assert status == 200 or "Its database does not answer" in said.text


def test_a_leader_says_that_it_is_no_copy(db: None) -> None:
    connections[DEFAULT_DB_ALIAS].ensure_connection()
    assert not module._is_copy(connections[DEFAULT_DB_ALIAS])


# --- what is asked of a replica


@pytest.fixture
def worker(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replicas:
    """With a note of the leader's position that is fresh, and a clock that stands."""
    settings.STATE_DIR = tmp_path
    (tmp_path / NOTE).write_text(f"{HEAD} {time.monotonic_ns()}\n")
    return Replicas(clock=lambda: 100.0)


class Connection:
    """Of a replica that is not there: closed as often as it was."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    def cursor(self) -> None:
        raise OperationalError("gone")


def test_a_replica_that_is_away_is_tried_twice_and_then_left_alone(
    worker: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Connection()
    monkeypatch.setattr(module, "connections", {REPLICA: gone})
    assert worker.verdict(0) is Verdict.AWAY and gone.closed == 2
    assert worker.verdict(0) is Verdict.AWAY and gone.closed == 2
    worker._clock = lambda: 100.0 + module.AWAY_SECONDS
    assert worker.verdict(0) is Verdict.AWAY and gone.closed == 4


def test_without_a_note_no_replica_is_asked(worker: Replicas, settings: Settings) -> None:
    (settings.STATE_DIR / NOTE).unlink()
    assert worker.verdict(0) is Verdict.UNKNOWN


def test_a_server_says_how_far_it_is(worker: Replicas, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    monkeypatch.setattr(module, "connections", {REPLICA: connections[DEFAULT_DB_ALIAS]})
    assert worker.verdict(0) is Verdict.REPLICA
    assert worker.verdict(1 << 62) is Verdict.BEHIND
