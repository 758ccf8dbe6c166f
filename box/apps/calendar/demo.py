"""What people of the demonstration company have planned: stand-ups of departments, meetings, two rooms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from box.apps.calendar.models import Attendance, Calendar, Color, Event, Room
from box.core.access.principals import EVERYONE, is_private
from box.core.registry.company import TIME_ZONE, company_zone
from box.core.registry.demo import Company
from box.lib.bulk import analyze

TITLES = (
    "Встреча с клиентом",
    "Budget",
    "Собеседование",
    "Review of the quarter",
    "Обсуждение договора",
    "Call with the supplier",
    "Обучение",
    "One to one",
)
ROOMS = (("Байкал", 12, "Экран, видеосвязь"), ("Ладога", 6, "Доска"))
BATCH = 2000

type Planned = tuple[Event, list[int]]
"""An event, and who takes part."""

DAYS = range(-10, 15)
PER_PERSON, PER_HOST = 2, 12


def plan(company: Company) -> None:
    company.tell(f"{company.employees * PER_PERSON + len(company.hosts) * PER_HOST} events")
    Room.objects.bulk_create(
        Room(name=name, capacity=capacity, equipment=equipment, bookers=[EVERYONE])
        for name, capacity, equipment in ROOMS
    )
    _store(company, list(_stand_ups(company)))
    _store(company, list(_meetings(company)))
    analyze(Event, Attendance, Calendar)


def _stand_ups(company: Company) -> Iterator[Planned]:
    """On weekdays at half past nine, by anybody."""
    begin = _at(company.now - timedelta(days=60), 9, 30)
    # A series begins on a day of its own rule.
    begin -= timedelta(days=begin.weekday())
    for department in company.departments:
        calendar = Calendar(code=f"DR{department}", is_main=True, color=Color.SKY)
        people = [company.random.choice(company.people)]
        event = _event(calendar, "Планёрка", begin, timedelta(minutes=15), people)
        event.rule, event.span = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", DateTimeTZRange(event.starts_at, None)
        yield event, people


def _meetings(company: Company) -> Iterator[Planned]:
    random = company.random
    for organizer in [*company.people, *company.hosts]:
        calendar = Calendar(code=f"U{organizer}", is_main=True, color=Color.SPRUCE)
        for _number in range(PER_HOST if organizer in company.hosts else PER_PERSON):
            others = random.sample(company.people, k=min(3, len(company.people)))
            people = [organizer, *(pk for pk in others if pk != organizer)]
            day = company.now + timedelta(days=random.choice(DAYS))
            start = _at(day, random.randrange(10, 17), random.choice((0, 30)))
            length = timedelta(minutes=random.choice((30, 60, 120)))
            yield _event(calendar, random.choice(TITLES), start, length, people), people


def _event(calendar: Calendar, title: str, start: datetime, length: timedelta, people: list[int]) -> Event:
    """The first of the people has made it."""
    audience = sorted({calendar.code, *(f"U{pk}" for pk in people)})
    return Event(
        calendar=calendar, organizer_id=people[0], changed_by_id=people[0], title=title, starts_at=start,
        ends_at=start + length, zone=TIME_ZONE.value, span=DateTimeTZRange(start, start + length),
        audience=audience, is_private=is_private(audience), created_at=start, changed_at=start,
    )  # fmt: skip


def _store(company: Company, planned: list[Planned]) -> None:
    calendars = {event.calendar.code: event.calendar for event, _people in planned}
    # Who administers the box may have looked at theirs before.
    calendars |= {one.code: one for one in Calendar.objects.filter(code__in=calendars, is_main=True)}
    Calendar.objects.bulk_create((one for one in calendars.values() if not one.pk), batch_size=BATCH)
    for event, _people in planned:
        event.calendar = calendars[event.calendar.code]
    Event.objects.bulk_create([event for event, _people in planned], batch_size=BATCH)
    answers = [Attendance.Answer.ACCEPTED, Attendance.Answer.TENTATIVE, Attendance.Answer.WAITING]
    Attendance.objects.bulk_create(
        (
            Attendance(
                event=event, user_id=pk, span=event.span,
                answer=answers[0] if pk == event.organizer_id else company.random.choice(answers),
            )
            for event, people in planned
            for pk in people
        ),
        batch_size=BATCH,
    )  # fmt: skip


def _at(day: datetime, hour: int, minute: int) -> datetime:
    return day.astimezone(company_zone()).replace(hour=hour, minute=minute, second=0, microsecond=0)
