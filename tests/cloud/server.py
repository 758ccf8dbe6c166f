"""The stand-in over HTTP, on a port of its own: what speaks to it is a process, or a whole box.

with served(small_company()) as cloud:
    cloud.webhook                   # http://127.0.0.1:4711/rest/1/abc123/
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from tests.cloud.company import Company
from tests.cloud.portal import Portal

TOKEN = "abc123"


@dataclass(frozen=True)
class Served:
    webhook: str
    portal: Portal
    company: Company


@contextmanager
def served(company: Company, **more: Any) -> Iterator[Served]:
    """By the wall's clock, so that its limits hold as the cloud's do; `more` is the portal's."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            method = self.path.rpartition("/")[2].removesuffix(".json")
            with lock:
                if f"/{TOKEN}/" not in self.path:
                    self._answer(
                        401, b'{"error":"INVALID_CREDENTIALS","error_description":"Invalid request"}'
                    )
                    return
                self._answer(*portal.handle(method, json.loads(body)))

        def do_GET(self) -> None:
            content = company.content(f"http://{company.host}{self.path}")
            name = company.name_of(f"http://{company.host}{self.path}")
            self._answer(404 if content is None else 200, content or b"", name)

        def _answer(self, status: int, body: bytes, name: str = "") -> None:
            self.send_response(status)
            if name:
                self.send_header("Content-Disposition", f'attachment; filename="{name}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    company.move_to(f"127.0.0.1:{server.server_port}", "http")
    portal = company.portal(time.monotonic, **more)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Served(f"http://{company.host}/rest/1/{TOKEN}/", portal, company)
    finally:
        server.shutdown()
        server.server_close()
