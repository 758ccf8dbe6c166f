"""Real web workers on a box's sockets, with a small application in the place of the portal."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.node import Node
from appliance.services.web.service import socket_path
from box.core.registry.worker import WebWorker

# More than the balancer and the kernel take from a worker at once.
LARGE = 6 * 2**20


@dataclass
class Application:
    """Answers with little, or with much where `large` is asked for; `asked` are paths with their query."""

    asked: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"].read()
        path = environ["PATH_INFO"]
        if path != "/healthz":
            self.asked.append(f"{path}?{environ['QUERY_STRING']}")
        headers = [("Content-Type", "text/plain")]
        if path.startswith("/static/"):
            headers += [
                ("Cache-Control", "max-age=315360000, public, immutable"),
                ("Vary", "Accept-Encoding"),
            ]
        body = b"x" * (LARGE if "large" in path else 3_500_000 if "file" in path else 10)
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]


@contextmanager
def working(application: Application, socket: Path) -> Iterator[None]:
    server = WebWorker(application, socket, threads=8)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join()


@contextmanager
def serving(node: Node) -> Iterator[Application]:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    application = Application()
    with ExitStack() as stack:
        for number in range(1, node.web_workers + 1):
            stack.enter_context(working(application, socket_path(node, number)))
        yield application
