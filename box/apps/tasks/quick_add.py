"""A task in one line, as it comes to mind: what of the line is a deadline, a person, a tag, and what is left
is the title.

    Report for Q3 tomorrow 18:00 @boris #finance !
    Отчёт за квартал в пятницу в 18:00 @борис #финансы !

Both languages are understood side by side, whichever the reader's is. What stands in quotation marks is left
alone. Pure: names are found elsewhere, and the moment comes in.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from box.lib.moments import EARLIEST, LATEST

LONGEST_LINE = 500
END_OF_DAY = time(18)
"""Of a deadline that names a day alone."""

_MONTHS = {
    **dict.fromkeys(("january", "jan", "января", "янв"), 1),
    **dict.fromkeys(("february", "feb", "февраля", "фев"), 2),
    **dict.fromkeys(("march", "mar", "марта", "мар"), 3),
    **dict.fromkeys(("april", "apr", "апреля", "апр"), 4),
    **dict.fromkeys(("may", "мая"), 5),
    **dict.fromkeys(("june", "jun", "июня", "июн"), 6),
    **dict.fromkeys(("july", "jul", "июля", "июл"), 7),
    **dict.fromkeys(("august", "aug", "августа", "авг"), 8),
    **dict.fromkeys(("september", "sept", "sep", "сентября", "сен"), 9),
    **dict.fromkeys(("october", "oct", "октября", "окт"), 10),
    **dict.fromkeys(("november", "nov", "ноября", "ноя"), 11),
    **dict.fromkeys(("december", "dec", "декабря", "дек"), 12),
}
_WEEKDAYS = {
    **dict.fromkeys(("monday", "mon", "понедельник", "пн"), 0),
    **dict.fromkeys(("tuesday", "tue", "вторник", "вт"), 1),
    **dict.fromkeys(("wednesday", "wed", "среда", "среду", "ср"), 2),
    **dict.fromkeys(("thursday", "thu", "четверг", "чт"), 3),
    **dict.fromkeys(("friday", "fri", "пятница", "пятницу", "пт"), 4),
    **dict.fromkeys(("saturday", "sat", "суббота", "субботу", "сб"), 5),
    **dict.fromkeys(("sunday", "sun", "воскресенье", "вс"), 6),
}
_NEAR = {"today": 0, "сегодня": 0, "tomorrow": 1, "завтра": 1, "послезавтра": 2, "day after tomorrow": 2}
_COUNTS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "один": 1,
    "одну": 1,
    "two": 2,
    "два": 2,
    "две": 2,
    "three": 3,
    "три": 3,
}
_UNITS = {
    "minutes": r"minutes?|mins?|минут[уы]?|мин",
    "hours": r"hours?|час(?:а|ов)?",
    "days": r"days?|день|дня|дней",
    "weeks": r"weeks?|недел[юиь]",
    "months": r"months?|месяц(?:а|ев)?",
}


@dataclass(frozen=True)
class Understood:
    """`people` and `projects` are what stood behind @ and +, as it was written."""

    title: str
    deadline_at: datetime | None = None
    people: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_important: bool = False


class _Line:
    """What of the line has not been understood yet."""

    def __init__(self, text: str) -> None:
        self._left = text
        self._quoted = [match.span() for match in re.finditer(r'(?<![@+])("[^"]*"|«[^»]*»|“[^”]*”)', text)]

    def take(self, pattern: re.Pattern[str], accept: Callable[[re.Match[str]], bool] = bool) -> None:
        """Takes the first match that is accepted out of the line; the places of all others stay."""
        for match in pattern.finditer(self._left):
            if not self._is_quoted(match) and accept(match):
                self._left = f"{self._left[: match.start()]}{' ' * len(match[0])}{self._left[match.end() :]}"
                return

    def take_all(self, pattern: re.Pattern[str]) -> Iterator[str]:
        """What the first group that has matched holds, of every match."""
        found: list[str] = []

        def accept(match: re.Match[str]) -> bool:
            found.append(next(group for group in match.groups() if group is not None))
            return True

        while True:
            count = len(found)
            self.take(pattern, accept)
            if len(found) == count:
                yield from found
                return

    def _is_quoted(self, match: re.Match[str]) -> bool:
        return any(match.start() < end and start < match.end() for start, end in self._quoted)

    @property
    def title(self) -> str:
        return re.sub(r"\s+([,.;:])", r"\1", " ".join(self._left.split())).strip(" ,;–-")


_START, _END = r"(?<![\w@#+])", r"(?![\w])"
_BY = r"(?:(?:by|on|until|till|due|до|к|ко|на|в|во)\s+)?"


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(f"{_START}{_BY}(?:{pattern}){_END}", re.IGNORECASE)


def _any_of(names: dict[str, int]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_PERSON = re.compile(r'(?<![\w])@(?:"([^"]{1,100})"|([\w.-]{1,100}))')
_PROJECT = re.compile(r'(?<![\w])\+(?:"([^"]{1,100})"|([^\W\d][\w.-]{0,99}))')
_TAG = re.compile(r"(?<![\w#/&])#([^\W\d_][\w-]{1,49})")
_IMPORTANT = re.compile(r"(?<!\S)!{1,3}(?!\S)|(?<=\w)!{1,3}$")
_ISO = _words(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED = _words(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{4}|\d{2}))?")
_DAY_MONTH = _words(rf"(\d{{1,2}})(?:st|nd|rd|th)?\s+({_any_of(_MONTHS)})\.?(?:\s+(\d{{4}}))?")
_MONTH_DAY = _words(rf"({_any_of(_MONTHS)})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(\d{{4}}))?")
_NEAR_DAY = _words(rf"(?:the\s+)?({_any_of(_NEAR)})")
_WEEKDAY = _words(rf"(?:(next|следующ(?:ий|ую|ее))\s+)?({_any_of(_WEEKDAYS)})")
_PERIOD_END = _words(r"(?:(?:the\s+)?end\s+of\s+(?:the\s+)?|кон(?:ца|цу|це)\s+)(week|month|недели|месяца)")
_COUNT = rf"\d{{1,3}}|{_any_of(_COUNTS)}"
_IN = re.compile(
    rf"{_START}(?:in|через)\s+(?:({_COUNT})\s+)?(?:"
    + "|".join(f"(?P<{name}>{unit})" for name, unit in _UNITS.items())
    + rf"){_END}",
    re.IGNORECASE,
)
_AT = r"(?:(?:at|by|until|till|в|к|до|на)\s+)"
_CLOCK = re.compile(
    rf"{_START}{_AT}?(\d{{1,2}}):(\d{{2}})(?:\s*(am|pm|утра|дня|вечера))?{_END}", re.IGNORECASE
)
_HOUR = re.compile(
    rf"{_START}(?:{_AT}?(\d{{1,2}})\s*(am|pm|утра|дня|вечера)|{_AT}(\d{{1,2}})(?:\s+час(?:а|ов))?){_END}(?!\s*[./:]\s*\d)",
    re.IGNORECASE,
)
_NOON = re.compile(rf"{_START}(?:at\s+noon|noon|в\s+полдень|к\s+полудню){_END}", re.IGNORECASE)


def parse(text: str, *, now: datetime) -> Understood:
    """`now` is a moment in the reader's own time zone: `tomorrow` is theirs."""
    line = _Line(text[:LONGEST_LINE].replace("\x00", ""))
    people, projects = tuple(line.take_all(_PERSON)), tuple(line.take_all(_PROJECT))
    tags = tuple(dict.fromkeys(tag.lower() for tag in line.take_all(_TAG)))
    marks = _Taken(now)
    line.take(_IMPORTANT, marks.important)
    deadline = marks.deadline(line)
    return Understood(line.title, deadline, people, projects, tags, marks.is_important)


