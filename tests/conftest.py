"""What all tests share: the cast as fixtures, a clean beginning, and cheap hashes."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker

from tests import cast as people

# Named where they are used: a fixture is found in the conftest above its tests.
from tests.clock import clock  # noqa: F401
from tests.directory.fixtures import _samba, _slapd, samba, slapd  # noqa: F401
from tests.report import Report
from tests.telephony.fixtures import _asterisk, _phones, asterisk  # noqa: F401

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Report(config), "korobka-report")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: to look through it for garbage again and again takes a twentieth of
    a run, and a fifth of the collecting."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


# How long an example takes says how busy the machine is.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_prefixes = count()

REAL_COST: dict[str, int] = {}
"""Of a hash, before the tests made it cheap."""


def empty_cache() -> None:
    """Forget everything that is cached, as after a restart of the cache.

    By a new prefix: the memcached is shared with the other workers, and `cache.clear()` would empty theirs in
    the middle of a test that counts queries.
    """
    from django.conf import settings
    from django.core.cache import cache

    from box.core.access.principals import recent

    prefix = f"test-{os.getpid()}-{next(_prefixes)}"
    # The first for connections that are still to be made, in other threads; the second for this one's.
    settings.CACHES["default"]["KEY_PREFIX"] = prefix
    cache.key_prefix = prefix
    recent.forget()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """The run's database is a copy of one that is migrated. And a busy machine must not switch the cache off,
    as the portal's short patience does."""
    from django.conf import settings
    from django.db import connection

    from tests.databases import migrated

    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated()
    settings.CACHES["default"]["OPTIONS"] |= {"connect_timeout": 20, "timeout": 20}


@pytest.fixture(scope="session", autouse=True)
def _cheap_hashes() -> None:
    """A hash of a password is made to be slow; `accounts/test_hashes.py` has the real one."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    REAL_COST.update((name, getattr(Argon2PasswordHasher, name)) for name in ("time_cost", "memory_cost"))
    Argon2PasswordHasher.time_cost = 1
    Argon2PasswordHasher.memory_cost = 8 * Argon2PasswordHasher.parallelism


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """A test that writes for good (`django_db(transaction=True)`) leaves the database as it was made."""
    from django.test import TransactionTestCase

    from tests.databases import Beginnings

    with django_db_blocker.unblock():
        beginnings = Beginnings.read()
    TransactionTestCase._fixture_teardown = lambda self: beginnings.restore()  # type: ignore[attr-defined]


def begin_anew() -> None:
    """Databases begin anew with each test, and with them ids and access versions. What an earlier one has
    made of the database's being away is over."""
    from box.core.registry.availability import outage
    from box.core.registry.settings import forget

    empty_cache()
    forget()
    outage.end()


@pytest.fixture(autouse=True)
def _begin_anew(request: pytest.FixtureRequest) -> None:
    is_marked = request.node.get_closest_marker("django_db") is not None
    if is_marked or {"db", "transactional_db"} & set(request.fixturenames):
        begin_anew()


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Makes a person: `person("Anna", is_administrator=True)`."""
    return people.person


@pytest.fixture
def sales(db: None) -> Department:
    return people.sales()


@pytest.fixture
def anna(db: None, sales: Department) -> User:
    return people.member("Anna", sales)


@pytest.fixture
def boris(db: None, sales: Department) -> User:
    return people.member("Boris", sales)


@pytest.fixture
def cara(db: None) -> User:
    """Of the company, but of no department."""
    return people.person("Cara")


@pytest.fixture
def erik(db: None) -> User:
    return people.person("Erik", is_extranet=True)


@pytest.fixture
def olga(db: None) -> User:
    return people.person("Olga", is_administrator=True)


@pytest.fixture
def as_person() -> Callable[[User], Client]:
    """A signed-in browser: `as_person(anna).get("/feed/")`."""
    return people.browser
