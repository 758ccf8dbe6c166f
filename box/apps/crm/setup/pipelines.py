"""Pipelines of a type with their stages: added, called otherwise, ordered, retired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from box.apps.crm.actions import setup as actions
from box.apps.crm.actions import stages as stage_actions
from box.apps.crm.fields import DEMANDABLE
from box.apps.crm.models import Pipeline, Record, RecordType, Stage
from box.apps.crm.setup.access import PAGES, only_administrators, setup_page
from box.apps.crm.setup.forms import NewStageForm, PipelineForm, StageForm
from box.core.events.nonces import posted_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from box.core.accounts.requests import PersonRequest


@require_GET
@only_administrators
def home(request: PersonRequest) -> HttpResponse:
    return redirect(PAGES[0].url_name, *PAGES[0].arguments)


@require_http_methods(["GET", "POST"])
@only_administrators
def pipelines(request: PersonRequest, slug: str) -> HttpResponse:
    """GET shows them, POST adds one."""
    types = list(RecordType.objects.filter(has_stages=True, retired_at=None))
    kind = next((one for one in types if one.slug == slug), None)
    if kind is None:
        raise Http404
    form = PipelineForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = posted_once(
                request,
                Pipeline,
                lambda: actions.add_pipeline(kind, form.cleaned_data["name"], by=request.user),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The pipeline “%(name)s” is there now.") % {"name": made})
            return redirect("crm:setup-pipelines", slug)
    standing = list(kind.pipelines.standing().in_order().select_related("type"))
    stages = Stage.objects.standing().in_order().filter(pipeline__in=standing).select_related("pipeline")
    by_pipeline: dict[int, list[Stage]] = {one.pk: [] for one in standing}
    demanded: dict[int, list[str]] = {}
    for one in stages:
        by_pipeline[one.pipeline_id].append(one)
        demanded[one.pk] = [str(DEMANDABLE[name]) for name in one.demands if name in DEMANDABLE]
    context = {
        "types": types, "kind": kind, "pipelines": standing, "stages": by_pipeline, "form": form,
        "demanded": demanded, "new_stage": NewStageForm(), "is_alone": len(standing) == 1,
    }  # fmt: skip
    return setup_page(request, "pipelines", "crm/setup/pipelines.html", context, is_refused=form.is_bound)


@require_POST
@only_administrators
def pipeline(request: PersonRequest, pk: int) -> HttpResponse:
    """Calls it otherwise."""
    one = _pipeline(pk)
    form = PipelineForm(request.POST)
    if not form.is_valid():
        return _back(request, one, lambda: _refuse(_("Give the pipeline a name.")))
    said = _("The pipeline is called “%(name)s” now.") % {"name": form.cleaned_data["name"]}
    change = lambda: stage_actions.change_pipeline(one, form.cleaned_data["name"], by=request.user)  # noqa: E731
    return _back(request, one, change, said)


@require_POST
@only_administrators
def pipeline_place(request: PersonRequest, pk: int) -> HttpResponse:
    one = _pipeline(pk)
    siblings = list(one.type.pipelines.standing().in_order().values_list("pk", flat=True))
    place = _place(request, siblings.index(one.pk))
    return _back(request, one, lambda: stage_actions.place_pipeline(one, place, by=request.user))


@require_POST
@only_administrators
def pipeline_retirement(request: PersonRequest, pk: int) -> HttpResponse:
    one = _pipeline(pk)
    said = _("The pipeline “%(name)s” is retired.") % {"name": one}
    return _back(request, one, lambda: stage_actions.retire_pipeline(one, by=request.user), said)


@require_POST
@only_administrators
def stages(request: PersonRequest, pk: int) -> HttpResponse:
    """Adds one to this pipeline."""
    one, form = _pipeline(pk), NewStageForm(request.POST)

    def add() -> None:
        if not form.is_valid():
            _refuse(" ".join(str(error) for errors in form.errors.values() for error in errors))
        data = form.cleaned_data
        posted_once(
            request,
            Stage,
            lambda: actions.add_stage(
                one, data["name"], kind=data["kind"], color=data["color"], by=request.user
            ),
        )

    return _back(request, one, add)


@require_http_methods(["GET", "POST"])
@only_administrators
def stage(request: PersonRequest, pk: int) -> HttpResponse:
    one = _stage(pk)
    form = StageForm(one, request.POST if request.method == "POST" else None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            stage_actions.change_stage(one, data["name"], data["color"], by=request.user)
            stage_actions.set_demands(one, data["demands"], by=request.user)
            actions.set_own_permissions(one, data["has_own_permissions"], by=request.user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("The stage is saved."))
            return redirect("crm:setup-pipelines", one.pipeline.type.slug)
    others = Stage.objects.standing().filter(pipeline__type=one.pipeline.type, pipeline__retired_at=None)
    in_order = others.exclude(pk=one.pk).select_related("pipeline__type").order_by("pipeline__rank", "rank")
    held = Record.objects.there().filter(stage=one).aggregate(count=Count("pk"))["count"]
    context = {"stage": one, "form": form, "others": in_order, "held": held}
    return setup_page(request, "pipelines", "crm/setup/stage.html", context, is_refused=form.is_bound)


@require_POST
@only_administrators
def stage_place(request: PersonRequest, pk: int) -> HttpResponse:
    one = _stage(pk)
    siblings = one.pipeline.stages.standing().filter(kind=one.kind).in_order().values_list("pk", flat=True)
    place = _place(request, list(siblings).index(one.pk))
    return _back(request, one.pipeline, lambda: stage_actions.place_stage(one, place, by=request.user))


@require_POST
@only_administrators
def stage_retirement(request: PersonRequest, pk: int) -> HttpResponse:
    """What is in it goes `into` another stage."""
    one = _stage(pk)
    chosen = request.POST.get("into", "")
    into = _stage(int(chosen)) if chosen.isascii() and chosen.isdecimal() and len(chosen) < 18 else None
    said = _("The stage “%(name)s” is retired.") % {"name": one}
    retire = lambda: stage_actions.retire_stage(one, into=into, by=request.user)  # noqa: E731
    return _back(request, one.pipeline, retire, said)


def _place(request: PersonRequest, now: int) -> int:
    """`to` is up or down, or a place counted from 0, as dragging says it."""
    to = request.POST.get("to", "")
    if to in {"up", "down"}:
        return now + (-1 if to == "up" else 1)
    return int(to) if to.isascii() and to.isdecimal() and len(to) < 5 else now


def _back(
    request: PersonRequest, pipeline: Pipeline, act: Callable[[], object], said: str = ""
) -> HttpResponse:
    """To the page of the type, which says what was done or why not."""
    try:
        act()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        if said:
            messages.success(request, said)
    return redirect("crm:setup-pipelines", pipeline.type.slug)


def _refuse(said: str) -> None:
    raise ValidationError(said)


def _pipeline(pk: int) -> Pipeline:
    return get_object_or_404(Pipeline.objects.standing().select_related("type"), pk=pk)


def _stage(pk: int) -> Stage:
    return get_object_or_404(Stage.objects.standing().select_related("pipeline__type"), pk=pk)
