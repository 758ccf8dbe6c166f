"""The portal's settings as they are stored: see `box.core.registry.settings`."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class StoredSetting(models.Model):
    """A setting that an administrator has changed; the others have their defaults."""

    key = models.TextField(primary_key=True)
    value = models.JSONField()
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.key} = {self.value!r}"


class SettingsVersion(models.Model):
    """One row, which every change raises; its lock puts changes in a row: no number comes late."""

    number = models.PositiveBigIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.number)
