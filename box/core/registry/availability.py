"""Saying clearly what doesn't work, while everything else does.

A full disk leaves reading; a database that is away leaves a page that says so, at once. In a cluster another
machine takes over within seconds: who only reads waits for it. Nobody ever sees an error that is not theirs
to solve.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from box.core.registry import health
from box.lib.replicas import alias_for_reads

# With the two by which programs look into calendars and address books (RFC 4918, RFC 3253).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"})

READ_ONLY_STATE = "25006"  # a copy, or a database that was set read-only
DISK_FULL_STATE = "53100"
# Connections refused, cut or used up; those without a state never reached a server.
AWAY_STATES = ("08", "53300", "57P01", "57P02", "57P03")


class Trouble(Enum):
    """What the portal cannot do now; with the seconds after which trying again makes sense."""

    READ_ONLY = 60
    NO_LEADER = 15
    DATABASE_AWAY = 5
    FILE_TO_COME = 30


class NotNow(Exception):
    """Whoever raises it says what cannot be done now. Left to itself it is answered so, wherever it was
    raised."""

    trouble: Trouble


def trouble_of(error: BaseException | None) -> Trouble | None:
    """What an error says about the box; None if it is about a query, or a mistake."""
    if isinstance(error, NotNow):
        return error.trouble
    if not isinstance(error, Error):
        return None
    state: str | None = getattr(error.__cause__ or error, "sqlstate", None)
    if state == READ_ONLY_STATE:
        return _why_read_only()
    if state == DISK_FULL_STATE:
        return Trouble.READ_ONLY
    if state is None:
        # Without a word from the server: not reached, lost, or no connection to spare within the pool's wait.
        return Trouble.DATABASE_AWAY if isinstance(error, OperationalError | InterfaceError) else None
    return Trouble.DATABASE_AWAY if state.startswith(AWAY_STATES) else None


def _why_read_only() -> Trouble:
    """A single box has no copies that would refuse."""
    return Trouble.NO_LEADER if settings.NODE and not health.is_disk_full() else Trouble.READ_ONLY


class Outage:
    """Remembers that the database is away, so that not every request waits to find it out.

    Without it a few requests waiting for a connection would occupy all threads, and this worker could not
    even say that it is healthy. One request in a while goes through and tries.
    """

    PAUSE_SECONDS = 0.25
    # Longer than a trial can take: the pool's wait for a connection.
    TRIAL_SECONDS = 5.0
    # Longer than the lead of a database takes to move. All threads may wait for it meanwhile; a bit longer,
    # and the balancer, which asks three times whether this worker is well, would take it for dead.
    YOUNG_SECONDS = 8.0
    LOOK_SECONDS = 0.05

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._next_trial: float | None = None
        self._begun_at: float | None = None

    def begin(self) -> None:
        with self._lock:
            now = self._clock()
            self._next_trial = now + self.PAUSE_SECONDS
            self._begun_at = self._begun_at or now

    def notice(self) -> None:
        """Somebody cannot be answered now; others may be."""
        with self._lock:
            self._begun_at = self._begun_at or self._clock()

    def end(self) -> None:
        self._next_trial = self._begun_at = None

    def wait(self) -> None:
        """For a moment."""
        self._sleep(self.LOOK_SECONDS)

    def is_young(self) -> bool:
        """Whether waiting for its end makes sense."""
        begun_at = self._begun_at
        return begun_at is not None and self._clock() - begun_at < self.YOUNG_SECONDS

    def refuses(self) -> bool:
        """Whether to answer without trying. False makes the caller's request the trial."""
        if self._next_trial is None:
            return False
        with self._lock:
            now = self._clock()
            if self._next_trial is None or now < self._next_trial:
                return self._next_trial is not None
            self._next_trial = now + self.TRIAL_SECONDS
            return False


outage = Outage()


class AvailabilityMiddleware:
    """Answers the probes, refuses what cannot be done now, and turns the database's errors into a clear word.

    Stands below what serves static files, which need no database, and above everything that asks it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if probe := health.PROBES.get(request.path):
            return probe(request)
        if request.method not in SAFE_METHODS and health.is_read_only():
            return answer(request, _why_read_only())
        response = self._attempt(request)
        while _is_away(response) and _can_wait(request):
            outage.wait()
            # What one request leaves to the next is looked at between them, and not between its attempts.
            for one in connections.all(initialized_only=True):
                one.close_if_unusable_or_obsolete()
            response = self._attempt(request)
        if response.status_code != 503:
            outage.end()
        return response

    def _attempt(self, request: HttpRequest) -> HttpResponse:
        while outage.refuses():
            if not _can_wait(request):
                return answer(request, Trouble.DATABASE_AWAY)
            outage.wait()
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer_to(request, exception)


def _can_wait(request: HttpRequest) -> bool:
    """Whether it may be asked again, by somebody for whom the next leader is worth waiting for. Programs,
    which have no session, may write with a GET."""
    is_repeatable = request.method in ("GET", "HEAD") and settings.SESSION_COOKIE_NAME in request.COOKIES
    return bool(settings.NODE) and is_repeatable and outage.is_young()


def _is_away(response: HttpResponse) -> bool:
    return isinstance(response, Refusal) and response.trouble is Trouble.DATABASE_AWAY


def answer_to(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """The answer to a request that failed so; None if the box is well and the error is a mistake in it."""
    trouble = trouble_of(error)
    # A replica that is lost in the middle of a page is no outage: the leader is asked at once.
    if trouble is Trouble.DATABASE_AWAY and alias_for_reads() == DEFAULT_DB_ALIAS:
        outage.begin()
    return answer(request, trouble) if trouble else None


class Refusal(HttpResponse):
    """That something cannot be done now."""

    def __init__(self, content: str, trouble: Trouble, content_type: str | None = None) -> None:
        super().__init__(content, content_type=content_type, status=503)
        self.trouble = trouble
        self.headers["Retry-After"] = str(trouble.value)
        self.headers["Cache-Control"] = "no-store"


def answer(request: HttpRequest, trouble: Trouble) -> Refusal:
    """503: a whole page for people, the bare sentence for htmx and programs. Asks the database nothing."""
    with translation.override(translation.get_language_from_request(request)):
        if trouble is Trouble.READ_ONLY:
            title = _("The box can only be read right now")
            text = _(
                "There is no space left to write to. Your administrator has been told; reading goes on,"
                " and what you wrote is kept."
            )
        elif trouble is Trouble.NO_LEADER:
            title = _("The box can only be read right now")
            text = _(
                "Too few of its machines answer for anything to be saved. Reading goes on, and what you wrote"
                " is kept: try again in a minute."
            )
        elif trouble is Trouble.FILE_TO_COME:
            title = _("This file is on its way back")
            text = _(
                "The box was brought back from a backup, and its older files follow one by one. This one is"
                " brought before the others now: try again in a minute."
            )
        else:
            title = _("The box will be back in a moment")
            text = _("Its database does not answer. What was saved is safe: try again in a moment.")
        if "HX-Request" not in request.headers and request.accepts("text/html"):
            return Refusal(render_to_string("503.html", {"title": title, "text": text}), trouble)
        return Refusal(text, trouble, "text/plain; charset=utf-8")
