"""Who may what, at the addresses of this room: whoever sees an object sees what belongs to it, as far as they
see that."""

from __future__ import annotations

from typing import Any

from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, create_group
from box.core.groups.models import Group
from box.core.relations.actions import relate
from tests.box.visits import SIGN_IN, Cast, Visit

VISITS = (
    Visit("GET", "relations:relations", (200, 200, 200, 404, 404, SIGN_IN), of="related task"),
    Visit(
        "POST",
        "relations:relations",
        (422, 422, 422, 404, 404, SIGN_IN),
        of="related task",
        data={"link": "x"},
    ),
    Visit("GET", "relations:relations", (200, 200, 404, 404, 404, SIGN_IN), of="related group"),
    Visit("POST", "relations:relations", (403, 403, 404, 404, 404, SIGN_IN), of="related group"),
    Visit("DELETE", "relations:relation", (200, 200, 200, 404, 404, SIGN_IN), of="relation"),
)


def things(cast: Cast) -> dict[str, Any]:
    """A task that anna gives boris, and that belongs to a group of hers."""
    group = create_group(NewGroup("Store", kind=Group.Kind.SECRET), by=cast.anna)
    task = add_task(TaskDraft(title="Count", responsible=cast.boris), by=cast.anna)
    relate(task.ref, [group.ref], by=User.objects.get(pk=cast.anna.pk))
    return {
        "related task": (task.ref.kind, task.pk),
        "related group": ("groups.group", group.pk),
        "relation": (task.ref.kind, task.pk, "groups.group", group.pk),
    }
