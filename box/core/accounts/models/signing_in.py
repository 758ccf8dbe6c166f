"""What lets people in, and what keeps others out."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models.people import User
from box.lib.hot_models import HotModel


class Session(HotModel, AbstractBaseSession):
    """A signed-in browser. The person is a column, so that all of theirs can be ended at once."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, db_default=Now())
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=300, blank=True)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        db_table = "accounts_session"

    @classmethod
    def get_session_store_class(cls) -> Any:
        from box.core.accounts.sessions import SessionStore

        return SessionStore


class Totp(models.Model):
    """An authenticator app: it makes a code of a shared secret and the time."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="totp")
    # Encrypted with the box's key.
    seed = models.TextField()
    # The last step of 30 seconds whose code was used.
    last_step = models.BigIntegerField(default=0)
    added_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"app of {self.user_id}"


class Passkey(models.Model):
    """A key pair that one of the person's devices keeps: the public half, which opens nothing."""

    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(_("name"), max_length=100)
    credential_id = models.BinaryField(unique=True)
    # As the standard packs it: the device's model, the id again, and the key in COSE.
    credential = models.BinaryField()
    # How often the device says it has signed; 0 for ever where the key is kept on several devices.
    sign_count = models.BigIntegerField(default=0)
    transports = ArrayField(models.CharField(max_length=20), default=list)
    added_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """Lets its person in once, in place of a second factor."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes", db_index=False)
    digest = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user_id}"


class KnownBrowser(models.Model):
    """A browser in which somebody has signed in: known by the digest of its cookie."""

    user = models.ForeignKey(User, models.CASCADE, related_name="browsers", db_index=False)
    digest = models.CharField(max_length=64)
    agent = models.CharField(max_length=300, blank=True)
    address = models.GenericIPAddressField(null=True)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "digest"], name="browser_once_a_person")]
        indexes = [models.Index(fields=["digest"], name="browser_by_digest")]

    def __str__(self) -> str:
        return self.agent


class Failures(models.Model):
    """How often signing in has failed lately: see box.core.accounts.throttle."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    began_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.count} since {self.began_at:%H:%M}"
