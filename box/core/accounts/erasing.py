"""Erasing what is known of somebody who has left: for good. What they made stays, and nobody's name is on it.

Each room offers how it forgets a person (`erasers`); this one forgets what it holds itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.core.access.actions import renew_codes
from box.core.accounts.actions import end_sessions
from box.core.accounts.custom_fields import PROFILE, names_of
from box.core.accounts.events import PersonErased
from box.core.accounts.models import (
    ERASED,
    KnownBrowser,
    Passkey,
    Profile,
    RecoveryCode,
    Totp,
    User,
)
from box.core.events.outbox import emit
from box.core.fields.values import forget_values
from box.core.registry.capabilities import Eraser, erasers

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

_TEXTS = ("first_name", "last_name", "former_last_name", "patronymic", "position", "phone", "email")
_BLANK = (*_TEXTS, "own_words", "language", "time_zone")


@dataclass(frozen=True)
class Going:
    """What of a room is erased with a person, in words."""

    label: _StrOrPromise
    things: list[str]


def going(person: User) -> list[Going]:
    """All that would be erased now, room by room."""
    found = [Going(eraser.label, eraser.found(person)) for eraser in erasers]
    return [one for one in found if one.things]


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
    # From above: the lowest room takes the name away, by which the others find what is of the person.
    for account in (*User.objects.select_for_update().filter(merged_into=locked).order_by("pk"), locked):
        for eraser in reversed(list(erasers)):
            eraser.erase(account, by)
    emit(PersonErased(user_id=locked.pk, by_id=by.pk))
    person.refresh_from_db()
    person.__dict__.pop("name", None)


def known_of(person: User) -> list[str]:
    """What the person's own row and those beside it say of them."""
    fields: dict[str, Any] = {field.name: field for field in User._meta.concrete_fields}
    labels = [str(fields[name].verbose_name) for name in _TEXTS if getattr(person, name)]
    labels += [_("login")] + ([_("birthday")] if person.birthday_on else [])
    labels += names_of(person)
    browsers = KnownBrowser.objects.filter(user=person).count()
    if browsers:
        labels.append(ngettext("%(num)s browser", "%(num)s browsers", browsers) % {"num": browsers})
    return labels + ([_("second factors")] if person.has_second_factor else [])


def forget(person: User, by: User) -> None:
    for model in (Totp, Passkey, RecoveryCode, KnownBrowser, Profile):
        model.objects.filter(user=person).delete()
    forget_values(PROFILE, [person.pk])
    for name in _BLANK:
        setattr(person, name, "")
    person.login, person.birthday_on, person.invited_at = f"{ERASED}{person.pk}", None, None
    person.is_administrator = person.has_second_factor = False
    person.second_factor_due_at = None
    person.set_unusable_password()
    person.save(
        update_fields=[
            *(*_BLANK, "login", "birthday_on", "invited_at", "password"),
            *("is_administrator", "has_second_factor", "second_factor_due_at"),
        ]
    )
    renew_codes([person.pk])
    end_sessions(person)


ERASER = Eraser(
    gettext_lazy("Profile and sign-in"),
    known_of,
    forget,
    tuple(
        f"accounts.{name}.user"
        for name in ("Profile", "Session", "Totp", "Passkey", "RecoveryCode", "KnownBrowser")
    ),
)
