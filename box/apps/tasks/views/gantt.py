"""Tasks along a line of time: the chart, moving one with all that follows, and what comes after what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.tasks.actions.dependencies import (
    add_dependency,
    lag_of,
    move_back,
    move_task,
    plan_move,
    remove_dependency,
)
from box.apps.tasks.forms import DependencyForm
from box.apps.tasks.gantt import BAR, HEAD, MOST_ROWS, ROW, SCALES, Zoom, chart_of
from box.apps.tasks.lists import task_list
from box.apps.tasks.models import Baseline, Dependency, Task, task_named
from box.apps.tasks.views.lists import around, is_narrowed, role_of
from box.apps.tasks.views.lookup import task_for
from box.apps.tasks.views.tasks import done, refused
from box.core.groups.models import Group
from box.core.lists.preferences import preferences_of
from box.core.lists.presenters import Table
from box.core.lists.views import found, keep_view, read
from box.lib.moments import refuse_distant
from box.lib.numbers import whole_number
from box.lib.pages import REFUSED, number_of, render, wants_part, with_toast

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from box.apps.tasks.actions.dependencies import Moved
    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest

ZOOM, BASELINE, ON = "zoom", "baseline", "on"
# Before and after these years no calendar of Python goes.
FIRST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Choice:
    """What the page keeps beside what is chosen of the list: how wide a day is, of which project's baselines
    one is shown below, and on which day the chart begins."""

    zoom: Zoom
    on: date | None
    project: Group | None
    baselines: list[Baseline]
    baseline: Baseline | None

    @classmethod
    def of(cls, request: PersonRequest) -> Choice:
        zoom, project = request.GET.get(ZOOM, ""), _project_of(request)
        kept = list(Baseline.objects.filter(project=project).order_by("-pk")) if project is not None else []
        chosen = number_of(request.GET, BASELINE)
        return cls(
            Zoom(zoom) if zoom in Zoom else Zoom.DAYS,
            _day(request.GET.get(ON, "")),
            project,
            kept,
            next((one for one in kept if one.pk == chosen), None),
        )

    @property
    def address(self) -> dict[str, str]:
        """Without what is usual."""
        own = {
            ZOOM: str(self.zoom) if self.zoom != Zoom.DAYS else "",
            BASELINE: str(self.baseline.pk) if self.baseline is not None else "",
            ON: self.on.isoformat() if self.on is not None else "",
        }
        return {name: value for name, value in own.items() if value}


@require_http_methods(["GET", "POST"])
def gantt(request: PersonRequest) -> HttpResponse:
    role = role_of(request)
    listed = task_list(request.user, role=role, is_narrowed=is_narrowed(request))
    listed = replace(listed, parameters=(*listed.parameters, ZOOM, BASELINE, ON))
    query = read(request, listed)
    if request.method == "POST":
        return keep_view(request, listed.key, query)
    chosen, tasks = Choice.of(request), found(listed, query).select_related("responsible", "project")
    table = Table(listed, query, request.path, preferences_of(request.user, listed.key))
    here = table.address(query.address(), **chosen.address)
    context = {**around(request, role), **_shown(tasks, chosen, request.user), "table": table, "here": here}
    response = render(request, "tasks/gantt.html", context, blocks=("list", "tools"))
    if wants_part(request):
        response.headers["HX-Replace-Url"] = here
    return response


def _shown(tasks: QuerySet[Task], chosen: Choice, reader: User) -> dict[str, Any]:
    """The chart of the first of these tasks, with what one chooses of it."""
    rows = list(tasks.order_by("deadline_at", "id")[: MOST_ROWS + 1])
    now = timezone.localtime()
    return {
        "own": chosen.address,
        "chart": chart_of(
            rows, reader=reader, zoom=chosen.zoom, now=now, baseline=chosen.baseline, on=chosen.on
        ),
        "project": chosen.project,
        "baselines": chosen.baselines,
        "baseline": chosen.baseline,
        "zooms": SCALES.items(),
        "sizes": {"row": ROW, "bar": BAR, "head": HEAD},
    }


def _day(text: str) -> date | None:
    """What is no day that people plan with is none."""
    try:
        found = parse_date(text)
        refuse_distant(datetime.combine(found, time(), tzinfo=UTC) if found else None)
    except (ValueError, ValidationError):
        return None
    return found


def _project_of(request: PersonRequest) -> Group | None:
    """The one project whose tasks are shown, where the person sees it."""
    asked = request.GET.getlist("project")
    pk = number_of(request.GET, "project") if len(asked) == 1 else None
    if pk is None:
        return None
    groups = Group.objects.standing()
    return (groups if request.user.is_administrator else groups.of(request.user)).filter(pk=pk).first()


@require_http_methods(["GET", "POST"])
def schedule(request: PersonRequest, pk: int) -> HttpResponse:
    """What moves when this task takes place then: asked for before it is dropped, posted when it is."""
    task = task_for(request, pk)
    given = request.POST if request.method == "POST" else request.GET
    starts, ends = (_moment(given.get(name, "")) for name in ("starts", "ends"))
    moves: list[Moved] = []
    problem, note = "", ""
    try:
        if request.method == "POST":
            moves, note = move_task(task, starts, ends, by=request.user)
        else:
            moves = plan_move(task, starts, ends)
    except ValidationError as error:
        problem = " ".join(error.messages)
    shown = _seen(moves, request)
    context = {"moves": shown, "unseen": len(moves) - len(shown), "problem": problem, "task": task}
    response = render(
        request, "tasks/schedule.html", context, blocks="plan", status=REFUSED if problem else 200
    )
    if not note or not moves:
        return response
    action = {"label": _("Undo"), "url": reverse("tasks:schedule-undo"), "values": {"note": note}}
    return with_toast(response, _moved(len(moves)), action=action)


def _seen(moves: list[Moved], request: PersonRequest) -> list[Moved]:
    rows = Task.objects.each_visible_to(request.user).filter(pk__in=[one.task.pk for one in moves])
    seen = set(rows.values_list("pk", flat=True))
    return [one for one in moves if one.task.pk in seen]


def _moved(count: int) -> str:
    return ngettext("%(num)s task is moved.", "%(num)s tasks are moved.", count) % {"num": count}


def _moment(text: str) -> datetime:
    """Seconds since 1970, as the drawing counts them. Raises BadRequest."""
    number = whole_number(text, digits=13) or 0
    if not FIRST.timestamp() <= number <= LAST.timestamp():
        raise BadRequest("What is asked here says from when to when, in seconds since 1970.")
    return datetime.fromtimestamp(number, UTC)


@require_POST
def schedule_undo(request: PersonRequest) -> HttpResponse:
    try:
        count = move_back(request.POST.get("note", ""), by=request.user)
    except ValidationError as error:
        return with_toast(HttpResponse(status=REFUSED), " ".join(error.messages))
    said = ngettext("%(num)s task is where it was.", "%(num)s tasks are where they were.", count)
    return with_toast(HttpResponse(), said % {"num": count}, event="tasks-moved")


@require_POST
def dependencies(request: PersonRequest, pk: int) -> HttpResponse:
    """This task follows another from now on: one that is named, or dragged to."""
    task, form = task_for(request, pk), DependencyForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError([str(one) for errors in form.errors.values() for one in errors])
        given = form.cleaned_data
        before = task_named(given["before"], request.user)
        add_dependency(before, task, given["kind"], lag_of(given["lag"] or 0), by=request.user)
    except ValidationError as error:
        return refused(request, pk, error)
    return done(request, pk)


@require_http_methods(["DELETE"])
def dependency(request: PersonRequest, pk: int) -> HttpResponse:
    seen = Task.objects.each_visible_to(request.user).there().order_by().values("pk")
    found_ = get_object_or_404(Dependency.objects.select_related("after").filter(after__in=seen), pk=pk)
    remove_dependency(found_, by=request.user)
    return done(request, number_of(request.GET, "of") or found_.after_id)
