"""Who may connect devices, and from where."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from box.core.access.principals import EVERYONE, codes_of
from box.core.access.rights import has_right
from box.core.access.roles import may_come_from
from box.core.accounts.factors import is_overdue

if TYPE_CHECKING:
    from box.core.accounts.models import User

USE = "dav.use"


def can_use(user: User) -> bool:
    """Whoever loses this right has devices that get nothing, until they get it back. Guests from outside have
    the calendars of their groups in the browser."""
    return EVERYONE in codes_of(user) and has_right(user, USE)


def is_let_in(user: User, address: str, now: datetime) -> bool:
    """The same rules as for a browser."""
    return can_use(user) and may_come_from(user, address) and not is_overdue(user, now)
