"""Days, corrections and reports in short, as notifications name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

from box.apps.worktime.access import decided_by
from box.apps.worktime.models import Correction, Report, WorkDay
from box.apps.worktime.presenters import period_name
from box.core.registry.capabilities import Card
from box.core.registry.environment import format_weekday

if TYPE_CHECKING:
    from box.core.accounts.models import User


def day_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """One's own days: each leads to its correction."""
    return {
        day.pk: Card(day.ref, format_weekday(day.on), reverse("worktime:correction", args=[day.on]))
        for day in WorkDay.objects.filter(pk__in=ids, user=reader)
    }


def correction_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """One's own, which lead to the month; and those one decides on, which lead to the decision."""
    decides = set(decided_by(reader).filter(work_corrections__in=ids).values_list("pk", flat=True))
    found = {}
    for one in Correction.objects.filter(pk__in=ids, user__in={reader.pk, *decides}):
        month = f"{reverse('worktime:home')}?month={one.on:%Y-%m}"
        url = month if one.user_id == reader.pk else reverse("worktime:approvals")
        found[one.pk] = Card(one.ref, format_weekday(one.on), url)
    return found


def report_cards(ids: list[int], reader: User) -> dict[int, Card]:
    decides = set(decided_by(reader).filter(work_reports__in=ids).values_list("pk", flat=True))
    reports = Report.objects.filter(pk__in=ids, user__in={reader.pk, *decides})
    return {one.pk: Card(one.ref, period_name(one), one.get_absolute_url()) for one in reports}
