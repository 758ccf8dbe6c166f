"""The tasks of a group, as a part of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from box.apps.tasks.access import can_create
from box.apps.tasks.counters import counts
from box.apps.tasks.lists import tone_of
from box.apps.tasks.models import Task
from box.lib.pages import part

if TYPE_CHECKING:
    from markupsafe import Markup

    from box.core.accounts.requests import PersonRequest

SHOWN = 30


def panel(request: PersonRequest, code: str) -> Markup:
    """See `box.core.registry.capabilities.Panel`: what is open, the most urgent first."""
    group_id, now = int(code.lstrip("GM")), timezone.now()
    rows = Task.objects.visible_to(request.user).open().filter(project=group_id)
    shown = list(rows.as_shown().order_by("deadline_at", "id")[: SHOWN + 1])
    context = {
        "group_id": group_id,
        "tasks": [(task, tone_of(task, now)) for task in shown[:SHOWN]],
        "has_more": len(shown) > SHOWN,
        "counted": counts(rows, now),
        "can_create": can_create(request.user),
    }
    return part(request, "tasks/panel.html", context, blocks=("panel",))
