"""Profile and sign-in, when people are erased or two accounts become one: one profile; what opens the account
that goes is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.core.access.actions import renew_codes
from box.core.accounts.actions import end_sessions
from box.core.accounts.custom_fields import PROFILE, merge_values, names_of, reindex_people
from box.core.accounts.models import ERASED, KnownBrowser, Profile, User
from box.core.accounts.profile_fields import TEXTS
from box.core.fields.values import forget_values
from box.core.registry.belongings import Belongings, Belongs, Deleted, OneEach, Stays

if TYPE_CHECKING:
    from box.core.registry.belongings import Pair


_SAID = (*TEXTS, "email")
_BLANK = (*_SAID, "own_words", "language", "time_zone")
_FOLLOWS = Stays("the database writes it anew with the login and the e-mail, which are erased")

_TAKES = "owners = kept.owners || gone.owners"


def _known(person: User) -> list[str]:
    """What the person's own row and those beside it say of them."""
    fields: dict[str, Any] = {field.name: field for field in User._meta.concrete_fields}
    labels = [str(fields[name].verbose_name) for name in _SAID if getattr(person, name)]
    labels += [_("login")] + ([_("birthday")] if person.birthday_on else [])
    labels += names_of(person)
    browsers = KnownBrowser.objects.filter(user=person).count()
    if browsers:
        labels.append(ngettext("%(num)s browser", "%(num)s browsers", browsers) % {"num": browsers})
    return labels + ([_("second factors")] if person.has_second_factor else [])


def _forget(person: User, by: User) -> None:
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


def _signing_in(gone: User, kept: User) -> list[str]:
    names = list(dict.fromkeys(filter(None, (gone.login, gone.email))))
    said = [_("%(name)s goes on naming the person when they sign in") % {"name": name} for name in names]
    if sessions := gone.sessions.count():
        said.append(
            ngettext("%(num)s session ends", "%(num)s sessions end", sessions) % {"num": sessions},
        )
    if gone.has_second_factor:
        said.append(_("the second factors of the account that goes are dropped"))
    return said


def _before(pair: Pair) -> None:
    """While there are two profiles: of the fields that a company defines, those that an outside source
    decides are the source's."""
    owners = Profile.objects.filter(user=pair.gone).values_list("owners", flat=True).first() or {}
    merge_values(pair, owners)


def _follow(pair: Pair) -> None:
    merge_values(pair, ())
    reindex_people([pair.gone, pair.kept])


BELONGINGS = Belongings(
    gettext_lazy("Profile and sign-in"),
    {
        "accounts.Profile.user": Belongs(Deleted(), OneEach(takes=_TAKES)),
        **{
            f"accounts.{name}.user": Belongs(Deleted(), Deleted())
            for name in ("Session", "Totp", "Passkey", "RecoveryCode", "KnownBrowser")
        },
        "accounts.SignInName.account": Belongs(_FOLLOWS, Stays("the database writes it with the account")),
        "accounts.SignInName.person": Belongs(_FOLLOWS, Stays("the database writes it with the account")),
        "accounts.User.merged_into": Belongs(Stays("their former accounts are erased with them")),
    },
    found=_known,
    erase=_forget,
    moves=_signing_in,
    before=_before,
    follow=_follow,
)
