"""The cast: anna owns, boris shares her department, cara is outside, erik is a guest, olga administers."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.org.models import Department

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Each worker has its database; its cache entries must not be another's either."""
    from django.conf import settings

    settings.CACHES["default"]["KEY_PREFIX"] = f"test-{os.getpid()}"


@pytest.fixture(autouse=True)
def _empty_cache(request: pytest.FixtureRequest) -> None:
    """Databases begin anew with each test, and with them ids and access versions."""
    if {"db", "transactional_db"} & set(request.fixturenames):
        from django.core.cache import cache

        cache.clear()


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """Makes a person: `person("Anna", is_administrator=True)`."""
    from box.core.accounts.actions import NewUser, create_user

    def make(name: str, **fields: Any) -> User:
        new = NewUser(email=f"{name.lower()}@example.com", first_name=name, last_name="Test", **fields)
        return create_user(new, password=PASSWORD, by=None)

    return make


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

    def browser(user: User) -> Client:
        client = Client(headers={"X-Forwarded-Proto": "https"})
        client.force_login(user)
        return client

    return browser


def _member(user: User, department: Department) -> User:
    from box.core.org.actions import add_member

    add_member(department, user, by=None)
    user.refresh_from_db()
    return user
