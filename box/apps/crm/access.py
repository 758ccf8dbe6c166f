"""Who may do what with the items of the CRM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from box.apps.crm.permissions import Operation, audience_in, is_permitted
from box.core.access.principals import memberships_of

if TYPE_CHECKING:
    from box.apps.crm.models import Item, ItemType, Stage
    from box.core.accounts.models import User


def can_change(user: User, item: Item) -> bool:
    return item.deleted_at is None and is_permitted(user, Operation.CHANGE, item.audience)


def can_delete(user: User, item: Item) -> bool:
    return is_permitted(user, Operation.DELETE, item.audience)


def can_bring_back(user: User, item: Item) -> bool:
    return item.deleted_at is not None and item.merged_into_id is None and can_delete(user, item)


def check_may_hold(
    user: User | None, operation: Operation, responsible: User, kind: ItemType, stage: Stage | None
) -> None:  # fmt: skip
    """Raises PermissionDenied where this person may not do so with an item of this responsible person there.

    None: it is the portal itself, a robot or an import that was permitted as a whole.
    """
    if user is None:
        return
    scope = stage.scope if stage else kind.scope
    if not is_permitted(user, operation, audience_in(scope, memberships_of(responsible))):
        raise PermissionDenied(
            _("Your role does not reach that far here: choose another responsible person or another stage.")
        )
