"""A person gets something of their own back: they ask, somebody allows it, and nobody else learns what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from appliance.client import (
    AgentError,
    BackupState,
    FoundThings,
    OperationState,
    PutOwnBack,
    ReadBackups,
    ReadFound,
    ReadOperation,
    Refused,
)
from box.console import actions
from box.console.access import can_ask_back, can_look_after_backups, only_for, works_here
from box.console.backups.agent import agent, read_all_backups
from box.console.backups.forms import RefusalForm, RetrievalForm
from box.console.backups.presenters import Operation, from_when
from box.console.models import Retrieval
from box.core.events.nonces import posted_once
from box.core.registry.capabilities import keepsakes
from box.lib.pages import number_of, render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

SHOWN = 20


@sensitive_post_parameters("text")
@require_http_methods(["GET", "POST"])
@only_for(works_here)
def retrievals(request: PersonRequest) -> HttpResponse:
    """What the person has asked for, and the form for asking; who looks by themselves is told where."""
    if request.method == "POST" and not can_ask_back(request.user):
        raise PermissionDenied(_("You look after backups: look for it yourself."))
    is_asking = request.method == "POST"
    state = _state(is_whole=is_asking)
    form = RetrievalForm(state or BackupState(), request.POST if is_asking else None)
    if form.is_valid():
        try:
            return redirect(_create(request, form))
        except ValidationError as error:
            form.add_error(None, error)
    context = {
        "state": state,
        "is_keeper": can_look_after_backups(request.user),
        "retrievals": Retrieval.objects.of(request.user).newest_first()[:SHOWN],
        "from_when": from_when,
    }
    return render_form(request, "console/retrievals.html", form, context)


def _state(*, is_whole: bool) -> BackupState | None:
    """None where nobody knows."""
    try:
        return read_all_backups(agent()) if is_whole else agent().ask(ReadBackups())
    except AgentError:
        return None


def _create(request: PersonRequest, form: RetrievalForm) -> Retrieval:
    given = form.cleaned_data
    return posted_once(
        request,
        Retrieval,
        lambda: actions.ask_back(given["kind"], given["text"], given["day"], by=request.user),
    )


@require_GET
@only_for(works_here)
def retrieval(request: PersonRequest, pk: int) -> HttpResponse:
    """How far it is, and then what was found; for whoever has asked alone."""
    one = _own(request, pk)
    return _page(request, one, one.operation if one.is_looked_through else "", kind="find")


@require_POST
@only_for(works_here)
def withdrawal(request: PersonRequest, pk: int) -> HttpResponse:
    one = _own(request, pk)
    if one.is_waiting:
        actions.take_request_back(one, by=request.user)
        messages.success(request, _("You took the request back."))
    return redirect("retrievals:list")


@require_POST
@only_for(works_here)
def put_back(request: PersonRequest, pk: int) -> HttpResponse:
    one = _own(request, pk)
    if not one.is_looked_through:
        return redirect(one)
    login = request.user.login
    asked = PutOwnBack(one.operation, number_of(request.POST, "number") or 0, login)
    try:
        begun = agent(30).ask(asked, by=login)
    except AgentError:
        problem = _("That did not work just now. Try again in a while.")
        return _page(request, one, one.operation, kind="find", problem=problem)
    return redirect("retrievals:putting-back", one.pk, begun.id)


@require_GET
@only_for(works_here)
def putting_back(request: PersonRequest, pk: int, name: str) -> HttpResponse:
    """How far it is, and then where the thing is."""
    return _page(request, _own(request, pk), name, kind="put-own-back")


def _own(request: PersonRequest, pk: int) -> Retrieval:
    return get_object_or_404(Retrieval.objects.of(request.user).select_related("answered_by"), pk=pk)


def _page(request: PersonRequest, one: Retrieval, name: str, *, kind: str, problem: str = "") -> HttpResponse:
    operation: OperationState | None = None
    found: FoundThings | None = None
    login = request.user.login
    try:
        operation = agent().ask(ReadOperation(name, login)) if name else None
        if operation and operation.kind != kind:
            raise Http404
        if operation and operation.state == "done" and kind == "find":
            found = agent().ask(ReadFound(name, login))
    except Refused:
        problem = problem or _("What was found is not kept any more. Ask once more.")
    except AgentError:
        problem = problem or _("That cannot be seen just now. Try again in a while.")
    context = {
        "one": one,
        "kind": keepsakes[one.kind].label if one.kind in keepsakes else "",
        "when": from_when(one.day),
        "operation": Operation(operation) if operation else None,
        "found": found,
        "problem": problem,
    }
    return render(request, "console/retrieval.html", context, blocks="retrieval")


# For whoever looks after backups


@require_POST
@only_for(can_look_after_backups)
def permission(request: PersonRequest, pk: int) -> HttpResponse:
    actions.allow_retrieval(get_object_or_404(Retrieval, pk=pk), by=request.user)
    return redirect("console:backups")


@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
def refusal(request: PersonRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Retrieval.objects.select_related("asker"), pk=pk)
    form = RefusalForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        actions.refuse_retrieval(one, form.cleaned_data["why"], by=request.user)
        return redirect("console:backups")
    context = {"one": one, "when": from_when(one.day)}
    return render_form(request, "console/retrieval_refusal.html", form, context)
