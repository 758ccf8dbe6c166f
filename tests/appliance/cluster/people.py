"""People at a portal of several nodes: each does something all the time, and notes what was answered.

A browser that knows an address for each node goes to the next one where nobody answers; a form is sent again
with its nonce until it is acknowledged. What each was told becomes a `History`, which says whether it can be
true, and for each of them the longest time in which nothing could be read, and nothing written.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from uuid import uuid4

from box.core.registry.replicas import OLDEST
from tests.system.poster import Answer, Person, Site

from .history import ADD, READ, WRITE, Counter, History, Model, Register

CONNECTS_WITHIN, ANSWERED_WITHIN = 2.0, 15.0
LONGEST_PAUSE = 180.0
"""Seconds after which somebody who gets nothing through is not waited for any more."""
# What a node says that cannot do it now: 502 and 504 are its balancer's.
NOT_NOW = frozenset({502, 503, 504})
_LIKED = re.compile(r'id="likes-\d+" name="value"\s+value="[01]"\s+aria-pressed="(true|false)"')
_COUNT = re.compile(r'<span class="number" id="count-\d+">(\d*)</span>')


class NobodyThere(OSError):
    """No connection came about: nothing was asked, and the next address is tried."""


@dataclass(frozen=True)
class Door(Site):
    """A node's balancer, as a browser comes to it."""

    def connect(self, *, source: str | None = None, preface: bytes = b"") -> socket.socket:
        try:
            connection = socket.create_connection((self.address, self.port), CONNECTS_WITHIN)
        except OSError as error:
            raise NobodyThere(str(error)) from None
        connection.settimeout(ANSWERED_WITHIN)
        return connection


class Browser:
    """One person's, with their cookies, at whichever node answers."""

    def __init__(self, doors: Sequence[Door], *, first: int = 0) -> None:
        self._tabs = [Person(door) for door in doors]
        for tab in self._tabs[1:]:
            tab.cookies = self._tabs[0].cookies
        self._at = first % len(doors)

    @property
    def address(self) -> str:
        return self._tabs[self._at].site.address

    def get(self, path: str) -> Answer:
        return self._ask(lambda tab: tab.get(path), is_safe=True)

    def post(self, path: str, **fields: str) -> Answer:
        """As the pages' scripts send a form, which are answered with what has changed."""
        return self._ask(lambda tab: tab.post(path, fields, HX_Request="true"))

    def post_json(self, path: str, data: object) -> Answer:
        return self._ask(lambda tab: tab.post_json(path, data))

    def put(self, link: str, body: str) -> Answer:
        """To the store, by a link to this portal."""
        return self._ask(lambda tab: tab.put(link, body))

    def download(self, file: int) -> Answer:
        """A file, by the link that the portal gives out."""
        return self._ask(lambda tab: tab.download(file), is_safe=True)

    def sign_in(self, login: str, password: str) -> None:
        self._tabs[self._at].sign_in(login, password)

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._tabs[0].cookies)

    def _ask(self, ask: Callable[[Person], Answer], *, is_safe: bool = False) -> Answer:
        for _ in self._tabs:
            tab = self._tabs[self._at]
            was_kept = tab._connection is not None
            try:
                return ask(tab)
            except NobodyThere:
                self._at = (self._at + 1) % len(self._tabs)
            except (http.client.RemoteDisconnected, ConnectionError):
                # A kept connection that was closed meanwhile: every browser asks again, for it was not asked.
                if not was_kept or not is_safe:
                    raise
        raise NobodyThere("no node is reached")


