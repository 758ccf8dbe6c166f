"""Wrong passwords are passed on to the directory fewer times than lock an account there.

Counted for an account, however it was named and from wherever it was tried, and for a name that nobody has
just the same. A password is counted before it is passed on, so that many at once are no way round; the
directory counts from the last wrong one, and so does this.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection as database
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from box.bridges.directory.models import Connection, Tries
from box.core.accounts.digests import digest

# The directory may have counted a little after us: its clock begins when a password has reached it.
SLACK = timedelta(minutes=1)
# Kept for browsers in which the person has signed in before: strangers cannot use all of it up.
RESERVED = 1
LONGEST = timedelta(days=1)

_ONE_LESS_PENDING = Greatest(F("pending") - 1, 0)


class LockedOut(Exception):
    """No more until the directory has forgotten those before."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(wait)
        self.wait = wait


@dataclass(frozen=True)
class Budget:
    """Of one account: `who` is its stable id, or the name that nobody has."""

    connection: Connection
    who: str
    is_known_browser: bool = False

    @property
    def key(self) -> str:
        return digest(f"directory:{self.connection.pk}:{self.who}")

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.connection.sign_in.attempts_minutes) + SLACK

    @property
    def most(self) -> int:
        attempts = self.connection.sign_in.attempts
        return attempts if self.is_known_browser else max(attempts - RESERVED, 1)

    def take(self) -> int:
        """Counts one that is about to be passed on; how many were wrong before. Raises LockedOut."""
        now = timezone.now()
        given: dict[str, str | int | datetime] = {
            "key": self.key, "now": now, "old": now - self.window, "most": self.most,
        }  # fmt: skip
        with database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO directory_tries AS t (key, failed, pending, last_at)"
                " VALUES (%(key)s, 0, 1, %(now)s)"
                " ON CONFLICT (key) DO UPDATE SET"
                " failed = CASE WHEN t.last_at <= %(old)s THEN 0 ELSE t.failed END,"
                " pending = CASE WHEN t.last_at <= %(old)s THEN 1 ELSE t.pending + 1 END,"
                " last_at = %(now)s"
                " WHERE t.last_at <= %(old)s OR t.failed + t.pending < %(most)s"
                " RETURNING failed",
                given,
            )
            row = cursor.fetchone()
        if row is None:
            last = Tries.objects.filter(pk=self.key).values_list("last_at", flat=True).first()
            raise LockedOut(max((last or now) + self.window - now, timedelta(seconds=1)))
        return int(row[0])

    def was_wrong(self) -> None:
        now = timezone.now()
        self._tries.update(failed=F("failed") + 1, pending=_ONE_LESS_PENDING, last_at=now)

    def was_right(self, before: int) -> None:
        """The directory forgets what came before this one; what was on its way beside it may come after."""
        self._tries.update(failed=Greatest(F("failed") - before, 0), pending=_ONE_LESS_PENDING)

    def was_not_counted(self) -> None:
        """By the directory: it wasn't asked, or found the password right and refused for another reason."""
        self._tries.update(pending=_ONE_LESS_PENDING)

    @property
    def _tries(self) -> QuerySet[Tries]:
        return Tries.objects.filter(pk=self.key)


def forget(now: datetime) -> int:
    """What is older than any directory remembers; how many that were."""
    return Tries.objects.filter(last_at__lt=now - LONGEST).delete()[0]
