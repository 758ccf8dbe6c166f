"""What Pulse remembers: who used which tool on which day, and the shares that follow.

All of it is computed from the outbox, whole days and hours at a time: computing again replaces, so nothing is
counted twice, and what is lost is rebuilt for as long as the events are kept.
"""

from __future__ import annotations

from typing import Self

from django.db import models

from box.core.accounts.models import User

ALL = ""
"""The tool that stands for the whole portal."""
COMPANY = 0
"""The department that stands for the whole company."""


class Use(models.Model):
    """A person used a tool so many times on a day, by the company's clock."""

    on = models.DateField()
    tool = models.CharField(max_length=40)
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    times = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["on", "tool", "user"], name="pulse_use_once")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.tool} on {self.on}"


class ShareQuerySet(models.QuerySet["Share"]):
    def of(self, period: str, *, department: int) -> Self:
        return self.filter(period=period, department=department)


class Share(models.Model):
    """So many of so many people used a tool in a period: a year of them is read as quickly as a day."""

    class Period(models.TextChoices):
        HOUR = "hour"
        DAY = "day"
        WEEK = "week"
        MONTH = "month"

    period = models.CharField(max_length=5, choices=Period)
    begins_at = models.DateTimeField()
    # No foreign key: a department that is gone has a past, and 0 is the company.
    department = models.BigIntegerField(default=COMPANY)
    tool = models.CharField(max_length=40, default=ALL)
    active = models.PositiveIntegerField()
    people = models.PositiveIntegerField()

    objects = ShareQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["period", "department", "begins_at", "tool"], name="pulse_share_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.tool or 'all'} {self.period} {self.begins_at}: {self.active} of {self.people}"

    @property
    def percent(self) -> int:
        return percentage(self.active, self.people)


def percentage(active: int, people: int) -> int:
    return round(100 * active / people) if people else 0


class Rank(models.Model):
    """What a person did in the last thirty days, where the company wants a rating."""

    user = models.OneToOneField(User, models.CASCADE, related_name="+")
    times = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["-times", "user"], name="pulse_most_active")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.times}"
