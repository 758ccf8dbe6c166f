"""Who sees Pulse."""

from __future__ import annotations

from box.core.access.rights import has_right
from box.core.accounts.models import User

SEE = "pulse.see"


def can_see(user: User) -> bool:
    return not user.is_extranet and has_right(user, SEE)
