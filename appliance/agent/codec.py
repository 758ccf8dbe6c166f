"""Frozen dataclasses to JSON and back. What does not fit its type exactly is refused, never guessed."""

from __future__ import annotations

import dataclasses
import types
import typing
from datetime import UTC, datetime
from typing import Any, Literal, Union, get_args, get_origin


class Malformed(Exception):
    """The data does not have the shape of the type; the text names the place and what belongs there."""


def encode(value: object) -> Any:
    """What `json.dumps` takes: dataclasses become objects, tuples arrays, moments ISO 8601 in UTC."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value


def decode[T](kind: type[T], data: object, *, place: str = "it") -> T:
    """The value of type `kind` that `data`, read from JSON, stands for."""
    return typing.cast("T", _decode(kind, data, place))


def _decode(kind: Any, data: object, place: str) -> object:
    if isinstance(kind, typing.TypeAliasType):
        kind = kind.__value__
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast("type[Any]", kind), data, place)
    if get_origin(kind) is not None:
        return _decode_generic(kind, data, place)
    return _decode_plain(kind, data, place)


def _decode_generic(kind: Any, data: object, place: str) -> object:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if data not in arguments:
            raise Malformed(f"{place} must be one of {', '.join(map(repr, arguments))}.")
        return data
    if origin is tuple:
        items = _expect(list, data, place)
        return tuple(_decode(arguments[0], item, f"{place}[{n}]") for n, item in enumerate(items))
    if origin is dict:
        entries = _expect(dict, data, place)
        return {key: _decode(arguments[1], item, f"{place}.{key}") for key, item in entries.items()}
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, data, place)
    raise TypeError(f"{kind} cannot be read from JSON here.")


def _decode_plain(kind: Any, data: object, place: str) -> object:
    if kind is Any:
        return data
    if kind is datetime:
        return _decode_moment(data, place)
    if kind is float and type(data) is int:
        return float(data)
    return _expect(kind, data, place)


def _decode_dataclass(kind: type[Any], data: object, place: str) -> object:
    entries = _expect(dict, data, place)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in entries:
        if name not in fields:
            raise Malformed(f"{place} has no field {name!r}; it knows {', '.join(fields) or 'none'}.")
    for name, field in fields.items():
        has_default = (field.default, field.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
        if name not in entries and not has_default:
            raise Malformed(f"{place} lacks the field {name!r}.")
    return kind(**{name: _decode(hints[name], item, f"{place}.{name}") for name, item in entries.items()})


def _decode_union(kinds: tuple[Any, ...], data: object, place: str) -> object:
    for kind in kinds:
        try:
            return _decode(kind, data, place)
        except Malformed:
            continue
    names = " or ".join(
        "nothing" if kind is type(None) else getattr(kind, "__name__", "it") for kind in kinds
    )
    raise Malformed(f"{place} must be {names}, not {type(data).__name__}.")


def _decode_moment(data: object, place: str) -> datetime:
    try:
        return datetime.fromisoformat(_expect(str, data, place))
    except ValueError:
        raise Malformed(f"{place} must be a moment such as 2026-11-24T12:00:00+00:00.") from None


def _expect[T](kind: type[T], data: object, place: str) -> T:
    # Python counts True as an int; a count of True is a mistake.
    if not isinstance(data, kind) or (isinstance(data, bool) and kind is not bool):
        raise Malformed(f"{place} must be {kind.__name__}, not {type(data).__name__}.")
    return data
