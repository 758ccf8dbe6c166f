"""Reads on replicas of the database: when a request may, and how everybody reads what they have written.

The node's member notes each second how far the leader had come at that moment (`appliance.cluster.position`).
A replica that has all of that is not older than the note, whatever it says of itself; with a note that is too
old nobody reads from one. Whoever has just written has a cookie, which says how far a replica must have come
for them.

While nobody leads, a copy answers in the leader's place (`appliance.services.router`). One that lacks what
was noted last, or what somebody wrote, shows them nothing: it may have stood still for hours before.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.signing import BadSignature
from django.db import Error, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse

from box.core.registry.availability import Trouble, answer, outage
from box.lib.pages import wants_part
from box.lib.replicas import REPLICA, Reading, current, reading_from

logger = logging.getLogger(__name__)

COOKIE = "__Host-position"
OLDEST = 3.0
"""Seconds that a note may be old, and so what anybody reads."""
COOKIE_SECONDS = 10
"""Longer than OLDEST: what was written before that is in every replica that is read from."""
AWAY_SECONDS = 5.0
"""Until a replica is tried again that could not be reached."""
NOT_LAST = frozenset({404, 500, 503})
"""Statuses by which a page that was read from a replica is made once more."""
NOTE = "position"
_VERDICT = "replica_verdict"
_BEYOND = 1 << 63
"""No replica has come so far: for who wrote, and nobody knows where."""
_REPLAYED = """
SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END
     - '0/0'::pg_lsn
"""
_WRITTEN = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


class Verdict(StrEnum):
    """From where a request reads, and why."""

    REPLICA = "replica"
    BEHIND = "behind"
    """The replica lacks what the leader had, or what this person wrote."""
    UNKNOWN = "unknown"
    """Nobody has noted how far the leader is."""
    AWAY = "away"
    """No replica is reached."""
    LEADER = "leader"
    """It writes, or shows what others have just been told of."""


@dataclass(frozen=True)
class Note:
    """How far the leader was, in bytes of its log, and how many seconds ago."""

    position: int
    age: float


def judge(replayed: int, note: Note | None, *, own: int) -> Verdict:
    """Whether a replica that has come so far may be read from, by somebody whose last write is at `own`."""
    if note is None or not 0 <= note.age <= OLDEST:
        return Verdict.UNKNOWN
    return Verdict.REPLICA if replayed >= max(note.position, own) else Verdict.BEHIND


def noted(file: Path) -> Note | None:
    """Two numbers: bytes, and nanoseconds of the machine's monotonic clock."""
    try:
        position, at = map(int, file.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return Note(position, (time.monotonic_ns() - at) / 1e9)


class Replicas:
    """This worker's view of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._away_until = 0.0
        self.verdicts: Counter[str] = Counter()

    def verdict(self, own: int) -> Verdict:
        note = noted(settings.STATE_DIR / NOTE)
        # Without a note nothing that a replica says would help.
        if judge(_BEYOND, note, own=0) is not Verdict.REPLICA:
            return Verdict.UNKNOWN
        if self._clock() < self._away_until:
            return Verdict.AWAY
        try:
            return judge(_replayed(), note, own=own)
        except Error:
            self.lose()
            return Verdict.AWAY

    def lose(self) -> None:
        """It was not reached, or is so no longer: a connection that was kept is not used again."""
        connections[REPLICA].close()
        self._away_until = self._clock() + AWAY_SECONDS


def _replayed() -> int:
    try:
        return _asked()
    except Error:
        # A connection that was kept, to a replica that has become something else: once more with a new one.
        connections[REPLICA].close()
        return _asked()


def _asked() -> int:
    with connections[REPLICA].cursor() as cursor:
        cursor.execute(_REPLAYED)
        return int(cursor.fetchone()[0])


replicas = Replicas()


class ReplicaMiddleware:
    """Lets the pages of people who are signed in be read from a replica.

    Who somebody is, and whether they may go on, is asked by the other middleware, also as late as in
    `process_view`: so this one stands below them all, and only its own `process_view` leaves the leader.
    What opens without a session (links, programs, sign-in) is the leader's: a link or a token that was just
    taken back opens nothing, and programs have no cookie that tells what they wrote. Parts of pages are its
    too: they are asked for because a message has told of something new.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if REPLICA not in settings.DATABASES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reading = Reading()
        with reading_from(reading):
            response = self.get_response(request)
        replicas.verdicts[vars(request).get(_VERDICT, Verdict.LEADER)] += 1
        if reading.alias == REPLICA and response.status_code in NOT_LAST and not reading.has_written:
            # Nothing is said to be missing, or wrong, because a replica does not have it yet, gave up a query
            # for what it had to replay, or was just lost.
            if response.status_code == 503:
                replicas.lose()
            with reading_from(Reading()):
                response = self.get_response(request)
        if request.user.is_authenticated and (reading.has_written or not _is_read(request)):
            remember(response)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., object], *_: object
    ) -> HttpResponse | None:
        reading = current()
        if reading is None:
            return None
        if is_too_old(own_position(request)):
            outage.notice()
            return answer(request, Trouble.DATABASE_AWAY)
        # What was answered from a replica and is made once more has its verdict already.
        if _VERDICT in vars(request):
            return None
        may = _is_read(request) and not wants_part(request) and _needs_session(request, view)
        verdict = replicas.verdict(own_position(request)) if may else Verdict.LEADER
        vars(request)[_VERDICT] = verdict
        if verdict is Verdict.REPLICA:
            reading.alias = REPLICA
        return None


def _is_read(request: HttpRequest) -> bool:
    return request.method in ("GET", "HEAD")


def _needs_session(request: HttpRequest, view: Callable[..., object]) -> bool:
    """Also of who has one: behind an address that is the key nobody's session counts."""
    return request.user.is_authenticated and bool(getattr(view, "login_required", True))


def own_position(request: HttpRequest) -> int:
    """Of the last that this browser has written; 0 where that was long ago. The browser forgets it in time:
    by the clock of this node, which another one has not signed it by, nobody could tell."""
    try:
        return int(request.get_signed_cookie(COOKIE, default="0", salt=COOKIE) or 0)
    except (BadSignature, ValueError):
        return 0


def is_too_old(own: int) -> bool:
    """Whether what answers in the leader's place lacks something: the last that was noted of the leader, for
    which a note is good at any age, or what somebody wrote at `own`."""
    if not _is_copy(connection):
        return False
    note = noted(settings.STATE_DIR / NOTE)
    with connection.cursor() as cursor:
        cursor.execute(_REPLAYED)
        return int(cursor.fetchone()[0]) < max(note.position if note else 0, own)


def _is_copy(to: BaseDatabaseWrapper) -> bool:
    """As the server itself tells everybody who is connected, without being asked (PostgreSQL 14)."""
    known = to.connection
    return known is not None and known.info.parameter_status("in_hot_standby") == "on"


def remember(response: HttpResponse) -> None:
    """Whoever has written reads nothing older from now on."""
    position = _BEYOND
    try:
        with connection.cursor() as cursor:
            cursor.execute(_WRITTEN)
            position = int(cursor.fetchone()[0])
    except Error:
        # Nobody knows how far it is, so this browser reads from the leader for a while.
        logger.warning("The position of a write is not known", exc_info=True)
    response.set_signed_cookie(
        COOKIE, str(position), salt=COOKIE, max_age=COOKIE_SECONDS, secure=True, httponly=True, samesite="Lax"
    )
