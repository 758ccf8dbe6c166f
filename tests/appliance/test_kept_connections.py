"""What reads goes to workers over kept connections; what writes never meets one that is being closed.

HAProxy and the web workers are real; in the place of the portal stands a small application.
"""

from __future__ import annotations

import csv
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from appliance.node import Node
from appliance.services.balancer.runtime import Runtime
from appliance.services.balancer.service import runtime_socket
from appliance.services.web.service import socket_path
from tests.appliance.boxes import wait_until
from tests.appliance.test_balancer import ask
from tests.appliance.workers import Application, working

TURNS = 6


def is_up(node: Node, number: int) -> bool:
    return Runtime(runtime_socket(node)).servers("web")[f"web-{number}"].is_up


@contextmanager
def workers(node: Node, application: Application) -> Iterator[dict[int, ExitStack]]:
    """Both, each to be closed by itself."""
    running = {number: ExitStack() for number in (1, 2)}
    with ExitStack() as everything:
        for number, stack in running.items():
            everything.enter_context(stack)
            stack.enter_context(working(application, socket_path(node, number)))
        for number in running:
            wait_until(lambda number=number: is_up(node, number))  # type: ignore[misc]
        yield running


def counted(node: Node, backend: str) -> tuple[int, int]:
    """Connections that the balancer has opened to the backend's workers, and requests over one it had."""
    balancer = Runtime(runtime_socket(node))
    rows = csv.DictReader(balancer._ask(f"show stat {backend} 4 -1").removeprefix("# ").splitlines())
    found = [(int(row["connect"]), int(row["reuse"])) for row in rows]
    return sum(connect for connect, _ in found), sum(reuse for _, reuse in found)


def test_what_reads_goes_over_a_connection_that_is_kept(balanced: Node) -> None:
    with workers(balanced, Application()):
        before = counted(balanced, "web")
        for number in range(20):
            assert ask(balanced, f"/{number}")[0].status == 200
        connected, reused = (now - then for now, then in zip(counted(balanced, "web"), before, strict=True))
    # Each of the balancer's threads may have opened one to each worker.
    assert connected + reused == 20
    assert reused >= 10


@pytest.mark.parametrize(("method", "path"), [("POST", "/feed/"), ("GET", "/rest/1/secret/user.add")])
def test_what_writes_has_a_connection_of_its_own(balanced: Node, method: str, path: str) -> None:
    with workers(balanced, Application()):
        for _ in range(5):
            assert ask(balanced, "/")[0].status == 200
        before = counted(balanced, "writes")
        for _ in range(5):
            assert ask(balanced, path, method=method, Content_Length="0")[0].status == 200
        connected, reused = (
            now - then for now, then in zip(counted(balanced, "writes"), before, strict=True)
        )
    assert (connected, reused) == (5, 0)


def test_workers_that_start_anew_under_load_lose_no_request_and_get_no_form_twice(balanced: Node) -> None:
    """And nobody has told the balancer: a worker that ends closes what is kept with it."""
    application = Application()
    is_over = threading.Event()
    statuses: Counter[int] = Counter()

    def visit(person: int) -> None:
        turn = 0
        while not is_over.is_set():
            turn += 1
            method = "POST" if turn % 3 == 0 else "GET"
            answer, _ = ask(balanced, f"/{method}/{person}/{turn}", method=method, Content_Length="0")
            statuses[answer.status] += 1

    with workers(balanced, application) as running, ThreadPoolExecutor(6) as people:
        visits = [people.submit(visit, person) for person in range(6)]
        try:
            for turn in range(TURNS):
                number = turn % 2 + 1
                served = len(application.asked)
                running[number].close()
                running[number].enter_context(working(application, socket_path(balanced, number)))
                wait_until(lambda number=number: is_up(balanced, number))  # type: ignore[misc]
                wait_until(lambda served=served: len(application.asked) > served + 30)  # type: ignore[misc]
        finally:
            is_over.set()
        for one in visits:
            one.result()
    assert set(statuses) == {200}
    forms = Counter(path for path in application.asked if path.startswith("/POST/"))
    assert len(forms) > TURNS
    assert set(forms.values()) == {1}
