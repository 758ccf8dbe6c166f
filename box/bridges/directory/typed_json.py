"""Frozen dataclasses in JSON columns: what is stored is plain, what is read is typed."""

from __future__ import annotations

import dataclasses
import types
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from django.db import models

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_json(value: DataclassInstance) -> dict[str, Any]:
    return dataclasses.asdict(value)


def of_json[D](kind: type[D], stored: dict[str, Any]) -> D:
    """Fields that this version doesn't know are left out; those that are missing have their default."""
    hints = get_type_hints(kind)
    return kind(
        **{
            field.name: _typed(hints[field.name], stored[field.name])
            for field in dataclasses.fields(kind)  # type: ignore[arg-type]
            if field.name in stored
        }
    )


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return of_json(hint, value)
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return tuple(_typed(inner, one) for one in value)
    if get_origin(hint) is types.UnionType:
        inner = next(one for one in get_args(hint) if one is not types.NoneType)
        return _typed(inner, value)
    return value


class TypedField[D: DataclassInstance](models.JSONField):
    """A JSON column whose value is a frozen dataclass. Migrations know it without: to them it is JSON."""

    def __init__(self, kind: type[D] | None = None, *args: Any, **kwargs: Any) -> None:
        self.kind = kind
        kwargs.setdefault("default", kind or dict)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "default": dict}

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return self.to_python(super().from_db_value(value, expression, connection))

    def to_python(self, value: Any) -> Any:
        return of_json(self.kind, value) if self.kind and isinstance(value, dict) else value

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(_plain(value))

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return super().get_db_prep_value(_plain(value), connection, prepared)

    def value_to_string(self, obj: models.Model) -> Any:
        return _plain(self.value_from_object(obj))


def _plain(value: Any) -> Any:
    return as_json(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value
