"""Robots, and what they did with which record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from box.apps.crm.models.records import Record
from box.apps.crm.models.types import RecordType, Stage
from box.core.accounts.models import User


class RobotQuerySet(models.QuerySet["Robot"]):
    def standing(self) -> Self:
        return self.filter(retired_at=None)

    def at_work(self) -> Self:
        """Those that were made first are called first, however often they were changed since."""
        return self.standing().filter(is_on=True).order_by("id")


class Robot(models.Model):
    """When something happens to a record, and after a while if wanted, one thing is done with it, if a
    condition holds then. What `condition` and `settings` hold: `box.apps.crm.conditions` and
    `box.apps.crm.robots.effects`."""

    class Trigger(models.TextChoices):
        STAGE = "stage", _("it comes into a stage")
        ADDED = "added", _("it is added")
        IDLE = "idle", _("nothing is planned for it for some days")
        DATE = "date", _("a date comes")

    class DateField(models.TextChoices):
        EXPECTED_ON = "expected_on", _("expected to end on")
        BEGINS_ON = "begins_on", _("begins on")

    class Effect(models.TextChoices):
        ACTIVITY = "activity", _("plan an activity")
        NOTICE = "notice", _("notify")
        FIELD = "field", _("fill in a field")
        RESPONSIBLE = "responsible", _("hand it over")
        STAGE = "stage", _("move it to a stage")
        ROUTE = "route", _("hand it to one of several")
        WEBHOOK = "webhook", _("tell an address outside")
        LETTER = "letter", _("write a letter")
        TASK = "task", _("give a task")

    type = models.ForeignKey(RecordType, models.CASCADE, related_name="robots")
    name = models.CharField(_("name"), max_length=100)
    trigger = models.CharField(max_length=5, choices=Trigger)
    # Of those that wait for a stage; of others the records of this stage alone, if there is one.
    stage = models.ForeignKey(Stage, models.CASCADE, null=True, blank=True, related_name="+")
    # Idle for so many; from the date on, below zero before it.
    days = models.SmallIntegerField(default=0)
    date_field = models.CharField(max_length=11, choices=DateField, blank=True)
    delay_hours = models.PositiveSmallIntegerField(default=0)
    # What is due while the company is closed waits until it opens.
    in_hours = models.BooleanField(default=False, db_default=False)
    condition = models.JSONField(default=dict)
    effect = models.CharField(max_length=11, choices=Effect)
    settings = models.JSONField(default=dict)
    is_on = models.BooleanField(default=True)
    retired_at = models.DateTimeField(null=True)

    objects = RobotQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class RobotRunQuerySet(models.QuerySet["RobotRun"]):
    def due(self, now: datetime) -> Self:
        return self.filter(status=RobotRun.Status.WAITING, due_at__lte=now)

    def newest_first(self) -> Self:
        return self.order_by("-id")

    def within_an_hour(self, now: datetime) -> Self:
        return self.filter(created_at__gt=now - timedelta(hours=1))


class RobotRun(models.Model):
    """That a robot was called to a record, and what came of it. `key` names what it was called by: the same
    thing calls it once."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        LEFT = "left", _("left alone")
        FAILED = "failed", _("failed")

    robot = models.ForeignKey(Robot, models.CASCADE, related_name="runs", db_index=False)
    record = models.ForeignKey(Record, models.CASCADE, related_name="robot_runs", db_index=False)
    key = models.CharField(max_length=60)
    status = models.CharField(max_length=7, choices=Status, default=Status.WAITING)
    # Why it was left alone or failed, in the language of the portal.
    said = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = RobotRunQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["robot", "record", "key"], name="crm_robot_run_once")]
        indexes = [
            models.Index(fields=["due_at"], name="crm_robot_run_due", condition=Q(status="waiting")),
            models.Index(F("record"), F("id").desc(), name="crm_robot_run_of_record"),
            models.Index(F("robot"), F("id").desc(), name="crm_robot_run_of_robot"),
        ]

    def __str__(self) -> str:
        return f"{self.robot_id} for {self.record_id}: {self.status}"


class RobotTurn(models.Model):
    """When somebody was last given a record by a robot that hands out among several."""

    robot = models.ForeignKey(Robot, models.CASCADE, related_name="turns", db_index=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    given_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["robot", "user"], name="crm_robot_turn_once")]

    def __str__(self) -> str:
        return f"{self.robot_id}: {self.user_id}"


class RobotCallQuerySet(models.QuerySet["RobotCall"]):
    def waiting(self) -> Self:
        return self.filter(sent_at=None, failed_at=None)

    def due(self, now: datetime) -> Self:
        return self.waiting().filter(due_at__lte=now)


class RobotCall(models.Model):
    """What a robot tells an address outside, written with its run and sent afterwards: at least once, each
    time under the run's number. `due_at` is also until when whoever sends it has taken it for themselves."""

    run = models.OneToOneField(RobotRun, models.CASCADE, related_name="call")
    address = models.CharField(max_length=2000)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    # What was answered last, or what stood in the way.
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=400, blank=True)

    objects = RobotCallQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], name="crm_robot_call_due", condition=Q(sent_at=None, failed_at=None)
            )
        ]

    def __str__(self) -> str:
        return f"run {self.run_id} to {self.address}"
