"""Who shares a view with everybody who opens the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from box.core.access.rights import has_right

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.lists.models import SavedView
    from box.core.lists.preferences import View

SHARE = "lists.share"


def can_share(user: User) -> bool:
    return has_right(user, SHARE)


def can_change(user: User, view: SavedView | View) -> bool:
    """A shared view is also changed by whoever may share: it stands in everybody's list."""
    return view.user_id == user.pk or (view.is_shared and can_share(user))
