"""A company of 1,000 with 500,000 tasks, beside a tenth of it: what people open first in the morning.

    python -m tests.bench.work [--tasks 50000 500000] [--rounds 3] [--employees 1000]

Requests per second and p95 at 8 connections on both sizes, the ratio of the two, and the number of queries.
Whoever looks has a thousandth of all tasks, as one of so many people has.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.company import QUERIES, asked
from tests.bench.portal import FACTS, Page, Portal, filled, measured, prepared

if TYPE_CHECKING:
    from tests.bench.load import Figures

MOST_QUERIES, MOST_RATIO = 10, 1.2
POSTS, COMPANY = 100, "bench_work"
PAGES = [
    Page("ceiling: notifications", "/notifications/"),
    Page("list of my tasks", "/tasks/"),
    Page("list of all I see", "/tasks/?role="),
    Page("task with its thread", "/tasks/{task}/"),
    Page("board by deadline", "/tasks/board/deadline/"),
    Page("my plan", "/tasks/plan/"),
    Page("Gantt", "/tasks/gantt/"),
    Page("workload", "/tasks/workload/"),
    Page("calendar", "/calendar/"),
    Page("month", "/calendar/items/?start={since}&end={before}&layers=tasks.deadlines"),
]
FILL = (
    FACTS.rpartition("print(")[0]
    + """
import random
from datetime import timedelta
from django.utils import timezone
from box.apps.calendar.actions import EventDraft, create_event, main_calendar
from box.apps.tasks.demo import FIELDS
from box.apps.tasks.models import KIND, Task
from box.core.discussion.models import Thread
from box.lib.bulk import analyze, copy_rows, reserve_ids
COUNT, chance, now = TASKS, random.Random(7), timezone.now()
ids = list(people.filter(is_extranet=False).values_list("pk", flat=True))
pks, threads = reserve_ids(Task, COUNT), reserve_ids(Thread, COUNT)
counts = ("id", "kind", "comments_count", "likes_count", "dislikes_count")
copy_rows(Thread, counts, ((pk, KIND, 0, 0, 0) for pk in threads))
def rows():
    for number, (pk, thread) in enumerate(zip(pks, threads, strict=True)):
        doer, giver = ids[number % len(ids)], chance.choice(ids)
        # Of ten one is open, the rest was done over the years.
        is_open = number // len(ids) % 10 == 0
        closed = None if is_open else now - timedelta(days=chance.randrange(1, 1500))
        due = now + timedelta(hours=chance.randrange(-200, 1500))
        state = "waiting" if is_open else "completed"
        yield (
            *(pk, f"Task {number}", "", "", state, now, 1, giver, doer, None),
            *(due, None, [], True, True, now, now, closed, None if is_open else doer, False),
            *(thread, sorted({f"U{giver}", f"U{doer}"}), False, "i", 0, 0, 0),
        )
copy_rows(Task, FIELDS, rows())
analyze(Task)
calendar = main_calendar(f"U{employee.pk}")
for number in range(60):
    start = now + timedelta(hours=12 * number - 200)
    ends = start + timedelta(hours=1)
    draft = EventDraft(title=f"Event {number}", starts_at=start, ends_at=ends, zone="UTC")
    create_event(calendar, draft, by=employee)
day = timedelta(days=1)
print(json.dumps({
    "employee": cookie(employee), "guest": cookie(guest),
    "task": Task.objects.open().done_by(employee).order_by("id").values_list("id", flat=True)[0],
    "since": (now - 10 * day).date().isoformat(), "before": (now + 25 * day).date().isoformat(),
}))
"""
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, nargs=2, default=[50_000, 500_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--employees", type=int, default=1000)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kb-bench-", dir="/tmp")))
        filled(COMPANY, POSTS, folder, employees=given.employees, facts=FACTS)
        small, large = (
            prepared(
                POSTS + place, folder, stack, employees=given.employees, template=COMPANY,
                facts=FILL.replace("TASKS", str(count)),
            )
            for place, count in enumerate(given.tasks)
        )  # fmt: skip
        return report(measured(PAGES, [small, large], rounds=given.rounds), small, large)


def report(figures: dict[tuple[str, int], Figures], small: Portal, large: Portal) -> int:
    """1, where a page asks too much, or is slower by more than it may be."""
    out, failed = sys.stdout.write, 0
    queries = asked(large, QUERIES.format(pages=[page.at(large)[1:] for page in PAGES]))
    out(f"\n{'page':<24}{'queries':>9}{'req/s':>9}{'p95 ms':>9}{'of a tenth, ms':>16}{'ratio':>7}\n")
    for page, count in zip(PAGES, queries, strict=True):
        at_large, at_small = figures[page.name, large.posts], figures[page.name, small.posts]
        ratio = at_large.p95 / at_small.p95
        is_over = int(count) > MOST_QUERIES or ratio > MOST_RATIO
        failed += is_over
        out(
            f"{page.name:<24}{count:>9}{at_large.rate:>9.1f}{at_large.p95 * 1000:>9.1f}"
            f"{at_small.p95 * 1000:>16.1f}{ratio:>7.2f}{'  over' if is_over else ''}\n"
        )
    out(f"targets: {MOST_QUERIES} queries, {MOST_RATIO} times the smaller\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
