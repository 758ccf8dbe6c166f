"""Signing in with a password that the box itself holds."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.db.models import BigIntegerField
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from box.core.accounts.models import User
from box.core.accounts.passwords import has_own_password
from box.core.registry.capabilities import read_with_person
from box.lib.prepared import Param, PreparedModels


class SignInRefused(Exception):
    """A backend says why nobody is let in, in words that tell an outsider nothing about who there is."""


class PasswordBackend(BaseBackend):
    @sensitive_variables("password")
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """Computes one password hash for a known and an unknown login: the time tells an outsider nothing."""
        if username is None or password is None:
            return None
        try:
            user = User.objects.get_by_natural_key(username)
        except User.DoesNotExist:
            User().set_password(password)
            return None
        is_right = user.check_password(password) and user.is_active
        return user if is_right and has_own_password(user) else None

    def get_user(self, user_id: int) -> User | None:
        """Nobody, once the person was suspended or dismissed: their open pages end at the next action."""
        found = _PERSON.rows(pk=user_id)
        return found[0] if found else None


# Every request asks it.
_PERSON = PreparedModels(
    lambda: (
        User.objects.active()
        .annotate(**dict(read_with_person.items()))
        .filter(pk=Param("pk", BigIntegerField()))
    )
)
