"""Every call, as the PBX tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from box.bridges.telephony import calls
from box.bridges.telephony.models.exchange import Pbx

if TYPE_CHECKING:
    from datetime import datetime


class CallQuerySet(models.QuerySet["Call"]):
    def going(self) -> Self:
        return self.filter(ended_at=None, merged_into=None)

    def whole(self) -> Self:
        """Those that did not become a part of another."""
        return self.filter(merged_into=None)

    def known_to_their_ends(self) -> Self:
        """Those of which nothing was missed: a record tells less."""
        return self.filter(ended_at__isnull=False, is_estimated=False)

    def since(self, moment: datetime) -> Self:
        return self.filter(models.Q(ended_at=None) | models.Q(ended_at__gte=moment))


class Call(models.Model):
    """One call, however many phones it rang and whoever it was passed on to."""

    class Direction(models.TextChoices):
        IN = "in", _("incoming")
        OUT = "out", _("outgoing")
        INTERNAL = "internal", _("internal")

    class Result(models.TextChoices):
        ANSWERED = calls.Result.ANSWERED.value, _("answered")
        NO_ANSWER = calls.Result.NO_ANSWER.value, _("not answered")
        BUSY = calls.Result.BUSY.value, _("busy")
        FAILED = calls.Result.FAILED.value, _("failed")
        BY_PBX = calls.Result.BY_PBX.value, _("answered by the PBX")

    pbx = models.ForeignKey(Pbx, models.PROTECT, related_name="calls", db_index=False)
    # The Linkedid.
    key = models.CharField(max_length=150)
    direction = models.CharField(max_length=8, choices=Direction, default=Direction.INTERNAL)
    # Of the one outside, in E.164; empty where it is withheld, or nobody is.
    number = models.CharField(max_length=20, blank=True)
    endpoint = models.CharField(max_length=80, blank=True)
    caller = models.CharField(max_length=80, blank=True)
    caller_name = models.CharField(max_length=80, blank=True)
    called = models.CharField(max_length=80, blank=True)
    queue = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Of a call that is over.
    result = models.CharField(max_length=12, choices=Result, blank=True)
    # Its end was missed, and is not known to the moment.
    is_estimated = models.BooleanField(default=False)
    merged_into = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")
    # What the bridge goes on with after a restart: see `state`.
    state = models.JSONField(default=dict)

    objects = CallQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pbx", "key"], name="telephony_call_once")]
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="telephony_call_newest"),
            models.Index(fields=["number", "-started_at"], name="telephony_call_of_number"),
            models.Index(fields=["pbx", "ended_at"], name="telephony_call_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.pbx_id}/{self.key}"


class CallLeg(models.Model):
    """A channel's part in a call: who called, whose phone rang, and who talked."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="legs", db_index=False)
    uniqueid = models.CharField(max_length=150)
    endpoint = models.CharField(max_length=80)
    number = models.CharField(max_length=80, blank=True)
    is_called = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cause = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "uniqueid"], name="telephony_leg_once")]
        indexes = [models.Index(fields=["endpoint", "-started_at"], name="telephony_leg_of_endpoint")]

    def __str__(self) -> str:
        return self.endpoint


class CallEvent(models.Model):
    """A line of a call's timeline."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="timeline", db_index=False)
    # The name of its class in `events`.
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    leg = models.CharField(max_length=150, blank=True)
    endpoint = models.CharField(max_length=80, blank=True)
    # The queue, the number it was passed on to, the room, the file, the reason.
    text = models.CharField(max_length=1000, blank=True)

    class Meta:
        indexes = [models.Index(fields=["call", "at", "id"], name="telephony_event_of_call")]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.kind}"