class _Taken:
    """Of the line its deadline, piece by piece."""

    def __init__(self, now: datetime) -> None:
        self.now, self.today = now, now.date()
        self.is_important = False
        self.moment: datetime | None = None
        self.day: date | None = None
        self.time: time | None = None

    def deadline(self, line: _Line) -> datetime | None:
        line.take(_IN, self._in)
        for pattern, accept in (
            (_ISO, self._iso),
            (_DOTTED, self._dotted),
            (_DAY_MONTH, self._day_month),
            (_MONTH_DAY, self._month_day),
            (_NEAR_DAY, self._near),
            (_PERIOD_END, self._period_end),
            (_WEEKDAY, self._weekday),
        ):
            if self.day is None and self.moment is None:
                line.take(pattern, accept)
        if self.moment is not None:
            return self.moment
        for pattern, accept in ((_CLOCK, self._clock), (_HOUR, self._hour), (_NOON, self._noon)):
            if self.time is None:
                line.take(pattern, accept)
        return self._together()

    def _together(self) -> datetime | None:
        if self.day is None and self.time is None:
            return None
        moment = datetime.combine(self.day or self.today, self.time or END_OF_DAY, self.now.tzinfo)
        if self.day is None and moment <= self.now:
            return moment + timedelta(days=1)
        return moment

    def important(self, match: re.Match[str]) -> bool:
        self.is_important = True
        return True

    def _in(self, match: re.Match[str]) -> bool:
        word = (match[1] or "1").lower()
        count = int(word) if word.isdigit() else _COUNTS[word]
        unit = next(name for name in _UNITS if match[name])
        if unit in ("minutes", "hours"):
            # Hours that pass, also where a change of the clock leaves one out.
            later = self.now.astimezone(UTC) + timedelta(**{unit: count})
            self.moment = later.astimezone(self.now.tzinfo).replace(second=0, microsecond=0)
        elif unit == "months":
            self.day = _months_later(self.today, count)
        else:
            self.day = self.today + timedelta(**{unit: count})
        return True

    def _iso(self, match: re.Match[str]) -> bool:
        return self._set(int(match[1]), int(match[2]), int(match[3]))

    def _dotted(self, match: re.Match[str]) -> bool:
        year = int(match[3]) if match[3] else 0
        return self._set(year + 2000 if 0 < year < 100 else year, int(match[2]), int(match[1]))

    def _day_month(self, match: re.Match[str]) -> bool:
        return self._set(int(match[3] or 0), _MONTHS[match[2].lower()], int(match[1]))

    def _month_day(self, match: re.Match[str]) -> bool:
        return self._set(int(match[3] or 0), _MONTHS[match[1].lower()], int(match[2]))

    def _set(self, year: int, month: int, day: int) -> bool:
        """Without a year it is the next such day. What is no day is left in the title."""
        if year and not EARLIEST.year <= year < LATEST.year:
            return False
        for one in (year,) if year else (self.today.year, self.today.year + 1):
            try:
                found = date(one, month, day)
            except ValueError:
                continue
            if year or found >= self.today:
                self.day = found
                return True
        return False

    def _near(self, match: re.Match[str]) -> bool:
        self.day = self.today + timedelta(days=_NEAR[" ".join(match[1].lower().split())])
        return True

    def _weekday(self, match: re.Match[str]) -> bool:
        """The next such day after today; `next` is that of the coming week."""
        weekday = _WEEKDAYS[match[2].lower()]
        if match[1]:
            monday = self.today - timedelta(days=self.today.weekday())
            self.day = monday + timedelta(days=7 + weekday)
        else:
            self.day = self.today + timedelta(days=(weekday - self.today.weekday() - 1) % 7 + 1)
        return True

    def _period_end(self, match: re.Match[str]) -> bool:
        """The week of work ends on Friday; on a weekend the coming one is meant."""
        if match[1].lower() in ("month", "месяца"):
            self.day = self.today.replace(day=monthrange(self.today.year, self.today.month)[1])
        else:
            self.day = self.today + timedelta(days=(4 - self.today.weekday()) % 7)
        return True

    def _clock(self, match: re.Match[str]) -> bool:
        return self._at(int(match[1]), int(match[2]), match[3] or "")

    def _hour(self, match: re.Match[str]) -> bool:
        return self._at(int(match[1] or match[3]), 0, match[2] or "")

    def _noon(self, match: re.Match[str]) -> bool:
        self.time = time(12)
        return True

    def _at(self, hour: int, minute: int, half: str) -> bool:
        half = half.lower()
        if half and not 1 <= hour <= 12:
            return False
        if half in ("pm", "дня", "вечера"):
            hour = hour % 12 + 12
        elif half == "am":
            hour %= 12
        if hour > 23 or minute > 59:
            return False
        self.time = time(hour, minute)
        return True


def _months_later(day: date, count: int) -> date:
    """The same day of a later month, or its last one."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
