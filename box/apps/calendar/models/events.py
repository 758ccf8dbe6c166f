"""A calendar belongs to a principal; its events take place once, or again and again by a rule.

Of a series there is one row, whatever the number of its times. A time that is unlike the others is a row of
its own (`series`, `original_at`), and left out of the series (`excluded`): so a page reads events by one
condition and never looks for exceptions.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Self
from zoneinfo import ZoneInfo

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GistIndex
from django.core.signing import BadSignature, Signer
from django.db import models
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.access.principals import EVERYONE
from box.core.accounts.models import User
from box.core.registry.capabilities import Card, Ref
from box.lib.recurrence import Rule, parse

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import tzinfo

KIND = "calendar.event"
LONGEST_NAME = 80

_feeds = Signer(salt="calendar.feed")
# How long what was removed can be put back.
KEPT_REMOVED = timedelta(days=30)


class Color(models.TextChoices):
    """The tints of the style sheet, in the order in which they are offered."""

    SPRUCE = "spruce", _("spruce")
    SKY = "sky", _("sky blue")
    PLUM = "plum", _("plum")
    BRICK = "brick", _("brick")
    AMBER = "amber", _("amber")
    MOSS = "moss", _("moss")
    SLATE = "slate", _("slate")


class RoomQuerySet(models.QuerySet["Room"]):
    def standing(self) -> Self:
        return self.filter(retired_at=None)

    def by_name(self) -> Self:
        return self.order_by("name", "id")

    def open_to(self, codes: Collection[str]) -> Self:
        """Those that whoever answers to these codes may book."""
        return self.standing().filter(bookers__overlap=sorted(codes))


class Room(models.Model):
    """A meeting room, or whatever else only one event can have at a time: a car, a projector."""

    name = models.CharField(_("name"), max_length=80, db_collation="und-x-icu")
    place = models.CharField(_("where it is"), max_length=120, blank=True)
    capacity = models.PositiveSmallIntegerField(_("how many it holds"), null=True, blank=True)
    equipment = models.CharField(_("what is in it"), max_length=200, blank=True)
    # Codes of those who may book it.
    bookers = ArrayField(models.TextField())
    # Whether one of the keepers has to agree to each booking, and their codes.
    needs_approval = models.BooleanField(default=False, db_default=False)
    keepers = ArrayField(models.TextField(), default=list, db_default=[], blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = RoomQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["name"], name="room_name_once", condition=models.Q(retired_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CalendarQuerySet(models.QuerySet["Calendar"]):
    def in_order(self) -> Self:
        """The first of each principal, then the others by name."""
        return self.order_by("-is_main", "name", "id")


class Calendar(models.Model):
    """A principal's: `U17` a person's own, `G5` a workgroup's, `DR3` a department's, `UA` the company's."""

    code = models.CharField(max_length=24)
    # The main one is called after whose it is.
    name = models.CharField(_("name"), max_length=LONGEST_NAME, blank=True)
    color = models.CharField(_("color"), max_length=8, choices=Color, default=Color.SPRUCE)
    is_main = models.BooleanField(default=False)
    # Of a person: whether colleagues see what is in it, and not only that the time is taken.
    is_open = models.BooleanField(_("colleagues see what is in it"), default=False)
    # Of one that a program has made: where it looks for it.
    href = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = CalendarQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code"], name="calendar_main_once", condition=models.Q(is_main=True)
            ),
        ]
        indexes = [models.Index(fields=["code", "id"], name="calendar_of_principal")]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def is_personal(self) -> bool:
        return self.code.startswith("U") and self.code != EVERYONE

    @property
    def owner_id(self) -> int | None:
        return int(self.code[1:]) if self.is_personal else None


class EventQuerySet(AudienceQuerySet["Event"]):
    def there(self) -> Self:
        return self.filter(removed_at=None)

    def overlapping(self, since: datetime, before: datetime) -> Self:
        """Those of which a time may lie in this stretch."""
        return self.filter(span__overlap=DateTimeTZRange(since, before))


