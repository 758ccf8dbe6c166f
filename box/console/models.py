"""What the administrator's pages remember themselves; how the box is, they ask the agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self
from uuid import uuid4

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from box.core.accounts.models import User


class TroubleQuerySet(models.QuerySet["Trouble"]):
    def open(self) -> Self:
        return self.filter(ended_at=None)


class Subject(models.TextChoices):
    """What troubles are of; each subject's are told together, to those who look after it."""

    BACKUPS = "backups", _("Backups")
    CLUSTER = "cluster", _("Nodes")
    DIRECTORY = "directory", _("Directories")


class Trouble(models.Model):
    """Something wrong, from when it was first seen until it has been well for a while."""

    subject = models.CharField(max_length=20, choices=Subject, default=Subject.BACKUPS, db_default="backups")
    key = models.CharField(max_length=300)
    kind = models.CharField(max_length=20)
    target = models.CharField(max_length=200, blank=True)
    about = models.CharField(max_length=200, blank=True)
    seen_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar = TroubleQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(ended_at=None), name="console_trouble_once"
            ),
        )

    def __str__(self) -> str:
        return self.key


class Bulletin(models.Model):
    """What was told at once to those who look after its subject: troubles, or that all is well again."""

    subject = models.CharField(max_length=20, choices=Subject, default=Subject.BACKUPS, db_default="backups")
    made_at = models.DateTimeField(default=timezone.now)
    troubles = models.JSONField(default=list)
    """Kind, target and about of each; none: all is well again."""

    def __str__(self) -> str:
        return f"{len(self.troubles)} at {self.made_at:%Y-%m-%d %H:%M}"


class BackupChange(models.Model):
    """Somebody has shown the agent that backups are to go elsewhere, or that somebody is to have a key."""

    class Kind(models.TextChoices):
        TARGET = "target", _("where backups go")
        NO_TARGET = "no-target", _("a place that backups went to was taken away")
        HOLDER = "holder", _("a recovery key")
        NO_HOLDER = "no-holder", _("a recovery key was taken away")
        ROTATION = "rotation", _("a new key for everything")
        RESTORE = "restore", _("the box brought back")

    key = models.CharField(max_length=64, unique=True)
    """Of the line in the agent's record."""
    at = models.DateTimeField()
    by = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    about = models.CharField(max_length=500)

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"


class RetrievalQuerySet(models.QuerySet["Retrieval"]):
    def of(self, person: User) -> Self:
        return self.filter(asker=person)

    def open(self) -> Self:
        """Waiting for somebody's word, or for the search."""
        return self.filter(state__in=Retrieval.OPEN)

    def waiting(self) -> Self:
        return self.filter(state=Retrieval.State.ASKED)

    def allowed(self) -> Self:
        return self.filter(state=Retrieval.State.ALLOWED)

    def looked_through(self) -> Self:
        return self.filter(state=Retrieval.State.LOOKED)

    def newest_first(self) -> Self:
        return self.order_by("-id")


class Retrieval(models.Model):
    """Somebody asks to have a backup looked through for something of their own.

    `kind` and `text` are for them and the search alone, and go when it is over. What was found, and whether
    it was put back, stands nowhere here: the agent tells it to whoever has asked.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("asked")
        ALLOWED = "allowed", _("allowed")
        LOOKED = "looked", _("looked through")
        REFUSED = "refused", _("refused")
        OVER = "over", _("over")

    OPEN = (State.ASKED, State.ALLOWED)

    class Why(models.TextChoices):
        """Why it ended without a look."""

        NONE = "", ""
        WITHDRAWN = "withdrawn", _("You took the request back.")
        UNANSWERED = "unanswered", _("Nobody has answered in time.")
        NO_BACKUP = "no-backup", _("There is no good backup from then any more.")
        FAILED = "failed", _("The backup could not be opened.")

    asker = models.ForeignKey("accounts.User", models.CASCADE, related_name="retrievals")
    kind = models.CharField(max_length=60, blank=True)
    text = models.CharField(max_length=200, blank=True)
    day = models.DateField(null=True)
    """The newest backup from before it is looked through; none: the newest."""
    key = models.UUIDField(default=uuid4, unique=True)
    """By which the agent knows it again."""
    state = models.CharField(max_length=10, choices=State.choices, default=State.ASKED)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    refusal = models.CharField(max_length=500, blank=True)
    operation = models.CharField(max_length=100, blank=True)
    looked_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    why = models.CharField(max_length=12, choices=Why.choices, blank=True)

    objects: ClassVar = RetrievalQuerySet.as_manager()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["asker"],
                condition=models.Q(state__in=("asked", "allowed")),
                name="console_retrieval_once",
            ),
        )
        indexes = (models.Index(fields=["asker", "-id"], name="console_retrieval_of"),)

    def __str__(self) -> str:
        return f"{self.pk} ({self.state})"

    def get_absolute_url(self) -> str:
        return reverse("retrievals:retrieval", args=[self.pk])

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.ASKED

    @property
    def is_looked_through(self) -> bool:
        return self.state == self.State.LOOKED
