"""Who may do what with the records of the CRM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from box.apps.crm.permissions import Operation, audience_in, is_permitted
from box.core.access.principals import memberships_of
from box.core.access.rights import has_right
from box.core.registry.origin import is_importing

if TYPE_CHECKING:
    from box.apps.crm.models import Record, RecordType, Stage
    from box.core.accounts.models import User

ADMINISTER = "crm.administer"
IMPORT = "crm.import"


def can_administer(user: User) -> bool:
    """Pipelines, stages, lists, robots, permissions."""
    return has_right(user, ADMINISTER)


def can_import(user: User) -> bool:
    """Tables; into which records, the person's permissions say."""
    return has_right(user, IMPORT)


def can_change(user: User, record: Record) -> bool:
    return record.deleted_at is None and is_permitted(user, Operation.CHANGE, record.audience)


def can_delete(user: User, record: Record) -> bool:
    return is_permitted(user, Operation.DELETE, record.audience)


def can_bring_back(user: User, record: Record) -> bool:
    return record.deleted_at is not None and record.merged_into_id is None and can_delete(user, record)


def check_may_hold(
    user: User | None, operation: Operation, responsible: User, kind: RecordType, stage: Stage | None
) -> None:  # fmt: skip
    """Raises PermissionDenied where this person may not do so with a record of this responsible person there.

    None: it is the portal itself, a robot or an import that was permitted as a whole.
    """
    if user is None or is_importing():
        return
    scope = stage.scope if stage else kind.scope
    if not is_permitted(user, operation, audience_in(scope, memberships_of(responsible))):
        raise PermissionDenied(
            _("Your role does not reach that far here: choose another responsible person or another stage.")
        )
