"""Forgetting the webhooks of somebody who has left."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from box.core.accounts.models import User
from box.core.registry.capabilities import Eraser
from box.rest.models import Webhook


def kept_of(person: User) -> list[str]:
    count = Webhook.objects.of(person).count()
    return [ngettext("%(num)s webhook", "%(num)s webhooks", count) % {"num": count}] if count else []


def forget(person: User, by: User) -> None:
    Webhook.objects.of(person).delete()


def ended_of(gone: User, kept: User) -> list[str]:
    """Said before the account becomes another: see `box.core.registry.merging.Merger`."""
    count = Webhook.objects.of(gone).filter(revoked_at=None).count()
    return [ngettext("%(num)s webhook ends", "%(num)s webhooks end", count) % {"num": count}] if count else []


ERASER = Eraser(_("Integrations"), kept_of, forget, ("rest.Webhook.user",))
