"""Next steps in the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from box.apps.crm.agenda import records_of
from box.apps.crm.field_rights import sees_numbers
from box.apps.crm.models import Activity
from box.core.registry.capabilities import CalendarLayer, LayerItem

if TYPE_CHECKING:
    from box.core.accounts.models import User

# A page shows a month, with its edges.
MOST = 300


def next_steps(reader: User, since: datetime, before: datetime) -> Iterator[LayerItem]:
    """The reader's own, on their day, in three queries. Others lead to the agenda."""
    now = timezone.now()
    due = Activity.objects.open().filter(responsible=reader, deadline__gte=since, deadline__lt=before)
    steps = list(due.by_deadline()[:MOST])
    records, sees = records_of(steps, reader), sees_numbers(reader)
    for step in steps:
        if step.deadline is None:
            continue
        record = records.get(step.pk)
        day = timezone.localtime(step.deadline).date()
        subject = step.said_to(sees and record is not None)
        title = f"{subject} · {record.title}" if record else subject
        url = record.get_absolute_url() if record else reverse("crm:day")
        yield LayerItem(str(step.pk), title, day, day, url=url, tone="bad" if step.deadline < now else "")


NEXT_STEPS = CalendarLayer(gettext_lazy("Next steps with clients"), "heart-handshake", 6, next_steps)
