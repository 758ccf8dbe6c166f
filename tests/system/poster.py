"""People at a portal, as programs: they sign in over HTTPS through the balancer and post, whatever happens.

    olga = Person(site)
    olga.sign_in("olga@example.com", password)
    with Poster(olga) as poster:
        ...                       # break something
        poster.go_on()            # every thread has got another post through
    poster.acknowledged           # what the portal said it has

A post is a form with a nonce, so it is sent again and again until it is acknowledged, as a browser's person would
press the button again.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Self
from urllib.parse import urlencode
from uuid import uuid4

SESSION, CSRF = "__Host-session", "__Host-csrf"
# Longer than the balancer waits for a worker that restarts; somebody who waits longer has been forgotten.
PATIENCE = 20.0


@dataclass(frozen=True)
class Site:
    """Where a portal is, and whose certificates to believe."""

    hostname: str
    port: int
    address: str
    ca_file: Path

    @property
    def origin(self) -> str:
        return f"https://{self.hostname}" + ("" if self.port == 443 else f":{self.port}")

    def connect(self, *, source: str | None = None, preface: bytes = b"") -> socket.socket:
        """A plain connection, from the address `source`, that says `preface` before anything else."""
        connection = socket.create_connection(
            (self.address, self.port), PATIENCE, (source, 0) if source else None
        )
        connection.sendall(preface)
        return connection


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str


class Person:
    """One browser's tab: a connection that is kept, and its cookies. For one thread at a time."""

    def __init__(self, site: Site, *, source: str | None = None, preface: bytes = b"") -> None:
        self.site = site
        self.cookies: dict[str, str] = {}
        self._source, self._preface = source, preface
        self._tls = ssl.create_default_context(cafile=site.ca_file)
        self._connection: http.client.HTTPConnection | None = None

    def another_tab(self) -> Person:
        """The same signed-in person with a connection of its own."""
        tab = Person(self.site, source=self._source, preface=self._preface)
        tab.cookies = dict(self.cookies)
        return tab

    def sign_in(self, login: str, password: str, **headers: str) -> Answer:
        self.get("/sign-in/", **headers)
        answer = self.post("/sign-in/", {"login": login, "password": password}, **headers)
        assert answer.status == 302 and SESSION in self.cookies, f"not signed in: {answer.status}"
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Sends a form as a browser does; what it leads to is not followed."""
        data = {**fields, "csrfmiddlewaretoken": self.cookies.get(CSRF, "")}
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"{self.site.origin}/"}
        return self.ask("POST", path, headers={**sent, **headers}, body=urlencode(data))

    def ask(self, method: str, path: str, *, headers: Mapping[str, str], body: str | None = None) -> Answer:
        """One request; raises OSError or HTTPException when no whole answer came."""
        connection = self._connection or self._connect()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        said = {"Host": self.site.origin.removeprefix("https://"), **({"Cookie": cookie} if cookie else {})}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, said)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            self.hang_up()
            raise
        if response.will_close:
            self.hang_up()
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return Answer(response.status, response.headers, text)

    def hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.site.address, self.site.port, timeout=PATIENCE)
        plain = self.site.connect(source=self._source, preface=self._preface)
        try:
            connection.sock = self._tls.wrap_socket(plain, server_hostname=self.site.hostname)
        except BaseException:
            plain.close()
            raise
        self._connection = connection
        return connection


@dataclass(frozen=True)
class Post:
    """A post that the portal acknowledged. Moments are of `time.monotonic`."""

    text: str
    thread: int
    begun_at: float
    acknowledged_at: float
    attempts: int


@dataclass
class Poster:
    """Posts continuously from several threads until it leaves its `with`."""

    person: Person
    threads: int = 2
    path: str = "/feed/"
    retries: bool = True
    acknowledged: list[Post] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    """What attempts ended with, such as `302`, `503` or `ConnectionResetError`."""
    unexpected: list[str] = field(default_factory=list)
    """Answers that no restart or failure excuses: a form refused, a session lost, an error page of the portal."""
    run: str = field(default_factory=lambda: uuid4().hex[:8])

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._workers = [
            threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(self.threads)
        ]
        for worker in self._workers:
            worker.start()
        self.go_on()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join(2 * PATIENCE)
            assert not worker.is_alive(), "a request hangs"
        assert not self.unexpected, self.unexpected[:3]

    def go_on(self, *, until: float | None = None) -> float:
        """Waits until each thread has begun and got through another post; returns when that was.

        `until` is the moment of `time.monotonic` at which it is given up.
        """
        since, deadline = time.monotonic(), until or time.monotonic() + 2 * PATIENCE
        while len({post.thread for post in list(self.acknowledged) if post.begun_at >= since}) < self.threads:
            assert not self.unexpected, self.unexpected[:3]
            assert time.monotonic() < deadline, f"posting does not go on: {dict(self.outcomes)}"
            time.sleep(0.05)
        return time.monotonic()

    @property
    def longest(self) -> float:
        """Seconds that the slowest post took, with all its attempts."""
        return max(post.acknowledged_at - post.begun_at for post in self.acknowledged)

    def _work(self, thread: int) -> None:
        tab = self.person.another_tab()
        number = 0
        while not self._stop.is_set():
            self._send(tab, f"{self.run} thread {thread} number {number}", thread)
            number += 1

    def _send(self, tab: Person, text: str, thread: int) -> None:
        form = {"text": text, "audience": "UA", "nonce": uuid4().hex}
        begun_at, attempts = time.monotonic(), 0
        while attempts == 0 or (self.retries and not self._stop.is_set()):
            attempts += 1
            outcome = self._try(tab, form)
            self.outcomes[outcome] += 1
            if outcome == "302":
                self.acknowledged.append(Post(text, thread, begun_at, time.monotonic(), attempts))
                return
            if self.retries:
                self._stop.wait(0.1)

    def _try(self, tab: Person, form: dict[str, str]) -> str:
        try:
            answer = tab.post(self.path, form)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        is_accepted = answer.status == 302 and answer.headers["Location"].startswith("/feed/")
        if not is_accepted and answer.status not in (502, 503, 504):
            self.unexpected.append(
                f"{answer.status} {answer.headers.get('Location', '')} {answer.text[:2000]}"
            )
        return str(answer.status)
