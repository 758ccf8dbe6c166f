"""Nested values in flat pairs, as PHP reads and writes them: `FILTER[>=ID]=5&DEST[]=UA`.

Source: PHP's manual on variables from external sources, and `http_build_query`. Bitrix24 speaks so in both
directions: to its REST API, and from it to outgoing webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from box.lib.numbers import whole_number

DEEPEST = 20
MOST_PAIRS = 1000

_NAME = re.compile(r"([^\[]+)((?:\[[^\]]*\])*)")
_KEY = re.compile(r"\[([^\]]*)\]")

type Value = str | list[Value] | dict[str, Value]


class Misshapen(ValueError):
    """More pairs or deeper ones than anybody needs."""


def parsed(query: str) -> dict[str, Value]:
    """The values of a query or of a form's body. Raises Misshapen."""
    try:
        return nested(parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PAIRS))
    except ValueError as error:
        raise Misshapen(str(error)) from None


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Value]:
    """A later pair of the same name wins. What is numbered from 0 without a gap is a list."""
    values: dict[str, Any] = {}
    for name, text in pairs:
        _put(values, _path(name), text)
    return {key: _with_lists(value) for key, value in values.items()}


def flat(values: Mapping[str, Any]) -> str:
    """The body of a form that says the same: `parsed` gives it back, with numbers as texts."""
    return "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name, text in _pairs(values))


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        # A bracket that nobody closes is a part of the name.
        return [name]
    path = [match[1], *_KEY.findall(match[2])]
    if len(path) > DEEPEST:
        raise Misshapen(f"{name[:80]} is too deep.")
    return path


def _put(values: dict[str, Any], path: list[str], text: str) -> None:
    here = values
    for key in path[:-1]:
        inner = here.setdefault(_free(here, key), {})
        if not isinstance(inner, dict):
            inner = here[key] = {}
        here = inner
    here[_free(here, path[-1])] = text


def _free(values: dict[str, Any], key: str) -> str:
    """`[]` is the number behind the highest."""
    if key:
        return key
    numbers = [number for one in values if (number := whole_number(one)) is not None]
    return str(max(numbers, default=-1) + 1)


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(one) for key, one in value.items()}
    is_list = list(inner) == [str(number) for number in range(len(inner))]
    return list(inner.values()) if is_list else inner


def _pairs(values: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{within}[{key}]" if within else str(key)
        match value:
            case Mapping():
                yield from _pairs(value, name)
            case list() | tuple():
                yield from _pairs({str(number): one for number, one in enumerate(value)}, name)
            case None:
                continue
            case bool():
                yield name, "1" if value else "0"
            case _:
                yield name, str(value)
