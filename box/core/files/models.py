"""A blob is bytes in the store, a file is a name and an audience for them, an upload is what becomes both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Any, ClassVar, Self
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from box.core.access.audiences import AudienceModel, AudienceQuerySet
from box.core.fields.guards import hidden_from
from box.core.fields.models import Value
from box.core.files.names import MAX_LENGTH

MIB = 2**20
SMALLEST_PART = 8 * MIB
# S3 allows 10,000 parts of 5 MiB to 5 GiB; only the last may be smaller.
MOST_PARTS = 10_000


def new_key(now: datetime) -> str:
    """A key that no object had before. The month keeps folders of a file-based store at a bearable size."""
    return f"{now:%Y/%m}/{uuid4().hex}"


KEY_PATTERN = r"\d{4}/\d{2}/[0-9a-f]{32}"


def part_size_of(size: int) -> int:
    """The size of each part but the last, in whole MiB: as small as the number of parts allows."""
    return max(SMALLEST_PART, ceil(size / MOST_PARTS / MIB) * MIB)


def _unreferenced[Q: models.QuerySet[Any]](rows: Q) -> Q:
    """Those rows that no foreign key points at, in whichever table, also of rooms that are yet to be built.

    An upload doesn't count: it remembers what it became and is forgotten with it.
    """
    for reference in rows.model._meta.get_fields(include_hidden=True):
        if isinstance(reference, models.ManyToOneRel) and reference.related_model is not Upload:
            referring = reference.related_model._base_manager.filter(**{reference.field.name: OuterRef("pk")})
            rows = rows.filter(~Exists(referring))
    return rows


class BlobQuerySet(models.QuerySet["Blob"]):
    def uninspected(self) -> Self:
        return self.filter(inspected_at=None)

    def unreferenced(self) -> Self:
        """Which no row points at: whoever keeps a blob keeps a foreign key to it."""
        return _unreferenced(self)


class Blob(models.Model):
    """Bytes that never change, under a key that is never used again."""

    key = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    # What the inspection found. Without a hash although inspected: the store had lost the object.
    inspected_at = models.DateTimeField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    content_type = models.CharField(max_length=150, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    preview = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    thumbnail = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    # Counted before each try: a picture that kills its decoder must not kill it for ever.
    picture_attempts = models.PositiveSmallIntegerField(default=0)

    # Since when nothing points at it: the sweep's note.
    unreferenced_at = models.DateTimeField(null=True)

    objects = BlobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__gte=0), name="blob_size_is_not_negative"),
        ]
        indexes = [
            models.Index("created_at", name="blob_uninspected", condition=Q(inspected_at=None)),
            models.Index(
                "unreferenced_at", name="blob_unreferenced", condition=Q(unreferenced_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.key


class FileQuerySet(AudienceQuerySet["File"]):
    def visible_to(self, user: Any) -> Self:
        """By the audience, which is that of the object that a file is part of, but for what stands in a field
        that is hidden from this person."""
        return super().visible_to(user).outside_fields(hidden_from(user))

    def outside_fields(self, field_ids: Sequence[int]) -> Self:
        if not field_ids:
            return self
        values = Value.objects.filter(file=OuterRef("pk"), field__in=field_ids)
        return self.filter(~Exists(values))

    def owned_by(self, user: Any) -> Self:
        return self.filter(owner=user)

    def unattached(self) -> Self:
        """Uploaded, but not part of anything yet."""
        return self.filter(attached_at=None)

    def unreferenced(self) -> Self:
        """Which no row of another room points at."""
        return _unreferenced(self)

    def with_blobs(self) -> Self:
        """With what a page shows of a file, in the same query."""
        return self.select_related("blob")


class File(AudienceModel):
    """A blob under a name, for an audience: its owner's alone, until the file is attached to something."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="files")
    name = models.CharField(max_length=MAX_LENGTH)
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="files")
    created_at = models.DateTimeField(default=timezone.now)
    attached_at = models.DateTimeField(null=True)

    objects: ClassVar[FileQuerySet] = FileQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        indexes = [
            *AudienceModel.Meta.indexes,
            models.Index("created_at", name="file_unattached", condition=Q(attached_at=None)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("files:content", args=[self.pk])

    @property
    def size(self) -> int:
        return self.blob.size


class Upload(models.Model):
    """A file on its way into the store, in parts. Kept for a while after arrival: an answer may get lost.

    The row is there before anything is in the store and goes after all of it is gone: whatever an upload that
    broke has left behind, wherever it broke, is found from its row.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=MAX_LENGTH)
    size = models.BigIntegerField()
    part_size = models.BigIntegerField()
    key = models.CharField(max_length=64, unique=True)
    # The store's own id; empty until the store has been asked for it.
    upload_id = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    # Given up: it can no longer be completed, and what the store has of it is being removed.
    discarded_at = models.DateTimeField(null=True)
    file = models.OneToOneField(File, models.CASCADE, null=True, related_name="+")

    class Meta:
        indexes = [models.Index("created_at", name="upload_age")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether parts may still be sent."""
        return bool(self.upload_id) and self.discarded_at is None and self.file_id is None

    @property
    def part_count(self) -> int:
        """At least one: an empty file is one empty part."""
        return max(1, ceil(self.size / self.part_size))
