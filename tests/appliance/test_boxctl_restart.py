"""`boxctl restart web` while people click: no request fails."""

from __future__ import annotations

import http.client
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.client import ReadStatus
from appliance.node import Node
from tests.appliance.boxes import PATIENCE, agent_of, boxctl, running_box, wait_until


@pytest.fixture(scope="module")
def box() -> Iterator[Node]:
    with running_box("agent", "web", "balancer") as node:
        wait_until(lambda: ask(node) == "200")
        yield node


def ask(box: Node) -> str:
    """One request on a connection of its own: the status, or the error that a person would see."""
    context = ssl.create_default_context(cafile=str(box.paths.tls / "ca.crt"))
    connection = http.client.HTTPSConnection(
        "localhost", box.box.balancer.https_port, context=context, timeout=PATIENCE
    )
    try:
        connection.request("GET", "/healthz")
        return str(connection.getresponse().status)
    except OSError as error:
        return repr(error)
    finally:
        connection.close()


def web_pids(box: Node) -> set[int | None]:
    services = agent_of(box).ask(ReadStatus()).services
    return {i.pid for service in services if service.name == "web" for i in service.instances}


@contextmanager
def clicks(box: Node, people: int = 6, pause: float = 0.05) -> Iterator[Counter[str]]:
    """People who click all the time; after the block, what they got."""
    answers: Counter[str] = Counter()
    is_over = threading.Event()

    def click() -> None:
        while not is_over.is_set():
            answers[ask(box)] += 1
            is_over.wait(pause)

    clients = [threading.Thread(target=click) for _ in range(people)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        is_over.set()
        for client in clients:
            client.join()


def test_restart_of_web_under_load_fails_no_request(box: Node) -> None:
    before = web_pids(box)
    with clicks(box) as answers:
        done = boxctl(box, "restart", "web")
    assert done.returncode == 0, done.stderr
    assert not before & web_pids(box), "every worker is a new process"
    assert set(answers) == {"200"}
    assert answers["200"] > 20


def test_workers_come_and_go_under_load_without_a_failed_request(box: Node) -> None:
    before = web_pids(box)
    with clicks(box) as answers:
        more = boxctl(box, "config", "set", "node.web_workers", "3")
        assert before < web_pids(box)
        assert len(web_pids(box)) == 3
        fewer = boxctl(box, "config", "set", "node.web_workers", "2")
    assert (more.stdout.splitlines()[-1], fewer.stdout.splitlines()[-1]) == (
        "In force: web@3, balancer.",
        "In force: balancer, web@3 left.",
    )
    assert web_pids(box) == before
    assert set(answers) == {"200"}
