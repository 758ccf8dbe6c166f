"""What the audit log tells of people, and how it names them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from box.core.accounts.events import (
    AdministratorChanged,
    PasswordReset,
    PasswordResetAsked,
    PeopleMerged,
    PersonErased,
    PersonInvited,
    PersonJoined,
    SecondFactorAdded,
    SecondFactorRemoved,
    SecondFactorReset,
    UserCreated,
    UserStatusChanged,
)
from box.core.accounts.models import User
from box.core.registry.auditing import About, Audited, audited

SIGNED_IN = "accounts.signed_in"
SIGN_IN_REFUSED = "accounts.sign_in_refused"


def called(person: User) -> str:
    return User.nameless(person.pk) if person.is_erased else f"{person.name} ({person.login})"


def about_person(user_id: int) -> About:
    """A person as they are called now."""
    person = User.objects.filter(pk=user_id).first()
    return About("accounts.user", user_id, called(person) if person else "")


def declare() -> None:
    for kind, declared in {
        SIGNED_IN: Audited(_("signed in")),
        SIGN_IN_REFUSED: Audited(_("could not sign in as %(about)s")),
        "accounts.second_factor_added": Audited(
            _("set up a second factor (%(kind)s)"), SecondFactorAdded, about=_person
        ),
        "accounts.second_factor_removed": Audited(
            _("removed a second factor (%(kind)s)"), SecondFactorRemoved, about=_person
        ),
        "accounts.second_factor_reset": Audited(
            _("reset the second factor of %(about)s"), SecondFactorReset, about=_person
        ),
        "accounts.created": Audited(_("added %(about)s"), UserCreated, about=_person),
        "accounts.invited": Audited(_("invited %(about)s"), PersonInvited, about=_person),
        "accounts.joined": Audited(_("took the invitation up"), PersonJoined, by="user_id"),
        "accounts.password_reset_asked": Audited(
            _("asked for a letter with a link to a new password for %(about)s"),
            PasswordResetAsked,
            about=_person,
        ),
        "accounts.password_reset": Audited(
            _("set a new password by the link of a letter"), PasswordReset, by="user_id"
        ),
        "accounts.suspended": Audited(
            _("suspended %(about)s"),
            UserStatusChanged,
            about=_person,
            told=lambda event: event.status == User.Status.SUSPENDED,
        ),
        "accounts.dismissed": Audited(
            _("dismissed %(about)s"),
            UserStatusChanged,
            about=_person,
            told=lambda event: event.status == User.Status.DISMISSED,
        ),
        "accounts.returned": Audited(
            _("let %(about)s return"),
            UserStatusChanged,
            about=_person,
            told=lambda event: event.status == User.Status.ACTIVE,
        ),
        "accounts.erased": Audited(_("erased the personal data of %(about)s"), PersonErased, about=_person),
        "accounts.merged": Audited(
            _("merged another account (number %(gone_id)s) into that of %(about)s"),
            PeopleMerged,
            about=_person,
        ),
        "accounts.made_administrator": Audited(
            _("made %(about)s an administrator"),
            AdministratorChanged,
            about=_person,
            told=lambda event: event.is_administrator,
        ),
        "accounts.no_administrator": Audited(
            _("ended the administrator's rights of %(about)s"),
            AdministratorChanged,
            about=_person,
            told=lambda event: not event.is_administrator,
        ),
    }.items():
        audited.add(kind, declared)


def _person(event: Any) -> About:
    return about_person(event.user_id)
