"""What the portal says when something is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.core.cache import cache
from django.db import DEFAULT_DB_ALIAS, Error, IntegrityError, InterfaceError, OperationalError, connection
from django.test import Client, RequestFactory

from box.core.registry import availability, health
from box.core.registry.availability import NotNow, Outage, Trouble, trouble_of
from box.lib.replicas import REPLICA, Reading, reading_from

if TYPE_CHECKING:
    from pytest_django import DjangoAssertNumQueries, Settings

    from box.core.accounts.models import User


@pytest.fixture(autouse=True)
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    """No test's outage is another's."""
    fresh = Outage()
    monkeypatch.setattr(availability, "outage", fresh)
    return fresh


@pytest.fixture
def flag(settings: Settings, tmp_path: Path) -> Path:
    settings.STATE_DIR = tmp_path
    return tmp_path / "read-only"


@contextmanager
def broken(message: str = "server closed the connection unexpectedly") -> Iterator[None]:
    """Every query fails as it does when the server is gone."""

    def fail(execute: object, sql: str, *args: object) -> None:
        raise OperationalError(message)

    with connection.execute_wrapper(fail):
        yield


def test_while_the_flag_stands_reading_works_and_writing_says_why(
    db: None, flag: Path, as_person: Callable[[User], Client], cara: User
) -> None:
    browser = as_person(cara)
    assert browser.get("/feed/").status_code == 200
    flag.write_text("0.1 % of the disk is free\n")
    assert browser.get("/feed/").status_code == 200
    refused = browser.post("/feed/", {"text": "hello"}, headers={"Accept": "text/html"})
    assert refused.status_code == 503
    assert "no space left" in refused.text
    assert refused["Retry-After"] == "60"
    flag.unlink()
    assert browser.post("/feed/", {"text": "hello"}).status_code != 503


def test_htmx_and_programs_get_the_bare_sentence_in_their_language(db: None, flag: Path) -> None:
    flag.touch()
    for headers in ({"HX-Request": "true", "Accept": "text/html"}, {"Accept": "application/json"}):
        refused = Client().delete("/feed/1/", headers=headers)
        assert refused.status_code == 503
        assert refused["Content-Type"] == "text/plain; charset=utf-8"
        assert "<" not in refused.text


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (psycopg.errors.ReadOnlySqlTransaction, Trouble.READ_ONLY),
        (psycopg.errors.DiskFull, Trouble.READ_ONLY),
        (psycopg.errors.AdminShutdown, Trouble.DATABASE_AWAY),
        (psycopg.errors.CannotConnectNow, Trouble.DATABASE_AWAY),
        (psycopg.errors.TooManyConnections, Trouble.DATABASE_AWAY),
        (psycopg.errors.UniqueViolation, None),
        (psycopg.errors.DeadlockDetected, None),
        (psycopg.errors.UndefinedTable, None),
    ],
)
def test_errors_are_told_apart_by_their_state(error: type[psycopg.Error], trouble: Trouble | None) -> None:
    wrapped = Error("wrapped")
    wrapped.__cause__ = error("message")
    assert trouble_of(wrapped) is trouble


def test_errors_without_a_state_are_the_connections() -> None:
    assert trouble_of(OperationalError("connection refused")) is Trouble.DATABASE_AWAY
    assert trouble_of(InterfaceError("the connection is closed")) is Trouble.DATABASE_AWAY
    assert trouble_of(IntegrityError("twice")) is None
    assert trouble_of(ValueError("ours")) is None


def test_what_says_so_itself_is_trouble() -> None:
    class Later(NotNow):
        trouble = Trouble.FILE_TO_COME

    assert trouble_of(Later()) is Trouble.FILE_TO_COME
    assert trouble_of(None) is None


@pytest.mark.parametrize(("alias", "is_outage"), [(DEFAULT_DB_ALIAS, True), (REPLICA, False)])
def test_a_replica_that_is_lost_is_no_outage(
    monkeypatch: pytest.MonkeyPatch, alias: str, is_outage: bool
) -> None:
    outage = Outage(clock=lambda: 0.0)
    monkeypatch.setattr(availability, "outage", outage)
    with reading_from(Reading(alias)):
        response = availability.answer_to(RequestFactory().get("/feed/"), OperationalError("gone"))
    assert response is not None and response.status_code == 503
    assert outage.refuses() is is_outage


def test_postgresql_says_read_only_by_itself(
    transactional_db: None, cara: User, as_person: Callable[[User], Client]
) -> None:
    browser = as_person(cara)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            refused = browser.post("/sign-out/")
        finally:
            cursor.execute("SET default_transaction_read_only = off")
    assert refused.status_code == 503
    assert refused["Retry-After"] == "60"


def test_a_database_that_is_away_is_a_page_and_no_stack_trace(
    db: None, cara: User, as_person: Callable[[User], Client]
) -> None:
    browser = as_person(cara)
    browser.raise_request_exception = False
    with broken():
        refused = browser.get("/", headers={"Accept": "text/html"})
    assert refused.status_code == 503
    assert refused["Retry-After"] == "5"
    assert "does not answer" in refused.text
    assert "Traceback" not in refused.text


def test_mistakes_of_ours_stay_errors(db: None, cara: User, as_person: Callable[[User], Client]) -> None:
    browser = as_person(cara)
    browser.raise_request_exception = False

    def fail(execute: object, sql: str, *args: object) -> None:
        raise ValueError("ours")

    with connection.execute_wrapper(fail):
        assert browser.get("/").status_code == 500


def test_an_outage_lets_one_request_in_a_while_try() -> None:
    now = 100.0
    outage = Outage(clock=lambda: now)
    assert not outage.refuses()
    outage.begin()
    assert outage.refuses()
    now += Outage.PAUSE_SECONDS
    assert not outage.refuses(), "this one tries"
    assert outage.refuses(), "the others don't wait with it"
    now += Outage.TRIAL_SECONDS
    assert not outage.refuses(), "it never came back: another tries"
    outage.end()
    assert not outage.refuses()


def test_during_an_outage_the_worker_is_healthy_and_the_rest_is_refused_at_once(
    db: None, outage: Outage, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    outage.begin()
    with django_assert_num_queries(0):
        assert Client().get("/").status_code == 503
        assert Client().get("/healthz").status_code == 200


def test_an_outage_ends_with_the_first_request_that_is_answered(
    db: None, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage.begin()
    monkeypatch.setattr(outage, "PAUSE_SECONDS", 0.0)
    outage.begin()
    assert Client().get("/", headers={"X-Forwarded-Proto": "https"}).status_code != 503
    assert outage._next_trial is None


@dataclass
class Clock:
    """A cluster's, whose time passes while somebody waits."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(settings: Settings, flag: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    settings.NODE = "node-1"
    clock = Clock()
    monkeypatch.setattr(availability, "outage", Outage(clock, clock.sleep))
    return clock


