"""Who has how much to do in which week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from box.apps.tasks.lists import ALL, task_list
from box.apps.tasks.models import OPEN
from box.apps.tasks.views.lists import around, role_of
from box.apps.tasks.workload import MOST_PEOPLE, MOST_TASKS, loads, planned, team_of
from box.core.accounts.models import User
from box.core.lists.preferences import preferences_of
from box.core.lists.presenters import Table
from box.core.lists.views import found, keep_view, read
from box.lib.pages import render, wants_part

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def workload(request: PersonRequest) -> HttpResponse:
    """Of those who have open tasks in the choice, and of one's own department also those who have none."""
    role = role_of(request) if "role" in request.GET else ALL
    listed = task_list(request.user, role=role, is_narrowed=False)
    query = read(request, listed)
    if request.method == "POST":
        return keep_view(request, listed.key, query)
    tasks = planned(found(listed, query).filter(OPEN).order_by("deadline_at", "id")[: MOST_TASKS + 1])
    ids = {task.responsible_id for task in tasks}
    near = Q() if query.pairs(without="role") else team_of(request.user)
    people = User.objects.active().visible_to(request.user).filter(Q(pk__in=ids) | near).distinct()
    shown = list(people.by_name()[:MOST_PEOPLE])
    table = Table(listed, query, request.path, preferences_of(request.user, listed.key))
    context = {
        **around(request, role),
        "table": table,
        "loads": loads(shown, tasks[:MOST_TASKS], today=timezone.localdate()),
        "has_more": len(tasks) > MOST_TASKS,
    }
    response = render(request, "tasks/workload.html", context, blocks=("list", "tools"))
    if wants_part(request):
        response.headers["HX-Replace-Url"] = table.address(query.address())
    return response
