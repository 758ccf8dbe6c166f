"""Who may look after the box."""

from __future__ import annotations

from box.core.accounts.models import User


def can_use_console(user: User) -> bool:
    return user.is_active and user.is_administrator
