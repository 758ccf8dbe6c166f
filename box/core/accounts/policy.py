"""What an administrator chooses about signing in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    UserAttributeSimilarityValidator,
)
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.core.registry.settings import Setting


def _between(least: int, most: int) -> Callable[[], forms.Field]:
    return lambda: forms.IntegerField(min_value=least, max_value=most)


GRACE_DAYS = Setting(
    "sign_in.grace_days",
    default=7,
    section="sign_in",
    label=gettext_lazy("Days to set up a second factor"),
    help=gettext_lazy("For roles that need one, from the first sign-in on; 0: before anything else."),
    field=_between(0, 90),
)
IDLE_HOURS = Setting(
    "sign_in.idle_hours",
    default=14 * 24,
    section="sign_in",
    label=gettext_lazy("Hours after which an idle session ends"),
    field=_between(1, 24 * 90),
)
LONGEST_DAYS = Setting(
    "sign_in.longest_days",
    default=90,
    section="sign_in",
    label=gettext_lazy("Days after which every session ends"),
    field=_between(1, 365),
)
PASSWORD_LENGTH = Setting(
    "sign_in.password_length",
    default=10,
    section="sign_in",
    label=gettext_lazy("Characters that a password has at least"),
    field=_between(8, 64),
)
PASSWORD_MIX = Setting(
    "sign_in.password_mix",
    default=False,
    section="sign_in",
    label=gettext_lazy("Passwords need letters and digits"),
)
ALERTS = Setting(
    "sign_in.alerts",
    default=True,
    section="sign_in",
    label=gettext_lazy("Letters about sign-ins in new browsers"),
    help=gettext_lazy("To whoever's login it is, at once. A notification tells of it in any case."),
)
ALL = (ALERTS, GRACE_DAYS, IDLE_HOURS, LONGEST_DAYS, PASSWORD_LENGTH, PASSWORD_MIX)


class PolicyValidator:
    """Django's validators take their options from a file; these come from the portal's settings. The words of
    all of them are ours: they stand beside the field as a sentence each, short enough to be read."""

    def validate(self, password: str, user: Any = None) -> None:
        least = PASSWORD_LENGTH.value
        if len(password) < least:
            said = ngettext(
                "This password is too short: it needs at least %(least)s character.",
                "This password is too short: it needs at least %(least)s characters.",
                least,
            )
            raise ValidationError(said % {"least": least}, code="password_too_short")
        has_both = any(map(str.isalpha, password)) and any(map(str.isdigit, password))
        if PASSWORD_MIX.value and not has_both:
            raise ValidationError(_("This password needs both letters and digits."), code="mix")

    def get_help_text(self) -> str:
        least = PASSWORD_LENGTH.value
        said = ngettext("At least %(least)s character.", "At least %(least)s characters.", least)
        text = said % {"least": least}
        return f"{text} {_('It needs both letters and digits.')}" if PASSWORD_MIX.value else text


class UnlikeThePerson(UserAttributeSimilarityValidator):
    def get_error_message(self) -> str:
        return _("This password resembles what everybody knows of you: %(verbose_name)s.")

    def get_help_text(self) -> str:
        return _("Not your name, login or e-mail.")


class Uncommon(CommonPasswordValidator):
    def get_error_message(self) -> str:
        return _("Too many people use this password, so it is guessed first: choose another one.")

    def get_help_text(self) -> str:
        return _("Not one that many people use.")
