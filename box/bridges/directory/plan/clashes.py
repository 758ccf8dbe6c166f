"""What of an entry is not taken over, why, and what to do about it: as the log, the standing list and
`explain` say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

LOGIN, EMAIL, AGAIN, CONSOLE, APART = "login", "email", "again", "console", "apart"
NO_LOGIN, BAD_LOGIN, NO_NAME, NO_EMAIL = "no_login", "bad_login", "no_name", "no_email"
LEAVER, EXPIRED, UNKNOWN = "leaver", "expired", "unknown"
# About people, and somebody can do something; the others are entries that the rules leave out.
TO_DECIDE = (AGAIN, LOGIN, EMAIL, CONSOLE, APART)


@dataclass(frozen=True, slots=True)
class Clash:
    """`wanted` is the login or e-mail that it is about, `person` whose it is or who it may be, and `rule` by
    what they were recognised: "number", "login", "email" or "name"."""

    kind: str
    wanted: str = ""
    person: int | None = None
    rule: str = ""

    @property
    def reason(self) -> str:
        return reason_of(self.kind, self.wanted, self.rule)


def reason_of(kind: str, wanted: str, rule: str = "") -> str:
    told = _REASONS[kind]
    if kind == AGAIN:
        told = _AGAIN.get(rule, told)
    return str(told) % {"wanted": wanted}


_REASONS: Mapping[str, _StrOrPromise] = {
    LOGIN: _("The login %(wanted)s is somebody else's already."),
    EMAIL: _("The e-mail %(wanted)s is somebody else's already."),
    AGAIN: _("The same person again? The entry is new, and one that is gone was much like it."),
    CONSOLE: _("Who has this name here holds a role of the Console, and stays local."),
    APART: _("An administrator has unlinked the person."),
    NO_LOGIN: _("It has no login."),
    BAD_LOGIN: _("Its login has a space or a slash in it: %(wanted)s."),
    NO_NAME: _("It has no name."),
    NO_EMAIL: _("It has no e-mail."),
    LEAVER: _("It is in the unit of those who have left."),
    EXPIRED: _("The account has expired."),
    UNKNOWN: _("The bind account may not read whether this account is disabled or has expired."),
}
_AGAIN: Mapping[str, _StrOrPromise] = {
    "number": _("The same person again? Somebody whose entry is gone had this employee number."),
    "login": _("The same person again? Somebody whose entry is gone had the login %(wanted)s."),
    "email": _("The same person again? Somebody whose entry is gone had the e-mail %(wanted)s."),
    "name": _("The same person again? Somebody whose entry is gone had this name."),
}
CURES: Mapping[str, _StrOrPromise] = {
    LOGIN: _(
        "Give one of the two another login in the directory; or link the entry, if both are the same person."
    ),
    EMAIL: _("Correct the e-mail of one of the two in the directory: until then this one has none here."),
    AGAIN: _(
        "Link it, and the person goes on with all that was theirs. Or keep the two apart: then the former one"
        " gives the name up."
    ),
    CONSOLE: _(
        "Take the role away from the local account, or give one of the two another name: a directory takes"
        " over no account that holds a role of the Console."
    ),
    APART: _("Link it again, or take it in as somebody new."),
    NO_LOGIN: _("Give it a login in the directory, or leave it out by the filter."),
    BAD_LOGIN: _("Give it another login in the directory, or leave it out by the filter."),
    NO_NAME: _("Give it a name in the directory, or take in nameless entries by the rules."),
    NO_EMAIL: _("Give it an e-mail in the directory, or take in entries without one by the rules."),
    LEAVER: _("Nothing, unless it does not belong into the unit of those who have left."),
    EXPIRED: _("Nothing, unless the account should go on: then give it a later end in the directory."),
    UNKNOWN: _("Grant the bind account the right that “Test” names."),
}
