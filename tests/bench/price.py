"""What a page and a write cost a whole box: processor time of each of its services, and how long people wait.

    python -m tests.bench.price [--box PREFIX] [--rounds 3] [--seconds 5] [--writes 40] [--only feed post]

Through the balancer with its TLS, over kept connections, with two workers. Pages are asked for by wrk, what
is written is sent by as many people at once as there are connections. Only processes of this box are counted,
so that another one beside it changes the rates and little else. `--box` names a box that runs already and has
a demonstration company with this password; without it one is installed, filled, and removed again.
"""

from __future__ import annotations

import argparse
import re
import secrets
import shutil
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from appliance.supervise.processes import marked, memory_mb
from tests.bench.spending import difference, spent_by
from tests.bench.wrk import answered, start
from tests.e2e.boxes import installed, uninstall, visited
from tests.prefixes import scratch_prefix
from tests.system.poster import Person, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.boxes import Box

PREFIX = scratch_prefix("price")
PEOPLE = 8
PAGES = {
    "structure": "/structure/",
    "feed": "/feed/",
    "people": "/employees/",
    "drive": "/drive/",
    "notifications": "/notifications/",
}
# CPU milliseconds of all services together.
AT_MOST = {"structure": 2.5, "feed": 6.4, "people": 6.4, "drive": 6.4, "post": 9.0, "comment": 9.0}
WRITES = ("post", "comment", "task")
# CPU seconds of jobs within two seconds, when they have nothing left to do but to look whether there is.
QUIET = 0.1
LONGEST_WORK = 300.0


@dataclass(frozen=True)
class Price:
    rate: float
    """Answers a second."""
    wait: float
    """Milliseconds that nearly everybody has waited at most: p99 of a page, p95 of a write."""
    spent: dict[str, float]
    """CPU milliseconds of one answer, by service."""

    @property
    def whole(self) -> float:
        return sum(self.spent.values())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--box", type=Path, help="the prefix of a box that runs")
    parser.add_argument("--password", default=secrets.token_urlsafe(12), help="of its made-up people")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each round of a page")
    parser.add_argument("--writes", type=int, default=40, help="of each person")
    parser.add_argument("--only", nargs="+", default=[*PAGES, *WRITES], metavar="NAME")
    parser.add_argument("--employees", type=int, default=1000)
    parser.add_argument("--posts", type=int, default=20_000)
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is missing: apt-get install wrk")
    with filled(given.box, given.password, given.employees, given.posts) as box:
        crowd = people(box, given.password)
        wait_for_quiet(box)
        line = "{:<14}{:>9}{:>9}{:>9}{:>9}   {}\n"
        sys.stdout.write(line.format("", "a second", "wait ms", "CPU ms", "at most", "of which"))
        for name in given.only:
            price = median([measured(name, box, crowd, given) for _ in range(given.rounds)])
            spent = sorted(price.spent.items(), key=lambda one: -one[1])
            each = ", ".join(f"{service} {ms:.2f}" for service, ms in spent)
            figures = f"{price.rate:.0f}", f"{price.wait:.0f}", f"{price.whole:.2f}"
            sys.stdout.write(line.format(name, *figures, AT_MOST.get(name, ""), each))
            sys.stdout.flush()
        workers = [pid for pid, instance in marked(box.prefix).items() if instance.startswith("web@")]
        sys.stdout.write(f"memory of {len(workers)} workers, MiB: {memory_mb(workers)}\n")


@contextmanager
def filled(prefix: Path | None, password: str, employees: int, posts: int) -> Iterator[Box]:
    """A box with a demonstration company."""
    if prefix:
        yield visited(prefix)
        return
    try:
        box = installed(PREFIX)
        size = "--employees", str(employees), "--posts", str(posts)
        box.boxctl("demo", *size, "--password-stdin", stdin=f"{password}\n")
        yield box
    finally:
        uninstall(PREFIX)


