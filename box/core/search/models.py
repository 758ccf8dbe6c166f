"""The index: one table for everything that is found, people apart, who have a search of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.expressions import Func
from django.utils import timezone

from box.core.access.audiences import AudienceModel, AudienceQuerySet

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

# Of a text as much is searched as a tsvector surely holds.
LONGEST_BODY = 100_000


class Words(Func):
    """The words of title and body: Russian ones by their stems, English ones too, and each as it is written.

    PostgreSQL's configuration `russian` takes the stems of English words by the English rules. The words as
    they are written are what one finds while still typing: of "running" the stem is "run", of "runni" not.
    """

    output_field = SearchVectorField()

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, Any]:
        parts = [
            f"setweight(to_tsvector('{config}'::regconfig, replace(lower({column}), 'ё', 'е')), '{weight}')"
            for column, weight in (("title", "A"), ("body", "B"))
            for config in ("russian", "simple")
        ]
        return f"({' || '.join(parts)})", []


class DocumentQuerySet(AudienceQuerySet["Document"]):
    def of_kind(self, kind: str) -> Self:
        return self.filter(kind=kind)

    def since(self, moment: datetime) -> Self:
        return self.filter(at__gte=moment)

    def newest_first(self) -> Self:
        return self.order_by("-at", "-id")


class Document(AudienceModel):
    kind = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    within_id = models.BigIntegerField(null=True)
    title = models.TextField(blank=True)
    body = models.TextField(blank=True)
    url = models.TextField()
    at = models.DateTimeField()
    # Which rebuild has seen it last.
    generation = models.PositiveIntegerField(default=0)
    words = models.GeneratedField(expression=Words(), output_field=SearchVectorField(), db_persist=True)

    objects: ClassVar[DocumentQuerySet] = DocumentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta(AudienceModel.Meta):
        constraints = [
            *AudienceModel.Meta.constraints,
            models.UniqueConstraint(fields=["kind", "object_id"], name="document_once"),
        ]
        indexes = [
            *AudienceModel.Meta.indexes,
            GinIndex(fields=["words"], name="document_words", fastupdate=False),
            models.Index(fields=["-at", "-id"], name="document_newest"),
            models.Index(fields=["kind", "-at", "-id"], name="document_newest_of_kind"),
            models.Index(
                fields=["kind", "within_id"],
                name="document_within",
                condition=models.Q(within_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.object_id}"


class Rebuild(models.Model):
    """How far a rebuild of the index is, so that it goes on where it was stopped. Its id is a generation."""

    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    # By kind the last id that was written; -1 once the kind is done.
    reached = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"rebuild {self.pk}"
