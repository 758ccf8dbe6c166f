"""What was done with a client, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.crm.models.records import Record
from box.core.accounts.models import User
from box.core.registry.external import external_column, external_index

if TYPE_CHECKING:
    from datetime import datetime


class ActivityQuerySet(models.QuerySet["Activity"]):
    def open(self) -> Self:
        return self.filter(done_at=None, deadline__isnull=False)

    def overdue(self, now: datetime) -> Self:
        return self.open().filter(deadline__lt=now)

    def by_deadline(self) -> Self:
        return self.order_by("deadline", "id")


class Activity(models.Model):
    """A call, a letter, a meeting, a note ... Who sees it is decided by the records that it is bound to."""

    class Kind(models.TextChoices):
        CALL = "call", _("call")
        EMAIL = "email", _("letter")
        MEETING = "meeting", _("meeting")
        NOTE = "note", _("note")
        CHAT = "chat", _("chat")
        TASK = "task", _("task")
        COMPLAINT = "complaint", _("complaint")
        REQUEST = "request", _("request")
        FORM = "form", _("web form")

    class Direction(models.TextChoices):
        NONE = "", _("none")
        IN = "in", _("incoming")
        OUT = "out", _("outgoing")

    kind = models.CharField(max_length=9, choices=Kind)
    direction = models.CharField(max_length=3, choices=Direction, blank=True, default="")
    subject = models.CharField(_("subject"), max_length=255)
    text = models.TextField(_("description"), max_length=20_000, blank=True)
    # What came of it, written when it is done.
    result = models.TextField(_("result"), max_length=20_000, blank=True)
    responsible = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    # Where it stands in the time line: when it was, or is to be.
    at = models.DateTimeField(default=timezone.now)
    seconds = models.PositiveIntegerField(null=True)
    # Of what is planned; a note has none.
    deadline = models.DateTimeField(_("deadline"), null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    # What it is about in another app, as `str(Ref)`: a call, a letter, a task.
    about = models.CharField(max_length=80, blank=True)
    # Of a call, as people write it, or how whoever answered a form is reached: apart from the subject and the
    # text, for it is hidden from some.
    number = models.CharField(max_length=255, blank=True, db_default="", default="")
    # ORIGIN_ID, ORIGINATOR_ID and ORIGIN_VERSION of Bitrix24.
    external_id = external_column()
    external_source = external_column(_("external source"))
    external_version = external_column(_("external version"))

    objects = ActivityQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                F("responsible"), F("deadline"), F("id"),
                name="crm_activity_to_do", condition=Q(done_at=None, deadline__isnull=False),
            ),
            external_index("crm_activity_external_id"),
        ]  # fmt: skip
        constraints = [
            models.UniqueConstraint(fields=["about"], condition=~Q(about=""), name="crm_activity_about_once"),
        ]

    def __str__(self) -> str:
        return self.subject

    def said_to(self, reader_sees_numbers: bool) -> str:
        """What it is called on pages."""
        return f"{self.subject}: {self.number}" if self.number and reader_sees_numbers else self.subject

    @property
    def is_planned(self) -> bool:
        return self.deadline is not None and self.done_at is None


class ActivityBinding(models.Model):
    """That an activity stands in the time line of a record: of a deal, its contact and their company."""

    activity = models.ForeignKey(Activity, models.CASCADE, related_name="bindings", db_index=False)
    record = models.ForeignKey(Record, models.CASCADE, related_name="activities", db_index=False)
    # The activity's own moment and whether it is open, so that a time line is one index.
    at = models.DateTimeField()
    is_open = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["activity", "record"], name="crm_activity_bound_once")]
        indexes = [
            models.Index(F("record"), F("at").desc(), F("activity").desc(), name="crm_binding_timeline"),
            models.Index(F("record"), F("at"), name="crm_binding_open", condition=Q(is_open=True)),
        ]

    def __str__(self) -> str:
        return f"{self.activity_id} of {self.record_id}"
