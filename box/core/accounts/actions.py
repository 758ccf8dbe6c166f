"""Every write to people."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict, dataclass
from datetime import date

from django.contrib.auth import logout
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.actions import renew_codes
from box.core.access.events import AccessChanged
from box.core.accounts.digests import digest
from box.core.accounts.events import (
    AdministratorChanged,
    PasswordReset,
    PasswordResetAsked,
    PersonInvited,
    PersonJoined,
    ProfileChanged,
    SessionsEnded,
    UserCreated,
    UserStatusChanged,
)
from box.core.accounts.models import Session, User
from box.core.accounts.passwords import has_own_password, refuse_kept
from box.core.accounts.profile_fields import TEXTS
from box.core.events.outbox import emit
from box.core.registry.origin import moment


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
    city: str = ""
    gender: str = ""
    external_id: str = ""
    birthday_on: date | None = None
    birthday_shown: str = User.BirthdayShown.DAY
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
    user = User(**{**asdict(new), "login": login, "email": email}, joined_at=moment())
    user.clean_fields(exclude=["password"])
    if not re.fullmatch(r"[^\s/\\]+", login):
        raise ValidationError({"login": _("Write a login without spaces and slashes.")})
    if email and User.objects.signing_in_as(email).exists():
        raise ValidationError({"email": _("Somebody has this e-mail already.")})
    if User.objects.signing_in_as(login).exists():
        raise ValidationError({"login": _("Somebody has this login already.")})
    if password is None:
        user.set_unusable_password()
    else:
        validate_password(password, user)
        user.set_password(password)
    user.save()
    emit(UserCreated(user_id=user.pk, by_id=by.pk if by else None))
    emit(AccessChanged(user_ids=(user.pk,)))
    return user


@transaction.atomic
def invite(new: NewUser, *, by: User | None) -> User:
    """Adds a person who joins by the link of a letter, and so proves the e-mail; or has it sent again.

    Whoever has the e-mail already is returned as they are: a colleague who has joined hears nothing.
    """
    if not new.email.strip():
        raise ValidationError({"email": _("Write the e-mail to which the invitation goes.")})
    email = new.email.strip().lower()
    person: User | None = User.objects.select_related("merged_into").filter(email=email).first()
    person = (person.merged_into or person) if person else None
    if person is None:
        person = create_user(new, password=None, by=by)
    elif not person.is_active or person.invited_at is None or not has_own_password(person):
        return person
    send_invitation(person, by=by)
    return person


@transaction.atomic
def invite_again(person: User, *, by: User) -> None:
    """Sends another link; those sent before are void.

    Raises ValidationError for who has joined or left, and for whose password is kept elsewhere.
    """
    if person.invited_at is None or not person.is_active:
        raise ValidationError(_("%(name)s has no invitation to send again.") % {"name": person.name})
    send_invitation(person, by=by)


@transaction.atomic
def send_invitation(person: User, *, by: User | None) -> None:
    """Of who has not joined yet: the letter's link voids those before."""
    refuse_kept(person)
    person.invited_at = timezone.now()
    person.save(update_fields=["invited_at"])
    emit(PersonInvited(user_id=person.pk, by_id=by.pk if by else None, at=person.invited_at))


@transaction.atomic
def join(person: User, password: str, *, language: str = "") -> None:
    """Takes the invitation up: the person signs in with this password from now on. Once only."""
    refuse_kept(person)
    invited = User.objects.active().select_for_update().filter(pk=person.pk, invited_at=person.invited_at)
    if person.invited_at is None or not invited.exists():
        raise ValidationError(_("This invitation was used already: sign in with your password."))
    validate_password(password, person)
    person.set_password(password)
    person.invited_at = None
    person.language = language or person.language
    person.save(update_fields=["password", "invited_at", "language"])
    emit(PersonJoined(user_id=person.pk))


PROFILE_FIELDS = (*TEXTS, "birthday_on", "birthday_shown", "language", "time_zone", "theme")


@transaction.atomic
def update_profile(person: User, changes: dict[str, object], *, by: User) -> None:
    """Writes the given profile fields; others are refused."""
    if unknown := set(changes) - set(PROFILE_FIELDS):
        raise ValueError(f"not of the profile: {', '.join(sorted(unknown))}")
    # The row's, not the object's: a form has written into that already.
    before = User.objects.values(*changes).get(pk=person.pk)
    for name, source in person.owners.items():
        if name in changes and changes[name] != before[name]:
            raise ValidationError(
                _("%(source)s decides this: change it there.") % {"source": source}, code="owned"
            )
    for name, value in changes.items():
        setattr(person, name, unicodedata.normalize("NFC", value) if isinstance(value, str) else value)
    person.clean_fields(exclude=["password"])
    person.save(update_fields=list(changes))
    person.__dict__.pop("name", None)
    if changed := tuple(sorted(name for name in changes if getattr(person, name) != before[name])):
        emit(ProfileChanged(user_id=person.pk, fields=changed, by_id=by.pk))


