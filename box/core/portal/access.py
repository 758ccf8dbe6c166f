"""Who may choose for all."""

from __future__ import annotations

from box.core.access.rights import has_right
from box.core.accounts.models import User


def can_change_settings(user: User) -> bool:
    return has_right(user, "console.settings")
