"""Ranks: texts between any two of which there is always room for another one.

What people order by hand, cards in a column or stages of a pipeline, carries a rank. To move one is to write
one row: nothing else gets a new number, so two people who move two cards at once change two rows, and both
orders hold. Two who put a card into the same gap get the same rank; the id decides then, for everybody
alike, and the next move between them makes room again.

A rank is a fraction between 0 and 1 in base 36, without its leading zero and never ending in `0`; compared
byte by byte, so a column of ranks has the collation `C`. What is put before all others or after them goes one
step of 36⁻⁸ further, so that a stage into which a million deals have come has ranks as short as before. The
idea, with its proofs: "Implementing Fractional Indexing",
https://observablehq.com/@dgreensp/implementing-fractional-indexing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE = len(_DIGITS)
# Of the steps at either end: 36 ** 8 of them, half of it on each side of the first rank.
_WIDTH = 8
_RANK = re.compile(r"[0-9a-z]*[1-9a-z]")


def between(before: str | None, after: str | None) -> str:
    """A rank after the one and before the other; None: there is nothing on that side.

    Where both are the same, or stand in the wrong order, as after two people have moved at once, it comes
    right after the first of them. Raises ValueError for what is no rank.
    """
    low, high = _checked(before), _checked(after)
    if low is None and high is not None:
        return _stepped(high, -1) or _middle("", high)
    if low is not None and high is None:
        return _stepped(low, 1) or _middle(low, None)
    if low is not None and high is not None and low >= high:
        high = None
    return _middle(low or "", high)


def spread(count: int) -> Iterator[str]:
    """Ranks for so many rows at once, in order and evenly apart: short ones, with room between them."""
    width, room = 1, _BASE
    while room <= count:
        width, room = width + 1, room * _BASE
    for place in range(1, count + 1):
        yield _written(place * room // (count + 1), width)


def _stepped(rank: str, step: int) -> str:
    """One step further on; empty where there is no room for a whole one."""
    number = int(rank[:_WIDTH].ljust(_WIDTH, "0"), _BASE) + step
    return _written(number, _WIDTH) if 0 < number < _BASE**_WIDTH else ""


def _middle(low: str, high: str | None) -> str:
    """Between a fraction and a greater one; no `high`: below 1."""
    kept = ""
    while True:
        place = len(kept)
        first = _DIGITS.index(low[place]) if place < len(low) else 0
        last = _BASE if high is None else (_DIGITS.index(high[place]) if place < len(high) else 0)
        if last - first > 1:
            return kept + _DIGITS[(first + last) // 2]
        kept += _DIGITS[first]
        if last > first:
            # From here on everything above `low` is below `high`.
            high = None


def _written(number: int, width: int) -> str:
    digits = ""
    for _place in range(width):
        number, digit = divmod(number, _BASE)
        digits = _DIGITS[digit] + digits
    return digits.rstrip("0")


def _checked(rank: str | None) -> str | None:
    if rank is not None and not _RANK.fullmatch(rank):
        raise ValueError(f"{rank[:40]!r} is no rank: it is made by `between`.")
    return rank
