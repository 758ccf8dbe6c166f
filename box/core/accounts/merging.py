"""What of an account goes with it when it becomes another: whatever lets somebody in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.core.accounts.custom_fields import index_words, merge_values
from box.core.accounts.models import Profile
from box.core.registry.merging import Dropped, Merger, OneEach, Stays, mergers, settlings

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.registry.merging import Pair


# Of the fields that administrators define, those that an outside source decides are the source's.
_TAKES = "owners = kept.owners || gone.owners"


def declare() -> None:
    settlings.add("accounts.Profile.user", OneEach(takes=_TAKES))
    for name in ("account", "person"):
        settlings.add(f"accounts.SignInName.{name}", Stays("the database writes it with the account"))
    for name in ("Session", "Totp", "Passkey", "RecoveryCode", "KnownBrowser"):
        settlings.add(f"accounts.{name}.user", Dropped())
    mergers.add(
        "accounts", Merger(gettext_lazy("Signing in"), moves=_signing_in, before=_values, follow=_follow)
    )


def _values(pair: Pair) -> None:
    """Before the profiles become one: the one that goes says what its source decides."""
    owners = Profile.objects.filter(user=pair.gone).values_list("owners", flat=True).first() or {}
    merge_values(pair, owners)


def _follow(pair: Pair) -> None:
    index_words([pair.gone, pair.kept])


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
