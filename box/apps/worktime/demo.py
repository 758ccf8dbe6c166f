"""Two months of a demonstration company's working days."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from box.apps.worktime.clock import corrected, forgotten_at, local_day, tally
from box.apps.worktime.models import WorkDay
from box.core.registry.company import TIME_ZONE
from box.core.registry.demo import Company
from box.lib.bulk import analyze, copy_rows

PERIOD = timedelta(days=62)
FIELDS = (
    *("user", "on", "marks", "state", "started_at", "finished_at"),
    *("worked_seconds", "paused_seconds", "forgotten_at", "is_corrected"),
)


def work(company: Company) -> None:
    company.tell("two months of working days")
    # Asked before: while rows are copied the connection answers nothing else.
    copy_rows(WorkDay, FIELDS, _rows(company, ZoneInfo(TIME_ZONE.value)))
    analyze(WorkDay)


def _rows(company: Company, zone: ZoneInfo) -> Iterator[tuple[object, ...]]:
    random = company.random
    today = local_day(company.now, zone)
    for number in range(PERIOD.days, 0, -1):
        on = today - timedelta(days=number)
        if on.weekday() > 4:
            continue
        nine = datetime.combine(on, time(9), tzinfo=zone)
        for person in company.people:
            if random.random() < 0.06:
                continue
            starts = nine + timedelta(minutes=random.randrange(-25, 12) + random.choice((0, 0, 0, 0, 25)))
            ends = starts + timedelta(minutes=random.randrange(510, 580) - random.choice((0, 0, 0, 0, 0, 70)))
            marks = corrected(starts, ends, timedelta(minutes=random.randrange(30, 65)))
            sums = tally(marks, now=company.now)
            pressed = json.dumps([[mark.step.value, mark.at.isoformat()] for mark in marks])
            yield (
                *(person, on, pressed, "finished", starts, ends),
                *(int(sums.worked.total_seconds()), int(sums.paused.total_seconds())),
                *(forgotten_at(starts, zone), False),
            )
