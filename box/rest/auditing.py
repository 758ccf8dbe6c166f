"""What the audit log tells of webhooks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from box.core.accounts.auditing import about_person
from box.core.registry.auditing import About, Audited, audited
from box.rest.events import (
    ApplicationAdded,
    ApplicationAuthorized,
    ApplicationRetired,
    ListenerAdded,
    ListenerRemoved,
    PlacementBound,
    PlacementUnbound,
    WebhookCreated,
    WebhookRevoked,
)


def declare() -> None:
    audited.add(
        "rest.webhook_created",
        Audited(_("made the webhook “%(name)s” (%(scopes)s)"), WebhookCreated, about=_person),
    )
    audited.add(
        "rest.webhook_revoked",
        Audited(_("revoked the webhook “%(name)s” of %(about)s"), WebhookRevoked, about=_person),
    )
    audited.add("rest.application_added", Audited(_("added the application “%(name)s”"), ApplicationAdded))
    audited.add(
        "rest.application_authorized",
        Audited(_("let the application “%(name)s” act in their name"), ApplicationAuthorized),
    )
    audited.add(
        "rest.application_retired", Audited(_("removed the application “%(name)s”"), ApplicationRetired)
    )
    audited.add(
        "rest.placement_bound",
        Audited(
            _("let the application “%(name)s” show %(handler)s in the portal (%(place)s)"), PlacementBound
        ),
    )
    audited.add(
        "rest.placement_unbound",
        Audited(
            _("let the application “%(name)s” show %(handler)s in the portal no more (%(place)s)"),
            PlacementUnbound,
        ),
    )
    audited.add(
        "rest.listener_added",
        Audited(_("has %(address)s told of events (%(events)s)"), ListenerAdded),
    )
    audited.add(
        "rest.listener_removed", Audited(_("has %(address)s told of nothing any more"), ListenerRemoved)
    )


def _person(event: WebhookCreated | WebhookRevoked) -> About:
    return about_person(event.user_id)
