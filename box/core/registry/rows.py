"""Rows of the database as data: out of an older state of the portal, and into this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.apps import apps
from django.db import models

from box.core.registry.capabilities import Rows


def packed(*objects: models.Model) -> list[dict[str, Any]]:
    """These objects, fit for `DjangoJSONEncoder`."""
    return [
        {
            "model": one._meta.label_lower,
            "values": {field.attname: field.value_from_object(one) for field in _columns(type(one))},
        }
        for one in objects
    ]


def values_of(rows: Rows, model: type[models.Model]) -> Mapping[str, Any]:
    """The values of the first row of this model: the object that the rows are about."""
    label = model._meta.label_lower
    return cast("Mapping[str, Any]", next(row["values"] for row in rows if row["model"] == label))


def stands(rows: Rows, among: models.QuerySet[Any], *same: str) -> bool:
    """Whether the object that the rows are about is one of these, with these columns as they were."""
    values = values_of(rows, among.model)
    return among.filter(pk=values["id"], **{name: values[name] for name in same}).exists()


def put_in(rows: Rows, **changed: Any) -> None:
    """Put those in that are not there, under the keys that they had. `changed` are values of the first row.

    A row that something is in the place of, or that hangs on what is gone, is left out; where it may do
    without what is gone, it does.
    """
    for number, row in enumerate(rows):
        model = apps.get_model(row["model"])
        values = dict(row["values"]) | (changed if not number else {})
        if (one := _fitting(model, values)) is not None:
            model._base_manager.bulk_create([one], ignore_conflicts=True)


def _fitting(model: type[models.Model], values: Mapping[str, Any]) -> models.Model | None:
    restored = {}
    for field in _columns(model):
        if field.attname not in values:
            # Of an older version, which did not have it yet.
            continue
        value = field.to_python(values[field.attname])
        if value is not None and field.remote_field and not _is_there(field, value):
            if not field.null:
                return None
            value = None
        restored[field.attname] = value
    return model(**restored)


def _is_there(field: models.Field[Any, Any], value: Any) -> bool:
    other = cast("models.ForeignKey[Any, Any]", field).remote_field.model
    return other._base_manager.filter(pk=value).exists()


def _columns(model: type[models.Model]) -> Iterable[models.Field[Any, Any]]:
    return [field for field in model._meta.concrete_fields if not field.generated]
