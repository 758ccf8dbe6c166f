"""People without an account who are asked to events by letter."""

from __future__ import annotations

from typing import Self

from django.core.signing import BadSignature, Signer
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.calendar.models.events import Attendance, Event

LONGEST_COMMENT = 300
_invitations = Signer(salt="calendar.invitation")


class GuestQuerySet(models.QuerySet["Guest"]):
    def asked(self) -> Self:
        return self.filter(is_asked=True)

    def of_token(self, token: str) -> Self:
        """Whose link it is, as long as they are asked to something that takes place."""
        try:
            return self.asked().filter(pk=int(_invitations.unsign(token)), event__removed_at=None)
        except (BadSignature, ValueError):
            return self.none()


class Guest(models.Model):
    """An address outside, of one event. Their link is made of the number and the portal's own key."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="guests", db_index=False)
    email = models.EmailField(_("e-mail"))
    name = models.CharField(_("name"), max_length=200, blank=True)
    answer = models.CharField(max_length=9, choices=Attendance.Answer, default=Attendance.Answer.WAITING)
    comment = models.CharField(max_length=LONGEST_COMMENT, blank=True)
    answered_at = models.DateTimeField(null=True)
    # Who is not asked any more stays until they have been told so.
    is_asked = models.BooleanField(default=True)
    made_at = models.DateTimeField(default=timezone.now)
    # A digest of what the last letter said of the event; empty: none was written.
    told = models.CharField(max_length=64, blank=True)

    objects = GuestQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "email"], name="guest_once")]

    def __str__(self) -> str:
        return f"{self.email} at {self.event_id}: {self.answer}"

    @property
    def label(self) -> str:
        return self.name or self.email

    @property
    def token(self) -> str:
        return _invitations.sign(str(self.pk))

    def get_absolute_url(self) -> str:
        return reverse("calendar:invitation", args=[self.token])


class SentInvitation(models.Model):
    """The calendar object of a letter, kept until the letter has left: its bytes are the same each time that
    the letter is tried."""

    key = models.CharField(max_length=200, unique=True)
    method = models.CharField(max_length=10)
    organizer = models.EmailField(blank=True)
    body = models.TextField()
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["made_at"], name="sent_invitation_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.key}"
