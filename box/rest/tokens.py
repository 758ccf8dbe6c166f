"""Secrets of webhooks: 256 random bits, of which only a digest is kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.crypto import constant_time_compare

from box.core.accounts.backends import PasswordBackend
from box.core.accounts.digests import digest
from box.core.accounts.models import User
from box.core.registry.health import is_read_only
from box.core.registry.rest import ApiRefused
from box.rest.access import is_let_in
from box.rest.models import Webhook

PREFIX = 8
SEEN_EVERY = timedelta(minutes=5)
# Compared with where no row is found, so that a wrong prefix costs what a wrong rest does.
_NOBODYS = digest("nobody's")


@dataclass(frozen=True)
class Secret:
    """Shown once, and kept by whoever it was shown to. Digits and a to f: programs look for nothing else in
    the addresses of webhooks."""

    text: str

    @classmethod
    def new(cls) -> Secret:
        return cls(secrets.token_hex(32))

    @property
    def prefix(self) -> str:
        return self.text[:PREFIX]

    @property
    def digest(self) -> str:
        return digest(self.text)

    def __repr__(self) -> str:
        return "Secret(…)"


def expired_token() -> ApiRefused:
    return ApiRefused("expired_token", "The access token provided has expired.", status=401)


@dataclass(frozen=True)
class Caller:
    """The webhook that was used, and its person as of now."""

    webhook: Webhook
    user: User


def caller_of(secret: Secret, user_id: int | None) -> Caller | None:
    """Who calls with this secret; `user_id` is what the address says besides, if it does.

    Nobody, if the webhook is revoked or over, and if its person was suspended or has left. Raises ApiRefused
    for an access token that is over: whoever has it asks for another.
    """
    found = Webhook.objects.alive(timezone.localdate()).filter(prefix=secret.prefix).first()
    is_right = constant_time_compare(secret.digest, found.digest if found else _NOBODYS)
    if found is None or not is_right or user_id not in (None, found.user_id):
        return None
    if found.ends_at is not None:
        # An application's token is in no address.
        if user_id is not None:
            return None
        if found.ends_at <= timezone.now():
            raise expired_token()
    user = PasswordBackend().get_user(found.user_id)
    return Caller(found, user) if user is not None and is_let_in(user) else None


def caller_by(webhook_id: int) -> Caller | None:
    """Whose webhook this is, as `caller_of` finds them; who calls has shown what was given out with it."""
    found = Webhook.objects.alive(timezone.localdate()).filter(pk=webhook_id).first()
    user = PasswordBackend().get_user(found.user_id) if found else None
    return Caller(found, user) if found and user is not None and is_let_in(user) else None


def note_use(webhook: Webhook, address: str, now: datetime) -> None:
    """Written every few minutes at most, and never by a box that can only be read."""
    is_known = webhook.used_at is not None and webhook.used_address == (address or None)
    if is_known and webhook.used_at is not None and now - webhook.used_at < SEEN_EVERY:
        return
    if not is_read_only():
        Webhook.objects.filter(pk=webhook.pk).update(used_at=now, used_address=address or None)
