"""A bounded load on a Unix socket of this machine: so many requests over so many connections."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode


@dataclass(frozen=True)
class Figures:
    """Of one round: requests per second, and seconds that 95 % of them took at most."""

    rate: float
    p95: float


def median(rounds: list[Figures]) -> Figures:
    return Figures(statistics.median(f.rate for f in rounds), statistics.median(f.p95 for f in rounds))


def get(path: Path, address: str, cookie: str) -> tuple[int, bytes]:
    """One request on a connection of its own, as the balancer makes them."""
    head = (
        f"GET {address} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nCookie: {cookie}\r\n"
        "Accept: text/html\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall(head.encode())
        answer = bytearray()
        while part := connection.recv(1 << 16):
            answer += part
    return int(answer[9:12]), bytes(answer)


def post(path: Path, address: str, cookie: str, fields: dict[str, str]) -> int:
    """Sends a form as a browser would; the status."""
    token = "a" * 32
    body = urlencode({**fields, "csrfmiddlewaretoken": token})
    head = (
        f"POST {address} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nOrigin: https://localhost\r\n"
        f"Cookie: {cookie}; __Host-csrf={token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(path))
        connection.sendall(f"{head}{body}".encode())
        return int(connection.recv(64)[9:12])


def steady(
    path: Path, address: str, cookie: str, *, connections: int = 8, seconds: float
) -> list[tuple[float, float]]:
    """Asks for so long over so many connections: of each answer when it was asked for, and what it took."""
    begun = time.perf_counter()
    taken: list[tuple[float, float]] = []

    def client() -> None:
        while (at := time.perf_counter() - begun) < seconds:
            get(path, address, cookie)
            taken.append((at, time.perf_counter() - begun - at))

    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def run(path: Path, address: str, cookie: str, *, connections: int = 8, requests: int = 160) -> Figures:
    """Raises AssertionError at the first answer that is not 200."""
    taken: list[float] = []
    wrong: list[int] = []
    lock = threading.Lock()
    left = iter(range(requests))

    def client() -> None:
        while True:
            with lock:
                if next(left, None) is None or wrong:
                    return
            begun = time.perf_counter()
            status, _ = get(path, address, cookie)
            took = time.perf_counter() - begun
            with lock:
                taken.append(took)
                if status != 200:
                    wrong.append(status)

    threads = [threading.Thread(target=client) for _ in range(connections)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    assert not wrong, f"{address} answered {wrong[0]}"
    return Figures(len(taken) / elapsed, statistics.quantiles(taken, n=20)[-1])
