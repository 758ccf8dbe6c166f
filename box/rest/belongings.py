"""Webhooks, when people are erased or two accounts become one: a program would act with the rights of both,
though its owner gave it those of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from box.core.registry.belongings import DECIDED, Belongings, Belongs, Deleted, Stays
from box.rest.models import Webhook

if TYPE_CHECKING:
    from box.core.accounts.models import User


def _ending(gone: User, kept: User) -> list[str]:
    count = Webhook.objects.of(gone).listed().filter(revoked_at=None).count()
    return [ngettext("%(num)s webhook ends", "%(num)s webhooks end", count) % {"num": count}] if count else []


BELONGINGS = Belongings(
    _("Integrations"),
    {
        "rest.Webhook.user": Belongs(
            Deleted(), Deleted(), said=ngettext_lazy("%(num)s webhook", "%(num)s webhooks", "num")
        ),
        "rest.Application.by": Belongs(Stays(DECIDED)),
        "rest.Placement.by": Belongs(Stays(DECIDED)),
        "rest.AuthorizationCode.user": Belongs(Deleted(), Deleted()),
        "rest.Grant.user": Belongs(Deleted(), Deleted()),
        "rest.Listener.by": Belongs(Stays(DECIDED)),
    },
    moves=_ending,
)
