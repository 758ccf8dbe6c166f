"""What pages cost in processor time, in one process without balancer and worker, one after the other.

    python -m tests.bench.cpu [--records 12000] [--times 100] [--only list board] [--profile card] [--keep]

Milliseconds of Python and of PostgreSQL for one request, the least and the median of so many; `cold` is the
least where nothing of a page is remembered that was rendered before. `--keep` leaves the database behind, and
takes one that was left behind: for a before and an after. `--profile` prints where a page's time goes.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from tests.bench.crm import filling
from tests.bench.portal import filled

NAME = "bench_cpu"
EMPLOYEES, POSTS = 60, 200
AFTER = "analyze(Record, StageVisit, ContactPoint, Link, Activity, ActivityBinding)\n"
MORE = """
deal = Record.objects.filter(type=2, responsible=seller, closed_at=None).order_by("id").first()
from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.core.discussion.actions import add_comment
for number in range(20):
    new = NewActivity(kind="call", subject=f"Call {number}", responsible=seller, deadline=now)
    complete_activity(add_activity(new, [deal], by=None), result="Agreed", by=seller)
for number in range(5):
    add_comment(deal.thread, f"Said {number}", by=seller)
states = ("waiting", "in-progress", "deferred", "in-review")
for number in range(120):
    due = now + timedelta(hours=(-30, 2, 30, 200, 900)[number % 5])
    draft = TaskDraft(title=f"Task {number}", responsible=seller, deadline_at=due)
    task = add_task(draft, by=head if number % 2 else seller)
    type(task).objects.filter(pk=task.pk).update(state=states[number % 4])
"""


@dataclass(frozen=True)
class Page:
    """`sends` are the fields of a form that is posted, of which a nonce is made anew each time."""

    address: str
    who: str = "seller"
    sends: tuple[tuple[str, str], ...] = ()


PAGES = {
    "ceiling": Page("/notifications/"),
    "list": Page("/crm/deal/"),
    "list, all": Page("/crm/deal/", "head"),
    "list, filtered": Page("/crm/deal/?state=open&responsible=me"),
    "contacts": Page("/crm/contact/", "head"),
    "board": Page("/crm/deal/board/"),
    "board, all": Page("/crm/deal/board/", "head"),
    "card": Page("/crm/deal/{deal}/"),
    "tasks": Page("/tasks/"),
    "tasks by state": Page("/tasks/board/state/"),
    "tasks by deadline": Page("/tasks/board/deadline/"),
    "structure": Page("/structure/"),
    "feed": Page("/feed/"),
    "employees": Page("/employees/"),
    "drive": Page("/drive/"),
    "comment": Page("/discussion/crm.deal/{deal}/comments/", sends=(("text", "Said again"),)),
}
TOKEN = "a" * 32


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=12_000)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=PAGES, default=list(PAGES), metavar="PAGE")
    parser.add_argument("--profile", nargs="+", choices=PAGES, default=[], metavar="PAGE")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(json.loads(given.measure), given)
        return
    folder = Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}" if given.keep else Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    kept = folder / "facts.json"
    if not kept.exists():
        facts = filling(given.records, share=60).replace(AFTER, AFTER + MORE)
        environment, found = filled(NAME, POSTS, folder, employees=EMPLOYEES, facts=facts)
        kept.write_text(json.dumps([environment["KOROBKA_CONFIG"], found]))
    config, found = json.loads(kept.read_text())
    environment = {**os.environ, "KOROBKA_CONFIG": config, "DJANGO_SETTINGS_MODULE": "tests.bench.settings"}
    arguments = [*sys.argv[1:], "--measure", json.dumps(found)]
    subprocess.run([sys.executable, "-m", "tests.bench.cpu", *arguments], env=environment, check=True)


def measure(facts: dict[str, Any], given: argparse.Namespace) -> None:
    import django

    django.setup()
    from django.core.wsgi import get_wsgi_application

    from box.core.registry import environment
    from box.core.registry.worker import use_pool

    use_pool(threads=8)
    application = get_wsgi_application()
    out = sys.stdout.write
    out(f"{'':<20}{'Python':>8}{'median':>8}{'cold':>8}{'PostgreSQL':>12}{'queries':>9}{'KB':>6}\n")
    for name in given.profile or given.only:
        page = PAGES[name]

        def once(page: Page = page) -> bytes:
            return answer(application, page, facts)

        for _ in range(8):
            size = len(once())
        if given.profile:
            profile(once)
            continue
        count = queries(once)
        before, spent = of_database(), []
        for _ in range(given.times):
            spent.append(timed(once))
        database = (of_database() - before) / given.times
        cold = []
        for _ in range(given.times // 5):
            environment._remembered.cache_clear()
            cold.append(timed(once))
        out(
            f"{name:<20}{min(spent):>8.2f}{statistics.median(spent):>8.2f}{min(cold):>8.2f}"
            f"{database:>12.2f}{count:>9}{size / 1000:>6.0f}\n"
        )
        sys.stdout.flush()
    out(f"milliseconds; load {os.getloadavg()[0]:.1f}\n")


def answer(application: Any, page: Page, facts: dict[str, Any]) -> bytes:
    """Raises AssertionError for what is no success."""
    path, _mark, query = page.address.format(**facts).partition("?")
    body = urlencode([*page.sends, ("nonce", str(uuid4()))]).encode() if page.sends else b""
    environ = {
        "REQUEST_METHOD": "POST" if page.sends else "GET", "PATH_INFO": path, "QUERY_STRING": query,
        "SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "443", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost", "HTTP_X_FORWARDED_PROTO": "https", "wsgi.url_scheme": "http",
        "HTTP_COOKIE": f"{facts[page.who]}; __Host-csrf={TOKEN}", "HTTP_X_CSRFTOKEN": TOKEN,
        "HTTP_REFERER": "https://localhost/", "REMOTE_ADDR": "127.0.0.1", "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False, "wsgi.version": (1, 0), **({"HTTP_HX_REQUEST": "true"} if page.sends else {}),
    }  # fmt: skip
    status = ""

    def start(given: str, headers: object, *_: object) -> None:
        nonlocal status
        status = given

    response = application(environ, start)
    text = b"".join(response)
    response.close()
    assert status.startswith("200"), f"{path}: {status} {text[:300]!r}"
    return text


def timed(call: Callable[[], object]) -> float:
    began = time.process_time()
    call()
    return (time.process_time() - began) * 1000


def queries(call: Callable[[], object]) -> int:
    from django.db import connection

    connection.force_debug_cursor = True
    connection.queries_log.clear()
    call()
    connection.force_debug_cursor = False
    return len(connection.queries_log)


def of_database() -> float:
    """Milliseconds of processor time that its sessions have used."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        pids = [pid for (pid,) in cursor.fetchall()]
    used = (Path(f"/proc/{pid}/schedstat") for pid in pids)
    return sum(int(file.read_text().split()[0]) for file in used if file.exists()) / 1e6


def profile(call: Callable[[], object]) -> None:
    seen = cProfile.Profile()
    seen.enable()
    for _ in range(50):
        call()
    seen.disable()
    for order in ("cumulative", "tottime"):
        pstats.Stats(seen, stream=sys.stdout).sort_stats(order).print_stats(70)


if __name__ == "__main__":
    main()