@contextmanager
def away_until(moment: float, clock: Clock) -> Iterator[None]:
    """Every query fails before another machine has taken over."""

    def fail(execute: Callable[..., object], *args: object) -> object:
        if clock.now < moment:
            raise OperationalError("server closed the connection unexpectedly")
        return execute(*args)

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.parametrize(("seconds", "status"), [(7.5, 200), (8.5, 503)])
def test_in_a_cluster_who_reads_waits_for_the_next_leader(
    transactional_db: None,
    clock: Clock,
    as_person: Callable[[User], Client],
    cara: User,
    seconds: float,
    status: int,
) -> None:
    browser = as_person(cara)
    browser.raise_request_exception = False
    with away_until(clock.now + seconds, clock):
        assert browser.get("/feed/").status_code == status
        # Whoever comes after those that waited in vain is told at once: their threads are needed.
        before = clock.now
        assert browser.get("/feed/").status_code == status
        assert clock.now == before


def test_what_may_have_been_done_is_not_asked_again(
    transactional_db: None, clock: Clock, as_person: Callable[[User], Client], cara: User
) -> None:
    """Nor is a program, for which a GET may write."""
    browser, program = as_person(cara), Client()
    browser.raise_request_exception = program.raise_request_exception = False
    before = clock.now
    with away_until(before + 1, clock):
        assert browser.post("/feed/", {"text": "hello"}).status_code == 503
        assert program.get("/sign-in/", headers={"X-Forwarded-Proto": "https"}).status_code == 503
    assert clock.now == before


