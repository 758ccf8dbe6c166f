"""Signing in with a password that the box itself holds."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from box.core.accounts.models import User


class PasswordBackend(BaseBackend):
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
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        """Nobody, once the person was suspended or dismissed: their open pages end at the next action."""
        user: User | None = User.objects.active().filter(pk=user_id).first()
        return user
