"""Tasks are found by whoever sees them; their comments too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_lazy as _

from box.apps.tasks.events import (
    AudiencesChanged,
    TaskAdded,
    TaskChanged,
    TasksDeleted,
    TasksPurged,
    TasksRestored,
)
from box.apps.tasks.models import KIND, Task
from box.core.discussion.searching import comments_below
from box.core.registry.capabilities import Findable, Searchable, Touched


def _read(ids: Sequence[int]) -> Iterable[Findable]:
    for task in Task.objects.there().filter(pk__in=ids).defer("html"):
        yield Findable(
            id=task.pk,
            title=task.title,
            body=" ".join([task.text, *(f"#{tag}" for tag in task.tags)]),
            url=task.get_absolute_url(),
            audience=task.audience,
            is_private=task.is_private,
            at=task.created_at,
        )


TASKS = Searchable(
    label=_("Tasks"),
    icon="checkbox",
    order=15,
    read=_read,
    rows=Task.objects.there,
    touched_by={
        **dict.fromkeys((TaskAdded, TaskChanged), lambda event: Touched([event.task_id])),
        **dict.fromkeys(
            (TasksDeleted, TasksRestored, TasksPurged, AudiencesChanged),
            lambda event: Touched(event.task_ids),
        ),
    },
)
COMMENTS = comments_below(KIND, label=_("Comments on tasks"), order=25)
