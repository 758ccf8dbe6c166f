"""Pages on which people outside book a time of somebody's, and what they booked."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.core.signing import BadSignature, Signer
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from box.apps.calendar.models.events import Event
from box.core.access.principals import codes_of
from box.core.accounts.models import User
from box.core.groups.models import Group

if TYPE_CHECKING:
    from datetime import datetime

_pages = Signer(salt="calendar.booking")
_appointments = Signer(salt="calendar.appointment")


class BookingPageQuerySet(models.QuerySet["BookingPage"]):
    def standing(self) -> Self:
        return self.filter(retired_at=None)

    def open(self) -> Self:
        """Those that may take somebody: who has left the company offers nothing, nor does an archived group.
        Whether the owner still has the right to is for `access.is_offered`."""
        closed = models.Q(group__isnull=False) & models.Q(group__archived_at__isnull=False)
        return self.standing().filter(is_on=True, owner__status=User.Status.ACTIVE).exclude(closed)

    def led_by(self, user: User) -> Self:
        """Their own, and those of the groups that they lead."""
        ids = [int(code[2:]) for code in codes_of(user) if code.startswith("GM")]
        return self.filter(models.Q(owner=user) | models.Q(group__in=ids))

    def of_token(self, token: str) -> Self:
        """Whose address it is, unless the page has got another one since."""
        try:
            pk, _dot, version = _pages.unsign(token).partition(".")
            return self.filter(pk=int(pk), address_version=int(version))
        except (BadSignature, ValueError):
            return self.none()


class BookingPage(models.Model):
    """Times that are offered to people outside.

    The address is made of the number, its version and the portal's own key: no copy of the database opens it.
    """

    class Hosts(models.TextChoices):
        OWNER = "owner", pgettext_lazy("hosts", "me")
        TURN = "turn", pgettext_lazy("hosts", "one member of a group, in turn")
        ALL = "all", pgettext_lazy("hosts", "all members of a group together")

    owner = models.ForeignKey(User, models.CASCADE, related_name="+")
    hosts = models.CharField(_("who receives"), max_length=5, choices=Hosts, default=Hosts.OWNER)
    # Of all but the owner's own.
    group = models.ForeignKey(Group, models.CASCADE, null=True, related_name="+")

    title = models.CharField(_("name"), max_length=120)
    description = models.TextField(_("what it is about"), max_length=2000, blank=True)
    place = models.CharField(_("place"), max_length=200, blank=True)
    # See `box.lib.questions.Question`; name and e-mail are asked without them.
    questions = models.JSONField(default=list)
    # What visitors agree to; empty: nothing is asked.
    consent = models.TextField(_("what people agree to"), max_length=4000, blank=True)

    length_minutes = models.PositiveSmallIntegerField()
    # A time begins so often.
    step_minutes = models.PositiveSmallIntegerField()
    before_minutes = models.PositiveSmallIntegerField(default=0)
    after_minutes = models.PositiveSmallIntegerField(default=0)
    notice_hours = models.PositiveSmallIntegerField()
    horizon_days = models.PositiveSmallIntegerField()
    weekdays = ArrayField(models.PositiveSmallIntegerField())
    begins = models.TimeField()
    ends = models.TimeField()
    zone = models.CharField(max_length=64)
    # So long after it took place is known who came.
    kept_days = models.PositiveSmallIntegerField()

    is_on = models.BooleanField(default=True)
    address_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)

    objects: ClassVar[BookingPageQuerySet] = BookingPageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(hosts="owner", group=None)
                | (~models.Q(hosts="owner") & models.Q(group__isnull=False)),
                name="booking_page_has_hosts",
            ),
            models.CheckConstraint(
                condition=models.Q(ends__gt=models.F("begins")), name="booking_page_ends_after_it_begins"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def token(self) -> str:
        return _pages.sign(f"{self.pk}.{self.address_version}")

    def get_absolute_url(self) -> str:
        return reverse("calendar:book", args=[self.token])


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def standing(self) -> Self:
        return self.filter(cancelled_at=None, event__removed_at=None)

    def to_come(self, now: datetime) -> Self:
        return self.standing().filter(event__ends_at__gt=now)

    def of_token(self, token: str) -> Self:
        try:
            return self.filter(pk=int(_appointments.unsign(token)))
        except (BadSignature, ValueError):
            return self.none()


class Appointment(models.Model):
    """What somebody outside has booked. Their link is made of the number and the portal's own key."""

    page = models.ForeignKey(BookingPage, models.CASCADE, related_name="appointments", db_index=False)
    event = models.OneToOneField(Event, models.CASCADE, related_name="appointment")
    # That of the challenge that was solved for it: it is taken once.
    key = models.CharField(max_length=64, unique=True)
    # Empty: who it was has been forgotten.
    name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(blank=True)
    # Pairs of question and answer.
    answers = models.JSONField(default=list)
    # What they agreed to, word by word.
    consent = models.TextField(blank=True)
    language = models.CharField(max_length=7)
    zone = models.CharField(max_length=64)
    made_at = models.DateTimeField(default=timezone.now)
    cancelled_at = models.DateTimeField(null=True)
    # How often the visitor has moved it: each time a letter goes to an address that nobody has confirmed.
    moves = models.PositiveSmallIntegerField(default=0, db_default=0)
    # The version of the event that the visitor made: what others make of it is said by themselves.
    event_version = models.PositiveIntegerField(default=0)

    objects: ClassVar[AppointmentQuerySet] = AppointmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [
            models.Index(fields=["page", "-id"], name="appointment_of_page"),
            models.Index(fields=["made_at"], name="appointment_known", condition=~models.Q(email="")),
        ]

    def __str__(self) -> str:
        return f"{self.name or self.pk} at {self.event_id}"

    @property
    def token(self) -> str:
        return _appointments.sign(str(self.pk))

    def get_absolute_url(self) -> str:
        return reverse("calendar:appointment", args=[self.token])


class HeldTime(models.Model):
    """A time of a host that an appointment has, with what the page leaves free before and after it."""

    appointment = models.ForeignKey(Appointment, models.CASCADE, related_name="held_times")
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    span = DateTimeRangeField()

    class Meta:
        constraints = [
            # Also its index. Of two visitors who want the same time of a host one waits here, and is refused.
            ExclusionConstraint(
                name="held_time_once",
                expressions=[("user", RangeOperators.EQUAL), ("span", RangeOperators.OVERLAPS)],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} for {self.appointment_id}"
