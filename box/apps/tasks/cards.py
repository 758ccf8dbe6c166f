"""A day of tasks, as a notice names it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from box.apps.tasks.actions.deadlines import DAY
from box.apps.tasks.models import ChecklistItem, Task
from box.apps.tasks.states import State
from box.core.registry.capabilities import Card, Ref
from box.core.registry.environment import format_date

if TYPE_CHECKING:
    from box.core.accounts.models import User


def day_cards(ids: Collection[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`: of the reader's own what is due that day."""
    return {pk: _card(pk, reader) for pk in ids if 0 < pk < date.max.toordinal()}


def _card(number: int, reader: User) -> Card:
    day = date.fromordinal(number)
    begin = datetime.combine(day, time(), timezone.get_current_timezone())
    end = begin + timedelta(days=1)
    mine = Task.objects.open().done_by(reader).exclude(state=State.IN_REVIEW).filter(deadline_at__lt=end)
    found = mine.order_by().aggregate(
        due=Count("pk", filter=Q(deadline_at__gte=begin)), late=Count("pk", filter=Q(deadline_at__lt=begin))
    )
    lines = ChecklistItem.objects.due_by(day).of_people([reader.pk]).count()
    said = [
        ngettext("%(num)s due", "%(num)s due", found["due"]) % {"num": found["due"]} if found["due"] else "",
        ngettext("%(num)s overdue", "%(num)s overdue", found["late"]) % {"num": found["late"]}
        if found["late"]
        else "",
        ngettext("%(num)s line of a checklist", "%(num)s lines of checklists", lines) % {"num": lines}
        if lines
        else "",
    ]
    title = ", ".join(filter(None, said)) or _("all is done")
    url = f"{reverse('tasks:list')}?role=do"
    return Card(Ref(DAY, number), f"{format_date(day)}: {title}", url, icon="checkbox")
