"""Who may what, at the addresses of this room. The task is anna's, boris does it, cara has no part in it."""

from __future__ import annotations

from typing import Any

from box.apps.tasks.actions.tasks import TaskDraft, add_task, delete_tasks
from tests.box.visits import SIGN_IN, Cast, Visit, signed_in


def in_it(status: int, doer: int | None = None) -> tuple[int | str, ...]:
    """For those in it and administrators; `doer` is what whoever is responsible gets instead."""
    return (status, status, status if doer is None else doer, 404, 404, SIGN_IN)


VISITS = (
    Visit("GET", "tasks:list", signed_in(200)),
    Visit("POST", "tasks:list", signed_in(400)),
    Visit("GET", "tasks:news", signed_in(200)),
    Visit("GET", "tasks:quick", signed_in(200)),
    Visit("POST", "tasks:quick", (422, 422, 422, 422, 403, SIGN_IN), data={"line": ""}),
    Visit("GET", "tasks:trash", signed_in(200)),
    Visit("POST", "tasks:trash", signed_in(400)),
    Visit("GET", "tasks:people", signed_in(200)),
    Visit("GET", "tasks:new", (200, 200, 200, 200, 403, SIGN_IN)),
    Visit("POST", "tasks:new", (422, 422, 422, 422, 403, SIGN_IN), data={"title": ""}),
    Visit("GET", "tasks:task", in_it(200), of="task"),
    Visit("DELETE", "tasks:task", in_it(302, doer=403), of="task"),
    Visit("POST", "tasks:restoration", in_it(302, doer=403), of="task in the trash"),
    Visit("GET", "tasks:edit", in_it(200, doer=403), of="task"),
    Visit("POST", "tasks:edit", in_it(422, doer=403), of="task", data={"title": ""}),
    Visit("POST", "tasks:step", in_it(403, doer=302), of="task", data={"step": "start"}),
    Visit("POST", "tasks:deadline", in_it(302), of="task", data={"deadline_at": "2030-01-31T18:00"}),
    Visit("POST", "tasks:responsible", in_it(422), of="task"),
)


def things(cast: Cast) -> dict[str, Any]:
    task = add_task(TaskDraft(title="Count the boxes", responsible=cast.boris), by=cast.anna)
    gone = add_task(TaskDraft(title="Count them again", responsible=cast.boris), by=cast.anna)
    delete_tasks([gone], by=cast.anna)
    return {"task": task.pk, "task in the trash": gone.pk}
