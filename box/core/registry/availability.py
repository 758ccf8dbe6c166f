"""Saying clearly what doesn't work, while everything else does.

A full disk leaves reading; a database that is away leaves a page that says so, at once. Nobody ever sees an
error that is not theirs to solve.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError
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

    PAUSE_SECONDS = 1.0
    # Longer than a trial can take: the pool's wait for a connection.
    TRIAL_SECONDS = 5.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._next_trial: float | None = None

    def begin(self) -> None:
        with self._lock:
            self._next_trial = self._clock() + self.PAUSE_SECONDS

    def end(self) -> None:
        self._next_trial = None

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
        if outage.refuses():
            return answer(request, Trouble.DATABASE_AWAY)
        response = self.get_response(request)
        if response.status_code != 503:
            outage.end()
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer_to(request, exception)


def answer_to(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """The answer to a request that failed so; None if the box is well and the error is a mistake in it."""
    trouble = trouble_of(error)
    # A replica that is lost in the middle of a page is no outage: the leader is asked at once.
    if trouble is Trouble.DATABASE_AWAY and alias_for_reads() == DEFAULT_DB_ALIAS:
        outage.begin()
    return answer(request, trouble) if trouble else None


def answer(request: HttpRequest, trouble: Trouble) -> HttpResponse:
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
            response = HttpResponse(render_to_string("503.html", {"title": title, "text": text}), status=503)
        else:
            response = HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")
    response.headers["Retry-After"] = str(trouble.value)
    response.headers["Cache-Control"] = "no-store"
    return response
