"""A rule of recurrence in words, in the reader's language: "every second Tuesday, until 31 December 2026"."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from django.utils.translation import get_language, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext as _

from box.lib.recurrence import Frequency, Rule, Weekday

WORKWEEK = frozenset(range(5))

_EVERY = (
    pgettext_lazy("recurrence", "every Monday"),
    pgettext_lazy("recurrence", "every Tuesday"),
    pgettext_lazy("recurrence", "every Wednesday"),
    pgettext_lazy("recurrence", "every Thursday"),
    pgettext_lazy("recurrence", "every Friday"),
    pgettext_lazy("recurrence", "every Saturday"),
    pgettext_lazy("recurrence", "every Sunday"),
)
_EVERY_SECOND = (
    pgettext_lazy("recurrence", "every second Monday"),
    pgettext_lazy("recurrence", "every second Tuesday"),
    pgettext_lazy("recurrence", "every second Wednesday"),
    pgettext_lazy("recurrence", "every second Thursday"),
    pgettext_lazy("recurrence", "every second Friday"),
    pgettext_lazy("recurrence", "every second Saturday"),
    pgettext_lazy("recurrence", "every second Sunday"),
)
# As they stand after "on", in Russian after «по».
_ON = (
    pgettext_lazy("recurrence", "Mondays"),
    pgettext_lazy("recurrence", "Tuesdays"),
    pgettext_lazy("recurrence", "Wednesdays"),
    pgettext_lazy("recurrence", "Thursdays"),
    pgettext_lazy("recurrence", "Fridays"),
    pgettext_lazy("recurrence", "Saturdays"),
    pgettext_lazy("recurrence", "Sundays"),
)
# Translators: %(nth)s is one of 1st, 2nd ... of these catalogues; Russian inflects it here.
_ON_NTH = (
    pgettext_lazy("recurrence", "on the %(nth)s Monday"),
    pgettext_lazy("recurrence", "on the %(nth)s Tuesday"),
    pgettext_lazy("recurrence", "on the %(nth)s Wednesday"),
    pgettext_lazy("recurrence", "on the %(nth)s Thursday"),
    pgettext_lazy("recurrence", "on the %(nth)s Friday"),
    pgettext_lazy("recurrence", "on the %(nth)s Saturday"),
    pgettext_lazy("recurrence", "on the %(nth)s Sunday"),
)
_ON_LAST = (
    pgettext_lazy("recurrence", "on the last Monday"),
    pgettext_lazy("recurrence", "on the last Tuesday"),
    pgettext_lazy("recurrence", "on the last Wednesday"),
    pgettext_lazy("recurrence", "on the last Thursday"),
    pgettext_lazy("recurrence", "on the last Friday"),
    pgettext_lazy("recurrence", "on the last Saturday"),
    pgettext_lazy("recurrence", "on the last Sunday"),
)
_NTH = (
    pgettext_lazy("recurrence", "1st"),
    pgettext_lazy("recurrence", "2nd"),
    pgettext_lazy("recurrence", "3rd"),
    pgettext_lazy("recurrence", "4th"),
    pgettext_lazy("recurrence", "5th"),
)


def in_words(rule: Rule, start: datetime) -> str:
    """What a rule means for what begins at this start. In lower case: it stands after a time or a name."""
    words = _rhythm(rule.complete(start.date())) or _("by a rule of its own")
    if rule.count:
        times = ngettext("%(count)s time", "%(count)s times", rule.count) % {"count": rule.count}
        return f"{words}, {times}"
    if rule.until is not None:
        return _("%(rhythm)s, until %(day)s") % {"rhythm": words, "day": _last_day(rule.until, start.tzinfo)}
    return words


def _rhythm(rule: Rule) -> str:
    """Nothing for one that has no words here."""
    match rule.frequency:
        case Frequency.DAILY:
            return "" if rule.weekdays or rule.month_days or rule.months else _days(rule.interval)
        case Frequency.WEEKLY:
            return "" if rule.months or rule.positions else _weekly(rule)
        case Frequency.MONTHLY:
            return "" if rule.months else _monthly(rule)
        case Frequency.YEARLY:
            return _yearly(rule)


def _days(interval: int) -> str:
    if interval == 1:
        return _("every day")
    return ngettext("every %(count)s day", "every %(count)s days", interval) % {"count": interval}


def _weekly(rule: Rule) -> str:
    days = sorted({one.day for one in rule.weekdays})
    if rule.interval == 1 and frozenset(days) == WORKWEEK:
        return _("every weekday")
    if rule.interval == 1 and len(days) == 7:
        return _("every day")
    if len(days) == 1 and rule.interval <= 2:
        return str((_EVERY if rule.interval == 1 else _EVERY_SECOND)[days[0]])
    names = _and([str(_ON[day]) for day in days])
    on = pgettext("recurrence", "on %(days)s") % {"days": names}
    if rule.interval == 1:
        return on
    every = ngettext("every %(count)s week", "every %(count)s weeks", rule.interval) % {
        "count": rule.interval
    }
    return f"{every} {on}"


def _monthly(rule: Rule) -> str:
    on = _on_days(rule)
    if not on:
        return ""
    if rule.interval == 1:
        return _("%(on)s of every month") % {"on": on}
    every = ngettext("every %(count)s month", "every %(count)s months", rule.interval)
    return f"{on} {every % {'count': rule.interval}}"


def _yearly(rule: Rule) -> str:
    if len(rule.months) != 1 or rule.weekdays or len(rule.month_days) != 1 or rule.month_days[0] < 1:
        return ""
    # A leap year: 29 February is a day, too.
    day = date(2028, rule.months[0], rule.month_days[0])
    on = format_skeleton("MMMMd", day, locale=get_language())
    if rule.interval == 1:
        return _("every year on %(day)s") % {"day": on}
    every = ngettext("every %(count)s year on %(day)s", "every %(count)s years on %(day)s", rule.interval)
    return every % {"count": rule.interval, "day": on}


def _on_days(rule: Rule) -> str:
    if rule.month_days and not rule.weekdays and not rule.positions:
        return _on_month_days(rule.month_days)
    if frozenset(rule.weekdays) == {Weekday(day) for day in WORKWEEK} and not rule.month_days:
        return {"1": _("on the first weekday"), "-1": _("on the last weekday")}.get(
            ",".join(map(str, rule.positions)), ""
        )
    if len(rule.weekdays) != 1 or rule.month_days or len(rule.positions) > 1:
        return ""
    [(day, nth)] = rule.weekdays
    nth = nth or (rule.positions[0] if rule.positions else 0)
    if nth == -1:
        return str(_ON_LAST[day])
    return str(_ON_NTH[day]) % {"nth": _NTH[nth - 1]} if 1 <= nth <= len(_NTH) else ""


def _on_month_days(days: tuple[int, ...]) -> str:
    if days == (-1,):
        return _("on the last day")
    if min(days) < 1:
        return ""
    return ngettext("on day %(days)s", "on days %(days)s", len(days)) % {"days": _and(list(map(str, days)))}


def _last_day(until: date | datetime, zone: tzinfo | None) -> str:
    if isinstance(until, datetime):
        until = (until.astimezone(zone) if until.tzinfo else until).date()
    return format_date(until, "long", locale=get_language())


def _and(words: list[str]) -> str:
    return format_list(words, locale=get_language())
