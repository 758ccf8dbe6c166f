"""Days, schedules, corrections and reports of work. A day belongs to the date on which it began."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.worktime.clock import Mark, Step
from box.apps.worktime.hours import Facts, Hours
from box.core.accounts.models import User
from box.core.registry.capabilities import Ref
from box.core.structure.models import Department

DAY, CORRECTION, REPORT = "worktime.day", "worktime.correction", "worktime.report"


class WorkDayQuerySet(models.QuerySet["WorkDay"]):
    def open(self) -> Self:
        """Somebody is at work, or pauses."""
        return self.filter(state__in=(WorkDay.State.WORKING, WorkDay.State.PAUSED))

    def forgotten_by(self, now: datetime) -> Self:
        """Open still, though the next morning has come."""
        return self.open().filter(forgotten_at__lte=now)


class WorkDay(models.Model):
    """`marks` is what was pressed, and says the rest, which is kept beside it for reports."""

    class State(models.TextChoices):
        WORKING = "working", _("at work")
        PAUSED = "paused", _("on a break")
        FINISHED = "finished", _("finished")
        FORGOTTEN = "forgotten", _("not finished")

    user = models.ForeignKey(User, models.PROTECT, related_name="work_days", db_index=False)
    on = models.DateField()
    marks = models.JSONField()
    state = models.CharField(max_length=9, choices=State)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    worked_seconds = models.PositiveIntegerField(default=0)
    paused_seconds = models.PositiveIntegerField(default=0)
    forgotten_at = models.DateTimeField()
    is_corrected = models.BooleanField(default=False)

    objects = WorkDayQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "on"], name="work_day_once"),
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(state__in=["working", "paused"]),
                name="one_work_day_is_open",
            ),
            models.CheckConstraint(
                condition=models.Q(finished_at=None) | models.Q(finished_at__gte=models.F("started_at")),
                name="work_day_ends_after_it_began",
            ),
        ]
        indexes = [
            models.Index(
                fields=["forgotten_at"],
                name="work_day_open",
                condition=models.Q(state__in=["working", "paused"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.on}"

    @property
    def ref(self) -> Ref:
        return Ref(DAY, self.pk)

    @property
    def pressed(self) -> tuple[Mark, ...]:
        """The marks as the clock takes them."""
        return tuple(Mark(Step(step), datetime.fromisoformat(at)) for step, at in self.marks)

    @pressed.setter
    def pressed(self, marks: tuple[Mark, ...]) -> None:
        self.marks = [[mark.step.value, mark.at.isoformat()] for mark in marks]

    @property
    def worked(self) -> timedelta:
        return timedelta(seconds=self.worked_seconds)

    @property
    def facts(self) -> Facts:
        return Facts(
            self.started_at, self.finished_at, self.worked, is_forgotten=self.state == self.State.FORGOTTEN
        )


class Schedule(models.Model):
    """Hours that departments or people have; the portal's settings hold what everybody else has."""

    class Kind(models.TextChoices):
        FIXED = "fixed", _("fixed hours")
        FLEXIBLE = "flexible", _("flexible hours")

    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.FIXED)
    starts = models.TimeField(_("starts at"), null=True, blank=True)
    ends = models.TimeField(_("ends at"), null=True, blank=True)
    minutes = models.PositiveSmallIntegerField(
        _("minutes of work a day"), default=480, validators=[MinValueValidator(15), MaxValueValidator(1440)]
    )
    departments = models.ManyToManyField(
        Department, verbose_name=_("departments"), blank=True, through="DepartmentSchedule"
    )
    people = models.ManyToManyField(User, verbose_name=_("people"), blank=True, through="PersonSchedule")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="flexible") | models.Q(starts__isnull=False, ends__isnull=False),
                name="fixed_schedule_has_hours",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def hours(self) -> Hours:
        length = timedelta(minutes=self.minutes)
        return Hours(length, self.starts, self.ends) if self.kind == self.Kind.FIXED else Hours(length)


