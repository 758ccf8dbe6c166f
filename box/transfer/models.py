"""Migrations: where they come from, how far they are, what became of each thing, and what did not come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from box.core.files.models import File

MOST_ID = 100


class MigrationQuerySet(models.QuerySet["Migration"]):
    def going_on(self) -> Self:
        return self.filter(state__in=Migration.GOING)

    def from_dumps(self) -> Self:
        """Those of which something may still be asked."""
        return self.exclude(folder="").exclude(state=Migration.State.UNDONE)

    def is_held_running(self, pk: int) -> bool:
        """Whether it goes on; its row is held to the end of the transaction, so that whoever pauses it waits
        for the page to be over."""
        held = self.select_for_update().filter(pk=pk).values_list("state", flat=True)
        return held.first() == Migration.State.RUNNING


class Migration(models.Model):
    """One portal that moves into this box, or this box into a portal, by as many passes as it takes."""

    class State(models.TextChoices):
        LOOKING = "looking", pgettext_lazy("migration", "looking at the portal")
        READY = "ready", pgettext_lazy("migration", "ready to begin")
        RUNNING = "running", pgettext_lazy("migration", "running")
        PAUSED = "paused", pgettext_lazy("migration", "paused")
        DONE = "done", pgettext_lazy("migration", "done")
        UNDOING = "undoing", pgettext_lazy("migration", "being undone")
        UNDONE = "undone", pgettext_lazy("migration", "undone")

    GOING = (State.LOOKING, State.RUNNING, State.UNDOING)

    # What is here goes to the portal; else what is there comes here.
    is_outbound = models.BooleanField(default=False, db_default=False)
    # While it looks: all that would come is read once and counted, and nothing is written.
    is_dry_run = models.BooleanField(default=False, db_default=False)
    # The name of the portal, without the secret of the webhook.
    portal = models.CharField(max_length=255)
    # Sealed with the box's key: see box.lib.sealing. Nothing of a migration from an archive.
    webhook = models.TextField()
    # The open archive that it comes from; None of one that comes from the cloud.
    archive = models.ForeignKey(File, models.PROTECT, null=True, related_name="+")
    # The folder with a boxed portal's dump, below settings.MOVING_DIR; nothing of one from elsewhere.
    folder = models.CharField(max_length=100, blank=True, db_default="")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    # Keys of the stages that were chosen.
    stages = models.JSONField(default=list)
    language = models.CharField(max_length=2, blank=True)
    burst = models.PositiveIntegerField(default=50)
    per_second = models.FloatField(default=2.0)

    state = models.CharField(max_length=10, choices=State, default=State.LOOKING)
    # Why it stands still, for whoever looks at it.
    trouble = models.TextField(blank=True)
    # What the portal was found to have: see box.transfer.inventory.as_json.
    inventory = models.JSONField(default=dict)
    # How often all of it was gone through: the first pass brings everything, those after it what has changed.
    passes = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    moved_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = MigrationQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["moved_at"],
                name="migration_going_on",
                condition=models.Q(state__in=["looking", "running", "undoing"]),
            )
        ]
        constraints = [
            # Ids of two portals may meet, but two that come at once would share the pace and the people.
            models.UniqueConstraint(
                models.Value(1),
                name="migration_one_at_a_time",
                condition=models.Q(state__in=["looking", "running", "undoing"]),
            )
        ]

    def __str__(self) -> str:
        return self.portal

    @property
    def is_going(self) -> bool:
        return self.state in self.GOING

    def time_left(self, now: datetime) -> timedelta | None:
        """By the pace of this pass; None while there is none."""
        stages = list(self.progress.all())
        done, total = sum(one.done for one in stages), sum(one.total or one.done for one in stages)
        if self.state != self.State.RUNNING or not done or self.started_at is None or total < done:
            return None
        return (now - self.started_at) / done * (total - done)


class Progress(models.Model):
    """How far a stage of a migration is. The cursor is written with what came before it, or not at all."""

    migration = models.ForeignKey(Migration, models.CASCADE, related_name="progress")
    stage = models.CharField(max_length=30)
    position = models.PositiveSmallIntegerField()
    is_done = models.BooleanField(default=False)
    # The portal has not shown all of them: what was not seen may be there all the same.
    is_partial = models.BooleanField(default=False, db_default=False)
    cursor = models.JSONField(default=dict)
    # By the inventory; None where nobody could say.
    total = models.PositiveIntegerField(null=True)
    # Of this pass: rows looked at, and what became of them.
    done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["migration", "stage"], name="progress_once_a_stage")]
        ordering = ("position",)

    def __str__(self) -> str:
        return f"{self.stage}: {self.done}"


class Identity(models.Model):
    """What a thing of the portal became here, or a thing of ours there."""

    migration = models.ForeignKey(Migration, models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=30)
    theirs = models.CharField(max_length=MOST_ID)
    ours = models.BigIntegerField()
    # False for what was there before and was only recognised: undoing leaves it alone.
    is_new = models.BooleanField(default=True)
    # Of the row as it came, so that a later pass knows what has changed; of a file its SHA-256.
    digest = models.CharField(max_length=64, blank=True)
    # Its text points to addresses of the portal: they are rewritten when everything is here.
    has_links = models.BooleanField(default=False)
    # People have changed it before a later pass began, behind which its moment tells nothing any more.
    is_edited = models.BooleanField(default=False, db_default=False)
    # A file of it, or another part, could not be fetched: each later pass asks for that again.
    lacks = models.BooleanField(default=False, db_default=False)
    # The last pass in which the portal has shown it, from the second one on.
    seen = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["migration", "kind", "theirs"], name="identity_of_theirs_once"),
        ]
        indexes = [
            models.Index(fields=["migration", "kind", "ours"], name="identity_of_ours"),
            models.Index(
                fields=["migration", "id"], name="identity_with_links", condition=models.Q(has_links=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.theirs}: {self.ours}"


class Match(models.Model):
    """Whom somebody of the portal is here, decided before anything is written."""

    class Way(models.TextChoices):
        EMAIL = "email", _("by e-mail")
        LOGIN = "login", _("by login")
        NEW = "new", _("will be added")
        HAND = "hand", _("chosen by hand")

    migration = models.ForeignKey(Migration, models.CASCADE, related_name="matches")
    theirs = models.CharField(max_length=MOST_ID)
    name = models.CharField(max_length=255, blank=True)
    email = models.CharField(max_length=254, blank=True)
    has_left = models.BooleanField(default=False)
    # None: will be added.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    way = models.CharField(max_length=5, choices=Way, default=Way.NEW)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["migration", "theirs"], name="match_of_theirs_once")]

    def __str__(self) -> str:
        return self.name


class Remark(models.Model):
    """What did not come, or not as it was, and why; in the language of who has started the migration."""

    migration = models.ForeignKey(Migration, models.CASCADE, related_name="remarks")
    kind = models.CharField(max_length=30)
    theirs = models.CharField(max_length=MOST_ID, blank=True)
    text = models.CharField(max_length=500)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            # A pass that says the same again adds nothing.
            models.UniqueConstraint(fields=["migration", "kind", "theirs", "text"], name="remark_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.theirs}: {self.text}"


class ExportQuerySet(models.QuerySet["Export"]):
    def going_on(self) -> Self:
        return self.filter(state=Export.State.RUNNING)


class Export(models.Model):
    """An open archive that somebody has asked for: of the portal, or of what is their own."""

    class State(models.TextChoices):
        RUNNING = "running", pgettext_lazy("export", "being written")
        DONE = "done", pgettext_lazy("export", "ready")
        FAILED = "failed", pgettext_lazy("export", "not written")

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    # What belongs to whoever asked, and nothing else.
    is_own = models.BooleanField(default=False)
    # See box.transfer.archive.container.Filters.
    filters = models.JSONField(default=dict)
    # Whom it is encrypted to, a public key of age; nothing: it is not.
    recipient = models.CharField(max_length=100, blank=True)

    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    # Why it was not written, for whoever asked.
    trouble = models.TextField(blank=True)
    # By kind how many things are in it so far.
    counts = models.JSONField(default=dict)
    # How many files the store no longer had.
    missing = models.PositiveIntegerField(default=0)
    file = models.ForeignKey(File, models.PROTECT, null=True, related_name="+")

    created_at = models.DateTimeField(default=timezone.now)
    moved_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["by", "is_own"], name="export_one_at_a_time", condition=models.Q(state="running")
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="export_age"),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def is_going(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def records(self) -> int:
        return sum(self.counts.values())
