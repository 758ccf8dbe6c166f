"""What happens again and again: rules as RFC 5545 writes them, and the moments that follow from one.

    rule = parse("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU")
    list(rule.between(start, since, before))

Local time stays: what begins at ten begins at ten on both sides of a change of daylight saving. A rule is
asked for a stretch with an end and for nothing else, costs what the stretch is long whether it happens there
or not, and far from the start what it costs nearby. Whole days are midnights in UTC.
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from box.lib.moments import EARLIEST, LATEST

LONGEST_RULE = 500
LONGEST_INTERVAL = 1000
# Ten years of days. What goes on for longer is written with a date, or without an end.
MOST_TIMES = 3660
# How far ahead of a moment the next one is looked for: 29 February comes after eight years at the latest.
FARTHEST = timedelta(days=366 * 9)

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NUMBER = re.compile(r"[+-]?[0-9]{1,5}")
_WEEKDAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL = re.compile(r"([0-9]{8})(?:T([0-9]{6})(Z?))?")


class BadRule(ValueError):
    """A rule that is no rule, or none that is kept here. Says why, in English: programs send them."""


class Frequency(StrEnum):
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


_LONGEST_PERIODS: Mapping[Frequency, int] = {
    Frequency.DAILY: 1,
    Frequency.WEEKLY: 7,
    Frequency.MONTHLY: 31,
    Frequency.YEARLY: 366,
}
"""In days."""


class Weekday(NamedTuple):
    """Monday is 0. `nth` counts within the month or the year, from its end where it is negative; 0: each."""

    day: int
    nth: int = 0

    def __str__(self) -> str:
        return f"{self.nth or ''}{_DAYS[self.day]}"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """`until` is the last moment at which it may happen, or the last day; a moment without a zone is local,
    as the start is."""

    frequency: Frequency
    interval: int = 1
    weekdays: tuple[Weekday, ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    count: int | None = None
    until: date | datetime | None = None
    week_start: int = 0

    def __str__(self) -> str:
        """As RFC 5545 writes it, without the name of the property."""
        parts: dict[str, object] = {
            "FREQ": self.frequency,
            "INTERVAL": self.interval if self.interval > 1 else "",
            "BYMONTH": _joined(self.months),
            "BYMONTHDAY": _joined(self.month_days),
            "BYDAY": _joined(self.weekdays),
            "BYSETPOS": _joined(self.positions),
            "WKST": _DAYS[self.week_start] if self.week_start else "",
            "COUNT": self.count or "",
            "UNTIL": _written(self.until),
        }
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)

    @property
    def is_endless(self) -> bool:
        return self.count is None and self.until is None

    def cut_at(self, start: datetime, moment: datetime) -> tuple[Rule, Rule]:
        """The rule as it is before the moment, and as it goes on from there, where the rest begins."""
        until = moment.astimezone(UTC) - timedelta(seconds=1)
        if self.count is None:
            return replace(self, until=until), self
        done = sum(1 for _one in self.between(start, start, moment))
        before = replace(self, count=done) if done else replace(self, count=None, until=until)
        return before, replace(self, count=max(1, self.count - done))

    def between(self, start: datetime, since: datetime, before: datetime) -> Iterator[datetime]:
        """When it happens from `since` on and before `before`, in order, in the zone of `start`, whose local
        time stays. `start` is the first time that it could: one that the rule does not name is none."""
        zone, until = _zone_of(start), self.until
        if isinstance(until, datetime) and until.tzinfo is None:
            until = until.replace(tzinfo=zone)
        # A day more on either side: days are counted before it is known what moment of them it is.
        first = since.astimezone(zone).date() - timedelta(days=1)
        last = before.astimezone(zone).date() + timedelta(days=1)
        for day in self._days(start.date(), first, last):
            moment = local_moment(day, start.time(), zone)
            if moment >= before or (isinstance(until, datetime) and moment > until):
                return
            if moment >= since:
                yield moment

    def first(self, start: datetime) -> datetime | None:
        """The first time at the start or after it; None: within nine years there is none."""
        return self.next_after(start, start - timedelta(seconds=1))

    def next_after(self, start: datetime, after: datetime) -> datetime | None:
        """The first time later than this; None: within nine years and a period there is none."""
        begin = max(start, after)
        found = self.between(start, begin, begin + FARTHEST + self._period)
        return next((moment for moment in found if moment > after), None)

    def last(self, start: datetime) -> datetime | None:
        """The last time that it happens; None of a rule that is endless, or that never happens."""
        if self.is_endless:
            return None
        begin, end = start, LATEST
        if self.until is not None:
            # The last time is not far from the end: a stretch before it holds one, if there is any.
            end = min(end, local_moment(_day_of(self.until), time.max, _zone_of(start)) + timedelta(days=1))
            begin = max(start, end - FARTHEST - self._period)
        return max(self.between(start, begin, end), default=None)

    @property
    def _period(self) -> timedelta:
        return timedelta(days=_LONGEST_PERIODS[self.frequency] * self.interval)

    def _days(self, start: date, since: date, before: date) -> Iterator[date]:
        """The days that the rule names, to the end of it and a day more: whether a moment of the last days
        is still among it, only the moment tells."""
        rule = self.complete(start)
        begin = start if self.count is not None else rule._near(start, since)
        last = before - timedelta(days=1)
        if isinstance(self.until, datetime):
            last = min(last, self.until.date() + timedelta(days=1))
        elif self.until is not None:
            last = min(last, self.until)
        if last < begin:
            return
        counted = (day for period in rule._periods(begin, last) for day in period if start <= day <= last)
        yield from (day for day in islice(counted, self.count) if day >= since)

    def _periods(self, begin: date, last: date) -> Iterator[list[date]]:
        """The days that the rule names, in order, period by period from that of `begin` to that of `last`,
        which may lie partly outside. So many periods and no more, whether any names a day or none does."""
        match self.frequency:
            case Frequency.DAILY:
                for day in range(begin.toordinal(), last.toordinal() + 1, self.interval):
                    yield self._named([date.fromordinal(day)])
            case Frequency.WEEKLY:
                first = begin.toordinal() - (begin.weekday() - self.week_start) % 7
                for day in range(first, last.toordinal() + 1, 7 * self.interval):
                    yield self._named([date.fromordinal(one) for one in range(day, day + 7)])
            case Frequency.MONTHLY:
                for month in range(_month_of(begin), _month_of(last) + 1, self.interval):
                    yield self._named(_days_of(month))
            case Frequency.YEARLY:
                months = sorted({*self.months}) or range(1, 13)
                for year in range(begin.year, last.year + 1, self.interval):
                    days = [day for month in months for day in _days_of(year * 12 + month - 1)]
                    yield self._named(days)

    def _named(self, days: list[date]) -> list[date]:
        """Of the days of one period."""
        named = [day for day in days if self._names(day)]
        if not self.positions:
            return named
        size = len(named)
        chosen = {one - 1 if one > 0 else size + one for one in self.positions}
        return [named[place] for place in sorted(chosen) if 0 <= place < size]

    def _names(self, day: date) -> bool:
        if self.months and day.month not in self.months:
            return False
        if self.month_days and day.day not in self.month_days:
            from_end = day.day - monthrange(day.year, day.month)[1] - 1
            if from_end not in self.month_days:
                return False
        if not self.weekdays:
            return True
        weekday = day.weekday()
        return any(
            one.day == weekday and (not one.nth or self._is_nth(day, one.nth)) for one in self.weekdays
        )

    def _is_nth(self, day: date, nth: int) -> bool:
        """Of the days of its name in the month; in the year, where a yearly rule names no months."""
        if self.frequency is Frequency.YEARLY and not self.months:
            place, length = day.timetuple().tm_yday, 365 + isleap(day.year)
        else:
            place, length = day.day, monthrange(day.year, day.month)[1]
        return nth == ((place - 1) // 7 + 1 if nth > 0 else -((length - place) // 7 + 1))

    def complete(self, start: date) -> Rule:
        """With what the rule leaves to its start said in it, so that it means the same from elsewhere."""
        if self.weekdays or self.month_days or self.frequency is Frequency.DAILY:
            return self
        if self.frequency is Frequency.WEEKLY:
            return replace(self, weekdays=(Weekday(start.weekday()),))
        months = self.months
        if self.frequency is Frequency.YEARLY and not months:
            months = (start.month,)
        return replace(self, months=months, month_days=(start.day,))

    def _near(self, start: date, since: date) -> date:
        """A beginning of a period of this rule, not after `since` where that is possible: from there on the
        rule names the same days, and what lies between costs nothing."""
        match self.frequency:
            case Frequency.DAILY:
                steps = max(0, (since - start).days // self.interval)
                return start + timedelta(days=steps * self.interval)
            case Frequency.WEEKLY:
                steps = max(0, (since - start).days // (7 * self.interval) - 1)
                return start + timedelta(weeks=steps * self.interval)
            case Frequency.MONTHLY:
                steps = max(0, (_month_of(since) - _month_of(start)) // self.interval - 1)
                return _days_of(_month_of(start) + steps * self.interval)[0]
            case Frequency.YEARLY:
                steps = max(0, (since.year - start.year) // self.interval - 1)
                return date(start.year + steps * self.interval, 1, 1)


def _month_of(day: date) -> int:
    """Counted through all years."""
    return day.year * 12 + day.month - 1


def _days_of(month: int) -> list[date]:
    first = date(month // 12, month % 12 + 1, 1).toordinal()
    length = monthrange(month // 12, month % 12 + 1)[1]
    return [date.fromordinal(one) for one in range(first, first + length)]


def local_moment(day: date, at: time, zone: tzinfo) -> datetime:
    """The moment of this local time. One that a change of daylight saving leaves out is as much later as the
    clock was moved; of one that comes twice it is the first. So RFC 5545 has it."""
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC).astimezone(zone)


def parse(text: str) -> Rule:
    """The rule that this says, with or without `RRULE:` before it. Raises BadRule for what is none, for rules
    within a day, and for those by the number of a week or of a day in the year."""
    text = text.strip().removeprefix("RRULE:").upper()
    if len(text) > LONGEST_RULE:
        raise BadRule(f"A rule has at most {LONGEST_RULE} characters.")
    said: dict[str, str] = {}
    for part in text.rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or name in said:
            raise BadRule(f"{part!r} is no part of a rule, or stands there twice.")
        said[name] = value
    if unknown := said.keys() - _KNOWN:
        raise BadRule(f"{', '.join(sorted(unknown))}: there are no such rules here.")
    return checked(
        Rule(
            frequency=_frequency(said.get("FREQ", "")),
            interval=_number(said.get("INTERVAL", "1")),
            weekdays=tuple(map(_weekday, _listed(said, "BYDAY"))),
            month_days=tuple(map(_number, _listed(said, "BYMONTHDAY"))),
            months=tuple(map(_number, _listed(said, "BYMONTH"))),
            positions=tuple(map(_number, _listed(said, "BYSETPOS"))),
            count=_number(said["COUNT"]) if "COUNT" in said else None,
            until=_until(said["UNTIL"]) if "UNTIL" in said else None,
            week_start=_weekday(said.get("WKST", "MO")).day,
        )
    )


def checked(rule: Rule) -> Rule:
    """The rule itself, if all in it is within bounds and it can happen at all. Raises BadRule."""
    _demand(1 <= rule.interval <= LONGEST_INTERVAL, f"An interval is from 1 to {LONGEST_INTERVAL}.")
    _demand(rule.count is None or rule.until is None, "A rule ends by COUNT or by UNTIL, not by both.")
    is_near = rule.until is None or EARLIEST.year <= rule.until.year < LATEST.year
    _demand(is_near, f"UNTIL is from {EARLIEST.year} to {LATEST.year - 1}.")
    _demand(rule.count is None or 1 <= rule.count <= MOST_TIMES, f"COUNT is from 1 to {MOST_TIMES}.")
    _demand(all(1 <= one <= 12 for one in rule.months), "BYMONTH is from 1 to 12.")
    _demand(all(1 <= abs(one) <= 31 for one in rule.month_days), "BYMONTHDAY is from 1 to 31, or negative.")
    most = _LONGEST_PERIODS[rule.frequency]
    in_period = all(1 <= abs(one) <= most for one in rule.positions)
    _demand(in_period, f"BYSETPOS is from 1 to {most} in a rule that is {rule.frequency}, or negative.")
    is_counted = any(one.nth for one in rule.weekdays)
    by_month = rule.frequency in (Frequency.MONTHLY, Frequency.YEARLY)
    _demand(by_month or not is_counted, "Only days of a month or of a year are counted, such as 2TU.")
    _demand(rule.frequency is not Frequency.WEEKLY or not rule.month_days, "A weekly rule has no BYMONTHDAY.")
    picks = rule.weekdays or rule.month_days or rule.months
    _demand(not rule.positions or bool(picks), "BYSETPOS chooses among what other parts name.")
    longest = max((_LONGEST_MONTHS[month - 1] for month in rule.months), default=31)
    possible = not rule.month_days or any(abs(day) <= longest for day in rule.month_days)
    _demand(possible, "This rule never happens: there is no such day in these months.")
    return rule


_KNOWN = frozenset(
    ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "COUNT", "UNTIL", "WKST"),
)


def _demand(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise BadRule(otherwise)


def _frequency(text: str) -> Frequency:
    if text not in Frequency.__members__:
        raise BadRule("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY.")
    return Frequency(text)


def _listed(said: dict[str, str], name: str) -> list[str]:
    return said[name].split(",") if name in said else []


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise BadRule(f"{text!r} is no number.")
    return int(text)


def _weekday(text: str) -> Weekday:
    match = _WEEKDAY.fullmatch(text)
    if match is None:
        raise BadRule(f"{text!r} is no day of the week.")
    return Weekday(_DAYS.index(match[2]), int(match[1] or 0))


def _until(text: str) -> date | datetime | None:
    """None of the end of time, by which Outlook and others say that there is none."""
    match = _UNTIL.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        if int(match[1][:4]) >= LATEST.year:
            return None
        if match[2] is None:
            return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
        local = datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S")  # noqa: DTZ007 - as it is said
        return local.replace(tzinfo=UTC) if match[3] else local
    except ValueError:
        raise BadRule(f"{text!r} is no end of a rule: write 20261231 or 20261231T210000Z.") from None


def _written(until: date | datetime | None) -> str:
    if isinstance(until, datetime):
        moment = until.astimezone(UTC) if until.tzinfo else until
        return f"{moment:%Y%m%dT%H%M%S}" + ("Z" if until.tzinfo else "")
    # %Y leaves out the zeros of early years.
    return until.isoformat().replace("-", "") if until else ""


def _joined(values: tuple[object, ...]) -> str:
    return ",".join(map(str, values))


def _day_of(until: date | datetime) -> date:
    return until.date() if isinstance(until, datetime) else until


def _zone_of(start: datetime) -> tzinfo:
    if start.tzinfo is None:
        raise ValueError("A start without a zone: what recurs keeps the local time of some place.")
    return start.tzinfo


def realigned(rule: Rule, old: date, new: date) -> Rule:
    """The rule as it is meant when what took place on one day is moved to another: what was on Tuesdays is on
    Wednesdays. What it says beyond the day stays."""
    if old == new:
        return rule
    if rule.frequency is Frequency.WEEKLY:
        moved = {Weekday((one.day + (new - old).days) % 7) for one in rule.weekdays}
        return replace(rule, weekdays=tuple(sorted(moved)))
    months = (new.month,) if rule.months else ()
    if len(rule.weekdays) == 1 and not rule.positions:
        return replace(rule, months=months, weekdays=(Weekday(new.weekday(), _nth(rule, new)),))
    if rule.month_days and not rule.weekdays:
        return replace(rule, months=months, month_days=(new.day,))
    return rule if rule.weekdays else replace(rule, months=months)


def _nth(rule: Rule, day: date) -> int:
    """Which of its kind in the month the day is, counted from the end where the rule counts so."""
    [one] = rule.weekdays
    is_last = (day + timedelta(days=7)).month != day.month
    if one.nth == 0 or (one.nth == -1 and is_last):
        return one.nth
    return (day.day - 1) // 7 + 1
