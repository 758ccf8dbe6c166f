"""Every operation of the agent as a request, made from its own types: a new one is covered by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, TypeAliasType, get_args, get_origin, get_type_hints

type Way = tuple[str | int, ...]
"""How a value within a request is reached."""

NAME = "name"
"""The only key of what is given as a table."""


def sample(kind: Any) -> Any:
    """Data of this type as JSON has it, with every text in it that there can be."""
    if isinstance(kind, TypeAliasType):
        return sample(kind.__value__)
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return {field.name: sample(hints[field.name]) for field in dataclasses.fields(kind)}
    if get_origin(kind):
        return _generic(get_origin(kind), get_args(kind))
    return {str: "word", int: 1, bool: False, datetime: datetime(2026, 11, 24, tzinfo=UTC).isoformat()}[kind]


def _generic(origin: Any, arguments: tuple[Any, ...]) -> Any:
    if origin is Literal:
        return arguments[0]
    if origin is tuple:
        return [sample(arguments[0])]
    if origin is dict:
        return {NAME: sample(arguments[1])}
    # Of several kinds the one that holds texts, and not nothing.
    return sample(max(arguments, key=lambda one: (one is str, one is not type(None))))


def texts(data: Any, way: Way = ()) -> Iterator[Way]:
    """Where the texts of a request are; what has a fixed set of values is among them."""
    if isinstance(data, str):
        yield way
    elif isinstance(data, dict):
        for name, item in data.items():
            yield from texts(item, (*way, name))
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from texts(item, (*way, number))


def changed(data: Any, way: Way, value: str) -> Any:
    """The same with another text at this place."""
    if not way:
        return value
    first, *rest = way
    if isinstance(data, dict):
        return {
            name: changed(item, tuple(rest), value) if name == first else item for name, item in data.items()
        }
    return [changed(item, tuple(rest), value) if n == first else item for n, item in enumerate(data)]


def field_at(kind: Any, way: Way) -> str:
    """`AddBackupTarget.ca_pem`."""
    return ".".join((kind.__name__, *map(str, way)))
