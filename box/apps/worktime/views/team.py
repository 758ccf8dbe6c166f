"""The days of a team: a table of people by days, and the same as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.utils import timezone
from django.views.decorators.http import require_GET

from box.apps.worktime.access import can_schedule, can_see_all, has_team, headed_by, managed_by
from box.apps.worktime.export import EXPORTED, table_of
from box.apps.worktime.presenters import Month, sheets
from box.apps.worktime.views.guard import for_employees
from box.core.accounts.models import User
from box.core.registry.auditing import About, record
from box.core.structure.models import Department
from box.lib.pages import number_of, render

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpResponse
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

PAGE = 50


@require_GET
@for_employees
def team(request: PersonRequest) -> HttpResponse:
    """A table of people by days, fifty people at a time."""
    people, department = _team(request)
    after = number_of(request.GET, "after")
    last = User.objects.filter(pk=after).first() if after else None
    found = list((people.below(last) if last else people).by_name()[: PAGE + 1])
    month = Month.of(request.GET.get("month", ""), today=timezone.localdate())
    context = {
        "sheets": sheets(found[:PAGE], month.first, month.last),
        "has_more": len(found) > PAGE,
        "month": month,
        "department": department,
        "departments": _departments(request.user),
        "can_schedule": can_schedule(request.user),
    }
    return render(request, "worktime/team.html", context, blocks="rows")


@require_GET
@for_employees
def team_export(request: PersonRequest, kind: str) -> HttpResponseBase:
    if kind not in ("csv", "xlsx"):
        raise Http404
    people, department = _team(request)
    month = Month.of(request.GET.get("month", ""), today=timezone.localdate())
    whose = About("org.department", department.pk, department.name) if department else None
    record(EXPORTED, by_id=request.user.pk, about=whose, month=month.key, format=kind)
    return table_of(kind, people, month.first, month.last)


def _team(request: PersonRequest) -> tuple[Any, Department | None]:
    """Whom this person sees the days of, narrowed to the department that the address names."""
    if not has_team(request.user):
        raise Http404
    seen: Any = User.objects if can_see_all(request.user) else managed_by(request.user)
    people = seen.filter(is_extranet=False).exclude(status=User.Status.DISMISSED)
    pk = number_of(request.GET, "department")
    department = _departments(request.user).filter(pk=pk).first() if pk else None
    if department:
        people = people.filter(memberships__department__path__contains=[department.pk]).distinct()
    return people, department


def _departments(user: User) -> QuerySet[Department]:
    if can_see_all(user):
        return Department.objects.by_name()
    return Department.objects.filter(path__overlap=list(headed_by(user))).by_name()
