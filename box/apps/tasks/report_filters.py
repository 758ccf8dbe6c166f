"""What a report counts, as filters of the list of tasks: each of its figures is an address of that list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.core.lists.filters import Context, Dates, Range, Reference, moments_of, period
from box.core.registry.filtering import Among, Moment
from box.core.structure.models import Membership
from box.core.structure.names import DEPARTMENT_KIND

if TYPE_CHECKING:
    from box.core.registry.filtering import Filterable


def worked_within(begin: datetime | None, end: datetime | None) -> Q:
    """Open at some time within: given before its end, and not over before its beginning."""
    found = Q() if end is None else Q(created_at__lt=end)
    return found if begin is None else found & (Q(closed_at=None) | Q(closed_at__gte=begin))


def late_within(begin: datetime | None, end: datetime | None) -> Q:
    """Open after its deadline at some time within, as far as that has come."""
    now = timezone.now()
    late = Q(deadline_at__lt=now if end is None else min(end, now))
    return late & worked_within(begin, end) & (Q(closed_at=None) | Q(closed_at__gt=F("deadline_at")))


@dataclass(frozen=True)
class _Within(Dates):
    """Of days, by a rule of both their ends."""

    rule: Callable[[datetime | None, datetime | None], Q] = worked_within

    def condition(self, field: Filterable, value: str | Range[date], context: Context) -> Q:
        return self.rule(*moments_of(*period(value, context)))


def _in_departments(ids: list[int]) -> Q:
    """Whoever is responsible works in one of them, and not only below it."""
    return Q(responsible__in=Membership.objects.filter(department__in=ids).values("user"))


_CREATED, _CLOSED, _DEADLINE = Moment("created_at"), Moment("closed_at"), Moment("deadline_at")
DURING = _Within("during", gettext_lazy("In work"), _CREATED, is_always_set=True)
CLOSED = Dates("closed", pgettext_lazy("task", "Completed"), _CLOSED, is_always_set=True)
LATE = _Within("late", gettext_lazy("Was overdue"), _DEADLINE, is_always_set=True, rule=late_within)
DEPARTMENT = Reference("department", gettext_lazy("Department"), Among(_in_departments), kind=DEPARTMENT_KIND)
REPORT_FILTERS = (DURING, CLOSED, LATE, DEPARTMENT)
