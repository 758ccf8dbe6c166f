"""Who may read the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.access.rights import has_right

if TYPE_CHECKING:
    from box.core.accounts.models import User

READ = "audit.read"


def can_read(user: User) -> bool:
    return has_right(user, READ)
