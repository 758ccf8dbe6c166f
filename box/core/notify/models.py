"""What a person should know: one row a person, and so never for something said to all. And the letters."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from box.core.accounts.models import User
from box.lib.hot_models import HotModel

if TYPE_CHECKING:
    from box.lib.prepared import Param


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> Self:
        return self.filter(read_at=None)

    def like(self, one: Notification) -> Self:
        """Of the same kind and about the same thing: they stand on one line."""
        return self.filter(kind=one.kind, about_kind=one.about_kind, about_id=one.about_id)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def before(self, notification_id: int | Param) -> Self:
        """The page below this one."""
        return self.filter(id__lt=notification_id)


class Notification(HotModel):
    user = models.ForeignKey(User, models.CASCADE, related_name="notifications", db_index=False)
    # What happened, as `<room>.<event>`: chooses the sentence.
    kind = models.CharField(max_length=60)
    # The object it is about, as a core reference.
    about_kind = models.CharField(max_length=40)
    about_id = models.BigIntegerField()
    actor = models.ForeignKey(User, models.CASCADE, null=True, related_name="+", db_index=False)
    # The same thing is told once: an event's handler may run again.
    key = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    # When to look whether it is to be told by letter; none: it is not, or it was.
    mail_after = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="notification_once")]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_newest"),
            models.Index(
                fields=["user"], name="notification_unread", condition=models.Q(read_at__isnull=True)
            ),
            models.Index(
                fields=["mail_after"],
                name="notification_to_mail",
                condition=models.Q(mail_after__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class Reminder(models.Model):
    """What somebody is to be told of an object at a moment: see `box.core.notify.reminders`."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    # Of the notice.
    kind = models.CharField(max_length=60)
    about_kind = models.CharField(max_length=40)
    about_id = models.BigIntegerField()
    due_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["about_kind", "about_id", "kind", "user"], name="reminder_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="reminder_due"),
            models.Index(fields=["user"], name="reminder_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id} at {self.due_at}"


class Counter(models.Model):
    """A number beside an entry of somebody's menu. No row: there is nothing to count."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    # Of the entry.
    key = models.CharField(max_length=40)
    value = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="counter_once")]

    def __str__(self) -> str:
        return f"{self.key} of {self.user_id}: {self.value}"


class Preferences(models.Model):
    """What a person has decided about being told; who has no row is told as the topics have it."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    # Topics by key. Those that are mailed by themselves may be left out, the others taken in.
    hidden = ArrayField(models.TextField(), default=list)
    mailed = ArrayField(models.TextField(), default=list)
    unmailed = ArrayField(models.TextField(), default=list)
    # In the person's own time zone; both or none.
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    digest = models.BooleanField(default=False)
    digested_on = models.DateField(null=True)

    class Meta:
        verbose_name_plural = "preferences"
        indexes = [
            models.Index(fields=["user"], name="preferences_digest", condition=models.Q(digest=True)),
        ]

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class Presence(models.Model):
    """When a person was last seen in the portal, to some minutes."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True, related_name="+")
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user_id} at {self.seen_at}"


class LetterQuerySet(models.QuerySet["QueuedLetter"]):
    def waiting(self) -> Self:
        """Neither sent nor given up."""
        return self.filter(sent_at=None, failed_at=None)

    def due(self, now: datetime) -> Self:
        return self.waiting().filter(send_after__lte=now)

    def failed(self) -> Self:
        return self.exclude(failed_at=None)


class QueuedLetter(models.Model):
    """A letter to one address. What it says is forgotten once it is sent: it may hold a link that lets in."""

    key = models.CharField(max_length=200, unique=True)
    to = models.EmailField()
    language = models.CharField(max_length=2)
    subject = models.TextField()
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    # The address that ends letters of this kind, as RFC 8058 has it.
    unsubscribe = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    send_after = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    # Why it is not there yet, or never will be.
    error = models.TextField(blank=True)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)

    objects = LetterQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["send_after", "id"],
                name="letter_due",
                condition=models.Q(sent_at=None, failed_at=None),
            ),
            models.Index(
                fields=["-failed_at"], name="letter_failed", condition=models.Q(failed_at__isnull=False)
            ),
            models.Index(fields=["created_at"], name="letter_age"),
        ]

    def __str__(self) -> str:
        return f"{self.key} to {self.to}"