def people(box: Box, password: str) -> list[Person]:
    """Employees of the demonstration company, signed in."""
    found = []
    for login in logins_of(box.boxctl("user", "list"), PEOPLE):
        person = Person(Site("localhost", box.port, "127.0.0.1", box.ca_file))
        person.sign_in(login, password)
        found.append(person)
    return found


def logins_of(listed: str, count: int) -> list[str]:
    """So many of the made-up employees who work there, from all over what `boxctl user list` says."""
    rows = [line.split() for line in listed.splitlines()]
    logins = [row[0] for row in rows if "@" not in row[0] and row[1] == "active" and row[2] != "guest"]
    return logins[:: len(logins) // count][:count]


def measured(name: str, box: Box, crowd: list[Person], given: argparse.Namespace) -> Price:
    if name in PAGES:
        return price_of_page(box, crowd[0], PAGES[name], given.seconds)
    if name == "post":
        return price_of_writes(box, crowd, "/feed/", {"audience": "UA"}, given.writes)
    if name == "task":
        return price_of_writes(box, crowd, "/tasks/quick/", {}, given.writes)
    crowd[0].hang_up()
    post = re.search(r'data-post="(\d+)"|/feed/(\d+)/', crowd[0].get("/feed/").text)
    assert post, "the feed is empty"
    address = f"/discussion/feed.post/{post[1] or post[2]}/comments/"
    return price_of_writes(box, crowd, address, {"place": "post"}, given.writes)


def median(prices: list[Price]) -> Price:
    """The round whose answers cost what the middle one did."""
    return sorted(prices, key=lambda price: price.whole)[len(prices) // 2]


def price_of_page(box: Box, person: Person, address: str, seconds: int) -> Price:
    # Its connection may have been closed while others were measured.
    person.hang_up()
    assert person.get(address).status == 200, f"{address} does not answer"
    wrk = start(f"{box.url}{address}", person.cookies, connections=PEOPLE, seconds=seconds + 2)
    time.sleep(1)
    before, begun = spent_by(box.prefix), time.perf_counter()
    time.sleep(seconds)
    after, elapsed = spent_by(box.prefix), time.perf_counter() - begun
    rate, wait = answered(wrk)
    return Price(rate, wait, difference(before, after, rate * elapsed))


def price_of_writes(box: Box, crowd: list[Person], address: str, fields: dict[str, str], each: int) -> Price:
    """Everybody writes so often, one after the other, as a browser sends it."""
    taken: list[float] = []
    refused: list[int] = []

    def write(person: Person) -> None:
        person.hang_up()
        for number in range(each):
            text = f"Measured {number} {uuid4()}"
            begun = time.perf_counter()
            # What a task's line is called, and the others' text.
            said = {"text": text, "line": text, "nonce": str(uuid4())}
            answer = person.post(address, {**fields, **said}, HX_Request="true")
            taken.append((time.perf_counter() - begun) * 1000)
            if answer.status >= 300:
                refused.append(answer.status)

    before, begun = spent_by(box.prefix), time.perf_counter()
    together([(write, person) for person in crowd])
    seconds = time.perf_counter() - begun
    # What jobs do after the answer belongs to the write.
    wait_for_quiet(box)
    assert not refused, f"{address} answered {refused[0]}"
    wait = statistics.quantiles(taken, n=20)[-1]
    return Price(len(taken) / seconds, wait, difference(before, spent_by(box.prefix), len(taken)))


def together(calls: list[tuple[Callable[[Person], None], Person]]) -> None:
    threads = [threading.Thread(target=call, args=(person,)) for call, person in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wait_for_quiet(box: Box) -> None:
    """Until jobs have done what was left to them, by a demonstration or by what was written."""
    deadline = time.monotonic() + LONGEST_WORK
    while time.monotonic() < deadline:
        before = spent_by(box.prefix)["jobs"]
        time.sleep(2)
        if spent_by(box.prefix)["jobs"] - before < QUIET:
            return
    raise AssertionError(f"jobs have not come to their end in {LONGEST_WORK:.0f} s")


if __name__ == "__main__":
    main()