def test_on_a_single_box_nobody_takes_over_and_nobody_waits(
    transactional_db: None, clock: Clock, settings: Settings, as_person: Callable[[User], Client], cara: User
) -> None:
    settings.NODE = ""
    browser, before = as_person(cara), clock.now
    browser.raise_request_exception = False
    with away_until(before + 1, clock):
        assert browser.get("/feed/").status_code == 503
    assert clock.now == before


def test_who_waits_for_a_copy_to_catch_up_keeps_nobody_else_from_trying() -> None:
    now = 100.0
    outage = Outage(clock=lambda: now)
    assert not outage.is_young()
    outage.notice()
    assert outage.is_young() and not outage.refuses()
    now += Outage.YOUNG_SECONDS - 0.001
    outage.begin()
    assert outage.is_young()
    now += 0.001
    assert not outage.is_young()
    outage.end()
    outage.notice()
    assert outage.is_young()


def test_healthz_asks_nobody(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_readyz_has_a_word_for_each_part(db: None, flag: Path) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "cache": "ok", "objects": "ok"}
    flag.touch()
    assert Client().get("/readyz").json()["database"] == "read-only"


def test_readyz_without_a_database_is_503_and_tells_no_reasons(db: None) -> None:
    with broken("password authentication failed"):
        answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "away"
    assert "password" not in answer.text


def test_readyz_without_cache_or_store_is_still_ready(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> str:
        raise OSError("no socket")

    monkeypatch.setitem(health.checks._offers, "objects", away)
    monkeypatch.setattr(cache, "get", lambda key: None)
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "cache": "away", "objects": "away"}


def test_what_no_database_can_hold_is_no_error_of_ours(
    db: None, as_person: Callable[[User], Client], anna: User
) -> None:
    browser = as_person(anna)
    browser.raise_request_exception = False
    answer = browser.get("/feed/audiences/?q=a%00b")
    assert answer.status_code == 400


def test_a_node_that_reads_its_copy_says_that_machines_are_missing_and_not_that_its_disk_is_full(
    db: None, flag: Path, settings: Settings, as_person: Callable[[User], Client], cara: User
) -> None:
    settings.NODE = "node-1"
    browser = as_person(cara)
    (flag.parent / "no-leader").touch()
    assert browser.get("/feed/").status_code == 200
    refused = browser.post("/feed/", {"text": "hello"}, headers={"Accept": "text/html"})
    assert refused.status_code == 503
    assert "Too few of its machines answer" in refused.text
    assert refused["Retry-After"] == "15"
    (flag.parent / "no-room").touch()
    refused = browser.post("/feed/", {"text": "hello"}, headers={"Accept": "text/html"})
    assert "no space left" in refused.text


def test_a_full_disk_of_a_node_that_does_not_lead_refuses_nobody(
    db: None, flag: Path, settings: Settings, as_person: Callable[[User], Client], cara: User
) -> None:
    settings.NODE = "node-1"
    flag.touch()
    words = {"text": "hello", "audience": "UA", "nonce": "of a node that is full"}
    assert as_person(cara).post("/feed/", words).status_code != 503


def test_a_copy_of_the_database_that_refuses_a_write_is_told_apart_from_a_full_disk(
    settings: Settings,
) -> None:
    error = OperationalError()
    error.__cause__ = psycopg.errors.ReadOnlySqlTransaction()
    assert trouble_of(error) is Trouble.READ_ONLY
    settings.NODE = "node-1"
    assert trouble_of(error) is Trouble.NO_LEADER
    error.__cause__ = psycopg.errors.DiskFull()
    assert trouble_of(error) is Trouble.READ_ONLY
