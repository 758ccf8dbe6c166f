"""How papers are numbered: `СЧ-{year}-{number:4}` is СЧ-2026-0007.

Pure: the series with what it has given before comes in, the number and the series' new state go out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import chain, zip_longest

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_PART = re.compile(r"\{(number|year|month)(?::([1-9]))?\}")
LONGEST = 60


@dataclass(frozen=True)
class Given:
    """The number as a paper has it, with what the series remembers from now on."""

    text: str
    period: str
    last: int


def check_pattern(pattern: str, restart: str) -> None:
    """Raises ValidationError for what would give a number twice, or none at all."""
    names = [name for name, _width in _PART.findall(pattern)]
    if "number" not in names:
        raise ValidationError(_("Write {number} where the number stands, or {number:4} for 0007."))
    if re.search(r"[{}]", _PART.sub("", pattern)) or len(pattern) > LONGEST:
        raise ValidationError(_("Only {number}, {year} and {month} stand in braces."))
    needed = {"yearly": {"year"}, "monthly": {"year", "month"}}.get(restart, set())
    if missing := needed - set(names):
        said = _("What begins again needs {%(name)s} in it: else two papers would have one number.")
        raise ValidationError(said % {"name": min(missing)})


def period_of(restart: str, on: date) -> str:
    """Within which numbers go on; empty: for ever."""
    return {"yearly": f"{on:%Y}", "monthly": f"{on:%Y-%m}"}.get(restart, "")


def next_number(pattern: str, restart: str, period: str, last: int, *, on: date) -> Given:
    now = period_of(restart, on)
    number = last + 1 if period == now else 1
    return Given(_PART.sub(lambda part: _said(part, number, on), pattern), now, number)


def last_number(texts: Iterable[str], pattern: str, *, on: date, most: int) -> int:
    """The highest that a series of this pattern has given in this time, among papers that are called so. What
    is beyond `most` was given by another pattern."""
    digits = (
        "([0-9]+)" if part[1] == "number" else re.escape(_said(part, 0, on))
        for part in _PART.finditer(pattern)
    )
    literals = (re.escape(one) for one in _PART.split(pattern)[::3])
    written = re.compile("".join(chain.from_iterable(zip_longest(literals, digits, fillvalue=""))))
    found = filter(None, map(written.fullmatch, texts))
    # A number that is there twice is the same both times.
    numbers = ({int(one) for one in match.groups()} for match in found)
    return max((min(one) for one in numbers if len(one) == 1 and max(one) <= most), default=0)


def _said(part: re.Match[str], number: int, on: date) -> str:
    value = {"number": str(number), "year": f"{on:%Y}", "month": f"{on:%m}"}[part[1]]
    return value.zfill(int(part[2] or 0))
