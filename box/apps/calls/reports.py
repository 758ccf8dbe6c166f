"""What the log adds up to: by person, queue, hour and day; and who does what at this moment.

Of a period and of the calls that the reader sees: whoever sees their own has a report of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import Avg, Count, F, Max, Q, Sum
from django.db.models.functions import ExtractHour, TruncDate

from box.apps.calls.access import people_seen_by
from box.apps.calls.models import LoggedCall, LoggedCallQuerySet, Participant
from box.apps.calls.settings import ANSWERS_WITHIN
from box.bridges.telephony.models import Call, Extension, QueueMember
from box.core.accounts.models import User
from box.core.registry.company import company_zone

if TYPE_CHECKING:
    from django.db.models import QuerySet

LONGEST_PERIOD = timedelta(days=366)
MOST_PEOPLE = 500
_IN, _OUT = Q(direction=Call.Direction.IN), Q(direction=Call.Direction.OUT)
_ANSWERED = Q(answered_at__isnull=False)
# Who hangs up at once has dialled wrongly, and waited for nobody.
GAVE_UP_AT_ONCE = 5


@dataclass(frozen=True)
class Figures:
    """Of the calls of a queue, or of all."""

    incoming: int = 0
    answered: int = 0
    missed: int = 0
    in_time: int = 0
    """Answered within the time that the company means to."""
    gave_up_at_once: int = 0
    outgoing: int = 0
    reached: int = 0
    talk_seconds: int = 0
    mean_wait: int = 0
    longest_wait: int = 0

    @property
    def service_level(self) -> int | None:
        """Percent of the calls that came in, but for those who hung up at once."""
        counted = self.incoming - self.gave_up_at_once
        return round(100 * self.in_time / counted) if counted > 0 else None

    @property
    def abandonment(self) -> int | None:
        counted = self.incoming - self.gave_up_at_once
        return round(100 * (self.missed - self.gave_up_at_once) / counted) if counted > 0 else None


@dataclass(frozen=True)
class OfPerson:
    person: User
    answered: int
    not_answered: int
    """Their telephone rang in vain, and nobody else took it."""
    outgoing: int
    talk_seconds: int


@dataclass(frozen=True)
class OfHour:
    hour: int
    answered: int
    missed: int
    share: int
    """Of the busiest hour, in percent."""


@dataclass(frozen=True)
class Report:
    all: Figures
    queues: Sequence[tuple[str, Figures]]
    people: Sequence[OfPerson]
    hours: Sequence[OfHour]
    days: Sequence[tuple[date, Figures]]
    """By the company's clock, those on which somebody called."""


def report(user: User, first: date, last: date) -> Report:
    """Of these days, both included, by the company's clock. In five queries."""
    calls = between(LoggedCall.objects.visible_to(user), first, last).over()
    queues = calls.values("queue").annotate(**_sums()).order_by("queue")
    day = TruncDate("started_at", tzinfo=company_zone())
    days = calls.annotate(day=day).values("day").annotate(**_sums()).order_by("day")
    return Report(
        _figures(calls.aggregate(**_sums())),
        [(row["queue"], _figures(row)) for row in queues if row["queue"]],
        _people(calls),
        _hours(calls),
        [(row["day"], _figures(row)) for row in days],
    )


def between(calls: LoggedCallQuerySet, first: date, last: date) -> LoggedCallQuerySet:
    first = max(first, last - LONGEST_PERIOD)
    zone = company_zone()
    begin = datetime.combine(first, time(), zone)
    return calls.filter(
        started_at__gte=begin, started_at__lt=datetime.combine(last + timedelta(days=1), time(), zone)
    )


def _sums() -> Mapping[str, Count | Sum | Avg | Max]:
    in_time = _IN & _ANSWERED & Q(wait_seconds__lte=ANSWERS_WITHIN.value)
    return {
        "incoming": Count("id", filter=_IN),
        "answered": Count("id", filter=_IN & _ANSWERED),
        "missed": Count("id", filter=Q(is_missed=True)),
        "in_time": Count("id", filter=in_time),
        "gave_up_at_once": Count("id", filter=Q(is_missed=True, wait_seconds__lt=GAVE_UP_AT_ONCE)),
        "outgoing": Count("id", filter=_OUT),
        "reached": Count("id", filter=_OUT & _ANSWERED),
        "talk_seconds": Sum("talk_seconds"),
        "mean_wait": Avg("wait_seconds", filter=_IN & _ANSWERED),
        "longest_wait": Max("wait_seconds", filter=_IN),
    }


