"""What a portal of several nodes does on the same processor cores, beside a single box.

    python -m tests.bench.cluster [--nodes 3] [--rounds 7] [--seconds 3] [--writes 40] [--only NAME ...]

Two whole boxes with the same demonstration company: one stays what it is, the other becomes a cluster of
one, two and three nodes, each on a network of its own and all on the cores that there are: what they cost
each other is seen, and not what more machines would do. They are asked in turn, after a round that does not
count (whoever has just begun plans each question anew), and a ratio is the median of those of such turns:
what the machine gives differs by half from minute to minute. Pages are asked for by wrk at all nodes at
once, posts and tasks are written by as many people at once as there are connections. Processor time is that
of all services of all nodes for one answer. At last each of so many posts is looked for on another node as
soon as it was acknowledged, by its writer.

Needs root, and wrk.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from appliance.supervise.processes import children_of, marked, memory_mb
from tests.appliance.boxes import wait_until
from tests.appliance.cluster.nodes import BoxNode, Company, require_engines
from tests.appliance.cluster.office import PASSWORD, read_from
from tests.bench.price import QUIET, Price, logins_of, median, together
from tests.bench.spending import difference, services_of, spent_by
from tests.bench.wrk import answered, start
from tests.system.poster import Person

if TYPE_CHECKING:
    from collections.abc import Mapping

WHOLE = ("agent", "database", "objects", "cache", "web", "push", "jobs", "balancer")
CONNECTIONS = 12
PAGES = {"feed": "/feed/", "people": "/employees/", "notifications": "/notifications/"}
WRITES: Mapping[str, tuple[str, dict[str, str]]] = {
    "post": ("/feed/", {"audience": "UA"}),
    "task": ("/tasks/quick/", {}),
}
MOST_OF_A_READ, MOST_OF_A_WRITE = 1.10, 1.25
"""Processor time of an answer of a cluster of one node, to that of the single box."""
LONGEST_WORK = 300.0


@dataclass(frozen=True)
class Stage:
    """The portal as it is now: who answers, and everybody's tabs, each at one of them in turn."""

    title: str
    company: Company[BoxNode]
    nodes: Sequence[BoxNode]
    tabs: Sequence[Person]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=3, choices=(1, 2, 3), help="at last (default 3)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of each round of a page")
    parser.add_argument("--writes", type=int, default=40, help="of each person, a round")
    parser.add_argument("--only", nargs="+", default=[*PAGES, *WRITES], metavar="NAME")
    parser.add_argument("--employees", type=int, default=200)
    parser.add_argument("--posts", type=int, default=5000)
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is missing: apt-get install wrk")
    require_engines()
    with Company(4) as company:
        first, *_, single = company.nodes
        for box in (single, first):
            box.install(*WHOLE, has_tables=True, metrics__networks=("10.88.0.0/24",))
            size = "--employees", str(given.employees), "--posts", str(given.posts)
            box.boxctl("demo", *size, "--password-stdin", stdin=f"{PASSWORD}\n")
        with company.at_desk():
            crowd, others = signed_in(first), signed_in(single)
        alone = Stage("a single box", company, [single], tabs_at([single], others))

        def measure(title: str, *nodes: BoxNode) -> None:
            if len(nodes) > 1:
                wait_until_well(nodes)
            services_of.cache_clear()
            with company.at_desk():
                stage = Stage(title, company, nodes, tabs_at(nodes, crowd))
                report(stage, alone, given)
                if len(nodes) > 1:
                    report_staleness(stage)

        measure("another single box", first)
        first.cluster("init", "--name", first.name, "--address", first.address)
        measure("one node", first)
        for count in range(2, given.nodes + 1):
            joining = company.nodes[count - 1]
            joining.install("agent")
            joining.join(first)
            measure(f"{count} nodes", *company.nodes[:count])
    _say(f"target of one node: {MOST_OF_A_READ} of what reads, {MOST_OF_A_WRITE} of what writes")


def signed_in(node: BoxNode) -> list[Person]:
    """As many people as there are connections."""
    crowd = []
    for login in logins_of(node.boxctl("user", "list").stdout, CONNECTIONS):
        crowd.append(Person(node.site))
        crowd[-1].sign_in(login, PASSWORD)
    return crowd


def tabs_at(nodes: Sequence[BoxNode], crowd: Sequence[Person]) -> list[Person]:
    """Their tabs, each at a node in turn. Nobody signs in anew: of a browser that is new to the portal its
    owner is told, and the page of notifications would have more to show at each stage."""
    tabs = []
    for number, person in enumerate(crowd):
        tabs.append(Person(nodes[number % len(nodes)].site))
        tabs[-1].cookies = person.cookies
    return tabs


