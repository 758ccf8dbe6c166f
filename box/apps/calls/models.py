"""Calls as people see them, whoever's exchange they came from; who took part; and what was recorded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.calls.permissions import ALL, codes_of_reader
from box.bridges.telephony.models import Call
from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.accounts.models import User
from box.core.files.models import Blob
from box.core.registry.capabilities import Ref

if TYPE_CHECKING:
    from datetime import datetime

KIND = "calls.call"
MISSES_COUNT_FOR = timedelta(days=30)
"""Whom nobody has called back for so long waits for no call."""
LONGEST = timedelta(hours=12)
"""What seems to go on for longer is not shown as going on."""

LONGEST_NOTE = 20_000


class LoggedCallQuerySet(AudienceQuerySet["LoggedCall"]):
    def visible_to(self, user: User) -> Self:
        if not user.is_active or user.is_administrator:
            return super().visible_to(user)
        codes = codes_of_reader(user)
        return self.reachable_by_many(codes) if ALL in codes else self.reachable_by_few(codes)

    def newest_first(self) -> Self:
        return self.order_by("-started_at", "-id")

    def over(self) -> Self:
        return self.filter(ended_at__isnull=False)

    def going(self, now: datetime) -> Self:
        return self.filter(ended_at=None, started_at__gte=now - LONGEST)

    def unreturned(self) -> Self:
        """Missed, and nobody has called back."""
        return self.filter(is_missed=True, settled_at=None)

    def waiting_for(self, user: User, *, now: datetime) -> Self:
        """Missed by this person, and by whoever else's telephone rang."""
        rang = Participant.objects.filter(user=user, is_called=True).values("logged")
        return self.unreturned().filter(started_at__gte=now - MISSES_COUNT_FOR, pk__in=rang)


class LoggedCall(AudienceModel):
    """One call in the log, from its first ring on."""

    Direction = Call.Direction
    Result = Call.Result

    # None: another exchange has told of it, over REST.
    call = models.OneToOneField(Call, models.CASCADE, null=True, related_name="logged")
    # What that exchange, or its program, calls it.
    external_key = models.CharField(max_length=100, blank=True)
    direction = models.CharField(max_length=8, choices=Call.Direction)
    # Of a call that is over.
    result = models.CharField(max_length=12, choices=Call.Result, blank=True)
    # Of the one outside, in E.164; of an internal call the extension that was called.
    number = models.CharField(max_length=80, blank=True)
    caller_name = models.CharField(max_length=80, blank=True)
    # Which of the company's numbers was called, or by which line it went out.
    line = models.CharField(max_length=80, blank=True)
    queue = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    wait_seconds = models.PositiveIntegerField(default=0)
    talk_seconds = models.PositiveIntegerField(default=0)
    # Who talked, or called.
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    is_missed = models.BooleanField(default=False)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    note = models.TextField(_("notes"), max_length=LONGEST_NOTE, blank=True)
    # Its recordings stay, however old they become.
    is_held = models.BooleanField(default=False)

    objects: ClassVar[LoggedCallQuerySet] = LoggedCallQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        indexes = [
            *AudienceModel.Meta.indexes,
            models.Index(F("started_at"), F("id"), name="calls_by_start"),
            models.Index(F("number"), F("started_at"), F("id"), name="calls_by_number"),
            models.Index(F("user"), F("started_at"), F("id"), name="calls_by_person"),
            models.Index(F("queue"), F("started_at"), F("id"), name="calls_by_queue", condition=~Q(queue="")),
            models.Index(F("talk_seconds"), F("id"), name="calls_by_talk"),
            models.Index(F("wait_seconds"), F("id"), name="calls_by_wait"),
            models.Index(
                F("number"), F("id"), name="calls_unreturned", condition=Q(is_missed=True, settled_at=None)
            ),
            models.Index(F("started_at"), name="calls_going", condition=Q(ended_at=None)),
        ]
        constraints = [
            *AudienceModel.Meta.constraints,
            models.UniqueConstraint(
                fields=["external_key"], condition=~Q(external_key=""), name="calls_external_once"
            ),
        ]

    def __str__(self) -> str:
        return self.number or self.caller_name or str(_("withheld number"))

    @property
    def ref(self) -> Ref:
        return Ref(KIND, self.pk)

    @property
    def is_outside(self) -> bool:
        return self.direction != Call.Direction.INTERNAL

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    def get_absolute_url(self) -> str:
        return reverse("calls:call", args=[self.pk])


