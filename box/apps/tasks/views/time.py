"""The clock above every page, what was worked on a task, and the report of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from box.apps.tasks.actions.time import add_time, correct_time, delete_time, start_timer, stop_timer
from box.apps.tasks.forms import CorrectionForm, TimeForm
from box.apps.tasks.models import TimeEntry
from box.apps.tasks.time_lists import GROUPS, time_list, totals
from box.apps.tasks.views.lookup import task_for
from box.apps.tasks.views.tasks import done, refused
from box.core.lists.views import answer, found, read
from box.lib.pages import REFUSED, render, wants_part

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.requests import PersonRequest

SHOWN = 50


@require_POST
def timer(request: PersonRequest, pk: int) -> HttpResponse:
    """Starts the clock for this task, or stops it."""
    task = task_for(request, pk)
    try:
        if request.POST.get("on") == "1":
            start_timer(task, by=request.user)
        else:
            stop_timer(by=request.user)
    except ValidationError as error:
        return refused(request, pk, error)
    return done(request, pk)


@never_cache
@require_http_methods(["GET", "DELETE"])
def clock(request: PersonRequest) -> HttpResponse:
    """What the clock in the bar holds: the task that it runs for, or nothing."""
    if request.method == "DELETE":
        stop_timer(by=request.user)
    running = TimeEntry.objects.running().select_related("task").filter(user=request.user).first()
    context = {"running": running, "seconds": running.elapsed(timezone.now()) if running else 0}
    return render(request, "tasks/clock.html", context, blocks="clock")


@require_http_methods(["GET", "POST"])
def of_task(request: PersonRequest, pk: int) -> HttpResponse:
    """What was worked on a task by whom, the latest first, and one stretch more."""
    task = task_for(request, pk)
    form = TimeForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            given = form.cleaned_data
            add_time(task, given["minutes"], on=given["on"], note=given["note"], by=request.user)
            return redirect("tasks:time-of-task", pk)
        except ValidationError as error:
            form.add_error(None, error)
    return _time_page(request, task, form)


def _time_page(request: PersonRequest, task: Any, form: TimeForm) -> HttpResponse:
    entries = task.time_entries.over().select_related("user").order_by("-started_at", "-id")[:SHOWN]
    context = {"task": task_for(request, task.pk), "entries": list(entries), "form": form, "me": request.user}
    return render(
        request, "tasks/time_of_task.html", context, blocks="time", status=REFUSED if form.errors else 200
    )


@require_http_methods(["POST", "DELETE"])
def entry(request: PersonRequest, pk: int) -> HttpResponse:
    """One's own stretch: how long it was really, and why; or that it was none."""
    seen = TimeEntry.objects.visible_to(request.user).over().select_related("task")
    written = get_object_or_404(seen, pk=pk)
    if written.user_id != request.user.pk:
        raise PermissionDenied(_("Everybody corrects their own time."))
    form = TimeForm()
    if request.method == "DELETE":
        delete_time(written, by=request.user)
    else:
        sent = CorrectionForm(request.POST)
        try:
            if not sent.is_valid():
                raise ValidationError([str(one) for errors in sent.errors.values() for one in errors])
            correct_time(written, sent.cleaned_data["minutes"], sent.cleaned_data["reason"], by=request.user)
        except ValidationError as error:
            form = TimeForm({})
            form.full_clean()
            form.errors.clear()
            form.add_error(None, error)
    if not form.errors and not wants_part(request):
        return redirect("tasks:time-of-task", written.task_id)
    return _time_page(request, written.task, form)


@require_http_methods(["GET", "POST"])
def report(request: PersonRequest) -> HttpResponseBase:
    """Who has worked how long on what: stretches, and their sums by person, project, task or week."""
    listed = time_list(request.user)
    group = request.GET.get("by", "")
    group = group if group in GROUPS else "person"
    context: dict[str, Any] = {}
    if request.method == "GET" and not wants_part(request):
        query = read(request, listed)
        context = {
            "group": group,
            "groups": GROUPS.items(),
            "totals": totals(found(listed, query), group),
            "query": query.address(),
        }
    return answer(request, listed, "tasks/time.html", context)
