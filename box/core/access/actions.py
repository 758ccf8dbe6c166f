"""Changes to what people may see."""

from __future__ import annotations

from collections.abc import Iterable

from django.apps import apps
from django.db import transaction
from django.db.models import F

from box.core.access.events import AccessChanged
from box.core.events.outbox import emit


@transaction.atomic
def renew_codes(user_ids: Iterable[int]) -> None:
    """Called in the transaction that changes memberships: what was cached of these people is void with it."""
    ids = tuple(sorted(set(user_ids)))
    if not ids:
        return
    apps.get_model("accounts", "User").objects.filter(pk__in=ids).update(
        access_version=F("access_version") + 1
    )
    emit(AccessChanged(user_ids=ids))
