"""Rights by section: what a person may do, beyond seeing what is addressed to them.

A room declares its rights and asks for them by key; who holds them is settled by roles, which administrators
edit. Administrators hold them all.

    rights.add("feed.post_to_all", Right("feed", _("Write to the whole company"), default=(EVERYONE,)))
    if not has_right(user, "feed.post_to_all"): raise PermissionDenied
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from box.core.access.principals import memberships_of
from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User


@dataclass(frozen=True)
class Right:
    """`default` says who holds it in a new portal: `(EVERYONE,)`, or nobody but administrators."""

    section: str
    label: _StrOrPromise
    default: tuple[str, ...] = ()


rights: Offers[Right] = Offers("rights")


def has_right(user: User, key: str) -> bool:
    """Whether this person may. Costs no query in a request, once their codes are known."""
    from box.core.access.roles import current

    rights[key]
    if not user.is_active:
        return False
    return user.is_administrator or not memberships_of(user).isdisjoint(current().holders[key])
