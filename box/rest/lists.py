"""Everybody's webhooks, for whoever looks after them."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.lists.definition import Bulk, Column, Empty, List, Search
from box.core.lists.filters import Dates, YesNo, people
from box.core.lists.presenters import macro
from box.core.registry.filtering import Flag, Moment, Related
from box.core.registry.rest import scopes
from box.rest.actions import revoke_webhook
from box.rest.models import Webhook

UI = "rest/ui.html"


def _labels(webhook: Webhook) -> list[str]:
    """What it may; of a service that is gone, by its name in the dialect."""
    return [str(scopes[key].label) if key in scopes else key for key in webhook.scopes]


def _is_open() -> Q:
    return Q(revoked_at=None) & (Q(expires_on=None) | Q(expires_on__gte=timezone.localdate()))


COLUMNS = (
    Column[Webhook]("name", _("Name"), lambda one: one.name, sort="name", cell=macro(UI, "name")),
    Column[Webhook]("person", _("Person"), lambda one: one.user.face),
    Column[Webhook]("scopes", _("May do"), _labels),
    Column[Webhook]("used", _("Last used"), lambda one: one.used_at, sort="used_at"),
    Column[Webhook]("address", _("From where"), lambda one: one.used_address or ""),
    Column[Webhook]("expires", _("Works until"), lambda one: one.expires_on, sort="expires_on"),
    Column[Webhook]("revoked", _("Revoked"), lambda one: one.revoked_at, is_shown=False),
    Column[Webhook]("made", _("When it was made"), lambda one: one.created_at, sort="id", is_shown=False),
)
FILTERS = (
    people("person", _("Person"), Related("user")),
    YesNo("open", _("Opens something"), Flag(_is_open)),
    Dates("used", _("Last used"), Moment("used_at")),
)
REVOKING = Bulk[Webhook](
    key="revoke",
    label=_("Revoke"),
    icon="ban",
    act=revoke_webhook,
    done=lambda n: ngettext("%(n)d webhook is revoked.", "%(n)d webhooks are revoked.", n) % {"n": n},
    question=_("Whatever uses it is refused from now on."),
)


def webhook_list() -> List[Webhook]:
    return List(
        key="rest.webhooks",
        title=_("Webhooks of everybody"),
        rows=Webhook.objects.listed().select_related("user"),
        columns=COLUMNS,
        filters=FILTERS,
        bulk=(REVOKING,),
        order="-made",
        search=Search(_("Name of a webhook"), lambda rows, text: rows.filter(name__icontains=text)),
        href=None,
        empty=Empty(
            _("Nobody has a webhook"), _("People make them in their own menu, under “Integrations”.")
        ),
    )
