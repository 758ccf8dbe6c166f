"""Stretches of work as people write them: `2:30`, `2h 30m`, `1.5`, `90 min`, `2 ч 30 мин`, `3 дня`."""

from __future__ import annotations

import re
from decimal import Decimal

HOUR = 60
LONGEST = 10_000 * HOUR
_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d)")
_UNITS = {
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes", "м", "мин", "минут", "минуты", "минута"), 1),
    **dict.fromkeys(("h", "hr", "hour", "hours", "ч", "час", "часа", "часов"), HOUR),
}
_DAYS = {"d", "day", "days", "д", "дн", "день", "дня", "дней"}
_PART = re.compile(r"(\d{1,5}(?:[.,]\d{1,2})?)\s*([a-zа-яё]*)\.?\s*", re.IGNORECASE)


def minutes_of(text: str, *, day: int = 8 * HOUR) -> int:
    """How many minutes that is; a bare number is hours, and a day so many minutes of work. Raises ValueError
    for what is none."""
    text = text.strip().lower()
    if match := _CLOCK.fullmatch(text):
        return _bounded(Decimal(int(match[1]) * HOUR + int(match[2])))
    total, place = Decimal(0), 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None or (unit := _unit(part[2], day)) is None:
            raise ValueError(f"{text[:40]!r} is no stretch of time.")
        total += Decimal(part[1].replace(",", ".")) * unit
        place = part.end()
    if not text:
        raise ValueError("Nothing is no stretch of time.")
    return _bounded(total)


def _unit(word: str, day: int) -> int | None:
    return HOUR if not word else day if word in _DAYS else _UNITS.get(word)


def _bounded(minutes: Decimal) -> int:
    if minutes > LONGEST:
        raise ValueError("That is longer than anybody works.")
    return int(minutes.to_integral_value())


def clock(minutes: int) -> str:
    """As a clock has it: `2:30`."""
    return f"{minutes // HOUR}:{minutes % HOUR:02}"
