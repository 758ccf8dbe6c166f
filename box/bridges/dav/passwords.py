"""Passwords of devices: made here, shown once, typed on small keyboards."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.views.decorators.debug import sensitive_variables

from box.bridges.dav.access import is_let_in
from box.bridges.dav.models import Device
from box.core.accounts.backends import PasswordBackend
from box.core.accounts.digests import digest
from box.core.accounts.models import User
from box.core.accounts.throttle import Attempt, counted_as
from box.core.registry.health import is_read_only

# Without letters that look like others: 20 of 23 are 90 bits.
_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_GROUPS, _OF_GROUP = 5, 4
SEEN_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class DevicePassword:
    """`abcd-efgh-jkmn-pqrs-tuvw`; with or without hyphens, in letters of any size."""

    text: str

    @classmethod
    def new(cls) -> DevicePassword:
        groups = ("".join(secrets.choice(_LETTERS) for _ in range(_OF_GROUP)) for _ in range(_GROUPS))
        return cls("-".join(groups))

    @property
    def digest(self) -> str:
        return digest("".join(one for one in self.text.lower() if one in _LETTERS))

    def __repr__(self) -> str:
        return "DevicePassword(…)"


@sensitive_variables("password")
def device_of(login: str, password: str, address: str, now: datetime) -> tuple[Device, User] | None:
    """Who signs in so; nobody, where the device is revoked, the person has left, or the network has guessed
    too often."""
    attempt = Attempt(counted_as(login), address)
    if attempt.wait(now) is not None:
        return None
    known = Device.objects.select_related("user").filter(digest=DevicePassword(password).digest).first()
    if known is None or not _is_called(known.user, login):
        if not is_read_only():
            attempt.failed()
        return None
    # What was somebody's is no guess: a phone whose device was removed asks for weeks, and would keep its
    # network out of the portal.
    user = PasswordBackend().get_user(known.user_id) if known.revoked_at is None else None
    return (known, user) if user is not None and is_let_in(user, address, now) else None


def _is_called(user: User, login: str) -> bool:
    return login.strip().lower() in {user.login.lower(), (user.email or "").lower()} - {""}


def note_use(device: Device, address: str, agent: str, now: datetime) -> None:
    """Written every few minutes at most, and never by a box that can only be read."""
    is_known = device.used_at is not None and device.used_address == (address or None)
    if is_known and device.used_at is not None and now - device.used_at < SEEN_EVERY:
        return
    if not is_read_only():
        Device.objects.filter(pk=device.pk).update(
            used_at=now, used_address=address or None, agent=agent[:200]
        )
