"""Every write to webhooks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.registry.rest import scopes
from box.rest.events import WebhookCreated, WebhookRevoked
from box.rest.models import Grant, Webhook, WebhookQuerySet
from box.rest.tokens import Secret

MOST_OF_A_PERSON = 50


@dataclass(frozen=True)
class NewWebhook:
    name: str
    scopes: tuple[str, ...]
    expires_on: date | None = None


@transaction.atomic
def create_webhook(new: NewWebhook, secret: Secret, *, by: User) -> Webhook:
    """In the name of this person. The secret is theirs to keep: here lies its digest."""
    if unknown := sorted(set(new.scopes) - {key for key, _scope in scopes.items()}):
        raise ValidationError(_("There is no such scope: %(names)s.") % {"names": ", ".join(unknown)})
    if new.expires_on is not None and new.expires_on < timezone.localdate():
        raise ValidationError({"expires_on": _("This day is over: choose a later one.")})
    own = Webhook.objects.of(by).filter(ends_at=None)
    if own.alive(timezone.localdate()).count() >= MOST_OF_A_PERSON:
        raise ValidationError(
            _("You have %(most)s webhooks: revoke those that nothing uses.") % {"most": MOST_OF_A_PERSON}
        )
    webhook = Webhook.objects.create(
        user=by,
        name=new.name,
        scopes=sorted(set(new.scopes)),
        prefix=secret.prefix,
        digest=secret.digest,
        expires_on=new.expires_on,
    )
    emit(
        WebhookCreated(
            webhook_id=webhook.pk,
            user_id=by.pk,
            name=webhook.name,
            scopes=tuple(webhook.scopes),
            by_id=by.pk,
        )
    )
    return webhook


@transaction.atomic
def revoke_webhook(webhook: Webhook, *, by: User) -> None:
    """It opens nothing from now on, and nor do the frames of an application whose tokens it is. Doing it
    again does nothing."""
    with_frames = Q(pk=webhook.pk) | Q(
        user=webhook.user_id,
        grant__placement__isnull=False,
        grant__application__in=Grant.objects.filter(webhook=webhook).values("application"),
    )
    revoke_webhooks(Webhook.objects.filter(with_frames), by_id=by.pk)


@transaction.atomic
def revoke_all_of(person: User, *, until: datetime, by_id: int | None) -> None:
    """Those that this person had at that moment: they were suspended, or have left."""
    revoke_webhooks(Webhook.objects.of(person).filter(created_at__lte=until), by_id=by_id)


def revoke_webhooks(webhooks: WebhookQuerySet, *, by_id: int | None) -> None:
    """Those of them that open something: within a transaction. Of frames nothing is told: they end with what
    was allowed, and that is told."""
    webhooks.filter(grant__placement__isnull=False).delete()
    alive: Iterable[Webhook] = webhooks.filter(revoked_at=None).select_for_update(of=("self",))
    now = timezone.now()
    for webhook in alive:
        webhook.revoked_at = now
        webhook.save(update_fields=["revoked_at"])
        emit(
            WebhookRevoked(
                webhook_id=webhook.pk,
                user_id=webhook.user_id,
                name=webhook.name,
                by_id=by_id,
            )
        )


def revoke_everybodys() -> int:
    """When the box was brought back to an earlier moment: what was revoked since would open again."""
    return Webhook.objects.filter(revoked_at=None).update(revoked_at=timezone.now())


def forget_revoked(now: datetime) -> int:
    return Webhook.objects.long_revoked(now).delete()[0]