class DepartmentSchedule(models.Model):
    """The schedule of a department, and of those below it that have none of their own."""

    schedule = models.ForeignKey(Schedule, models.CASCADE)
    department = models.OneToOneField(Department, models.CASCADE, related_name="work_schedule")

    def __str__(self) -> str:
        return f"{self.department_id}: {self.schedule_id}"


class PersonSchedule(models.Model):
    schedule = models.ForeignKey(Schedule, models.CASCADE)
    person = models.OneToOneField(User, models.CASCADE, related_name="work_schedule")

    def __str__(self) -> str:
        return f"{self.person_id}: {self.schedule_id}"


class Correction(models.Model):
    """How a day really was, as the person says. It holds once somebody who may decide has approved it."""

    class Status(models.TextChoices):
        ASKED = "asked", _("waiting")
        APPROVED = "approved", _("approved")
        REFUSED = "refused", _("refused")

    user = models.ForeignKey(User, models.PROTECT, related_name="work_corrections", db_index=False)
    on = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    pause_minutes = models.PositiveSmallIntegerField(default=0)
    reason = models.TextField(max_length=1000)
    status = models.CharField(max_length=8, choices=Status, default=Status.ASKED)
    asked_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    remark = models.TextField(blank=True, max_length=1000)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "on"],
                condition=models.Q(status="asked"),
                name="one_correction_a_day_waits",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="correction_ends_after_it_began"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "on"], name="correction_of_day"),
            models.Index(fields=["id"], name="correction_waits", condition=models.Q(status="asked")),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.on}"

    @property
    def ref(self) -> Ref:
        return Ref(CORRECTION, self.pk)

    @property
    def pause(self) -> timedelta:
        return timedelta(minutes=self.pause_minutes)


class ReportQuerySet(models.QuerySet["Report"]):
    def waiting(self) -> Self:
        """Sent and not yet confirmed, oldest first."""
        return self.filter(sent_at__isnull=False, confirmed_at=None).order_by("id")


class Report(models.Model):
    """What a person planned and did in a day, a week or a month; their manager confirms it."""

    class Period(models.TextChoices):
        DAY = "day", _("day")
        WEEK = "week", _("week")
        MONTH = "month", _("month")

    class Score(models.TextChoices):
        GOOD = "good", _("well done")
        FAIR = "fair", _("as expected")
        POOR = "poor", _("not enough")

    user = models.ForeignKey(User, models.PROTECT, related_name="work_reports", db_index=False)
    period = models.CharField(_("period"), max_length=5, choices=Period)
    starts_on = models.DateField(_("from"))
    plan = models.TextField(_("planned"), blank=True, max_length=20_000)
    text = models.TextField(_("done"), blank=True, max_length=20_000)
    sent_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    score = models.CharField(_("score"), max_length=4, choices=Score, blank=True)
    remark = models.TextField(_("remark"), blank=True, max_length=1000)

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "period", "starts_on"], name="work_report_once")
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="work_report_newest"),
            models.Index(
                fields=["id"],
                name="work_report_waits",
                condition=models.Q(sent_at__isnull=False, confirmed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.period} {self.starts_on}"

    @property
    def ref(self) -> Ref:
        return Ref(REPORT, self.pk)

    @property
    def ends_on(self) -> date:
        """The last day of the period."""
        return last_day(self.period, self.starts_on)

    def get_absolute_url(self) -> str:
        return reverse("worktime:report", args=[self.pk])


def first_day(period: str, day: date) -> date:
    """The first day of the period that holds this one."""
    if period == Report.Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period == Report.Period.MONTH else day


def last_day(period: str, starts_on: date) -> date:
    if period == Report.Period.WEEK:
        return starts_on + timedelta(days=6)
    if period == Report.Period.MONTH:
        return (starts_on + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return starts_on
