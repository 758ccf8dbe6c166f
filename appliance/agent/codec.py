"""Frozen dataclasses to JSON and back. What does not fit its type exactly is refused, never guessed.

What is asked of root is refused by its shape too: see `decode_request`.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin

from appliance.quoting import control_in

LINES: Mapping[str, bool] = {"has_lines": True}
"""Metadata of a field whose text may have more lines than one: a certificate, for example."""


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


def decode_request[T](kind: type[T], data: object, *, place: str = "it") -> T:
    """The same for what somebody asks for: no text of it holds a control character.

    A line break would become a line of whatever it is written into, a configuration or a log. Of fields
    that are marked with `LINES` it is taken.
    """
    found = decode(kind, data, place=place)
    _refuse_controls(found, place, has_lines=False)
    return found


def known_fields(kind: Any, data: object) -> object:
    """The same data without the fields that this version does not know: for what others write who may be of a
    newer release."""
    if dataclasses.is_dataclass(kind) and isinstance(data, dict):
        hints = _hints(kind)
        return {name: known_fields(hints[name], item) for name, item in data.items() if name in hints}
    if get_origin(kind) is tuple and isinstance(data, list):
        return [known_fields(get_args(kind)[0], item) for item in data]
    return data


def _refuse_controls(value: object, place: str, *, has_lines: bool) -> None:
    if isinstance(value, str):
        if control := control_in(value, has_lines=has_lines):
            raise Malformed(
                f"{place} has a control character ({control!r}): write it on one line, without any."
            )
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            inner = f"{place}.{field.name}"
            _refuse_controls(getattr(value, field.name), inner, has_lines="has_lines" in field.metadata)
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_controls(name, f"a name in {place}", has_lines=False)
            _refuse_controls(item, f"{place}.{name}", has_lines=has_lines)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _refuse_controls(item, f"{place}[{number}]", has_lines=has_lines)


# To resolve them takes longer than all else of a decoding, and they stay.
_hints: Callable[[Any], Mapping[str, Any]] = cache(typing.get_type_hints)


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
        return {key: _decode(arguments[1], item, f"{place}.{key!r}") for key, item in entries.items()}
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, data, place)
    raise TypeError(f"{kind} cannot be read from JSON here.")


def _decode_plain(kind: Any, data: object, place: str) -> object:
    if kind is Any:
        return data
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if data not in list(kind):
            raise Malformed(f"{place} must be one of {', '.join(map(str, kind))}.")
        return kind(str(data))
    if kind is datetime:
        return _decode_moment(data, place)
    if kind is float and type(data) is int:
        return float(data)
    return _expect(kind, data, place)


def _decode_dataclass(kind: type[Any], data: object, place: str) -> object:
    entries = _expect(dict, data, place)
    hints = _hints(kind)
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
