"""Finding and sorting objects by what they have in their fields, through the indexes of the values.

class Deal(models.Model):
    custom = FieldValues()                                 # in the model: no column, no query

Deal.objects.filter(filterable(budget).condition(">", 5000))
joined(Deal.objects.all(), fields).order_by(sort_key(budget), "id")
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, FilteredRelation, ForeignObject, Q

from box.core.fields.models import Field, Value, sorted_text
from box.core.registry.filtering import Amount, Day, Filterable, Flag, Moment, Related, Text

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

Kind = Field.Kind

_INNER: dict[str, Filterable] = {
    Kind.TEXT: Text("text"),
    Kind.LONG: Text("text"),
    Kind.LINK: Text("text"),
    Kind.PHONE: Text("text"),
    Kind.EMAIL: Text("text"),
    Kind.NUMBER: Amount("number"),
    Kind.MONEY: Amount("number"),
    Kind.DATE: Day("day"),
    Kind.MOMENT: Moment("moment"),
    Kind.CHOICE: Related("choice"),
    Kind.PERSON: Related("person"),
    Kind.FILE: Related("file"),
    Kind.DEPARTMENT: Related("target"),
    Kind.REFERENCE: Related("target"),
}
_SORTED: dict[str, str] = {
    **dict.fromkeys((Kind.TEXT, Kind.LINK, Kind.PHONE, Kind.EMAIL), "text"),
    **dict.fromkeys((Kind.NUMBER, Kind.MONEY, Kind.YES_NO), "number"),
    Kind.DATE: "day",
    Kind.MOMENT: "moment",
}


class FieldValues(ForeignObject):  # type: ignore[type-arg]
    """On a model, the way to its objects' values: those of all sets, by their numbers. A relation of which
    the database and migrations know nothing, as a GenericRelation is."""

    requires_unique_target = False
    # So that Django takes it for none of the model's own fields: it has no value of its own.
    many_to_one = False
    one_to_many = True

    def __init__(self) -> None:
        super().__init__(
            Value, models.DO_NOTHING, ["id"], ["object_id"], null=True, editable=False, related_name="+"
        )

    def contribute_to_class(self, cls: type[models.Model], name: str, *args: Any, **kwargs: Any) -> None:
        super().contribute_to_class(cls, name, private_only=True)


@dataclass(frozen=True)
class Valued:
    """A field as lists and the REST API filter by it: objects one of whose values is so. See
    `box.core.registry.filtering.Filterable`."""

    field: Field

    def condition(self, operator: str, value: Any) -> Q:
        if self.field.kind == Kind.YES_NO:
            return Flag(self._having(number=1)).condition(operator, value)
        inner = _INNER[self.field.kind].condition(operator, value)
        return self._having(inner)

    @property
    def missing(self) -> Q:
        return ~self._having()

    def _having(self, *conditions: Q, **columns: Any) -> Q:
        rows = Value.objects.filter(*conditions, **columns, field=self.field)
        return Q(pk__in=rows.values("object_id"))


def filterable(field: Field) -> Filterable:
    return Valued(field)


def can_sort(field: Field) -> bool:
    """By one value, and by what people would call its order."""
    return field.kind in _SORTED and not field.is_several


def joined[Q_: models.QuerySet[Any]](rows: Q_, fields: Iterable[Field], *, through: str = "custom") -> Q_:
    """The rows with a way to their value in each of these fields: it costs nothing until one is sorted by."""
    return rows.annotate(
        **{
            _alias(field): FilteredRelation(
                through,
                # The last of these is what the index is limited to.
                condition=Q(
                    **{
                        f"{through}__field": field.pk,
                        f"{through}__place": 0,
                        f"{through}__{_SORTED[field.kind]}__isnull": False,
                    }
                ),
            )
            for field in fields
            if can_sort(field)
        }
    )


def sort_key(field: Field) -> Combinable:
    """Of rows that were `joined`: as the index has it, which ends in the number of the object."""
    column = f"{_alias(field)}__{_SORTED[field.kind]}"
    return sorted_text(column) if _SORTED[field.kind] == "text" else F(column)


def _alias(field: Field) -> str:
    return f"own_{field.pk}"