def report(stage: Stage, alone: Stage, given: argparse.Namespace) -> None:
    """Prints two lines of each page and write: what it costs the single box, and what it costs here."""
    _say(f"\n{stage.title}\n{'':<20}{'a second':>9}{'wait ms':>9}{'CPU ms':>9}{'ratio':>7}   of which")
    before = read_from(stage.nodes)
    for name in given.only:
        of = _of_page if name in PAGES else _of_write
        for one in (alone, stage):
            wait_for_quiet(one.nodes)
            of(one, name, given)
        turns = [(of(alone, name, given), of(stage, name, given)) for _ in range(given.rounds)]
        ratio = statistics.median(here.whole / there.whole for there, here in turns)
        there, here = (median(list(prices)) for prices in zip(*turns, strict=True))
        _say(_line(f"{name}, single", there))
        _say(_line(name, here, ratio))
    reads = read_from(stage.nodes) - before
    if asked := reads.total():
        _say(f"{reads['replica'] / asked:.0%} of what was asked was read from replicas: {dict(reads)}")
    for node in stage.nodes:
        pids = set[int]().union(*(children_of(pid) for pid in marked(node.prefix)))
        _say(f"memory of {node.name}, MiB: {memory_mb(pids)}")


def _line(title: str, price: Price, ratio: float | None = None) -> str:
    spent = sorted(price.spent.items(), key=lambda one: -one[1])
    each = ", ".join(f"{service} {ms:.2f}" for service, ms in spent)
    said = f"{ratio:.2f}" if ratio else ""
    return f"{title:<20}{price.rate:>9.0f}{price.wait:>9.0f}{price.whole:>9.2f}{said:>7}   {each}"


def report_staleness(stage: Stage, *, posts: int = 50) -> None:
    """Who has written goes to the next node, and looks whether it is there."""
    missed = 0
    for number in range(posts):
        tab = stage.tabs[number % len(stage.tabs)]
        here = next(at for at, node in enumerate(stage.nodes) if node.address == tab.site.address)
        text = f"Seen at once {uuid4().hex}"
        assert _write(tab, "/feed/", {"audience": "UA"}, text) < 300
        elsewhere = Person(stage.nodes[(here + 1) % len(stage.nodes)].site)
        elsewhere.cookies = tab.cookies
        missed += text not in elsewhere.get("/feed/").text
        elsewhere.hang_up()
    _say(f"own posts that another node did not show at once: {missed} of {posts} (target 0)")


# --- one round


def _of_page(stage: Stage, name: str, given: argparse.Namespace) -> Price:
    within = "ip", "netns", "exec", stage.company.desk
    each = CONNECTIONS // len(stage.nodes)
    clients = [
        start(
            f"https://{tab.site.address}:{tab.site.port}{PAGES[name]}", tab.cookies,
            connections=each, seconds=given.seconds + 2, within=within,
            host=tab.site.origin.removeprefix("https://"),
        )
        for tab in stage.tabs[: len(stage.nodes)]
    ]  # fmt: skip
    time.sleep(1)
    before, begun = _spent(stage.nodes), time.perf_counter()
    time.sleep(given.seconds)
    after, elapsed = _spent(stage.nodes), time.perf_counter() - begun
    rates, waits = zip(*map(answered, clients), strict=True)
    return Price(sum(rates), max(waits), difference(before, after, sum(rates) * elapsed))


def _of_write(stage: Stage, name: str, given: argparse.Namespace) -> Price:
    address, fields = WRITES[name]
    taken: list[float] = []
    refused: list[int] = []

    def write(tab: Person) -> None:
        tab.hang_up()
        for _ in range(given.writes):
            begun = time.perf_counter()
            status = _write(tab, address, fields, f"Measured {uuid4()}")
            taken.append((time.perf_counter() - begun) * 1000)
            if status >= 300:
                refused.append(status)

    before, begun = _spent(stage.nodes), time.perf_counter()
    together([(write, tab) for tab in stage.tabs])
    seconds = time.perf_counter() - begun
    after = wait_for_quiet(stage.nodes)
    assert not refused, f"{address} answered {refused[0]}"
    wait = statistics.quantiles(taken, n=20)[-1]
    return Price(len(taken) / seconds, wait, difference(before, after, len(taken)))


def _write(tab: Person, address: str, fields: Mapping[str, str], text: str) -> int:
    """A task is written in a `line`, a post is a `text`."""
    said = {"text": text, "line": text, "nonce": str(uuid4())}
    return tab.post(address, {**fields, **said}, HX_Request="true").status


def wait_until_well(nodes: Sequence[BoxNode]) -> None:
    """Until those that were there before have begun anew what the last one changed for them. Second copies
    of files are made when the store looks for them, every few minutes, and cost nothing until then."""

    def is_well(node: BoxNode) -> bool:
        return all("have one copy" in problem for problem in node.status()["problems"])

    wait_until(lambda: all(map(is_well, nodes)), seconds=LONGEST_WORK)


def wait_for_quiet(nodes: Sequence[BoxNode]) -> dict[str, float]:
    """Until jobs have done what was left to them: it belongs to what was written. CPU seconds by service
    when they had; while one looks whether they have, a cluster goes on looking after itself."""
    deadline = time.monotonic() + LONGEST_WORK
    while time.monotonic() < deadline:
        before = _spent(nodes)
        time.sleep(2)
        if _spent(nodes)["jobs"] - before["jobs"] < QUIET * len(nodes):
            return before
    raise AssertionError(f"jobs have not come to their end in {LONGEST_WORK:.0f} s")


def _spent(nodes: Iterable[BoxNode]) -> dict[str, float]:
    """CPU seconds so far by service, on all nodes."""
    spent = defaultdict[str, float](float)
    for node in nodes:
        for service, seconds in spent_by(node.prefix).items():
            spent[service] += seconds
    return spent


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
