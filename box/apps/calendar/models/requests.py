"""What rooms are asked for, and what those who keep them have said."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone
from django.utils.translation import pgettext_lazy

from box.apps.calendar.models.events import Event, Room
from box.core.accounts.models import User
from box.core.registry.capabilities import Ref

ROOM_REQUEST = "calendar.room-request"
LONGEST_REASON = 300


class RoomRequestQuerySet(models.QuerySet["RoomRequest"]):
    def waiting(self, now: datetime) -> Self:
        """Those about which something can still be said."""
        waiting = self.filter(state=RoomRequest.State.WAITING, event__removed_at=None)
        return waiting.filter(event__span__overlap=DateTimeTZRange(now, None))


class RoomRequest(models.Model):
    """What an event waits for, or has got, from whoever keeps its room. The room is the event's from
    the first moment, so that nobody else takes it meanwhile, and free again when it is refused."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("room", "waits for approval")
        APPROVED = "approved", pgettext_lazy("room", "approved")
        REFUSED = "refused", pgettext_lazy("room", "refused")

    event = models.OneToOneField(Event, models.CASCADE, related_name="room_request")
    room = models.ForeignKey(Room, models.CASCADE, related_name="requests")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    # So often was it asked; whoever answers says which time they mean.
    count = models.PositiveIntegerField(default=1)
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    asked_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)

    objects = RoomRequestQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.room_id} for {self.event_id}: {self.state}"

    @property
    def ref(self) -> Ref:
        return Ref(ROOM_REQUEST, self.pk)

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING

    @property
    def is_refused(self) -> bool:
        return self.state == self.State.REFUSED
