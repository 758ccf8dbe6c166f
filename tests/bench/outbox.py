"""Words in conversations at the rate of a chat: what each costs, and how long open pages wait to hear of it.

    python -m tests.bench.outbox [--per-second 200] [--seconds 20] [--threads 20]

So many comments a second are written below posts by the action that the pages call, each a transaction with
its event and the deliveries of those who listen; a jobs process of the box hands them over. No HTTP: what
a message is, and not what its page costs. Printed are the rate that was held, deliveries a message, processor
time of writer, jobs and PostgreSQL, and the wait from the commit until a courier has taken it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil

from tests.bench.growth import connected
from tests.bench.portal import MANAGE, filled

FACTS = """
import json
from box.apps.feed.models import Post
from box.core.accounts.models import User
people = User.objects.active().filter(is_demo=True, is_extranet=False).order_by("id")
threads = Post.objects.filter(thread__isnull=False).order_by("id").values_list("thread_id", flat=True)
print(json.dumps({"people": [one.pk for one in people[:50]], "threads": list(threads[:200])}))
"""
RATE = 200
EMPLOYEES, POSTS = 200, 1000
LONGEST = 120.0
_LEFT = "SELECT count(*) FROM events_delivery WHERE completed_at IS NULL"
_WAITS = """
SELECT extract(epoch FROM delivery.completed_at - event.created_at)::float
FROM events_delivery delivery JOIN events_event event ON event.id = delivery.event_id
WHERE event.id > %s AND event.kind = 'discussion.CommentAdded'
"""
_SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@dataclass
class Spent:
    """Seconds of processor time of the database's sessions, looked at often enough to miss none that ends."""

    environment: dict[str, str]
    by_pid: dict[int, float] = field(default_factory=dict)

    @contextmanager
    def followed(self) -> Iterator[None]:
        over = threading.Event()
        with connected(self.environment) as connection:

            def look() -> None:
                while not over.wait(0.2):
                    for (pid,) in connection.execute(_SESSIONS).fetchall():
                        file = Path(f"/proc/{pid}/schedstat")
                        if file.exists():
                            self.by_pid[pid] = int(file.read_text().split()[0]) / 1e9

            thread = threading.Thread(target=look)
            thread.start()
            try:
                yield
            finally:
                over.set()
                thread.join()

    def total(self) -> float:
        return sum(self.by_pid.values())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--per-second", type=int, default=RATE)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=20, help="conversations that are spoken in")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write(json.loads(given.write), given)
        return 0
    with tempfile.TemporaryDirectory(prefix="kb-bench-", dir="/tmp") as folder:
        environment, facts = filled("bench_outbox", POSTS, Path(folder), employees=EMPLOYEES, facts=FACTS)
        return measure(environment, facts, given)


def measure(environment: dict[str, str], facts: dict[str, Any], given: argparse.Namespace) -> int:
    """1, where the rate was not held by those who write, or not by those who hand over."""
    spent = Spent(environment)
    with connected(environment) as connection, spent.followed():
        jobs = psutil.Popen([*MANAGE, "jobs"], env=environment, stderr=subprocess.DEVNULL)
        try:
            _wait_until_done(connection)
            (last,) = connection.execute("SELECT max(id) FROM events_event").fetchone() or (0,)
            before, database = sum(jobs.cpu_times()[:2]), spent.total()
            arguments = [*sys.argv[1:], "--write", json.dumps(facts)]
            writer = subprocess.run(
                [sys.executable, "-m", "tests.bench.outbox", *arguments],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            )
            ended = time.monotonic()
            _wait_until_done(connection)
            behind = time.monotonic() - ended
            time.sleep(1)
            busy, of_database = sum(jobs.cpu_times()[:2]) - before, spent.total() - database
        finally:
            jobs.terminate()
            jobs.wait(30)
        waits = sorted(wait for (wait,) in connection.execute(_WAITS, [last]).fetchall())
    written = json.loads(writer.stdout.splitlines()[-1])
    count, rate = written["count"], written["count"] / written["seconds"]
    each = {"writer": written["cpu"], "jobs": busy, "PostgreSQL": of_database}
    out = sys.stdout.write
    out(f"{count} messages in {written['seconds']:.1f} s: {rate:.0f} a second (target {given.per_second})\n")
    out(f"deliveries a message: {len(waits) / count:.1f}\n")
    out("CPU ms of one: " + ", ".join(f"{name} {cpu / count * 1000:.2f}" for name, cpu in each.items()))
    out(f", in all {sum(each.values()) / count * 1000:.2f}\n")
    median, p95 = statistics.median(waits), statistics.quantiles(waits, n=20)[-1]
    out(f"taken after {median * 1000:.0f} ms (median), {p95 * 1000:.0f} (p95); all were handed over ")
    out(f"{behind:.1f} s after the last was written; load {os.getloadavg()[0]:.1f}\n")
    return int(rate < 0.98 * given.per_second or behind > 1)


def _wait_until_done(connection: Any) -> None:
    deadline = time.monotonic() + LONGEST
    while (connection.execute(_LEFT).fetchone() or (0,))[0]:
        assert time.monotonic() < deadline, "the jobs process does not come to an end"
        time.sleep(0.05)


def write(facts: dict[str, Any], given: argparse.Namespace) -> None:
    """The one who writes, in a process of its own: at a steady pace, as fast as it can where it is late."""
    import django

    django.setup()
    from box.core.accounts.models import User
    from box.core.discussion.actions import add_comment
    from box.core.discussion.models import Thread
    from box.core.registry.worker import use_pool

    use_pool(threads=4)
    people = cycle(User.objects.filter(pk__in=facts["people"]))
    threads = cycle(Thread.objects.filter(pk__in=facts["threads"][: given.threads]))
    for _warm in range(20):
        add_comment(next(threads), "Warming up", by=next(people))
    cpu, begun = time.process_time(), time.monotonic()
    count = given.per_second * given.seconds
    for number in range(count):
        time.sleep(max(0.0, begun + number / given.per_second - time.monotonic()))
        add_comment(next(threads), f"Message {number} of somebody who has a lot to say", by=next(people))
    seconds = time.monotonic() - begun
    said = {"count": count, "seconds": seconds, "cpu": time.process_time() - cpu}
    sys.stdout.write(f"{json.dumps(said)}\n")


if __name__ == "__main__":
    raise SystemExit(main())
