"""Fields that the company has added to tasks and clients, and what stands in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.apps.crm.custom_fields import SETS
from box.apps.tasks.fields import TASK_FIELDS
from box.core.fields.kinds import kind_of
from box.core.fields.models import Field
from box.core.fields.values import Values, values_of_many
from box.core.files.models import File
from box.transfer.archive import records

if TYPE_CHECKING:
    from box.core.fields.sets import FieldSet
    from box.transfer.archive.export.base import Scope

TYPES = ("company", "contact", "lead", "deal")
"""Of records, in the order in which they refer to each other."""
SET_KEYS = (TASK_FIELDS.key, *(f"crm.{slug}" for slug in TYPES))
_POINTS_AT = {
    Field.Kind.PERSON: "people",
    Field.Kind.DEPARTMENT: "departments",
    Field.Kind.REFERENCE: "clients",
}


def fields(scope: Scope) -> Iterator[records.OwnField]:
    """Also where a part is asked for: values name them."""
    for one in Field.objects.standing().filter(set_key__in=SET_KEYS).in_order():
        yield records.OwnField(
            id=one.pk, set=one.set_key, code=one.code, name=one.name, kind=one.kind, help=one.help,
            choices=[choice.name for choice in one.options if not choice.is_retired],
            is_several=one.is_several, is_required=one.is_required, currency=one.currency,
            target=one.target,
        )  # fmt: skip


def own_values(scope: Scope, of: FieldSet, ids: Collection[int]) -> Mapping[int, list[records.OwnValue]]:
    """By thing, in three queries for as many as there are."""
    found = values_of_many(of, ids)
    wanted = {
        pk
        for own in found.values()
        for field, several in own.items()
        if field.kind == Field.Kind.FILE
        for pk in several
    }
    files = {one.pk: one for one in File.objects.filter(pk__in=wanted).select_related("blob")}
    return {pk: list(_values(scope, own, files)) for pk, own in found.items()}


def _values(scope: Scope, own: Values, files: Mapping[int, File]) -> Iterator[records.OwnValue]:
    for field, several in own.items():
        if (told := _value(scope, field, several, files)) is not None:
            yield told


def _value(
    scope: Scope, field: Field, several: Sequence[Any], files: Mapping[int, File]
) -> records.OwnValue | None:
    if field.kind == Field.Kind.FILE:
        attached = [scope.attachment(files[pk]) for pk in several if pk in files]
        return records.OwnValue(field=field.code, files=attached)
    if name := _POINTS_AT.get(Field.Kind(field.kind)):
        if name == "clients" and field.target.removeprefix("crm.") not in (*TYPES, "record"):
            # It points at what has no place in the format.
            return None
        if name == "people":
            scope.name(*several)
        return records.OwnValue(field=field.code, **{name: list(several)})
    return records.OwnValue(field=field.code, texts=[kind_of(field).written(field, one) for one in several])


def set_of(slug: str) -> FieldSet:
    """Of a type of records."""
    return next(one for one in SETS.values() if one.key == f"crm.{slug}")
