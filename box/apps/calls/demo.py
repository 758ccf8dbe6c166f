"""Calls of the demonstration company with its clients, as another exchange would have told of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from box.apps.calls.actions.misses import recount_misses
from box.apps.calls.models import LoggedCall, Participant
from box.apps.calls.permissions import audience_of
from box.core.registry.company import company_zone
from box.lib.bulk import analyze, copy_rows, reserve_ids

if TYPE_CHECKING:
    from box.core.registry.demo import Company

DAYS = 30
FEWEST, MOST = 100, 3000
A_CLIENT = 8
LINES = ("+74951234500", "+74951234501")
QUEUES = ("sales", "", "service")
FIELDS = (
    *("id", "external_key", "direction", "result", "number", "caller_name", "line", "queue", "started_at"),
    *("answered_at", "ended_at", "wait_seconds", "talk_seconds", "user", "is_missed", "settled_at"),
    *("settled_by", "note", "is_held", "audience", "is_private"),
)


def telephone(company: Company) -> None:
    """Two of three come in; one in eight of these is missed, and most of the missed are called back."""
    numbers = company.client_numbers
    count = min(MOST, max(FEWEST, A_CLIENT * len(numbers))) if numbers else 0
    staff = [*company.people[: max(2, len(company.people) // 20)], *company.hosts]
    company.tell(f"{count} calls")
    zone = company_zone()
    made = [_Made.drawn(company, numbers, staff, zone) for _number in range(count)]
    ids = reserve_ids(LoggedCall, count)
    copy_rows(LoggedCall, FIELDS, _calls(ids, made))
    copy_rows(
        Participant,
        ("logged", "user", "leg", "is_called", "began_at", "answered_at", "ended_at", "holds_leg"),
        (
            (pk, one.user, f"demo-{pk}", one.is_in, one.at, one.answered_at, one.ended_at, "")
            for pk, one in zip(ids, made, strict=True)
        ),
    )
    analyze(LoggedCall, Participant)
    recount_misses(sorted({one.user for one in made if one.is_missed}))


@dataclass(frozen=True)
class _Made:
    number: str
    user: int
    is_in: bool
    at: datetime
    wait: int
    talk: int
    line: str
    queue: str
    returned_at: datetime | None

    @classmethod
    def drawn(cls, company: Company, numbers: Sequence[str], staff: Sequence[int], zone: ZoneInfo) -> _Made:
        random = company.random
        is_in = random.random() < 2 / 3
        day = (company.now - timedelta(days=random.randrange(1, DAYS))).astimezone(zone)
        at = day.replace(hour=random.randrange(9, 18), minute=random.randrange(60))
        is_answered = random.random() < (7 / 8 if is_in else 3 / 4)
        returned_at = at + timedelta(minutes=random.randrange(5, 30))
        return cls(
            number=random.choice(numbers),
            user=random.choice(staff),
            is_in=is_in,
            at=at,
            wait=random.randrange(3, 40),
            talk=random.randrange(20, 900) if is_answered else 0,
            line=random.choice(LINES),
            queue=random.choice(QUEUES) if is_in else "",
            returned_at=returned_at if is_in and not is_answered and random.random() < 0.8 else None,
        )

    @property
    def is_missed(self) -> bool:
        return self.is_in and not self.talk

    @property
    def answered_at(self) -> datetime | None:
        return self.at + timedelta(seconds=self.wait) if self.talk else None

    @property
    def ended_at(self) -> datetime:
        return self.at + timedelta(seconds=self.wait + self.talk)


def _calls(ids: Sequence[int], made: Sequence[_Made]) -> Iterator[tuple[object, ...]]:
    audiences = {user: audience_of([user]) for user in {one.user for one in made}}
    for pk, one in zip(ids, made, strict=True):
        direction = LoggedCall.Direction.IN if one.is_in else LoggedCall.Direction.OUT
        result = LoggedCall.Result.ANSWERED if one.talk else LoggedCall.Result.NO_ANSWER
        yield (
            *(pk, f"demo-{pk}", direction, result, one.number, "", one.line, one.queue, one.at),
            *(one.answered_at, one.ended_at, one.wait, one.talk, one.user, one.is_missed),
            *(one.returned_at, one.user if one.returned_at else None, "", False, audiences[one.user], False),
        )