@transaction.atomic
def change_password(person: User, password: str, *, by: User | None, session_key: str = "") -> None:
    """Sets a new password and ends the person's other sessions (all but `session_key`).

    Raises ValidationError for a weak one, and for whose password is kept elsewhere.
    """
    refuse_kept(person)
    validate_password(password, person)
    person.set_password(password)
    was_invited, person.invited_at = person.invited_at is not None, None
    person.save(update_fields=["password", "invited_at"])
    if was_invited:
        # By another way than the letter's link, which opens nothing any more.
        emit(PersonJoined(user_id=person.pk))
    end_sessions(person, kept=session_key)


@transaction.atomic
def ask_password_reset(person: User) -> None:
    """Has a letter sent to the person, with a link by which they choose another password."""
    emit(PasswordResetAsked(user_id=person.pk, at=timezone.now()))


@transaction.atomic
def reset_password(person: User, password: str) -> None:
    """Sets another password in place of the one that `person` was loaded with, and signs them out everywhere.

    Raises ValidationError where it was changed meanwhile, for a weak one, and for whose password is kept
    elsewhere.
    """
    unchanged = User.objects.active().select_for_update().filter(pk=person.pk, password=person.password)
    if not unchanged.exists():
        raise ValidationError(_("This link was used already: sign in with your new password."))
    change_password(person, password, by=None)
    emit(PasswordReset(user_id=person.pk))


@transaction.atomic
def end_sessions(person: User, *, kept: str = "") -> None:
    """Signs the person out everywhere, but for the session named: their open pages learn it by push."""
    person.sessions.exclude(session_key=kept).delete()
    emit(SessionsEnded(user_id=person.pk, kept=digest(kept) if kept else ""))


@transaction.atomic
def end_session(session: Session) -> None:
    """One session of somebody, whose open pages learn it by push: the others ask and go on."""
    person_id = session.user_id
    session.delete()
    if person_id is not None:
        emit(SessionsEnded(user_id=person_id))


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


@transaction.atomic
def withdraw_user(person: User) -> None:
    """An account that was taken over from elsewhere and that nobody has used is gone as if it had never come.

    Raises ValidationError where something stands under its name.
    """
    keep_an_administrator_besides(person)
    if person.last_login is not None:
        raise ValidationError(_("%(name)s has signed in already.") % {"name": person.name}, code="used")
    pk = person.pk
    try:
        with transaction.atomic():
            person.delete()
    except ProtectedError as error:
        kinds = {str(one._meta.verbose_name) for one in error.protected_objects}
        said = _("Something stands under the name of %(name)s (%(kinds)s).")
        named = {"name": person.name, "kinds": ", ".join(sorted(kinds))}
        raise ValidationError(said % named, code="used") from None
    emit(UserStatusChanged(user_id=pk, status=User.Status.DISMISSED, by_id=None))


def return_user(person: User, *, by: User | None) -> None:
    """The person works here again, and is the same person as before."""
    _change_status(person, User.Status.ACTIVE, by=by)


@transaction.atomic
def set_administrator(person: User, is_administrator: bool, *, by: User | None) -> None:
    """Makes the person an administrator, or no longer one. Raises LastAdministrator, and ValidationError for
    whoever cannot be one."""
    if person.is_administrator == is_administrator:
        return
    if is_administrator and (person.is_extranet or not person.is_active):
        raise ValidationError(_("Only who works here can administer the box."), code="administrator")
    if not is_administrator:
        keep_an_administrator_besides(person)
    person.is_administrator = is_administrator
    person.save(update_fields=["is_administrator"])
    renew_codes([person.pk])
    by_id = by.pk if by else None
    emit(AdministratorChanged(user_id=person.pk, is_administrator=is_administrator, by_id=by_id))


def keep_an_administrator_besides(person: User) -> None:
    """Locks the administrators, so that two of them cannot dismiss each other at once."""
    administrators = User.objects.active().filter(is_administrator=True).order_by("pk")
    if list(administrators.select_for_update().values_list("pk", flat=True)) == [person.pk]:
        raise LastAdministrator


@transaction.atomic
def _change_status(person: User, status: User.Status, *, by: User | None) -> None:
    if person.is_erased:
        raise ValidationError(_("Nothing is known of this person any more: add them anew."), code="erased")
    if person.merged_into_id is not None:
        raise ValidationError(
            _("This account was merged into another: that one is the person."), code="merged"
        )
    if status != User.Status.ACTIVE:
        keep_an_administrator_besides(person)
    person.status = status
    person.save(update_fields=["status"])
    renew_codes([person.pk])
    if status != User.Status.ACTIVE:
        end_sessions(person)
    emit(UserStatusChanged(user_id=person.pk, status=status, by_id=by.pk if by else None))
