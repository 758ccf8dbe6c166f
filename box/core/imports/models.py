"""Tables that are imported, how far they are, and what became of their rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from box.core.accounts.models import User


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def of(self, importer: str) -> Self:
        return self.filter(importer=importer)

    def seen_by(self, user: User, *, oversees: bool) -> Self:
        return self if oversees else self.filter(by=user)

    def going_on(self) -> Self:
        return self.filter(status__in=[ImportRun.Status.RUNNING, ImportRun.Status.UNDOING])


class ImportRun(models.Model):
    """A table of one importer: how it is read, what its columns mean, and how far it has been imported."""

    class Status(models.TextChoices):
        NEW = "new", _("not started")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")

    class Duplicates(models.TextChoices):
        """What becomes of a row whose object is there already."""

        MERGE = "merge", _("correct what is there")
        SKIP = "skip", _("leave what is there as it is")
        ADD = "add", _("add it once more")

    importer = models.CharField(max_length=60)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    name = models.CharField(max_length=255)
    # Only until it is imported: it may tell of people who are erased one day.
    blob = models.ForeignKey("files.Blob", models.PROTECT, null=True, related_name="+")
    # How the file is read: see `box.lib.tables.Reading`.
    reading = models.JSONField(default=dict)
    # The number of the row of headings.
    head = models.PositiveIntegerField(default=1)
    # By the number of the column the key of the field that it is for, empty for none.
    columns = models.JSONField(default=list)
    # The headings and the first rows.
    preview = models.JSONField(default=list)
    options = models.JSONField(default=list)
    duplicates = models.CharField(max_length=5, choices=Duplicates, default=Duplicates.MERGE)
    language = models.CharField(max_length=2, blank=True)

    status = models.CharField(max_length=7, choices=Status, default=Status.NEW)
    total = models.PositiveIntegerField()
    done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    # Why it was not undone, or broke off.
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["importer", "-id"], name="import_run_newest"),
            models.Index(
                fields=["moved_at"],
                name="import_run_going_on",
                condition=models.Q(status__in=["running", "undoing"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def unchanged(self) -> int:
        return self.done - self.created - self.changed - self.failed

    @property
    def is_going_on(self) -> bool:
        return self.status in (self.Status.RUNNING, self.Status.UNDOING)

    def time_left(self, now: datetime) -> timedelta | None:
        """By the pace so far; None while there is none."""
        if self.status != self.Status.RUNNING or not self.done or self.started_at is None:
            return None
        return (now - self.started_at) / self.done * (self.total - self.done)


class ImportProblem(models.Model):
    """A row that was not imported, and why."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="problems")
    row = models.PositiveIntegerField()
    text = models.TextField()
    cells = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["run", "row"], name="import_problem_of_run")]

    def __str__(self) -> str:
        return f"{self.row}: {self.text}"


class ImportedRow(models.Model):
    """An object that a row made or changed: while it can be undone, what it was before and in which state the
    import has left it."""

    run = models.ForeignKey(ImportRun, models.CASCADE, related_name="rows")
    row = models.PositiveIntegerField()
    object_id = models.BigIntegerField()
    is_new = models.BooleanField()
    before = models.JSONField(null=True)
    state = models.CharField(max_length=100, blank=True)

    class Meta:
        indexes = [models.Index(fields=["run", "id"], name="imported_row_of_run")]

    def __str__(self) -> str:
        return f"{self.row}: {self.object_id}"
