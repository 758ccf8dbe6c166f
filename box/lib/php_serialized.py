"""Values as PHP's `serialize` writes them into a column: arrays, texts, numbers, yes and no. Never objects.

Source: https://www.php.net/manual/en/function.serialize.php. The length of a text is its bytes in UTF-8.
"""

from __future__ import annotations

import re

DEEPEST = 10
MOST_ITEMS = 10_000

type Value = str | int | float | bool | dict[str, Value] | None

_SCALAR = re.compile(rb"(?:i:(-?\d{1,19})|b:([01])|d:(-?[0-9.eE+-]{1,40})|(N));")
_STRING = re.compile(rb's:(\d{1,9}):"')
_ARRAY = re.compile(rb"a:(\d{1,6}):\{")


class NotSerialized(ValueError):
    """It is no value of PHP's, or a deeper or longer one than anybody needs."""


def unserialized(text: str) -> Value:
    """Keys of arrays are texts. Raises NotSerialized."""
    found, end = _read(text.encode(), 0, 0)
    if end != len(text.encode()):
        raise NotSerialized(text[:100])
    return found


def several(text: str | None) -> list[str]:
    """What a column of several values holds, as texts; one that is not serialized is one value."""
    if not text:
        return []
    try:
        found = unserialized(text)
    except NotSerialized:
        return [text]
    values = found.values() if isinstance(found, dict) else [found]
    return [str(one) for one in values if isinstance(one, str | int | float) and not isinstance(one, bool)]


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    if depth > DEEPEST:
        raise NotSerialized("too deep")
    if (one := _SCALAR.match(data, at)) is not None:
        return _scalar(one), one.end()
    if (text := _STRING.match(data, at)) is not None:
        end = text.end() + int(text[1])
        if data[end : end + 2] != b'";':
            raise NotSerialized("length")
        return data[text.end() : end].decode(errors="replace"), end + 2
    many = _ARRAY.match(data, at)
    if many is None or int(many[1]) > MOST_ITEMS:
        raise NotSerialized("form")
    found: dict[str, Value] = {}
    at = many.end()
    for _number in range(int(many[1])):
        key, at = _read(data, at, depth + 1)
        found[str(key)], at = _read(data, at, depth + 1)
    if data[at : at + 1] != b"}":
        raise NotSerialized("end")
    return found, at + 1


def _scalar(found: re.Match[bytes]) -> Value:
    if found[1]:
        return int(found[1])
    if found[2]:
        return found[2] == b"1"
    if found[3]:
        try:
            return float(found[3])
        except ValueError:
            raise NotSerialized("number") from None
    return None
