"""Which days are worked: the week's rhythm, and the days of a year that are an exception to it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property

WEEK = 7
MONDAY_TO_FRIDAY = frozenset(range(5))


class DayKind(StrEnum):
    """What an exceptional day is."""

    OFF = "off"
    WORKED = "worked"
    # Worked, but an hour less: the eve of a holiday.
    SHORT = "short"


@dataclass(frozen=True)
class Exceptional:
    """One day that is not like its weekday."""

    kind: DayKind
    name: str = ""


@dataclass(frozen=True)
class WorkCalendar:
    """`weekdays` are those that are worked, Monday is 0."""

    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    exceptions: Mapping[date, Exceptional] = field(default_factory=dict)

    def is_working_day(self, day: date) -> bool:
        exception = self.exceptions.get(day)
        return day.weekday() in self.weekdays if exception is None else exception.kind != DayKind.OFF

    def is_short_day(self, day: date) -> bool:
        """Worked, but an hour less."""
        exception = self.exceptions.get(day)
        return exception is not None and exception.kind == DayKind.SHORT

    def working_days_between(self, first: date, last: date) -> int:
        """How many days are worked from the first to the last, both counted; none if they are the other way
        round. Costs the same for a week and for a century."""
        if last < first:
            return 0
        weeks, rest = divmod((last - first).days + 1, WEEK)
        by_rhythm = weeks * len(self.weekdays) + sum(
            (last - timedelta(days=back)).weekday() in self.weekdays for back in range(rest)
        )
        return by_rhythm + self._shift(self._gained, first, last) - self._shift(self._lost, first, last)

    @cached_property
    def _gained(self) -> list[date]:
        return sorted(
            day
            for day, exception in self.exceptions.items()
            if exception.kind != DayKind.OFF and day.weekday() not in self.weekdays
        )

    @cached_property
    def _lost(self) -> list[date]:
        return sorted(
            day
            for day, exception in self.exceptions.items()
            if exception.kind == DayKind.OFF and day.weekday() in self.weekdays
        )

    @staticmethod
    def _shift(days: list[date], first: date, last: date) -> int:
        return bisect_right(days, last) - bisect_left(days, first)


def russian_days(years: Iterable[int], *, language: str = "ru") -> dict[date, Exceptional]:
    """The exceptions of the Russian production calendar, moved days included, as far as decrees are out.

    Holidays by article 112 of the Labour Code; the days before them are an hour shorter by article 95, also
    where the government has moved such an eve to a Saturday. The package `holidays` keeps the decrees.
    """
    # It takes a while to load, and few processes ever ask.
    from holidays import country_holidays

    years = sorted(set(years))
    names = "ru" if language == "ru" else "en_US"
    # Of the days off those that article 112 names: not a moved one, which needs no eve.
    plain = country_holidays("RU", years=years, language="ru", observed=False)
    feasts = {day for day, name in plain.items() if "перенесено" not in name}
    known = country_holidays("RU", years=years, language=names)
    moved = {day for day in known.weekend_workdays if day.year in years}
    days = {day: Exceptional(DayKind.OFF, name) for day, name in known.items() if day.year in years}
    days |= {day: Exceptional(DayKind.WORKED) for day in moved}
    calendar = WorkCalendar(exceptions=days)
    for feast in feasts:
        eve = feast - timedelta(days=1)
        if eve.year in years and calendar.is_working_day(eve):
            days[eve] = Exceptional(DayKind.SHORT)
    for worked in moved:
        # `Day off (substituted from 20.02.2027)`, in whichever language.
        source = country_holidays("RU", years=worked.year, language="ru")
        target = next((day for day, name in source.items() if f"{worked:%d.%m.%Y}" in name), None)
        if target is not None and target + timedelta(days=1) in feasts:
            days[worked] = Exceptional(DayKind.SHORT)
    return dict(sorted(days.items()))
