"""Who may look, change, share and show outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.access.principals import EVERYONE, code_of, codes_of
from box.core.access.rights import has_right

if TYPE_CHECKING:
    from box.apps.drive.models import Drive, Item
    from box.core.accounts.models import User

CHANGE_COMPANY = "drive.company"
SHOW_OUTSIDE = "drive.links"


def has_own_drive(user: User) -> bool:
    """Outside guests have what their groups have."""
    return EVERYONE in codes_of(user)


def is_own(user: User, drive: Drive) -> bool:
    return drive.code == code_of(user)


def can_edit(user: User, item: Item) -> bool:
    """Put something into it, and change, move and throw it away."""
    if not user.is_active or item.drive.is_read_only:
        return False
    if user.is_administrator and not item.is_private:
        return True
    editors = set(item.editors)
    if item.drive.is_company and not has_right(user, CHANGE_COMPANY):
        editors.discard(EVERYONE)
    return not editors.isdisjoint(codes_of(user))


def can_share(user: User, item: Item) -> bool:
    """Say who else may open it. What is on somebody's own drive is theirs to share."""
    if item.is_root or not has_own_drive(user):
        return False
    return is_own(user, item.drive) if item.drive.is_personal else can_edit(user, item)


def can_show_outside(user: User, item: Item) -> bool:
    """Make links that open without an account."""
    return can_share(user, item) and has_right(user, SHOW_OUTSIDE)
