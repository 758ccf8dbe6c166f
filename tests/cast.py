"""The cast: anna owns, boris shares her department, cara is outside, erik is a guest, olga administers.

Functions, for worlds that live longer than a test; the fixtures of the same names are made of them.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

PASSWORD = "correct horse battery"


def person(name: str, **fields: Any) -> User:
    """Somebody who can sign in with PASSWORD: `person("Anna", is_administrator=True)`."""
    from box.core.accounts.actions import NewUser, create_user

    new = NewUser(email=f"{name.lower()}@example.com", first_name=name, last_name="Test", **fields)
    user = create_user(new, password=None, by=None)
    user.password = _hashed()
    user.save(update_fields=["password"])
    return user


@cache
def _hashed() -> str:
    from django.contrib.auth.hashers import make_password

    return make_password(PASSWORD)


def sales() -> Department:
    from box.core.structure.actions import create_department

    company = create_department("Company", parent=None, by=None)
    return create_department("Sales", parent=company, by=None)


def member(name: str, department: Department) -> User:
    from box.core.structure.actions import add_member

    user = person(name)
    add_member(department, user, by=None)
    user.refresh_from_db()
    return user


def browser(user: User | None) -> Client:
    """Signed in: the password was given, and counts for as long as a run takes. None: nobody's browser."""
    from django.test import Client
    from django.utils import timezone

    client = Client(headers={"X-Forwarded-Proto": "https"})
    if user is not None:
        client.force_login(user)
        session = client.session
        session["proven_at"] = (timezone.now() + timedelta(days=1)).isoformat()
        session.save()
    return client


def left_open(client: Client) -> Client:
    """The same browser an hour after the password was given: who sits down at it has the session alone."""
    from django.utils import timezone

    session = client.session
    session["proven_at"] = (timezone.now() - timedelta(hours=1)).isoformat()
    session.save()
    return client