class ParticipantQuerySet(models.QuerySet["Participant"]):
    def busy(self, now: datetime) -> Self:
        """Whose telephones ring, dial or talk at this moment."""
        return self.filter(ended_at=None, began_at__gte=now - LONGEST, logged__ended_at=None)

    def holding(self, now: datetime) -> Self:
        """Who have somebody on hold, and have hung up for the while."""
        held = self.exclude(holds_leg="").filter(ended_at__isnull=False)
        return held.filter(began_at__gte=now - LONGEST, logged__ended_at=None)


class Participant(models.Model):
    """An employee's part in a call, by the extension that was theirs then."""

    logged = models.ForeignKey(LoggedCall, models.CASCADE, related_name="participants", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    # The channel's Uniqueid.
    leg = models.CharField(max_length=150)
    # They were called; else they called.
    is_called = models.BooleanField()
    began_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Of whom they have put on hold, hanging up for the while: its Uniqueid.
    holds_leg = models.CharField(max_length=150, blank=True, default="", db_default="")

    objects = ParticipantQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["logged", "leg"], name="calls_participant_once")]
        indexes = [
            models.Index(F("user"), F("logged"), name="calls_participant_of_person"),
            models.Index(F("user"), F("began_at"), name="calls_participant_busy", condition=Q(ended_at=None)),
            models.Index(F("user"), name="calls_participant_holds", condition=~Q(holds_leg="")),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.logged_id}"

    @property
    def state(self) -> str:
        if self.ended_at is not None:
            return "holds" if self.holds_leg else "over"
        if self.answered_at is None:
            return "rings" if self.is_called else "dials"
        return "talks"


class RecordingQuerySet(models.QuerySet["Recording"]):
    def due(self, now: datetime) -> Self:
        """To be looked for now."""
        return self.filter(state=Recording.State.AWAITED, due_at__lte=now).order_by("due_at")

    def outlived(self, before: datetime) -> Self:
        return self.filter(state=Recording.State.KEPT, logged__started_at__lt=before, logged__is_held=False)


class Recording(models.Model):
    """What was recorded of a call: awaited from the PBX, kept as a blob, gone when its time is over."""

    class State(models.TextChoices):
        AWAITED = "awaited", _("on its way")
        KEPT = "kept", _("kept")
        LOST = "lost", _("never came")
        EXPIRED = "expired", _("deleted after its time")

    logged = models.ForeignKey(LoggedCall, models.CASCADE, related_name="recordings", db_index=False)
    # As the PBX names it.
    file = models.CharField(max_length=1000)
    state = models.CharField(max_length=7, choices=State, default=State.AWAITED)
    due_at = models.DateTimeField(default=timezone.now, null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    blob = models.ForeignKey(Blob, models.PROTECT, null=True, related_name="+")
    seconds = models.PositiveIntegerField(default=0)
    # Loudness from 0 to 100, from the beginning to the end.
    waveform = models.JSONField(default=list)
    trouble = models.TextField(blank=True)

    objects = RecordingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["logged", "file"], name="calls_recording_once")]
        indexes = [
            models.Index(fields=["due_at"], name="calls_recording_due", condition=Q(state="awaited")),
        ]

    def __str__(self) -> str:
        return self.file


class BlockedNumber(models.Model):
    """Whoever calls from it is not put through."""

    number = models.CharField(max_length=20, unique=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.number
