"""What stands in the calendar beside events: holidays, and who of one's own departments is away or born."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.core.access.principals import code_of, codes_of, people_behind
from box.core.accounts.models import User
from box.core.people.models import Absence
from box.core.people.today import birthdays_on
from box.core.portal.calendar import work_calendar
from box.core.registry.capabilities import CalendarLayer, LayerItem
from box.lib.workdays import DayKind

# A page shows a month, with its edges: colleagues of a department of hundreds would be noise.
MOST_PEOPLE = 200
LONGEST = timedelta(days=62)


def _days(since: datetime, before: datetime) -> list[date]:
    first, last = timezone.localtime(since).date(), timezone.localtime(before).date()
    return [first + timedelta(days=day) for day in range(min((last - first).days, LONGEST.days) + 1)]


def _near(reader: User) -> list[User]:
    """Oneself and those who share a department."""
    own = [code for code in codes_of(reader) if code.startswith("D") and not code.startswith("DR")]
    people = User.objects.visible_to(reader).active().filter(Q(pk=reader.pk) | people_behind(own))
    return list(people.distinct()[:MOST_PEOPLE])


def holidays(reader: User, since: datetime, before: datetime) -> Iterator[LayerItem]:
    calendar = work_calendar()
    names = {DayKind.OFF: _("Day off"), DayKind.WORKED: _("Working day"), DayKind.SHORT: _("Short day")}
    for day in _days(since, before):
        exception = calendar.exceptions.get(day)
        if exception is None:
            continue
        tone = "bad" if exception.kind == DayKind.OFF else "warn"
        yield LayerItem(str(day), exception.name or names[exception.kind], day, day, tone=tone)


def absences(reader: User, since: datetime, before: datetime) -> Iterator[LayerItem]:
    """That somebody is away, and until when; not why, as everybody may know it."""
    days = _days(since, before)
    away = Absence.objects.within(days[0], days[-1]).filter(user__in=[one.pk for one in _near(reader)])
    for one in away.select_related("user").order_by("starts_on", "pk"):
        url = reverse("people:person", args=[one.user_id])
        title = _("%(name)s is away") % {"name": one.user.name}
        yield LayerItem(str(one.pk), title, one.starts_on, one.ends_on, url=url)


def birthdays(reader: User, since: datetime, before: datetime) -> Iterator[LayerItem]:
    by_number = birthdays_on(_days(since, before))
    nobody = User.BirthdayShown.NOBODY
    for one in _near(reader):
        if one.birthday_number not in by_number or one.birthday_shown == nobody:
            continue
        day = by_number[one.birthday_number]
        url = reverse("people:person", args=[one.pk])
        yield LayerItem(f"{code_of(one)}-{day}", one.name, day, day, url=url, tone="good")


HOLIDAYS = CalendarLayer(gettext_lazy("Holidays"), "flag", 10, holidays)
ABSENCES = CalendarLayer(gettext_lazy("Who is away"), "plane-departure", 20, absences)
BIRTHDAYS = CalendarLayer(gettext_lazy("Birthdays"), "cake", 30, birthdays)