class Event(AudienceModel):
    """`starts_at` and `ends_at` are those of the first time. What lasts whole days begins and ends at
    midnight in UTC, wherever its reader is; its end is the day after the last."""

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="events", db_index=False)
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True, max_length=20_000)
    place = models.CharField(_("place"), max_length=200, blank=True)

    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    is_all_day = models.BooleanField(_("all day"), default=False)
    # The place whose local time stays.
    zone = models.CharField(max_length=64)
    rule = models.CharField(max_length=500, blank=True)
    # Times of the rule at which it does not take place, or otherwise.
    excluded = ArrayField(models.DateTimeField(), default=list)
    # From the beginning of the first time to the end of the last; without an upper end where there is none.
    span = DateTimeRangeField()

    room = models.ForeignKey(Room, models.PROTECT, null=True, related_name="events", db_index=False)

    series = models.ForeignKey("self", models.CASCADE, null=True, related_name="exceptions")
    original_at = models.DateTimeField(null=True)
    # Of one time of a series: the change that made it was taken back, so that it has never been.
    is_undone = models.BooleanField(default=False, db_default=False)
    # The series whose later times this one is, since "this and all that follow" were changed.
    cut_from = models.ForeignKey("self", models.SET_NULL, null=True, related_name="+", db_index=False)

    # Others see that the time is taken, and not what for.
    is_confidential = models.BooleanField(_("private"), default=False)
    # It takes no time of those who take part.
    is_free = models.BooleanField(_("the time stays free"), default=False)

    organizer = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    changed_at = models.DateTimeField(default=timezone.now)
    # Counts the changes; what goes out by letter carries it, so that an older letter undoes no newer one.
    version = models.PositiveIntegerField(default=0)
    removed_at = models.DateTimeField(null=True)

    # What another program calls it and where it keeps it; empty: what was made here is called by its number.
    uid = models.CharField(max_length=500, blank=True, default="", db_default="")
    href = models.CharField(max_length=255, blank=True, default="", db_default="")
    # Lines of iCalendar that have no other place: given back to the program that wrote them.
    kept_lines = models.TextField(blank=True, default="", db_default="")

    objects: ClassVar[EventQuerySet] = EventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        indexes = [
            *AudienceModel.Meta.indexes,
            GistIndex(fields=["calendar", "span"], name="event_in_calendar"),
            models.Index(
                fields=["removed_at"], name="event_removed", condition=models.Q(removed_at__isnull=False)
            ),
            models.Index(fields=["cut_from"], name="event_cut_from", condition=~models.Q(cut_from=None)),
        ]
        constraints = [
            *AudienceModel.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="event_ends_after_it_began"
            ),
            models.CheckConstraint(
                condition=models.Q(series=None, original_at=None)
                | models.Q(series__isnull=False, original_at__isnull=False, rule=""),
                name="event_exception_is_of_a_time",
            ),
            models.UniqueConstraint(
                fields=["series", "original_at"],
                name="event_exception_once",
                condition=models.Q(removed_at=None),
            ),
            models.UniqueConstraint(
                fields=["calendar", "uid"],
                name="event_uid_once",
                condition=models.Q(series=None, removed_at=None) & ~models.Q(uid=""),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def ref(self) -> Ref:
        return Ref(KIND, self.pk)

    @property
    def tz(self) -> tzinfo:
        return UTC if self.is_all_day else ZoneInfo(self.zone)

    @property
    def local_start(self) -> datetime:
        """The first start, in the zone whose local time stays."""
        return self.starts_at.astimezone(self.tz)

    @property
    def duration(self) -> timedelta:
        return self.ends_at - self.starts_at

    @property
    def recurrence(self) -> Rule | None:
        return parse(self.rule) if self.rule else None

    def get_absolute_url(self) -> str:
        return reverse("calendar:event", args=[self.pk])


class AttendanceQuerySet(models.QuerySet["Attendance"]):
    def overlapping(self, since: datetime, before: datetime) -> Self:
        return self.filter(event__removed_at=None, span__overlap=DateTimeTZRange(since, before))

    def taken(self) -> Self:
        """Those that take time of the person."""
        return self.exclude(answer=Attendance.Answer.DECLINED).filter(event__is_free=False)


class Attendance(models.Model):
    """A person who takes part in an event, or is asked to. Who made it takes part, too."""

    class Answer(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("attendance", "has not answered")
        ACCEPTED = "accepted", pgettext_lazy("attendance", "comes")
        TENTATIVE = "tentative", pgettext_lazy("attendance", "may come")
        DECLINED = "declined", pgettext_lazy("attendance", "does not come")

    event = models.ForeignKey(Event, models.CASCADE, related_name="attendances", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    answer = models.CharField(max_length=9, choices=Answer, default=Answer.WAITING)
    comment = models.CharField(max_length=300, blank=True)
    # Another time that the person would rather have.
    proposed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    # So many minutes before it begins the person is told; none: not at all.
    remind_minutes = models.PositiveIntegerField(null=True, default=15, db_default=15)
    # The event's: a person's time is found without reading all events that they were ever asked to.
    span = DateTimeRangeField()

    objects = AttendanceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "user"], name="attendance_once")]
        indexes = [GistIndex(fields=["user", "span"], name="attendance_of_person")]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.event_id}: {self.answer}"


class Booking(models.Model):
    """A room is an event's for this time. Of a series there is one for each of its times, a year ahead."""

    room = models.ForeignKey(Room, models.CASCADE, related_name="bookings", db_index=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="bookings")
    span = DateTimeRangeField()

    class Meta:
        constraints = [
            # Also its index. Whoever books at once waits here for the other, and is refused.
            ExclusionConstraint(
                name="booking_room_once",
                expressions=[("room", RangeOperators.EQUAL), ("span", RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.room_id} for {self.event_id}"


class FeedQuerySet(models.QuerySet["Feed"]):
    def open(self) -> Self:
        """Those that lead somewhere: whoever has left the company shows nobody the way any more."""
        return self.filter(ended_at=None).filter(by__status=User.Status.ACTIVE)

    def of_token(self, token: str) -> Self:
        try:
            return self.filter(pk=int(_feeds.unsign(token)))
        except (BadSignature, ValueError):
            return self.none()


class Feed(models.Model):
    """A link by which other programs read a calendar, without an account.

    The address is made of the number and the portal's own key: no copy of the database opens anything.
    """

    calendar = models.ForeignKey(Calendar, models.CASCADE, related_name="feeds")
    by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[FeedQuerySet] = FeedQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.pk} of {self.calendar_id}"

    @property
    def token(self) -> str:
        return _feeds.sign(str(self.pk))

    def get_absolute_url(self) -> str:
        return reverse("calendar:feed", args=[self.token])


class Revision(models.Model):
    """What a series was before a change: an owner takes back what they, or their telephone, have done."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="revisions")
    by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    # The rows as they were, the series first, with those who took part.
    state = models.JSONField()
    # Events that the change has made.
    made_ids = ArrayField(models.BigIntegerField(), default=list)
    taken_back_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.event_id} before {self.at:%Y-%m-%d %H:%M}"


def event_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    events = Event.objects.visible_to(reader).there().filter(pk__in=ids).select_related("organizer")
    return {
        event.pk: Card(
            event.ref, event.title, event.get_absolute_url(), icon="calendar-event",
            people=(event.organizer.face,),
        )
        for event in events
    }  # fmt: skip
