"""A whole box: files through its balancer beside its store alone, and the memory of all its processes.

    python -m tests.bench.box [--size 1024] [--rounds 3]

Both sides send the same parts over one connection to presigned links of the same store; the difference is the
balancer with its TLS. Memory is the proportional set size, read while nobody asks for anything.
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
import statistics
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import psutil

from appliance.supervise.processes import children_of, marked, memory_mb
from box.bridges.storage.client import Account, S3Store
from tests.e2e.boxes import installed, uninstall
from tests.prefixes import scratch_prefix
from tests.system.poster import Person, Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.boxes import Box

PREFIX = scratch_prefix("bench")
MIB = 2**20
MOST_MEMORY = 900  # MiB
QUIET_SECONDS = 20


@dataclass(frozen=True)
class Rates:
    """MiB a second."""

    up: float
    down: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file (default 1024)")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with box() as installed_box:
        report_memory(installed_box)
        report_files(installed_box, given.size * MIB, given.rounds)


@contextmanager
def box() -> Iterator[Box]:
    try:
        yield installed(PREFIX)
    finally:
        uninstall(PREFIX)


def report_memory(box: Box) -> None:
    time.sleep(QUIET_SECONDS)
    processes: dict[str, set[int]] = defaultdict(set)
    for pid, instance in marked(box.prefix).items():
        # PostgreSQL's children, for one, carry no mark of their own.
        processes[instance.partition("@")[0]] |= children_of(pid)
    everything = children_of(_supervisor_of(box, processes["web"])).union(*processes.values())
    processes["supervisor"] = everything.difference(*processes.values())
    sys.stdout.write("memory of the idle box, MiB (proportional set size)\n")
    for service, pids in processes.items():
        sys.stdout.write(f"  {service:<16}{memory_mb(pids) or 0:>6}\n")
    sys.stdout.write(f"  {'all':<16}{memory_mb(everything) or 0:>6}   target: at most {MOST_MEMORY}\n")


def _supervisor_of(box: Box, workers: set[int]) -> int:
    """The process that started the workers and carries no mark of a service itself."""
    return next(
        parent.pid
        for parent in psutil.Process(min(workers)).parents()
        if any(str(box.prefix) in word for word in parent.cmdline())
    )


def report_files(box: Box, size: int, rounds: int) -> None:
    person = Person(Site("localhost", box.port, "127.0.0.1", box.ca_file))
    person.sign_in(box.admin.login, box.admin.password)
    portal = json.loads((box.paths.etc / "generated/portal/portal.json").read_text())
    account = Account.of(portal["objects"])
    store, host = S3Store(account), urlsplit(account.endpoint).netloc
    tls = ssl.create_default_context(cafile=box.ca_file)
    through: list[Rates] = []
    alone: list[Rates] = []
    for _ in range(rounds):
        through.append(_through_the_box(person, box, tls, size))
        alone.append(_store_alone(store, host, size))
    sys.stdout.write(f"one file of {size // MIB} MiB over one connection, MiB/s (median of {rounds})\n")
    for way in ("up", "down"):
        ours, bare = (statistics.median(getattr(rates, way) for rates in side) for side in (through, alone))
        sys.stdout.write(
            f"  {way + 'load':<10}box {ours:>8.1f}   store alone {bare:>8.1f}   ratio {ours / bare:>5.2f}\n"
        )


def _through_the_box(person: Person, box: Box, tls: ssl.SSLContext, size: int) -> Rates:
    begun = person.post_json("/files/uploads/", {"name": "bench.bin", "size": size, "nonce": uuid4().hex})
    assert begun.status == 201, begun.text
    upload = json.loads(begun.text)
    links: list[str] = upload["parts"]

    def link_of(number: int) -> str:
        while len(links) < number:
            more = person.get(f"/files/uploads/{upload['id']}/parts/?from={len(links) + 1}")
            links.extend(json.loads(more.text)["parts"])
        return links[number - 1]

    connection = HTTPSConnection("localhost", box.port, context=tls)
    etags, up = _send(connection, link_of, size, upload["part_size"])
    done = person.post_json(f"/files/uploads/{upload['id']}/completion", {"etags": etags})
    assert done.status == 200, done.text
    content = person.get(json.loads(done.text)["url"])
    return Rates(up, _receive(connection, content.headers["Location"], size))


def _store_alone(store: S3Store, host: str, size: int) -> Rates:
    key = f"bench/{uuid4().hex}"
    upload_id = store.begin(key)
    connection = HTTPConnection(host)
    etags, up = _send(
        connection, lambda number: store.part_link(key, upload_id, number, host=host), size, 8 * MIB
    )
    store.complete(key, upload_id, etags)
    link = store.link(key, host=host, content_type="application/octet-stream", disposition="attachment")
    down = _receive(connection, link, size)
    store.delete(key)
    return Rates(up, down)


def _send(
    connection: HTTPConnection, link_of: Callable[[int], str], size: int, part_size: int
) -> tuple[list[str], float]:
    """The parts' tags, and MiB a second."""
    part = os.urandom(part_size)
    etags = []
    begun = time.perf_counter()
    for number, offset in enumerate(range(0, size, part_size), 1):
        connection.request("PUT", _target(link_of(number)), memoryview(part)[: size - offset])
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        etags.append(answer.headers["ETag"])
    return etags, size / MIB / (time.perf_counter() - begun)


def _receive(connection: HTTPConnection, link: str, size: int) -> float:
    begun, got = time.perf_counter(), 0
    connection.request("GET", _target(link))
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    while piece := answer.read(MIB):
        got += len(piece)
    assert got == size, f"{got} of {size} bytes came"
    return size / MIB / (time.perf_counter() - begun)


def _target(link: str) -> str:
    parts = urlsplit(link)
    return f"{parts.path}?{parts.query}"


if __name__ == "__main__":
    main()
