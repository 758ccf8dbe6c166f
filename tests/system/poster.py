"""People at a portal, as programs: they sign in over HTTPS through the balancer and post, whatever happens.

    olga = Person(site)
    olga.sign_in("olga@example.com", password)
    with Poster(olga) as poster:
        ...                       # break something
        poster.go_on()            # every thread has got another post through
    poster.acknowledged           # what the portal said it has

A post is a form with a nonce, so it is sent again and again until it is acknowledged, as a person would press
the button again.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Self
from urllib.parse import urlencode, urlsplit
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
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


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
        """Signs in; a 503 asks to try again in a moment, and so a person does."""
        deadline = time.monotonic() + PATIENCE
        while True:
            form = self.get("/sign-in/", **headers)
            answer = self.post("/sign-in/", {"login": login, "password": password}, **headers)
            # Without its form it is refused for another reason.
            if 503 not in (form.status, answer.status) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert answer.status == 302 and SESSION in self.cookies, f"not signed in: {answer.status}"
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=_named(headers))

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Sends a form as a browser does; what it leads to is not followed."""
        data = {**fields, "csrfmiddlewaretoken": self.cookies.get(CSRF, "")}
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"{self.site.origin}/"}
        return self.ask("POST", path, headers={**sent, **_named(headers)}, body=urlencode(data))

    def post_json(self, path: str, data: object) -> Answer:
        """Sends JSON as the portal's own scripts do."""
        headers = {
            "Content-Type": "application/json",
            "Referer": f"{self.site.origin}/",
            "X-CSRFToken": self.cookies.get(CSRF, ""),
        }
        return self.ask("POST", path, headers=headers, body=json.dumps(data))

    def upload(self, name: str, content: str) -> int:
        """Uploads a small text file straight to the store, as upload.js does; returns the file's id."""
        new = {"name": name, "size": len(content.encode()), "nonce": uuid4().hex}
        begun = self.post_json("/files/uploads/", new)
        assert begun.status == 201, begun.text
        upload = json.loads(begun.text)
        put = self.put(upload["parts"][0], content)
        assert put.status == 200, put.text
        done = self.post_json(f"/files/uploads/{upload['id']}/completion", {"etags": [put.headers["ETag"]]})
        assert done.status == 200, done.text
        return int(json.loads(done.text)["id"])

    def put(self, link: str, body: str) -> Answer:
        """Sends a part of a file by the link that the portal gave out for it."""
        return self.ask("PUT", link.removeprefix(self.site.origin), headers={}, body=body)

    def download(self, file: int) -> Answer:
        """Follows the link to a file, as a browser does."""
        link = self.get(f"/files/{file}/content")
        if link.status != 302:
            return link
        where = urlsplit(link.headers["Location"])
        return self.get(f"{where.path}?{where.query}")

    def ask(self, method: str, path: str, *, headers: Mapping[str, str], body: str | None = None) -> Answer:
        """One request; raises OSError or HTTPException when no whole answer came."""
        connection = self._connection or self._connect()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        said = {"Host": self.site.origin.removeprefix("https://"), **({"Cookie": cookie} if cookie else {})}
        said |= headers
        try:
            connection.request(method, path, body, said)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.hang_up()
            raise
        if response.will_close:
            self.hang_up()
        for line in response.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return Answer(response.status, response.headers, content)

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


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers that were written as Python's keywords."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass(frozen=True)
class Post:
    """A post that the portal acknowledged. Moments are of `time.monotonic`."""

    text: str
    thread: int
    begun_at: float
    acknowledged_at: float
    attempts: int


@dataclass
class Crowd:
    """Does something again and again from several threads, until its `with` ends."""

    person: Person
    threads: int = 2
    outcomes: Counter[str] = field(default_factory=Counter)
    """What attempts ended with, such as `302`, `503` or `ConnectionResetError`."""
    unexpected: list[str] = field(default_factory=list)
    """Answers that no restart and no failure excuses: a form refused, a session lost, an error page."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._workers = [
            threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(self.threads)
        ]
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.join(2 * PATIENCE)
            assert not worker.is_alive(), "a request hangs"
        assert not self.unexpected, self.unexpected[:3]

    def _work(self, thread: int) -> None:
        tab, number = self.person.another_tab(), 0
        while not self._stop.is_set():
            self._act(tab, thread, number)
            number += 1

    def _act(self, tab: Person, thread: int, number: int) -> None:
        raise NotImplementedError


@dataclass
class Reader(Crowd):
    """Opens a page continuously."""

    path: str = "/feed/"

    def _act(self, tab: Person, thread: int, number: int) -> None:
        try:
            self.outcomes[str(tab.get(self.path).status)] += 1
        except (OSError, http.client.HTTPException) as error:
            self.outcomes[type(error).__name__] += 1
            self._stop.wait(0.1)


@dataclass
class Poster(Crowd):
    """Posts continuously. With `retries` each post is sent until it is acknowledged, else once."""

    path: str = "/feed/"
    retries: bool = True
    acknowledged: list[Post] = field(default_factory=list)
    run: str = field(default_factory=lambda: uuid4().hex[:8])
    """Begins the text of all its posts."""

    def __enter__(self) -> Self:
        super().__enter__()
        self.go_on()
        return self

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

    def _act(self, tab: Person, thread: int, number: int) -> None:
        text = f"{self.run} thread {thread} number {number}"
        form = {"text": text, "audience": "UA", "nonce": uuid4().hex}
        begun_at, attempts = time.monotonic(), 0
        while attempts == 0 or (self.retries and not self._stop.is_set()):
            attempts += 1
            outcome = self._try(tab, form)
            self.outcomes[outcome] += 1
            if outcome == "302":
                self.acknowledged.append(Post(text, thread, begun_at, time.monotonic(), attempts))
                return
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
