"""The only way out of a test machine: a forward proxy that knows which hosts may be reached.

A machine has no route and no name server. Its package clients are given this proxy by the usual environment
variables, so a test can close the door on PyPI and npm, and can read afterwards which hosts were asked for.
"""

from __future__ import annotations

import re
import select
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

_HEADER_LIMIT = 64 * 1024


def anything(host: str) -> bool:
    return True


def debian_only(host: str) -> bool:
    """Only what this machine's apt sources name."""
    sources = [*Path("/etc/apt").glob("sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    named = {
        urlsplit(url).hostname for file in sources for url in re.findall(r"https?://\S+", file.read_text())
    }
    return host in named


class RegistryProxy:
    """Listens on `address`; `allowed` may be exchanged while it runs."""

    def __init__(self, address: str, *, allowed: Callable[[str], bool] = anything) -> None:
        self.allowed = allowed
        self.asked: list[str] = []
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server((address, 0), Handler)
        self.url = f"http://{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What the package clients of a machine need to find the proxy."""
        return dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), self.url)

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEADER_LIMIT:
            part = client.recv(8192)
            if not part:
                return
            head += part
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        url = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = url.hostname or "", url.port or 80
        self.asked.append(host)
        if not self.allowed(host):
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection((host, port), timeout=60) as origin:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = (url.path or "/") + (f"?{url.query}" if url.query else "")
                headers = head.split(b"\r\n", 1)[1]
                headers = re.sub(rb"(?im)^(proxy-)?connection:[^\r\n]*\r\n", b"", headers)
                # One request a connection keeps the proxy simple: the origin closes, and so do we.
                origin.sendall(f"{method} {path} HTTP/1.1\r\nConnection: close\r\n".encode() + headers)
            _relay(client, origin)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Copies in both directions until either side closes."""
    partner = {one: other, other: one}
    while True:
        ready, _, _ = select.select([one, other], [], [], 180)
        if not ready:
            return
        for source in ready:
            part = source.recv(65536)
            if not part:
                return
            partner[source].sendall(part)
