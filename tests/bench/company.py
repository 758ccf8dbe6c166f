"""A company of 5,000 with 300,000 posts, beside a tenth of it; and one post to all while 2,000 listen.

    python -m tests.bench.company [--posts 30000 300000] [--rounds 3] [--listeners 2000]

Pages: requests per second and p95 at 8 connections, on both sizes, and the number of their queries. The post:
p95 of the feed page second by second, before and after it, with so many listeners on the push service.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.bench.load import Figures, post, steady
from tests.bench.portal import FACTS, MANAGE, Page, Portal, measured, prepared
from tests.bench.push import Crowd, server
from tests.box.processes import PUSH

if TYPE_CHECKING:
    from collections.abc import Iterator

EMPLOYEES = {"small": 500, "large": 5000}
P95_AT_MOST = 0.060
SECONDS_BEFORE, SECONDS_AFTER = 6, 12
PAGES: list[Page] = [
    Page("feed", "/feed/"),
    Page("feed of a guest", "/feed/", "guest"),
    Page("profile", "/employees/{profile}/"),
    Page("employees", "/employees/"),
    Page("structure", "/structure/"),
    Page("people by name", "/employees/?q=anna"),
    Page("group", "/groups/{group}/"),
    Page("group of a guest", "/groups/{guests_group}/", "guest"),
    Page("search: a name", "/search/?q=kuznetsov"),
    Page("search: a usual word", "/search/?q=please"),
    Page("search: two letters", "/search/suggestions/?q=pr"),
    Page("notifications", "/notifications/"),
    Page("Pulse", "/pulse/"),
]
FACTS_OF_COMPANY = (
    FACTS.rpartition("print(")[0]
    + """
from box.core.groups.models import Group
def group_of(person):
    return Group.objects.filter(members__user=person).order_by("id").values_list("id", flat=True)[0]
print(json.dumps({
    "employee": cookie(employee), "guest": cookie(guest), "profile": employee.pk,
    "group": group_of(employee), "guests_group": group_of(guest),
}))
"""
)
SESSIONS = (
    FACTS.rpartition("people = ")[0]
    + """
import itertools
people = User.objects.active().filter(is_demo=True, is_extranet=False).order_by("id")
print(json.dumps([cookie(person) for person in itertools.islice(people, {count})]))
"""
)
QUERIES = """
import json, sys
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
def count(address, cookie):
    client = Client(headers={{"X-Forwarded-Proto": "https", "Cookie": cookie}})
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return len(queries)
print(json.dumps([count(*page) for page in {pages}]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--posts", type=int, nargs=2, default=[30_000, 300_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--listeners", type=int, default=2000)
    given = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kb-bench-", dir="/tmp")))
        small, large = (
            prepared(posts, folder, stack, employees=people, facts=FACTS_OF_COMPANY)
            for posts, people in zip(given.posts, EMPLOYEES.values(), strict=True)
        )
        report(measured(PAGES, [small, large], rounds=given.rounds), small, large)
        tell_of_post(large, folder, given.listeners)


def report(figures: dict[tuple[str, int], Figures], small: Portal, large: Portal) -> None:
    out = sys.stdout.write
    queries = asked(large, QUERIES.format(pages=[page.at(large)[1:] for page in PAGES]))
    out(f"\n{'page':<24}{'queries':>9}{'req/s':>9}{'p95 ms':>9}{'of a tenth, ms':>16}{'ratio':>7}\n")
    for page, count in zip(PAGES, queries, strict=True):
        at_large, at_small = figures[page.name, large.posts], figures[page.name, small.posts]
        out(
            f"{page.name:<24}{count:>9}{at_large.rate:>9.1f}{at_large.p95 * 1000:>9.1f}"
            f"{at_small.p95 * 1000:>16.1f}{at_large.p95 / at_small.p95:>7.2f}\n"
        )
    out(f"targets: feed 8 queries, others 12; p95 {P95_AT_MOST * 1000:.0f} ms, and 1.2 times the smaller\n")


def asked(portal: Portal, script: str) -> list[str]:
    """What the script prints in `manage.py shell` of this portal."""
    done = subprocess.run(
        [*MANAGE, "shell", "-v", "0"], input=script, env=portal.environment,
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    answer: list[str] = json.loads(done.stdout)
    return answer


# A post to all


def tell_of_post(portal: Portal, folder: Path, listeners: int) -> None:
    cookies = asked(portal, SESSIONS.replace("{count}", str(listeners)))
    socket = folder / "push.sock"
    with delivering(portal), server([*PUSH, "--uds", str(socket)], socket, portal.environment):
        waits, heard = asyncio.run(listening(portal, Crowd(socket, cookies)))
    seconds: list[list[float]] = [[] for _ in range(SECONDS_BEFORE + SECONDS_AFTER)]
    for at, wait in waits:
        seconds[min(int(at), len(seconds) - 1)].append(wait)
    # The first second warms up.
    rest = statistics.median(p95(second) for second in seconds[1:SECONDS_BEFORE])
    after = [p95(second) / rest for second in seconds[SECONDS_BEFORE:]]
    sys.stdout.write(
        f"\na post to all with {len(cookies)} listeners, of whom {heard} heard of it: p95 of the feed page "
        f"{rest * 1000:.1f} ms at rest, second by second after it, times that:\n"
        f"  {' '.join(f'{ratio:.1f}' for ratio in after)}\n"
        f"  more than doubled for {sum(ratio > 2 for ratio in after)} s (target: 5 at most)\n"
    )


async def listening(portal: Portal, crowd: Crowd) -> tuple[list[tuple[float, float]], int]:
    """The feed page's waits before and after somebody posts, and how many listeners heard of the post."""
    await crowd.gather()
    for ear in crowd.ears:
        ear.heard = 0
    written = threading.Timer(SECONDS_BEFORE, publish, [portal])
    written.start()
    waits = await asyncio.to_thread(
        steady, *Page("feed", "/feed/").at(portal), seconds=SECONDS_BEFORE + SECONDS_AFTER
    )
    heard = sum(ear.heard > 0 for ear in crowd.ears)
    await crowd.leave()
    return waits, heard


def publish(portal: Portal) -> None:
    fields = {"text": "Hello everybody", "audience": "UA", "nonce": str(uuid4())}
    status = post(portal.socket, "/feed/", portal.facts["employee"], fields)
    assert status == 302, f"the post was answered with {status}"


@contextmanager
def delivering(portal: Portal) -> Iterator[None]:
    """The jobs service of this portal, which hands events to the push service."""
    # It says what it does, which is not what the figures are about.
    jobs = subprocess.Popen([*MANAGE, "jobs"], env=portal.environment, stderr=subprocess.DEVNULL)
    time.sleep(2)
    try:
        yield
    finally:
        jobs.send_signal(signal.SIGTERM)
        jobs.wait(30)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()
