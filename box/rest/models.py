"""Webhooks: addresses through which a program acts as a person, and those that are told of events."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Self
from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User

PAGE = 50
# For so long a list shows what was revoked.
REMEMBERED_FOR = timedelta(days=30)


class ApplicationQuerySet(models.QuerySet["Application"]):
    def with_people(self) -> Self:
        """Each row knows how many `people` let it act in their name."""
        alive = models.Q(grants__webhook__revoked_at=None, grants__placement=None)
        return self.annotate(people=models.Count("grants", filter=alive))


class Application(models.Model):
    """A local application: people authorise it by OAuth 2.0. See `box.rest.oauth`."""

    name = models.CharField(_("name"), max_length=100)
    client_id = models.CharField(max_length=60, unique=True)
    secret_digest = models.CharField(max_length=64)
    # Where people come back to with a code.
    redirect_uri = models.URLField(max_length=500)
    scopes = ArrayField(models.CharField(max_length=40))
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)
    # By which its own server knows what the portal tells it; sealed with the box's key.
    token = models.TextField(blank=True, default="", db_default="")
    # What it keeps here, by names of its own.
    options = models.JSONField(default=dict, db_default={})

    objects = ApplicationQuerySet.as_manager()

    # Of rows that `with_people` read.
    people: int

    def __str__(self) -> str:
        return self.name

    @property
    def host(self) -> str:
        return urlsplit(self.redirect_uri).netloc


class Placement(models.Model):
    """A page of an application's own server that the portal shows in a frame: see `box.rest.placements`."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="placements")
    # A key of `box.core.registry.rest.places`, or DEFAULT.
    place = models.CharField(max_length=60)
    handler = models.URLField(max_length=500)
    title = models.CharField(max_length=100, blank=True)
    description = models.CharField(max_length=500, blank=True)
    # Title, description and group by language, as the application has said them.
    translations = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "place", "handler"], name="placement_once"),
        ]

    def __str__(self) -> str:
        return f"{self.place} of {self.application_id}"


class AuthorizationCode(models.Model):
    """What an application gets its first tokens for: once, within half a minute. Kept for a day, so that one
    that is used again is known for what it is."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.application_id} for {self.user_id}"


class WebhookQuerySet(models.QuerySet["Webhook"]):
    def alive(self, today: date) -> Self:
        """Those that open something, as long as their person works here."""
        return self.filter(revoked_at=None).exclude(expires_on__lt=today)

    def of(self, user: User) -> Self:
        return self.filter(user=user)

    def listed(self) -> Self:
        """Without those of frames, which come and go with pages, and end with what was allowed once."""
        return self.filter(grant__placement=None)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def long_revoked(self, now: datetime) -> Self:
        return self.filter(revoked_at__lt=now - REMEMBERED_FOR)


class Webhook(models.Model):
    """Known by the digest of its secret: nothing that lies here opens anything."""

    user = models.ForeignKey(User, models.CASCADE, related_name="webhooks")
    name = models.CharField(_("name"), max_length=100)
    scopes = ArrayField(models.CharField(max_length=40))
    # The first characters of the secret, by which the row is found.
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    # The last day on which it serves.
    expires_on = models.DateField(null=True)
    # To some minutes.
    used_at = models.DateTimeField(null=True)
    used_address = models.GenericIPAddressField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # Of an access token, which an application has of this person: see Grant.
    ends_at = models.DateTimeField(null=True)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["revoked_at"], name="webhook_revoked", condition=models.Q(revoked_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_expired(self) -> bool:
        return self.expires_on is not None and self.expires_on < timezone.localdate()


class Grant(models.Model):
    """That a person lets an application act in their name. Its tokens follow one another: the access token is
    the secret of `webhook`, and the refresh token makes another pair.

    Each frame that shows a page of the application has a pair of its own, under the `placement` that it
    shows: what the application's server keeps goes on meanwhile.
    """

    application = models.ForeignKey(Application, models.CASCADE, related_name="grants")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    webhook = models.OneToOneField(Webhook, models.CASCADE, related_name="grant")
    refresh_prefix = models.CharField(max_length=8, unique=True)
    refresh_digest = models.CharField(max_length=64)
    refresh_ends_at = models.DateTimeField()
    placement = models.ForeignKey(Placement, models.CASCADE, null=True, related_name="grants")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "user"],
                name="grant_one_allowed",
                condition=models.Q(placement=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id} for {self.user_id}"


class ListenerQuerySet(models.QuerySet["Listener"]):
    def told_of(self, event: str) -> Self:
        return self.filter(events__contains=[event], paused_at=None)

    def due(self, now: datetime) -> Self:
        """Those that are not left alone after a failure."""
        return self.filter(paused_at=None).exclude(retry_at__gt=now)

    def newest_first(self) -> Self:
        return self.order_by("-id")


class Listener(models.Model):
    """An outgoing webhook: an address outside that is told of events."""

    name = models.CharField(_("name"), max_length=100)
    address = models.URLField(_("address"), max_length=500)
    events = ArrayField(models.CharField(max_length=60))
    # By which the address knows us, and our signature; encrypted with the box's key.
    token = models.TextField()
    # Whose address it is; None of one that an administrator has written down.
    application = models.ForeignKey(Application, models.CASCADE, null=True, related_name="listeners")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    # Since when nothing arrives, how often it was tried since, and when it is tried again.
    failing_since = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)

    objects = ListenerQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class SendingQuerySet(models.QuerySet["Sending"]):
    def waiting(self) -> Self:
        return self.filter(sent_at=None, failed_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-id")


class Sending(models.Model):
    """One event for one listener: stays for a while as the log of what was sent."""

    listener = models.ForeignKey(Listener, models.CASCADE, related_name="sendings", db_index=False)
    # The number of the event: its handler may run again.
    key = models.BigIntegerField()
    event = models.CharField(max_length=60)
    data = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # What was answered last; nothing, where nobody did.
    status = models.PositiveSmallIntegerField(null=True)
    error = models.TextField(blank=True)

    objects = SendingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listener", "event", "key"], name="sending_once")]
        indexes = [
            models.Index(fields=["listener", "-id"], name="sending_newest"),
            models.Index(
                fields=["listener", "id"],
                name="sending_waiting",
                condition=models.Q(sent_at=None, failed_at=None),
            ),
            models.Index(fields=["created_at"], name="sending_age"),
        ]

    def __str__(self) -> str:
        return f"{self.event} for {self.listener_id}"
