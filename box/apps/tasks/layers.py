"""Deadlines in the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext_lazy

from box.apps.tasks.models import Task
from box.core.accounts.models import User
from box.core.registry.capabilities import CalendarLayer, LayerItem

# A page shows a month, with its edges.
MOST = 300


def deadlines(reader: User, since: datetime, before: datetime) -> Iterator[LayerItem]:
    """Of the reader's own open work, on their day: a deadline is a moment, and takes no time."""
    now = timezone.now()
    due = Task.objects.open().done_by(reader).filter(deadline_at__gte=since, deadline_at__lt=before)
    for task in due.order_by("deadline_at", "id")[:MOST]:
        if task.deadline_at is None:
            continue
        day = timezone.localtime(task.deadline_at).date()
        tone = "bad" if task.is_overdue(now) else ""
        yield LayerItem(str(task.pk), task.title, day, day, url=task.get_absolute_url(), tone=tone)


DEADLINES = CalendarLayer(gettext_lazy("Deadlines of my tasks"), "checkbox", 5, deadlines)
