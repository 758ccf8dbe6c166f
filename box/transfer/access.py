"""Who may move a portal into this box."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from box.core.accounts.models import User


def can_migrate(user: User) -> bool:
    """Whoever does this makes people and speaks under their names: administrators, and no role beside."""
    return user.is_active and user.is_administrator
