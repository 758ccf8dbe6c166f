"""Who may make webhooks, and who decides about those of others."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from box.core.access.principals import code_of, codes_of
from box.core.access.rights import has_right
from box.core.access.roles import may_come_from
from box.core.accounts.factors import is_overdue
from box.core.accounts.models import User
from box.rest.models import Webhook

USE = "rest.use"
MANAGE = "rest.manage"


def can_use(user: User) -> bool:
    """Whoever loses this right has webhooks that answer nothing, until they get it back."""
    return has_right(user, USE)


def can_manage(user: User) -> bool:
    return has_right(user, MANAGE)


def can_revoke(user: User, webhook: Webhook) -> bool:
    return webhook.user_id == user.pk or can_manage(user)


def is_let_in(user: User) -> bool:
    """Whether somebody whose webhook it is still belongs here: a guest whose time in every group is over
    answers to nothing but their own name."""
    return user.is_active and not (user.is_extranet and codes_of(user) <= {code_of(user)})


def refuse_outsider(user: User, address: str, now: datetime) -> None:
    """The same rules as for a browser. Raises PermissionDenied."""
    if not can_use(user):
        raise PermissionDenied(_("Your role does not allow webhooks."))
    if not may_come_from(user, address):
        raise PermissionDenied(_("Your role may be used from the company's own network only."))
    if is_overdue(user, now):
        raise PermissionDenied(_("Your role needs a second factor: set one up in the portal first."))


def can_send_out(user: User) -> bool:
    """Who decides what leaves the box by itself, and for where."""
    return user.is_active and user.is_administrator
