"""A year in which a demonstration company took to its portal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from box.apps.pulse.aggregation import bounds, count_period, zone
from box.apps.pulse.models import Share, Use
from box.core.registry.demo import Company
from box.lib.bulk import analyze, copy_rows

# Each tool's share of people on a day, at the end of the year.
TOOLS = {"feed": 0.45, "worktime": 0.7}
WEEKS = 13


def use(company: Company) -> None:
    company.tell("three months of use")
    today = company.now.astimezone(zone()).date()
    first = bounds(Share.Period.WEEK, today - timedelta(weeks=WEEKS))[0]
    copy_rows(Use, ("on", "tool", "user", "times"), _rows(company, first, today))
    analyze(Use)
    for period in (Share.Period.DAY, Share.Period.WEEK, Share.Period.MONTH):
        day = first
        while day <= today:
            begin, end = bounds(period, day)
            count_period(period, begin, end, zone())
            day = end + timedelta(days=1)
    analyze(Share)


def _rows(company: Company, first: date, today: date) -> Iterator[tuple[object, ...]]:
    random = company.random
    for number in range((today - first).days - 1):
        on = first + timedelta(days=number)
        grown = 0.3 + 0.7 * number / (today - first).days
        if on.weekday() > 4:
            continue
        for tool, share in TOOLS.items():
            for person in company.people:
                if random.random() < share * grown:
                    yield on, tool, person, 1 + int(random.expovariate(0.4))
