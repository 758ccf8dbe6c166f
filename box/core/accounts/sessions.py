"""The session engine: Django's database sessions, each with its person in a column."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import DEFAULT_DB_ALIAS
from django.db.models import DateTimeField, F
from django.http import HttpRequest
from django.utils import timezone

from box.core.accounts.models import Session, User
from box.core.accounts.policy import IDLE_HOURS, LONGEST_DAYS
from box.core.registry.capabilities import read_with_person
from box.core.registry.health import is_read_only
from box.core.registry.origin import address_of
from box.lib.prepared import Param, PreparedModels

SEEN_EVERY = timedelta(minutes=5)
HALF_OPEN_FOR = timedelta(hours=1)
ENTRANCE = "entrance"
"""From where and when the person came in; kept in the data, for the row is written anew with each change."""


def note_entrance(request: HttpRequest) -> None:
    """Remembers from where the person signs in. The address is the balancer's word."""
    request.session[ENTRANCE] = {
        "address": address_of(request) or None,
        "agent": request.headers.get("User-Agent", "")[:300],
        "at": timezone.now().isoformat(),
    }


def expiry_of(started_at: datetime, now: datetime) -> datetime:
    """When a session that is used now ends: after a while without use, and in any case some day."""
    idle, longest = timedelta(hours=IDLE_HOURS.value), timedelta(days=LONGEST_DAYS.value)
    return min(now + idle, started_at + longest)


_COLUMNS = [field.attname for field in Session._meta.concrete_fields]
# Every request asks one of them: of somebody signed in, their session with their row; of nobody, the session.
_PERSON = PreparedModels(
    lambda: (
        User.objects.active()
        .annotate(**dict(read_with_person.items()))
        .filter(sessions__session_key=Param("key"), sessions__expire_date__gt=Param("now", DateTimeField()))
        .annotate(**{f"session_{name}": F(f"sessions__{name}") for name in _COLUMNS})
    )
)
_SESSION = PreparedModels(
    lambda: Session.objects.filter(session_key=Param("key"), expire_date__gt=Param("now", DateTimeField()))
)


class SessionStore(DatabaseStore):
    row: Session | None = None
    person: User | None = None
    """Whose session it is, as the query that found it has read them; they may sign in."""

    def _get_session_from_db(self) -> Session | None:
        """As Django's own does, by a query that is composed once."""
        asked = {"key": self.session_key, "now": timezone.now()}
        self.person = next(iter(_PERSON.rows(**asked)), None)
        if self.person is not None:
            self.row = _session_with(self.person)
        else:
            self.row = next(iter(_SESSION.rows(**asked)), None)
        if self.row is None:
            self._session_key = None
        return self.row

    def touch(self, now: datetime) -> None:
        """It is being used. Written every few minutes at most, and never by a box that can only be read."""
        row = self.row
        if row is None or row.user_id is None or now - row.seen_at < SEEN_EVERY or is_read_only():
            return
        ends = expiry_of(row.started_at, now)
        Session.objects.filter(pk=row.pk).update(seen_at=now, expire_date=ends)

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """Of a session that begins or changes; one in which nobody has signed in yet soon ends."""
        now = timezone.now()
        if entrance := self.get(ENTRANCE):
            return expiry_of(datetime.fromisoformat(entrance["at"]), now)
        return now + (HALF_OPEN_FOR if SESSION_KEY not in self else timedelta(days=1))

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row: Session = super().create_model_instance(data)  # type: ignore[assignment]
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        if entrance := data.get(ENTRANCE):
            row.address, row.agent = entrance["address"], entrance["agent"]
            row.started_at = datetime.fromisoformat(entrance["at"])
        return row


def _session_with(person: User) -> Session:
    values = [person.__dict__[f"session_{name}"] for name in _COLUMNS]
    return Session.from_db(DEFAULT_DB_ALIAS, _COLUMNS, values)


def end_everybodys() -> int:
    """Nobody is signed in any more. How many sessions that were."""
    return Session.objects.all().delete()[0]
