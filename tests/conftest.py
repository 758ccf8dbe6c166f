"""The cast: anna owns, boris shares her department, cara is outside, erik is a guest, olga administers."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

# Named where they are used: a fixture is found in the conftest above its tests.
from tests.directory.fixtures import _samba, _slapd, samba, slapd  # noqa: F401

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.org.models import Department

PASSWORD = "correct horse battery"

# How long an example takes says how busy the machine is.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

_prefixes = count()


def empty_cache() -> None:
    """Forget everything that is cached, as after a restart of the cache.

    By a new prefix: the memcached is shared with the other workers, and `cache.clear()` would empty theirs in
    the middle of a test that counts queries.
    """
    from django.conf import settings
    from django.core.cache import cache

    prefix = f"test-{os.getpid()}-{next(_prefixes)}"
    # The first for connections that are still to be made, in other threads; the second for this one's.
    settings.CACHES["default"]["KEY_PREFIX"] = prefix
    cache.key_prefix = prefix


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """A busy machine must not switch the cache off, as the portal's short patience does."""
    from django.conf import settings

    settings.CACHES["default"]["OPTIONS"] |= {"connect_timeout": 20, "timeout": 20}


@pytest.fixture(autouse=True)
def _begin_anew(request: pytest.FixtureRequest) -> None:
    """Databases begin anew with each test, and with them ids and access versions. What an earlier one has
    made of the database's being away is over."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        from box.core.registry.availability import outage
        from box.core.registry.settings import forget

        empty_cache()
        forget()
        outage.end()


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Makes a person: `person("Anna", is_administrator=True)`."""
    from box.core.accounts.actions import NewUser, create_user

    def make(name: str, **fields: Any) -> User:
        new = NewUser(email=f"{name.lower()}@example.com", first_name=name, last_name="Test", **fields)
        user = create_user(new, password=None, by=None)
        user.password = _hashed()
        user.save(update_fields=["password"])
        return user

    return make


@cache
def _hashed() -> str:
    """Of PASSWORD, once: a hash is made to be slow, and most tests would wait for nothing else."""
    from django.contrib.auth.hashers import make_password

    return make_password(PASSWORD)


@pytest.fixture
def sales(db: None) -> Department:
    from box.core.org.actions import create_department

    company = create_department("Company", parent=None, by=None)
    return create_department("Sales", parent=company, by=None)


@pytest.fixture
def anna(person: Callable[..., User], sales: Department) -> User:
    return _member(person("Anna"), sales)


@pytest.fixture
def boris(person: Callable[..., User], sales: Department) -> User:
    return _member(person("Boris"), sales)


@pytest.fixture
def cara(person: Callable[..., User]) -> User:
    """Of the company, but of no department."""
    return person("Cara")


@pytest.fixture
def erik(person: Callable[..., User]) -> User:
    return person("Erik", is_extranet=True)


@pytest.fixture
def olga(person: Callable[..., User]) -> User:
    return person("Olga", is_administrator=True)


@pytest.fixture
def as_person() -> Callable[[User], Client]:
    """A signed-in browser: `as_person(anna).get("/feed/")`."""
    from django.test import Client
    from django.utils import timezone

    def browser(user: User) -> Client:
        client = Client(headers={"X-Forwarded-Proto": "https"})
        client.force_login(user)
        # As after a sign-in: the password was given a moment ago.
        session = client.session
        session["proven_at"] = timezone.now().isoformat()
        session.save()
        return client

    return browser


def _member(user: User, department: Department) -> User:
    from box.core.org.actions import add_member

    add_member(department, user, by=None)
    user.refresh_from_db()
    return user
