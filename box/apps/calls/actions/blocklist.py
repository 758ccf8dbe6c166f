"""Numbers from which nobody is put through."""

from __future__ import annotations

from django.db import transaction

from box.apps.calls.events import NumberBlocked
from box.apps.calls.models import BlockedNumber
from box.core.accounts.models import User
from box.core.events.outbox import emit


@transaction.atomic
def block_number(number: str, reason: str, *, by: User) -> BlockedNumber:
    """In E.164. Blocking what is blocked changes nothing."""
    blocked, is_new = BlockedNumber.objects.get_or_create(
        number=number, defaults={"reason": reason[:200], "by": by}
    )
    if is_new:
        emit(NumberBlocked(number=number, is_blocked=True, by_id=by.pk))
    return blocked


@transaction.atomic
def unblock_number(blocked: BlockedNumber, *, by: User) -> None:
    blocked.delete()
    emit(NumberBlocked(number=blocked.number, is_blocked=False, by_id=by.pk))
