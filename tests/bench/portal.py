"""Pages of the portal at two sizes of its data, beside a ceiling page through the same stack.

    python -m tests.bench.portal [--posts 1000 100000] [--rounds 5]

Each size has a database of its own, filled by `manage.py demo`, and a web worker of its own on a Unix socket;
rounds of all pages alternate, so that a noisy moment of the machine touches them all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.growth import connected, created
from tests.bench.load import Figures, get, median, run

MANAGE = [sys.executable, "manage.py"]
# What of the data a bench asks for: cookies of one employee and one guest, and addresses with numbers.
FACTS = """
import json
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from box.core.accounts.models import User
from box.core.accounts.sessions import SessionStore
def cookie(user):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
people = User.objects.active().filter(is_demo=True).order_by("id")
employee, guest = people.filter(is_extranet=False).first(), people.filter(is_extranet=True).first()
print(json.dumps({"employee": cookie(employee), "guest": cookie(guest), "profile": employee.pk}))
"""


@dataclass
class Portal:
    """A worker with its data."""

    posts: int
    socket: Path
    facts: dict[str, Any]
    """Cookies by `employee` and `guest`, and what else FACTS found."""
    environment: dict[str, str]


@dataclass(frozen=True)
class Page:
    """`address` may name facts of the portal: `/employees/{profile}/`."""

    name: str
    address: str
    who: str = "employee"

    def at(self, portal: Portal) -> tuple[Path, str, str]:
        return portal.socket, self.address.format(**portal.facts), portal.facts[self.who]


def prepared(
    posts: int,
    folder: Path,
    stack: ExitStack,
    *,
    employees: int = 1000,
    facts: str = FACTS,
    template: str = "",
) -> Portal:
    """A database with a demonstration company, its own or a copy of `template`, and a worker on it. Both end
    with the stack."""
    name = f"bench_{posts}"
    environment, found = filled(name, posts, folder, employees=employees, facts=facts, template=template)
    return served(posts, folder, stack, environment, found)


def served(
    posts: int, folder: Path, stack: ExitStack, environment: dict[str, str], found: dict[str, Any]
) -> Portal:
    """A worker on a database that is there, of which `found` is known. It ends with the stack."""
    socket = folder / f"bench_{posts}.sock"
    worker = subprocess.Popen([*MANAGE, "web", "--socket", str(socket), "--threads", "8"], env=environment)
    stack.callback(_end, worker)
    deadline = time.monotonic() + 30
    while not socket.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return Portal(posts, socket, found, environment)


def filled(
    name: str, posts: int, folder: Path, *, employees: int, facts: str, template: str = ""
) -> tuple[dict[str, str], dict[str, Any]]:
    """The environment of a database of this name, made anew, and what `facts` prints of it. With `template`,
    the name of a database to which nobody is connected, its company is a copy of that one's."""
    environment = created(
        name,
        {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.bench.settings"},
        folder,
        template=template or "template1",
    )

    def manage(*arguments: str, **more: Any) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [*MANAGE, *arguments], env=environment, check=True, capture_output=True, text=True, **more
        )
        return done.stdout

    if not template:
        manage("migrate", "--noinput")
        told = manage("demo", "--employees", str(employees), "--posts", str(posts))
        sys.stdout.write(f"{posts} posts: {told}")
    found = json.loads(manage("shell", "-v", "0", input=facts))
    with connected(environment) as connection:
        connection.execute("VACUUM ANALYZE")
    return environment, found


PAGES = [
    Page("feed, employee", "/feed/"),
    Page("feed, guest", "/feed/", "guest"),
    Page("employees", "/employees/"),
    Page("ceiling", "/ceiling/"),
]


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGTERM)
    worker.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, nargs=2, default=[1_000, 100_000])
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kb-bench-", dir="/tmp")))
        portals = [prepared(posts, folder, stack) for posts in given.posts]
        report(measured(PAGES, portals, rounds=given.rounds), *given.posts)


def measured(
    pages: list[Page], portals: list[Portal], *, rounds: int, requests: int = 160
) -> dict[tuple[str, int], Figures]:
    """The median round of each page on each portal. Raises AssertionError for any answer but 200."""
    figures: dict[tuple[str, int], list[Figures]] = {}
    for page in pages:
        for portal in portals:
            status, answer = get(*page.at(portal))
            assert status == 200, f"{page.name}: {status} {answer[:300]!r}"
    for _ in range(rounds):
        for page in pages:
            for portal in portals:
                found = run(*page.at(portal), requests=requests)
                figures.setdefault((page.name, portal.posts), []).append(found)
    return {key: median(found) for key, found in figures.items()}


def report(figures: dict[tuple[str, int], Figures], small: int, large: int) -> None:
    out = sys.stdout.write
    out(f"\n{'page':<16}{'posts':>9}{'req/s':>9}{'p95 ms':>9}{'p95 large/small':>17}{'of the ceiling':>16}\n")
    for (name, posts), found in figures.items():
        growth = found.p95 / figures[name, small].p95 if posts == large else None
        share = found.rate / figures["ceiling", posts].rate
        out(
            f"{name:<16}{posts:>9}{found.rate:>9.1f}{found.p95 * 1000:>9.1f}"
            f"{f'{growth:.2f}' if growth else '':>17}{f'{share:.2f}':>16}\n"
        )
    out("targets: p95 large/small at most 1.2; the feed page at least 0.6 of the ceiling\n")


if __name__ == "__main__":
    main()
