"""Leaving the company: what a person holds passes to a successor; what they made stays theirs."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from box.core.accounts import actions as accounts
from box.core.accounts.models import User
from box.core.registry.capabilities import holdings


@transaction.atomic
def dismiss(person: User, *, successor: User | None, by: User) -> None:
    """Hands over what the person holds in every room, and dismisses them: all of it or nothing.

    Without a successor what was held is held by nobody, where the room allows that.
    """
    if successor is not None and (
        successor.pk == person.pk or not successor.is_active or successor.is_extranet
    ):
        raise ValidationError(_("Choose a colleague who works here as the successor."))
    for held in holdings:
        held.hand_over(person, successor, by)
    accounts.dismiss_user(person, by=by)
