"""A company of 1,000 with 500,000 tasks, beside a tenth of it: what people open first in the morning.

    python -m tests.bench.work [--tasks 50000 500000] [--rounds 3] [--employees 1000] [--only month]

Requests a second and p95 at 8 connections on both sizes, the ratio of the two, the share of the ceiling
page's requests and the number of queries; then how many tasks a second eight people give on the larger.
Whoever looks has as much open work in both, and a project of 500 tasks that follow one another: what grows is
what was done over the years, and what others do. What giving a task costs a whole box: `tests.bench.price`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.bench.company import QUERIES, asked
from tests.bench.load import post
from tests.bench.portal import FACTS, Page, Portal, filled, measured, prepared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.load import Figures

MOST_QUERIES, MOST_RATIO, LEAST_OF_CEILING, LEAST_GIVEN = 10, 1.2, 0.6, 222
POSTS, COMPANY, PEOPLE = 100, "bench_work", 8
CEILING = Page("ceiling", "/ceiling/")
PAGES = [
    CEILING,
    Page("notifications", "/notifications/"),
    Page("list of my tasks", "/tasks/"),
    Page("list of all I see", "/tasks/?role=all"),
    Page("task with its thread", "/tasks/{task}/"),
    Page("board by deadline", "/tasks/board/deadline/"),
    Page("board of a project", "/tasks/projects/{project}/"),
    Page("my plan", "/tasks/plan/"),
    Page("Gantt of my tasks", "/tasks/gantt/"),
    Page("Gantt of 500 tasks", "/tasks/gantt/?role=all&project={project}"),
    Page("workload", "/tasks/workload/"),
    Page("calendar", "/calendar/"),
    Page("month", "/calendar/items/?start={since}&end={before}&layers=tasks.deadlines"),
]
FILL = (
    FACTS.rpartition("print(")[0]
    + """
import random
from datetime import timedelta
from uuid import uuid4
from django.utils import timezone
from box.apps.calendar.actions import EventDraft, create_event, main_calendar
from box.apps.tasks.demo import FIELDS
from box.apps.tasks.models import KIND, Dependency, Task
from box.core.discussion.actions import add_comment
from box.core.discussion.models import Thread
from box.core.groups.actions import NewGroup, create_group
from box.lib.bulk import analyze, copy_rows, reserve_ids
COUNT, OPEN, PROJECT, chance, now = TASKS, 60, 500, random.Random(7), timezone.now()
ids = list(people.filter(is_extranet=False).exclude(pk=employee.pk).values_list("pk", flat=True))
project = create_group(NewGroup("A house", "", "open"), by=employee)
pks, threads = reserve_ids(Task, COUNT), reserve_ids(Thread, COUNT)
counts = ("id", "kind", "comments_count", "likes_count", "dislikes_count")
copy_rows(Thread, counts, ((pk, KIND, 0, 0, 0) for pk in threads))
def task(number):
    # Doer, giver, project, whether it is open. The first are those of whoever looks.
    if number < PROJECT:
        return ids[number % 20], ids[number % 30], project.pk, True
    if number < PROJECT + OPEN:
        return employee.pk, ids[number % 30], None, True
    if number < PROJECT + OPEN + COUNT // 1000:
        return employee.pk, chance.choice(ids), None, False
    return ids[number % len(ids)], chance.choice(ids), None, number // len(ids) % 10 == 0
def rows():
    for number, (pk, thread) in enumerate(zip(pks, threads, strict=True)):
        doer, giver, group, is_open = task(number)
        closed = None if is_open else now - timedelta(days=chance.randrange(1, 1500))
        due = now + timedelta(hours=3 * number if group else chance.randrange(-200, 1500))
        state = "waiting" if is_open else "completed"
        codes = {f"U{giver}", f"U{doer}"} | ({f"G{group}"} if group else set())
        yield (
            *(pk, f"Task {number}", "", "", state, now, 1, giver, doer, group),
            *(due, 120, [], True, True, now, now, closed, None if is_open else doer, False),
            *(thread, sorted(codes), False, "i", 0, 0, 0),
        )
