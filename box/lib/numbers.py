"""Whole numbers as programs and addresses write them."""

from __future__ import annotations


def whole_number(text: str, *, digits: int = 18) -> int | None:
    """What ASCII digits alone say, at most so many: 18 always fit a key of the database.

    None for anything else. `int` would take signs, spaces and digits of other scripts, and refuse what
    `isdigit` takes, such as '²', and more than 4,300 digits.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None
