"""Whose password the portal keeps, and whose somebody else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from box.core.registry.capabilities import password_changers, password_keepers

if TYPE_CHECKING:
    from django.http import HttpRequest

    from box.core.accounts.models import User
    from box.core.registry.capabilities import PasswordChanger


def keeper_of(person: User) -> str:
    """Where the person's password is kept and changed; nothing: here."""
    return next(filter(None, (keeper(person) for keeper in password_keepers)), "")


def has_own_password(person: User) -> bool:
    """Whether one of the portal's own lets the person in. An administrator's does, whoever keeps another one:
    they must get in when nobody else answers."""
    return person.is_administrator or not keeper_of(person)


def changer_of(person: User) -> PasswordChanger | None:
    """By whom a password that is kept elsewhere is changed from here; None: it is changed there."""
    return next((changer for changer in password_changers if changer.can_change(person)), None)


def refuse_kept(person: User) -> None:
    """Raises ValidationError for whose password is changed elsewhere."""
    if not has_own_password(person):
        raise ValidationError(
            _("The password is that of %(keeper)s: it is changed there.") % {"keeper": keeper_of(person)},
            code="kept",
        )


@sensitive_variables("password")
def is_theirs(request: HttpRequest, person: User, password: str) -> bool:
    """Whether this very person gave their password, wherever it is kept. Raises SignInRefused."""
    return authenticate(request, username=person.login, password=password, person=person) == person
