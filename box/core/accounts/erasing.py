"""Erasing what is known of somebody who has left: for good. What they made stays, and nobody's name is on it.

What becomes of what each room has of them, its `belongings.py` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.accounts.events import PersonErased
from box.core.accounts.models import (
    User,
)
from box.core.events.outbox import emit
from box.core.registry.belongings import erase

if TYPE_CHECKING:
    pass


@transaction.atomic
def erase_person(person: User, *, by: User) -> None:
    """In every room, all of it or nothing; doing it again does nothing.

    Raises ValidationError for who has not been dismissed: what they hold is handed over first.
    """
    locked = User.objects.select_for_update().get(pk=person.pk)
    if locked.is_erased:
        return
    if locked.merged_into_id is not None:
        raise ValidationError(
            _("This account was merged into another: that one is the person."), code="merged"
        )
    if locked.status != User.Status.DISMISSED:
        raise ValidationError(
            _("%(name)s works here: dismiss them first, so that what they hold passes on.")
            % {"name": locked.name},
            code="works-here",
        )
    for account in (*User.objects.select_for_update().filter(merged_into=locked).order_by("pk"), locked):
        erase(account, by=by)
    emit(PersonErased(user_id=locked.pk, by_id=by.pk))
    person.refresh_from_db()
    person.__dict__.pop("name", None)
