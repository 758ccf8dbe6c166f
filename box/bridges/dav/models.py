"""Devices with passwords of their own, and what each collection was when a program last asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User

# So long a program may be away before it has to fetch everything anew.
KEPT_STATES = timedelta(days=60)


class DeviceQuerySet(models.QuerySet["Device"]):
    def connected(self) -> Self:
        return self.filter(revoked_at=None)

    def of(self, user: User) -> Self:
        return self.filter(user=user)


class Device(models.Model):
    """A phone or a program, known by the digest of its password: nothing that lies here opens anything."""

    user = models.ForeignKey(User, models.CASCADE, related_name="devices")
    name = models.CharField(_("name"), max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    # To some minutes.
    used_at = models.DateTimeField(null=True)
    used_address = models.GenericIPAddressField(null=True)
    # What the program calls itself.
    agent = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True)

    objects = DeviceQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class SyncState(models.Model):
    """What was in a collection for a person at one moment: by the difference to now a program that comes back
    with the token learns what is new, changed and gone, also what it only may not see any more."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    collection = models.CharField(max_length=64)
    token = models.CharField(max_length=64)
    # Names and tags, as `box.bridges.dav.states` packs them.
    packed = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "collection", "token"], name="sync_state_once")
        ]
        indexes = [models.Index(fields=["made_at"], name="sync_state_age")]

    def __str__(self) -> str:
        return f"{self.collection} of {self.user_id} at {self.made_at:%Y-%m-%d %H:%M}"


def old_states(now: datetime) -> models.QuerySet[SyncState]:
    return SyncState.objects.filter(made_at__lt=now - KEPT_STATES)
