"""Who may what, at the addresses of this room. The task is anna's, boris does it, cara has no part in it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from box.apps.tasks.actions.baselines import take_baseline
from box.apps.tasks.actions.checklists import add_items
from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.stages import stages_of
from box.apps.tasks.actions.tasks import TaskDraft, add_task, delete_tasks
from box.apps.tasks.actions.templates import Plan, add_template
from box.apps.tasks.actions.time import add_time
from box.core.accounts.models import User
from box.core.groups.actions import NewGroup, create_group, invite_people, join_group
from box.core.groups.models import Group
from tests.box.visits import SIGN_IN, Cast, Visit, signed_in


def in_it(status: int, doer: int | None = None) -> tuple[int | str, ...]:
    """For those in it and administrators; `doer` is what whoever is responsible gets instead."""
    return (status, status, status if doer is None else doer, 404, 404, SIGN_IN)


def annas(status: int) -> tuple[int | str, ...]:
    """For whoever keeps it and administrators."""
    return (status, status, 404, 404, 404, SIGN_IN)


MEMBERS_200, MEMBERS_404 = (200, 200, 200, 404, 404, SIGN_IN), signed_in(404)
WHEN = {"starts": "2000000000", "ends": "2000086400"}
CORRECTED = {"minutes": "2:00", "reason": "The way back"}

VISITS = (
    Visit("GET", "tasks:list", signed_in(200)),
    Visit("POST", "tasks:list", signed_in(400)),
    Visit("GET", "tasks:board", signed_in(200), of="way"),
    Visit("POST", "tasks:board", signed_in(404), of="way", data={"do": "move", "card": "0"}),
    Visit("GET", "tasks:report", signed_in(302), of="task-report"),
    Visit("POST", "tasks:report", signed_in(400), of="task-report"),
    Visit("GET", "tasks:plan", signed_in(200)),
    Visit("POST", "tasks:plan", signed_in(404), data={"do": "move", "card": "0"}),
    Visit("GET", "tasks:plan-stages", signed_in(200)),
    Visit("POST", "tasks:plan-stages", signed_in(422)),
    Visit("GET", "tasks:project-board", MEMBERS_200, of="project"),
    Visit("POST", "tasks:project-board", MEMBERS_404, of="project", data={"do": "move", "card": "0"}),
    Visit("GET", "tasks:baselines", MEMBERS_200, of="project"),
    Visit("POST", "tasks:baselines", (422, 422, 403, 404, 404, SIGN_IN), of="project"),
    Visit("DELETE", "tasks:baseline", (302, 302, 403, 404, 404, SIGN_IN), of="baseline"),
    Visit("GET", "tasks:project-stages", (200, 200, 403, 404, 404, SIGN_IN), of="project"),
    Visit("POST", "tasks:project-stages", (422, 422, 403, 404, 404, SIGN_IN), of="project"),
    Visit("POST", "tasks:stage", (422, 422, 403, 404, 404, SIGN_IN), of="stage"),
    Visit("DELETE", "tasks:stage", (302, 302, 403, 404, 404, SIGN_IN), of="stage"),
    Visit("GET", "tasks:workload", signed_in(200)),
    Visit("POST", "tasks:workload", signed_in(400)),
    Visit("GET", "tasks:gantt", signed_in(200)),
    Visit("POST", "tasks:gantt", signed_in(400)),
    Visit("GET", "tasks:schedule", in_it(400), of="task"),
    Visit("POST", "tasks:schedule", in_it(200, doer=403), of="task", data=WHEN),
    Visit("POST", "tasks:schedule-undo", signed_in(422)),
    Visit("POST", "tasks:dependencies", in_it(422), of="task"),
    Visit("DELETE", "tasks:dependency", in_it(302, doer=403), of="link"),
    Visit("GET", "tasks:news", signed_in(200)),
    Visit("GET", "tasks:quick", signed_in(200)),
    Visit("POST", "tasks:quick", (422, 422, 422, 422, 403, SIGN_IN), data={"line": ""}),
    Visit("GET", "tasks:trash", signed_in(200)),
    Visit("POST", "tasks:trash", signed_in(400)),
    Visit("GET", "tasks:people", signed_in(200)),
    Visit("GET", "tasks:new", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("POST", "tasks:new", (422, 422, 422, 422, 403, SIGN_IN), data={"title": ""}),
    Visit("GET", "tasks:templates", signed_in(200)),
    Visit("POST", "tasks:templates", signed_in(400)),
    Visit("GET", "tasks:new-template", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("POST", "tasks:new-template", (422, 422, 422, 422, 403, SIGN_IN), data={"title": ""}),
    Visit("GET", "tasks:template", annas(200), of="template"),
    Visit("POST", "tasks:template", annas(422), of="template", data={"title": ""}),
    Visit("DELETE", "tasks:template", annas(302), of="template"),
    Visit("POST", "tasks:template-pause", annas(302), of="template"),
    Visit("DELETE", "tasks:template-pause", annas(302), of="template"),
    Visit("GET", "tasks:task", in_it(200), of="task"),
    Visit("DELETE", "tasks:task", in_it(302, doer=403), of="task"),
    Visit("POST", "tasks:restoration", in_it(302, doer=403), of="task in the trash"),
    Visit("GET", "tasks:edit", in_it(200, doer=403), of="task"),
    Visit("POST", "tasks:edit", in_it(422, doer=403), of="task", data={"title": ""}),
    Visit("POST", "tasks:step", in_it(403, doer=302), of="task", data={"step": "start"}),
    Visit("POST", "tasks:deadline", in_it(302), of="task", data={"deadline_at": "2030-01-31T18:00"}),
    Visit("POST", "tasks:reminder", in_it(302), of="task", data={"at": "2030-01-31T18:00"}),
    Visit("POST", "tasks:responsible", in_it(422), of="task"),
    Visit("POST", "tasks:items", in_it(302), of="task", data={"text": "Weigh them"}),
    Visit("POST", "tasks:item", in_it(302), of="line", data={"done": "1"}),
    Visit("DELETE", "tasks:item", in_it(302), of="line"),
    Visit("POST", "tasks:item-place", in_it(302), of="line", data={"after": ""}),
    Visit("POST", "tasks:timer", in_it(302), of="task", data={"on": "1"}),
    Visit("GET", "tasks:clock", signed_in(200)),
    Visit("DELETE", "tasks:clock", signed_in(200)),
    Visit("GET", "tasks:time-of-task", in_it(200), of="task"),
    Visit("POST", "tasks:time-of-task", in_it(422), of="task"),
    Visit("POST", "tasks:time-entry", (403, 403, 302, 404, 404, SIGN_IN), of="boris's time", data=CORRECTED),
    Visit("DELETE", "tasks:time-entry", (403, 403, 302, 404, 404, SIGN_IN), of="boris's time"),
    Visit("GET", "tasks:time", signed_in(200)),
    Visit("POST", "tasks:time", signed_in(400)),
)


def things(cast: Cast) -> dict[str, Any]:
    task = add_task(TaskDraft(title="Count the boxes", responsible=cast.boris), by=cast.anna)
    gone = add_task(TaskDraft(title="Count them again", responsible=cast.boris), by=cast.anna)
    delete_tasks([gone], by=cast.anna)
    (line,) = add_items(task, "Open the door", by=cast.boris)
    entry = add_time(task, 60, on=timezone.localdate(), by=cast.boris)
    template = add_template(TaskDraft(title="Report", responsible=cast.boris), Plan(zone="UTC"), by=cast.anna)
    first = add_task(TaskDraft(title="Open the door", responsible=cast.boris), by=cast.anna)
    project = create_group(NewGroup("Warehouse", kind=Group.Kind.SECRET), by=cast.anna)
    invite_people(project, [cast.boris], by=cast.anna)
    join_group(project, by=cast.boris)
    built = TaskDraft(title="Build", responsible=cast.boris, project=project, deadline_at=timezone.now())
    add_task(built, by=cast.anna)
    return {
        "project": project.pk,
        "baseline": take_baseline(project, "First", by=User.objects.get(pk=cast.anna.pk)).pk,
        "stage": stages_of(project)[0].pk,
        "link": add_dependency(first, task, by=cast.anna).pk,
        "template": template.pk,
        "way": ("state",),
        "task-report": ("person",),
        "task": task.pk,
        "task in the trash": gone.pk,
        "line": line.pk,
        "boris's time": entry.pk,
    }
