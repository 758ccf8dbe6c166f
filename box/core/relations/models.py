"""That two objects of any rooms belong together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from django.db import models
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from box.core.accounts.models import User
from box.core.registry.capabilities import Ref


class RelationQuerySet(models.QuerySet["Relation"]):
    def of(self, ref: Ref) -> Self:
        """In whichever direction it was said."""
        return self.filter(Q(kind=ref.kind, object_id=ref.id) | Q(other_kind=ref.kind, other_id=ref.id))

    def with_any(self, ref: Ref, others: Collection[Ref]) -> Self:
        """Those of this object with one of these."""
        ids: dict[str, list[int]] = {}
        for one in others:
            ids.setdefault(one.kind, []).append(one.id)
        ends = Q(pk=None)
        for kind, found in ids.items():
            ends |= Q(other_kind=kind, other_id__in=found) | Q(kind=kind, object_id__in=found)
        return self.of(ref).filter(ends)

    def between(self, one: Ref, other: Ref) -> Self:
        first, second = in_order(one, other)
        ids = {"object_id": first.id, "other_id": second.id}
        return self.filter(kind=first.kind, other_kind=second.kind, **ids)

    def across(
        self, kind: str, ids: Collection[int] | models.QuerySet[Any, Any], other_kind: str
    ) -> QuerySet[Any, Any]:
        """What is related to these and is of another kind: rows of an `end` and what is `beside` it, in the
        order in which it was said."""
        first, second, one, other = (
            (kind, other_kind, "object_id", "other_id")
            if kind < other_kind
            else (other_kind, kind, "other_id", "object_id")
        )
        rows = self.filter(kind=first, other_kind=second, **{f"{one}__in": ids})
        found: QuerySet[Any, Any] = rows.order_by("id").values(end=F(one), beside=F(other))
        return found


class Relation(models.Model):
    """Both ends are equal: the one that comes first by its kind and number is written first."""

    kind = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    other_kind = models.CharField(max_length=40)
    other_id = models.BigIntegerField()
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    made_at = models.DateTimeField(default=timezone.now)

    objects = RelationQuerySet.as_manager()

    class Meta:
        constraints = [
            # Also the index of the one end.
            models.UniqueConstraint(
                fields=["kind", "object_id", "other_kind", "other_id"], name="relation_once"
            )
        ]
        indexes = [models.Index(fields=["other_kind", "other_id"], name="relation_of_other")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.object_id} – {self.other_kind}:{self.other_id}"

    def put_between(self, one: Ref, other: Ref) -> None:
        first, second = in_order(one, other)
        self.kind, self.object_id = first.kind, first.id
        self.other_kind, self.other_id = second.kind, second.id

    def end_beside(self, ref: Ref) -> Ref:
        one, other = Ref(self.kind, self.object_id), Ref(self.other_kind, self.other_id)
        return other if one == ref else one


def in_order(one: Ref, other: Ref) -> tuple[Ref, Ref]:
    first, second = sorted((one, other), key=lambda ref: (ref.kind, ref.id))
    return first, second
