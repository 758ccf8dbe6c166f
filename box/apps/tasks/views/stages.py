"""Boards whose columns people make themselves: of a project, and one's own plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from box.apps.tasks.access import can_create, can_keep_stages
from box.apps.tasks.actions.stages import (
    MOST_STAGES,
    add_stage,
    change_stage,
    delete_stage,
    move_stage,
    next_color,
    stages_of,
)
from box.apps.tasks.boards import stage_board
from box.apps.tasks.models import TaskStage
from box.apps.tasks.views.lists import around, role_of
from box.apps.tasks.views.lookup import project_for
from box.core.boards.views import answer
from box.core.groups.models import Group
from box.lib.pages import REFUSED, lead_on, render

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

    from box.core.accounts.models import User
    from box.core.accounts.requests import PersonRequest


@require_http_methods(["GET", "POST"])
def plan(request: PersonRequest) -> HttpResponseBase:
    """What one does oneself, in the order in which one means to do it."""
    role = role_of(request)
    board = stage_board(request.user, owner=request.user, role=role)
    context = {**around(request, role), "here": reverse("tasks:plan"), "stages": reverse("tasks:plan-stages")}
    return answer(request, board, "tasks/stage_board.html", context)


@require_http_methods(["GET", "POST"])
def project(request: PersonRequest, pk: int) -> HttpResponseBase:
    group = project_for(request, pk)
    board = stage_board(request.user, owner=group, role="all")
    stages = reverse("tasks:project-stages", args=[pk]) if can_keep_stages(request.user, group) else ""
    context = {"project": group, "stages": stages, "can_create": can_create(request.user)}
    return answer(request, board, "tasks/stage_board.html", context)


@require_http_methods(["GET", "POST"])
def plan_stages(request: PersonRequest) -> HttpResponse:
    return _stages(request, request.user, reverse("tasks:plan"))


@require_http_methods(["GET", "POST"])
def project_stages(request: PersonRequest, pk: int) -> HttpResponse:
    group = project_for(request, pk)
    if not can_keep_stages(request.user, group):
        raise PermissionDenied(_("The stages of a project are kept by its moderators."))
    return _stages(request, group, reverse("tasks:project-board", args=[pk]))


def _stages(request: PersonRequest, owner: Group | User, board: str, problem: str = "") -> HttpResponse:
    if request.method == "POST" and not problem:
        try:
            color = request.POST.get("color", "")
            add_stage(owner, request.POST.get("name", ""), color=color, by=request.user)
            return redirect(request.path)
        except ValidationError as error:
            return _stages(request, owner, board, " ".join(error.messages))
    stages = stages_of(owner)
    context: dict[str, Any] = {
        "stages": stages,
        "next_color": next_color(stages),
        "board": board,
        "problem": problem,
        "most": MOST_STAGES,
    }
    return render(request, "tasks/stages.html", context, status=REFUSED if problem else 200)


@require_http_methods(["POST", "DELETE"])
def stage(request: PersonRequest, pk: int) -> HttpResponse:
    """Another name or color, a place to the left or to the right, or gone."""
    found = _stage_for(request, pk)
    owner = found.project or request.user
    stages = (
        reverse("tasks:project-stages", args=[found.project_id])
        if found.project_id
        else reverse("tasks:plan-stages")
    )
    board = (
        reverse("tasks:project-board", args=[found.project_id]) if found.project_id else reverse("tasks:plan")
    )
    try:
        if request.method == "DELETE":
            delete_stage(found, by=request.user)
        elif request.POST.get("to") in ("left", "right"):
            move_stage(found, -1 if request.POST["to"] == "left" else 1, by=request.user)
        else:
            values = {name: request.POST[name] for name in ("name", "color") if name in request.POST}
            change_stage(found, values or {"name": ""}, by=request.user)
    except ValidationError as error:
        return _stages(request, owner, board, " ".join(error.messages))
    return lead_on(request, stages)


def _stage_for(request: PersonRequest, pk: int) -> TaskStage:
    found = get_object_or_404(TaskStage.objects.select_related("project", "user"), pk=pk)
    if found.project_id is not None:
        project_for(request, found.project_id)
    elif found.user_id != request.user.pk:
        raise Http404
    return found