def _figures(row: Mapping[str, object]) -> Figures:
    return Figures(**{name: round(row[name] or 0) for name in _sums()})  # type: ignore[call-overload]


def _people(calls: QuerySet[LoggedCall]) -> list[OfPerson]:
    parts = Participant.objects.filter(logged__in=calls.order_by().values("pk"))
    # Whoever picks up a call that rings at another's telephone calls the PBX for it.
    taken = Q(is_called=True) | Q(logged__direction=LoggedCall.Direction.IN)
    rows = parts.values("user").annotate(
        answered=Count("logged", filter=taken & Q(answered_at__isnull=False), distinct=True),
        not_answered=Count("logged", filter=Q(is_called=True, logged__is_missed=True), distinct=True),
        outgoing=Count("logged", filter=~taken, distinct=True),
        talk=Sum(F("ended_at") - F("answered_at"), filter=Q(logged__answered_at__isnull=False)),
    )
    found = list(rows.order_by("user")[:MOST_PEOPLE])
    people = User.objects.in_bulk([row["user"] for row in found])
    counted = [
        OfPerson(
            people[row["user"]],
            row["answered"],
            row["not_answered"],
            row["outgoing"],
            round(row["talk"].total_seconds()) if row["talk"] else 0,
        )
        for row in found
    ]
    return sorted(counted, key=lambda one: (-one.talk_seconds, one.person.sort_name))


def _hours(calls: QuerySet[LoggedCall]) -> list[OfHour]:
    """Of the day, by the company's clock: when calls come in."""
    incoming = calls.filter(_IN).annotate(hour=ExtractHour("started_at", tzinfo=company_zone()))
    rows = (
        incoming.order_by()
        .values("hour")
        .annotate(answered=Count("id", filter=_ANSWERED), missed=Count("id", filter=Q(is_missed=True)))
    )
    by_hour = {row["hour"]: (row["answered"], row["missed"]) for row in rows}
    most = max((answered + missed for answered, missed in by_hour.values()), default=0) or 1
    hours = range(min(by_hour), max(by_hour) + 1) if by_hour else ()
    counted = ((hour, *by_hour.get(hour, (0, 0))) for hour in hours)
    return [
        OfHour(hour, answered, missed, round(100 * (answered + missed) / most))
        for hour, answered, missed in counted
    ]


# At this moment


@dataclass(frozen=True)
class Seat:
    """An employee at their telephone."""

    person: User
    extension: str
    state: str
    """free, paused, rings, dials or talks. Who is paused is passed over by a queue."""
    since: datetime | None


@dataclass(frozen=True)
class Wallboard:
    seats: Sequence[Seat]
    waiting: Sequence[LoggedCall]
    """Who is not answered yet, the longest first."""
    today: Figures
    unreturned: int


MOST_WAITING = 50
_ORDER = {"rings": 0, "talks": 1, "dials": 2, "free": 3, "paused": 4}


def wallboard(user: User, *, now: datetime) -> Wallboard:
    """Of the calls that the reader sees, and of the people whose calls they see."""
    visible = LoggedCall.objects.visible_to(user)
    day = now.astimezone(company_zone()).date()
    going = visible.going(now)
    waiting = going.filter(_IN, answered_at=None).order_by("started_at", "id")
    today = between(visible, day, day)
    return Wallboard(
        _seats(user, going, now),
        list(waiting[:MOST_WAITING]),
        _figures(today.over().aggregate(**_sums())),
        today.unreturned().count(),
    )


def _seats(user: User, going: QuerySet[LoggedCall], now: datetime) -> list[Seat]:
    extensions = Extension.objects.in_use().filter(user__in=people_seen_by(user)).select_related("user")
    busy = Participant.objects.busy(now).filter(logged__in=going.order_by().values("pk"))
    doing = {one.user_id: one for one in busy.order_by("began_at")}
    paused = set(QueueMember.objects.filter(is_paused=True).values_list("pbx", "endpoint"))
    seats = {}
    for extension in extensions.order_by("user__sort_name", "id")[:MOST_PEOPLE]:
        if extension.user is None or extension.user_id in seats or not extension.user.is_active:
            continue
        one = doing.get(extension.user.pk)
        since = (one.answered_at or one.began_at) if one else None
        idle = "paused" if (extension.pbx_id, extension.endpoint) in paused else "free"
        seats[extension.user_id] = Seat(extension.user, extension.number, one.state if one else idle, since)
    return sorted(seats.values(), key=lambda seat: _ORDER[seat.state])
