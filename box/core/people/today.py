"""Who is new, whose birthday it is, who is away today: what is said beside the feed and the list of people.

Read once a process and day, and anew when it has changed: a page of the feed pays nothing for it.

A birthday of the 29th of February is on the 28th in a year that has none.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Value
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.accounts.models import Face, User
from box.core.people.models import Absence
from box.core.registry.company import company_day
from box.core.registry.environment import format_date
from box.core.registry.settings import Remembered

AHEAD = 7
"""Days in which a birthday is near."""
MOST_NEW = 5
MOST_BIRTHDAYS = 30
REREAD_MINUTES = 5
"""Who has just come is here so soon: an import of thousands makes nobody read anew for each of them."""


@dataclass(frozen=True)
class Out:
    """Somebody who is away today: `kind` as everybody may know it."""

    face: Face
    kind: str
    until: date

    @property
    def said(self) -> str:
        kind = str(Absence.Kind(self.kind).label)
        return _("%(kind)s until %(day)s") % {"kind": kind, "day": format_date(self.until)}


@dataclass(frozen=True)
class Birthday:
    face: Face
    on: date
    """The day of this year, or of the next one."""


@dataclass(frozen=True, eq=False)
class Today:
    on: date
    new: tuple[Face, ...]
    birthdays: tuple[Birthday, ...]
    out: Mapping[int, Out]
    """By the person's id, in the order of names."""

    @property
    def born_today(self) -> list[Birthday]:
        return [one for one in self.birthdays if one.on == self.on]

    @property
    def born_soon(self) -> list[Birthday]:
        return [one for one in self.birthdays if one.on > self.on]


def days_of_birth(day: date) -> set[int]:
    """Who has a birthday on this day: their months and days as one number, 1124 for the 24th of November."""
    found = {day.month * 100 + day.day}
    return found | {229} if found == {228} and not isleap(day.year) else found


def birthdays_on(days: list[date]) -> dict[int, date]:
    """By such a number the day on which it is celebrated."""
    return {number: day for day in reversed(days) for number in days_of_birth(day)}


def kind_for_all(kind: str) -> str:
    """What everybody may know of it."""
    return Absence.Kind.OTHER if kind == Absence.Kind.SICK else kind


def read(now: datetime | None = None) -> Today:
    """In two queries."""
    moment = now or timezone.now()
    day = company_day(moment)
    celebrated = birthdays_on([day + timedelta(days=number) for number in range(AHEAD + 1)])
    columns = ("pk", "first_name", "last_name", "login", "photo_id", "birthday_number")
    here = User.objects.active().employees()
    new = here.new(moment).annotate(what=Value("new")).order_by("-joined_at")
    born = here.filter(birthday_number__in=celebrated).exclude(birthday_shown=User.BirthdayShown.NOBODY)
    born = born.annotate(what=Value("born")).order_by("birthday_number", "sort_name")
    newest = new.values_list("what", *columns)[:MOST_NEW]
    rows = list(newest.union(born.values_list("what", *columns)[:MOST_BIRTHDAYS], all=True))
    away = Absence.objects.on(day).filter(user__status=User.Status.ACTIVE, user__is_extranet=False)
    return Today(
        on=day,
        new=tuple(_face(*row) for what, *row in rows if what == "new"),
        birthdays=tuple(
            sorted(
                (Birthday(_face(*row), celebrated[row[-1]]) for what, *row in rows if what == "born"),
                key=lambda one: one.on,
            )
        ),
        out={
            one.user_id: Out(one.user.face, kind_for_all(one.kind), one.ends_on)
            for one in away.select_related("user").order_by("user__sort_name")
        },
    )


def _face(pk: int, first_name: str, last_name: str, login: str, photo_id: int | None, _born: int) -> Face:
    person = User(pk=pk, first_name=first_name, last_name=last_name, login=login, photo_id=photo_id)
    return person.face


def _slot() -> Hashable:
    now = timezone.now()
    return company_day(now), int(now.timestamp()) // (60 * REREAD_MINUTES)


today: Remembered[Today] = Remembered(read, within=_slot)
