"""What is talked about at one time of an event, what was said, and what was decided.

Of a series each time has a meeting of its own: `event` is the series, `at` the time by its rule.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from box.apps.calendar.models.events import Event, EventQuerySet
from box.core.accounts.models import User
from box.core.registry.capabilities import Card, Ref

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MEETING = "calendar.meeting"
LONGEST_TOPIC = 200
LONGEST_MINUTES = 20_000
LONGEST_DECISION = 255
# Later than anything may be.
_ASIDE = timedelta(days=1_000_000)
# What takes place, and a time that did until its series was given another rhythm: of one that somebody has
# removed the series goes on leaving it out.
_HELD = Q(removed_at=None) | Q(series__isnull=False) & ~Q(series__excluded__contains=[F("original_at")])


def _newest(exceptions: EventQuerySet) -> EventQuerySet:
    """Of those of one time: the one that is there, or was there last."""
    return exceptions.filter(is_undone=False).order_by(F("removed_at").desc(nulls_first=True))


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def visible_to(self, reader: User) -> Self:
        """Whoever sees what takes place at this time: the event, or the exception in its stead, which may be
        of fewer people. Of one that was removed nobody."""
        instead = Event.objects.filter(series=models.OuterRef("event"), original_at=models.OuterRef("at"))
        newest = _newest(instead).values("pk")[:1]
        held = Coalesce(models.Subquery(newest), models.F("event"))
        seen = Event.objects.visible_to(reader).filter(_HELD).order_by().values("pk")
        return self.alias(held=held).filter(held__in=seen, event__removed_at=None)

    def rehang(self, places: Mapping[int, tuple[int, datetime]]) -> None:
        """Puts meetings where they belong now: by number, the event and the time of it. First out of each
        other's way: one may have the time that was another's."""
        for aside in (_ASIDE, timedelta(0)):
            for pk, (event_id, at) in places.items():
                self.filter(pk=pk).update(event=event_id, at=at + aside)


class Meeting(models.Model):
    event = models.ForeignKey(Event, models.CASCADE, related_name="meetings")
    at = models.DateTimeField()
    made_at = models.DateTimeField(default=timezone.now)
    # Since when its record has gone to all.
    sent_at = models.DateTimeField(null=True)
    sent_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)

    objects = MeetingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "at"], name="meeting_once")]

    def __str__(self) -> str:
        return f"{self.event_id} at {self.at:%Y-%m-%d %H:%M}"

    @cached_property
    def held_as(self) -> Event:
        """What takes place at this time: the event, or its exception, with people of its own."""
        instead = Event.objects.filter(_HELD, series=self.event_id, original_at=self.at)
        return _newest(instead).select_related("calendar", "organizer", "room").first() or self.event

    @property
    def ref(self) -> Ref:
        return Ref(MEETING, self.pk)

    def get_absolute_url(self) -> str:
        return reverse("calendar:meeting", args=[self.pk])


class Topic(models.Model):
    """Of the agenda, with the minutes of what was said about it."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="topics", db_index=False)
    title = models.CharField(_("topic"), max_length=LONGEST_TOPIC)
    # Of the meeting's time; none where nobody has said.
    planned_minutes = models.PositiveSmallIntegerField(null=True)
    position = models.PositiveSmallIntegerField(default=0)
    minutes = models.TextField(blank=True, default="")
    is_done = models.BooleanField(default=False)
    # How many meetings it was left open by.
    times_carried = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["meeting", "position", "id"], name="topic_in_order")]

    def __str__(self) -> str:
        return self.title


class Decision(models.Model):
    """What was decided. With somebody who does it, it is also a task of another room, named here."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="decisions")
    topic = models.ForeignKey(Topic, models.SET_NULL, null=True, related_name="decisions", db_index=False)
    text = models.CharField(_("decision"), max_length=LONGEST_DECISION)
    responsible = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    due_on = models.DateField(null=True)
    # The task that it became.
    work_kind = models.CharField(max_length=40, blank=True, default="")
    work_id = models.BigIntegerField(null=True)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.text

    @property
    def work(self) -> Ref | None:
        return Ref(self.work_kind, self.work_id) if self.work_id is not None else None


class Present(models.Model):
    """Somebody was there."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="present", db_index=False)
    user = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["meeting", "user"], name="present_once")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.meeting_id}"


def meeting_cards(ids: Collection[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`: whoever sees the event sees what was said."""
    found = Meeting.objects.visible_to(reader).filter(pk__in=ids).select_related("event")
    return {one.pk: Card(one.ref, one.event.title, one.get_absolute_url(), icon="notes") for one in found}