copy_rows(Task, FIELDS, rows())
Dependency.objects.bulk_create(
    Dependency(before_id=before, after_id=after)
    for number, (before, after) in enumerate(zip(pks[:PROJECT], pks[1:PROJECT])) if number % 5
)
first = Task.objects.get(pk=pks[PROJECT])
for number in range(20):
    add_comment(first.thread, f"Line {number} of what was said of it.", by=employee)
analyze(Task, Thread, Dependency)
calendar = main_calendar(f"U{employee.pk}")
for number in range(60):
    start = now + timedelta(hours=12 * number - 200)
    ends = start + timedelta(hours=1)
    draft = EventDraft(title=f"Event {number}", starts_at=start, ends_at=ends, zone="UTC")
    create_event(calendar, draft, by=employee)
day = timedelta(days=1)
print(json.dumps({
    "employee": cookie(employee), "guest": cookie(guest), "task": first.pk, "project": project.pk,
    "givers": [cookie(one) for one in people.filter(pk__in=ids[:8])],
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
    names = [page.name for page in PAGES]
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="PAGE")
    given = parser.parse_args()
    pages = [page for page in PAGES if page is CEILING or page.name in given.only]
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
        failed = report(pages, measured(pages, [small, large], rounds=given.rounds), small, large)
        return max(failed, giving(large, rounds=given.rounds))


def report(
    pages: Sequence[Page], figures: dict[tuple[str, int], Figures], small: Portal, large: Portal
) -> int:
    """1, where a page asks too much, or is slower by more than it may be."""
    out, failed = sys.stdout.write, 0
    queries = asked(large, QUERIES.format(pages=[page.at(large)[1:] for page in pages]))
    ceiling = figures[CEILING.name, large.posts].rate
    line = "{:<24}{:>9}{:>9}{:>9}{:>9}{:>16}{:>7}{}\n"
    out("\n")
    out(line.format("page", "queries", "a second", "ceiling", "p95 ms", "of a tenth, ms", "ratio", ""))
    for page, count in zip(pages, queries, strict=True):
        at_large, at_small = figures[page.name, large.posts], figures[page.name, small.posts]
        ratio, share = at_large.p95 / at_small.p95, at_large.rate / ceiling
        over = [
            *(["queries"] if int(count) > MOST_QUERIES else []),
            *(["ratio"] if ratio > MOST_RATIO else []),
            *(["ceiling"] if share < LEAST_OF_CEILING else []),
        ]
        failed += bool(over)
        milliseconds = f"{at_large.p95 * 1000:.1f}", f"{at_small.p95 * 1000:.1f}"
        missed = f"  missed: {', '.join(over)}" if over else ""
        rate = f"{at_large.rate:.1f}", f"{share:.2f}"
        out(line.format(page.name, count, *rate, *milliseconds, f"{ratio:.2f}", missed))
    out(f"targets: {MOST_QUERIES} queries, {MOST_RATIO} times a tenth, {LEAST_OF_CEILING} of the ceiling\n")
    return 1 if failed else 0


def giving(portal: Portal, *, rounds: int, each: int = 40) -> int:
    """Tasks that eight people give at once, by the line above the list, as a browser sends it."""
    rates, waits = list[float](), list[float]()
    for _ in range(rounds):
        taken, refused = list[float](), list[int]()

        def give(cookie: str, taken: list[float] = taken, refused: list[int] = refused) -> None:
            for number in range(each):
                begun = time.perf_counter()
                fields = {"line": f"Measured {number} tomorrow 18:00", "nonce": str(uuid4())}
                status = post(portal.socket, "/tasks/quick/", cookie, fields)
                taken.append(time.perf_counter() - begun)
                if status not in (200, 302):
                    refused.append(status)

        threads = [threading.Thread(target=give, args=[cookie]) for cookie in portal.facts["givers"]]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not refused, f"giving a task answered {refused[0]}"
        rates.append(len(taken) / (time.perf_counter() - begun))
        waits.append(statistics.quantiles(taken, n=20)[-1])
    rate = statistics.median(rates)
    missed = "" if rate >= LEAST_GIVEN else "  missed"
    sys.stdout.write(
        f"tasks given by {PEOPLE} at once, one worker: {rate:.0f} a second (target {LEAST_GIVEN} of two),"
        f" p95 {statistics.median(waits) * 1000:.0f} ms{missed}\n"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
