"""Every write to people."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from django.contrib.auth import logout
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from box.core.access.actions import renew_codes
from box.core.accounts.digests import digest
from box.core.accounts.events import SessionsEnded, UserCreated, UserStatusChanged
from box.core.accounts.models import User
from box.core.events.outbox import emit


class LastAdministrator(ValidationError):
    """Nobody would be left to administer the box."""

    def __init__(self) -> None:
        super().__init__(
            _("This is the only administrator: make somebody else one first."), code="last-administrator"
        )


@dataclass(frozen=True)
class NewUser:
    """Whom to create. `login` is made from the e-mail where it is empty."""

    email: str = ""
    login: str = ""
    first_name: str = ""
    last_name: str = ""
    patronymic: str = ""
    position: str = ""
    phone: str = ""
    birthday_on: date | None = None
    language: str = ""
    is_administrator: bool = False
    is_extranet: bool = False


@transaction.atomic
def create_user(new: NewUser, *, password: str | None, by: User | None) -> User:
    """Adds a person who signs in with this password, or with none until one is set.

    Raises ValidationError for a login or e-mail that is taken or malformed, and for a weak password.
    """
    email = new.email.strip().lower()
    login = (new.login or email).strip().lower()
    user = User(
        login=login,
        email=email,
        **{
            name: getattr(new, name)
            for name in (
                "first_name",
                "last_name",
                "patronymic",
                "position",
                "phone",
                "birthday_on",
                "language",
                "is_administrator",
                "is_extranet",
            )
        },
    )
    user.clean_fields(exclude=["password"])
    if not re.fullmatch(r"[^\s/\\]+", login):
        raise ValidationError({"login": _("Write a login without spaces and slashes.")})
    if email and User.objects.filter(email=email).exists():
        raise ValidationError({"email": _("Somebody has this e-mail already.")})
    if User.objects.filter(login=login).exists():
        raise ValidationError({"login": _("Somebody has this login already.")})
    if password is None:
        user.set_unusable_password()
    else:
        validate_password(password, user)
        user.set_password(password)
    user.save()
    emit(UserCreated(user_id=user.pk, by_id=by.pk if by else None))
    return user


PROFILE_FIELDS = (
    "first_name",
    "last_name",
    "patronymic",
    "position",
    "phone",
    "birthday_on",
    "language",
    "time_zone",
    "theme",
)


@transaction.atomic
def update_profile(person: User, changes: dict[str, object], *, by: User) -> None:
    """Writes the given profile fields; others are refused."""
    if unknown := set(changes) - set(PROFILE_FIELDS):
        raise ValueError(f"not of the profile: {', '.join(sorted(unknown))}")
    for name, value in changes.items():
        setattr(person, name, unicodedata.normalize("NFC", value) if isinstance(value, str) else value)
    person.clean_fields(exclude=["password"])
    person.save(update_fields=list(changes))
    person.__dict__.pop("name", None)


@transaction.atomic
def change_password(person: User, password: str, *, by: User | None, session_key: str = "") -> None:
    """Sets a new password and ends the person's other sessions (all but `session_key`)."""
    validate_password(password, person)
    person.set_password(password)
    person.save(update_fields=["password"])
    end_sessions(person, kept=session_key)


@transaction.atomic
def end_sessions(person: User, *, kept: str = "") -> None:
    """Signs the person out everywhere, but for the session named: their open pages learn it by push."""
    person.sessions.exclude(session_key=kept).delete()
    emit(SessionsEnded(user_id=person.pk, kept=digest(kept) if kept else ""))


@transaction.atomic
def sign_out(request: HttpRequest) -> None:
    """Ends the session of this very request; other tabs of the same browser learn it by push."""
    person_id = request.user.pk
    logout(request)
    if person_id is not None:
        emit(SessionsEnded(user_id=person_id))


def suspend_user(person: User, *, by: User | None) -> None:
    """Keeps the person out for a while: signed out at once, still in the structure."""
    _change_status(person, User.Status.SUSPENDED, by=by)


def dismiss_user(person: User, *, by: User | None) -> None:
    """Ends the person's work here: signed out at once, no longer counted; what they made stays."""
    _change_status(person, User.Status.DISMISSED, by=by)


def return_user(person: User, *, by: User | None) -> None:
    """The person works here again, and is the same person as before."""
    _change_status(person, User.Status.ACTIVE, by=by)


@transaction.atomic
def _change_status(person: User, status: User.Status, *, by: User | None) -> None:
    # Locks the administrators, so that two of them cannot dismiss each other at once.
    administrators = list(
        User.objects.active()
        .filter(is_administrator=True)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", flat=True)
    )
    if status != User.Status.ACTIVE and administrators == [person.pk]:
        raise LastAdministrator
    person.status = status
    person.save(update_fields=["status"])
    renew_codes([person.pk])
    if status != User.Status.ACTIVE:
        end_sessions(person)
    emit(UserStatusChanged(user_id=person.pk, status=status, by_id=by.pk if by else None))
