"""A large portal of the cloud moves in: what it costs the box, and how much of the allowed rate is used.

    python -m tests.bench.move [--tasks 100000] [--contacts 300000] [--activities 1000000] [--files 5000]
    python -m tests.bench.move --tasks 500 --contacts 1500 --activities 2000 --files 50 --file-mb 1

The first takes hours, for the limits of the cloud allow no less; the second takes minutes. The portal is the
stand-in of `tests.cloud.large`, with the cloud's limits (`--per-second`, `--burst`); it comes by the box's
own jobs process, into a company that is at work: a page is asked for now and then, before, meanwhile and
afterwards. Printed are rows a second of each stage; the memory of the jobs process, its most beside that at
the end of the first fifth; requests beside those that the limits allow in that time; the page's p95
meanwhile beside that at rest. Where a stage uses less than the rate, what holds it is the box: it writes
more slowly than the portal gives.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from tests.bench.growth import connected
from tests.bench.load import Figures, median, run
from tests.bench.portal import FACTS, MANAGE, Page, Portal, filled, served

MIB = 2**20
MOST_GROWTH, LEAST_SHARE, MOST_RATIO = 1.2, 0.95, 1.5
PAGE = Page("feed", "/feed/")
EVERY_SECONDS, PATIENCE = 2.0, 120.0
AT_REST = 10
"""Rounds of the page before it begins, and when it is over."""
WHO = FACTS.rpartition("print(")[0]
CONNECT = """
from box.transfer import actions
from box.transfer.cloud import Cloud
from box.transfer.pace import Limits
User.objects.filter(pk=employee.pk).update(is_administrator=True)
there = Cloud({webhook!r}, Limits(burst={burst}, per_second={per_second}))
actions.connect(there, by=User.objects.get(pk=employee.pk))
"""
BEGIN = """
from box.transfer import actions
from box.transfer.models import Migration
migration = Migration.objects.get()
actions.begin(migration, by=migration.by)
"""
STANDING = "SELECT stage, is_done, done, total FROM transfer_progress ORDER BY position"
STATE = "SELECT state, trouble, requests FROM transfer_migration"


@dataclass(frozen=True)
class Sample:
    """At this second of the run."""

    at: float
    stage: str
    rows: dict[str, int]
    share: float
    """Of all rows that are known to come."""
    requests: int
    memory: int


@dataclass
class Rounds:
    """Of the page, one after the other, with a pause."""

    portal: Portal
    found: list[Figures] = field(default_factory=list)

    def measure(self) -> None:
        self.found.append(run(*PAGE.at(self.portal), connections=2, requests=40))

    @contextmanager
    def meanwhile(self) -> Iterator[None]:
        over = threading.Event()

        def go_on() -> None:
            while not over.wait(5 * EVERY_SECONDS):
                self.measure()

        thread = threading.Thread(target=go_on)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def main() -> int:
    given = _arguments()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kb-bench-", dir="/tmp")))
        environment, facts = filled("bench_move", given.posts, folder, employees=200, facts=FACTS)
        _let_reach_this_machine(environment)
        portal = served(given.posts, folder, stack, environment, facts)
        rest, meanwhile = Rounds(portal), Rounds(portal)
        for _round in range(AT_REST):
            rest.measure()
        with _stand_in(given) as cloud:
            limits = {"burst": given.burst, "per_second": given.per_second}
            with _jobs(environment) as jobs:
                _managed(environment, WHO + CONNECT.format(webhook=cloud["webhook"], **limits))
                _looked(environment)
                _managed(environment, BEGIN)
                with meanwhile.meanwhile():
                    samples = list(_followed(environment, jobs))
        for _round in range(AT_REST):
            rest.measure()
        return report(samples, cloud, rest, meanwhile, given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--contacts", type=int, default=300_000)
    parser.add_argument("--activities", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--file-mb", type=int, default=10)
    parser.add_argument("--posts", type=int, default=5_000, help="of the company that it comes into")
    parser.add_argument("--burst", type=int, default=50)
    parser.add_argument("--per-second", type=float, default=2.0)
    return parser.parse_args()


def _let_reach_this_machine(environment: dict[str, str]) -> None:
    file = Path(environment["KOROBKA_CONFIG"])
    file.write_text(json.dumps({**json.loads(file.read_text()), "reachable_networks": ["127.0.0.0/8"]}))


def _managed(environment: dict[str, str], program: str) -> None:
    subprocess.run([*MANAGE, "shell", "-v", "0"], input=program, env=environment, text=True, check=True)


@contextmanager
def _stand_in(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """What is known of it: its webhook, and when it has ended its requests and refusals."""
    words = ["--file-bytes", str(given.file_mb * MIB)]
    for name in ("tasks", "contacts", "activities", "files", "burst", "per_second"):
        words += [f"--{name.replace('_', '-')}", str(getattr(given, name))]
    # It is elsewhere: what it costs is not to be seen in what the box's pages take.
    command = ["nice", "-n", "19", sys.executable, "-m", "tests.cloud.large", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        known = json.loads(process.stdout.readline())
        try:
            yield known
        finally:
            told, _errors = process.communicate(timeout=PATIENCE)
        known |= json.loads(told)


@contextmanager
def _jobs(environment: dict[str, str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen([*MANAGE, "jobs"], env=environment)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _looked(environment: dict[str, str]) -> None:
    """Returns when the jobs have."""
    deadline = time.monotonic() + PATIENCE
    with connected(environment) as connection:
        while (found := connection.execute(STATE).fetchone()) is None or found[0] != "ready":
            assert time.monotonic() < deadline, found
            time.sleep(0.5)


def _followed(environment: dict[str, str], jobs: psutil.Process) -> Iterator[Sample]:
    """Every two seconds, until it is over."""
    begun = time.monotonic()
    with connected(environment) as connection:
        while True:
            time.sleep(EVERY_SECONDS)
            standing = connection.execute(STANDING).fetchall()
            row = connection.execute(STATE).fetchone()
            assert row is not None
            state, trouble, requests = row
            going = next((stage for stage, is_done, _done, _total in standing if not is_done), "")
            rows = {stage: done for stage, _is_done, done, _total in standing}
            known = sum(total or done for _stage, _is_done, done, total in standing)
            share = sum(rows.values()) / max(1, known)
            yield Sample(time.monotonic() - begun, going, rows, share, requests, jobs.memory_info().rss)
            if state != "running":
                assert state == "done", f"{state}: {trouble}"
                return


def report(
    samples: list[Sample], cloud: dict[str, Any], rest: Rounds, meanwhile: Rounds, given: argparse.Namespace
) -> int:
    """1, where a target is missed. That of the rate is none where the box itself holds it."""
    out = sys.stdout.write
    line = "{:<14}{:>10}{:>10}{:>12}{:>10}{:>9}\n"
    out("\n" + line.format("stage", "rows", "seconds", "a second", "requests", "of rate"))
    for stage in samples[-1].rows:
        spans = [(before, after) for before, after in pairwise(samples) if before.stage == stage]
        if not spans:
            continue
        seconds = sum(after.at - before.at for before, after in spans)
        rows = spans[-1][1].rows[stage] - spans[0][0].rows[stage]
        requests = sum(after.requests - before.requests for before, after in spans)
        share = requests / seconds / given.per_second
        out(line.format(stage, rows, f"{seconds:.0f}", f"{rows / seconds:.1f}", requests, f"{share:.2f}"))
    last = samples[-1]
    # The bucket is full at the beginning: so many may go at once.
    share = last.requests / (given.burst + given.per_second * last.at)
    out(f"requests: {last.requests} in {last.at:.0f} s, {share:.2f} of those allowed (target {LEAST_SHARE});")
    out(f" refused {len(cloud['refusals'])} of {cloud['requests']} (target 0)\n")
    fifth = next(sample for sample in samples if sample.share >= 0.2)
    most = max(sample.memory for sample in samples if sample.at >= fifth.at)
    growth = most / fifth.memory
    out(f"memory of the jobs process: {fifth.memory / MIB:.0f} MiB after the first fifth, then at most")
    out(f" {most / MIB:.0f}: {growth:.2f} (target {MOST_GROWTH})\n")
    still, busy = median(rest.found), median(meanwhile.found)
    ratio = busy.p95 / still.p95
    worst = statistics.quantiles([one.p95 for one in meanwhile.found], n=20)[-1]
    out(f"p95 of the page: {still.p95 * 1000:.1f} ms at rest, {busy.p95 * 1000:.1f} meanwhile, worst rounds")
    out(f" {worst * 1000:.1f}: {ratio:.2f} (target {MOST_RATIO})\n")
    return int(bool(cloud["refusals"]) or growth > MOST_GROWTH or ratio > MOST_RATIO)


if __name__ == "__main__":
    raise SystemExit(main())
