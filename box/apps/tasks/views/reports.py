"""How the work went, by person, department, project or period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from box.apps.tasks.lists import task_list
from box.apps.tasks.reports import WAYS, By, report_of
from box.apps.tasks.views.lists import around, role_of
from box.core.lists.preferences import preferences_of
from box.core.lists.presenters import Table
from box.core.lists.views import found, keep_view, read
from box.lib.pages import render, wants_part

if TYPE_CHECKING:
    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def report(request: PersonRequest, by: str) -> HttpResponse:
    """Of all tasks that one sees, and of this month, unless something else is chosen."""
    if by not in set(By):
        raise Http404
    if request.method == "GET" and not request.GET:
        return redirect(f"{request.path}?role=all&during=this-month")
    role = role_of(request)
    listed = task_list(request.user, role=role, is_narrowed=True)
    query = read(request, listed)
    if request.method == "POST":
        return keep_view(request, listed.key, query)
    told = report_of(found(listed, query), query, By(by), reverse("tasks:list"), now=timezone.now())
    preferences = preferences_of(request.user, listed.key)
    table = Table(listed, query, request.path, preferences, way=reverse("tasks:report", args=[By.PERSON]))
    context = {
        **around(request, role), "table": table, "report": told, "by_ways": WAYS, "rest": query.address(),
    }  # fmt: skip
    response = render(request, "tasks/report.html", context, blocks=("list", "tools"))
    if wants_part(request):
        response.headers["HX-Replace-Url"] = table.address(query.address())
    return response