@dataclass
class Pause:
    """How long nothing came through at most, and how often it was tried in vain."""

    longest: float = 0.0
    failed: int = 0
    _last: float = field(default_factory=time.monotonic)

    def through(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now


@dataclass
class Busy(ABC):
    """Somebody who does something all the time, in a thread of their own while their `with` lasts."""

    name: str
    browser: Browser
    unexpected: list[str] = field(default_factory=list, kw_only=True)
    """Answers that no failure excuses."""
    rounds: int = field(default=0, kw_only=True)
    """How often all of it was done."""

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "a request hangs"

    def go_on(self) -> None:
        """Wait until everything that one does was begun and done once more."""
        before, deadline = self.rounds + 1, time.monotonic() + LONGEST_PAUSE
        while self.rounds <= before:
            assert not self.unexpected, self.unexpected[0]
            assert time.monotonic() < deadline, f"{self.name} gets nothing through any more"
            time.sleep(0.05)

    @abstractmethod
    def _work(self) -> None: ...

    def _tried(self, pause: Pause, ask: Callable[[], Answer]) -> Answer | None:
        """None where it was in vain."""
        with suppress(OSError, http.client.HTTPException):
            answer = ask()
            if answer.status not in NOT_NOW:
                return answer
        pause.failed += 1
        self._stop.wait(0.1)
        return None


@dataclass
class Colleague(Busy):
    """Posts, likes, takes it back, comments and reads."""

    history: History
    talk: int
    """The post that all of them talk about, by its number."""
    posts: list[str] = field(default_factory=list)
    """Texts of the posts that were acknowledged."""
    comments: list[str] = field(default_factory=list)
    reads: Pause = field(default_factory=Pause)
    writes: Pause = field(default_factory=Pause)

    def begin_counting(self) -> None:
        """Pauses are from now on."""
        self.reads, self.writes = Pause(), Pause()

    @property
    def likes(self) -> str:
        return f"likes of {self.name}"

    # --- what one does

    def _work(self) -> None:
        number = 0
        while not self._stop.is_set():
            self._post(f"{self.name} {number} {uuid4().hex[:8]}")
            self._like((number + 1) % 2)
            self._comment(f"{self.name} says {number} {uuid4().hex[:8]}")
            self._read_talk()
            number += 1
            self.rounds += 1
            self._stop.wait(0.05)

    def _post(self, text: str) -> None:
        begun, nonce = time.monotonic(), uuid4().hex
        while not self._stop.is_set():
            if answer := self._sent("/feed/", text=text, audience="UA", nonce=nonce):
                self.history.note(text, WRITE, True, begun_at=begun, ended_at=time.monotonic())
                self.posts.append(text)
                if shown := re.search(r'id="post-(\d+)"', answer.text):
                    self._read_post(text, f"/feed/{shown[1]}/")
                else:
                    self.unexpected.append(f"a post that is not shown: {answer.text[:2000]}")
                return
        self.history.note(text, WRITE, True, begun_at=begun)

    def _read_post(self, text: str, path: str) -> None:
        begun = time.monotonic()
        if page := self._page(path):
            is_there = page.status == 200 and text in page.text
            self.history.note(text, READ, is_there, begun_at=begun, ended_at=time.monotonic())

    def _like(self, value: int) -> None:
        """Each attempt is one of its own: twice is the same as once, one without an answer may be late."""
        while not self._stop.is_set():
            begun = time.monotonic()
            if self._sent(f"/discussion/feed.post/{self.talk}/reaction/", value=str(value)):
                self.history.note(self.likes, WRITE, value, begun_at=begun, ended_at=time.monotonic())
                return
            self.history.note(self.likes, WRITE, value, begun_at=begun)

    def _comment(self, text: str) -> None:
        begun, nonce = time.monotonic(), uuid4().hex
        while not self._stop.is_set():
            if self._sent(f"/discussion/feed.post/{self.talk}/comments/", text=text, nonce=nonce):
                self.history.note(COMMENTS, ADD, 1, begun_at=begun, ended_at=time.monotonic())
                self.comments.append(text)
                return
        self.history.note(COMMENTS, ADD, 1, begun_at=begun)

    def _read_talk(self) -> None:
        begun = time.monotonic()
        page = self._page(f"/discussion/feed.post/{self.talk}/comments/")
        if page is None:
            return
        ended = time.monotonic()
        liked, count = _LIKED.search(page.text), _COUNT.search(page.text)
        if liked is None or count is None:
            self.unexpected.append(f"{page.status}, a page without its figures: {page.text[:2000]}")
            return
        value = int(liked[1] == "true")
        self.history.note(self.likes, READ, value, begun_at=begun, ended_at=ended)
        # What others wrote may come from a replica: as if it had been asked for so much earlier.
        self.history.note(COMMENTS, READ, int(count[1] or 0), begun_at=begun - OLDEST, ended_at=ended)

    def _sent(self, path: str, **fields: str) -> Answer | None:
        """None where it was in vain; then it is sent again."""
        answer = self._through(self.writes, lambda: self.browser.post(path, **fields))
        if answer and answer.status != 200:
            self.unexpected.append(f"{answer.status} to a form of {path}: {answer.text[:2000]}")
            return None
        return answer

    def _page(self, path: str) -> Answer | None:
        """None where it was in vain."""
        answer = self._through(self.reads, lambda: self.browser.get(path))
        if answer and answer.status not in (200, 404):
            self.unexpected.append(f"{answer.status} to {path}: {answer.text[:2000]}")
            return None
        return answer

    def _through(self, pause: Pause, ask: Callable[[], Answer]) -> Answer | None:
        if answer := self._tried(pause, ask):
            pause.through()
        return answer


COMMENTS = "comments"


def promised(colleagues: Sequence[Colleague]) -> dict[str, Model]:
    """What holds of each object that they noted something of."""
    models: dict[str, Model] = {COMMENTS: Counter()}
    for one in colleagues:
        models[one.likes] = Register(0)
        models |= {text: Register(False) for text in tuple(one.posts)}
    return models
