"""Where backups go, when, and for how long: the setting up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from appliance.client import (
    AgentError,
    BackupState,
    BackupTimes,
    PlanBackups,
    ReadBackups,
    RemoveBackupTarget,
    SetBackupPlan,
)
from box.console.access import can_look_after_backups, only_for
from box.console.backups.agent import SECONDS_TO_TRY, ProvenForm, agent, ask_proven
from box.console.backups.forms import TARGETS, PlanForm, TimesForm
from box.console.backups.keys import handed_out, removal_page
from box.console.backups.presenters import calendar_of
from box.console.backups.views import page
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@sensitive_post_parameters("secret_key", "proof")
@never_cache
@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
@recently_proven
def new(request: PersonRequest) -> HttpResponse:
    """A target, tried before it is taken. With the first one a recovery key is handed out, this once."""
    kind = request.GET.get("kind", "folder")
    if kind not in TARGETS:
        raise Http404
    try:
        state = agent().ask(ReadBackups())
    except AgentError as error:
        return page(request, problem=str(error))
    is_first = not is_set_up(state)
    form = TARGETS[kind](request.POST or None, is_first=is_first)
    form.say_where(state)
    if form.is_valid() and (handed := ask_proven(form, form.target, by=request.user.login)):
        if handed.key:
            return handed_out(request, handed)
        messages.success(request, _("Backups go to %(target)s too.") % {"target": handed.target})
        return redirect("console:backups")
    return render_form(request, "console/backup_target.html", form, {"kind": kind, "is_first": is_first})


@sensitive_post_parameters("proof")
@never_cache
@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
@recently_proven
def removal(request: PersonRequest, name: str) -> HttpResponse:
    """Sends nothing there any more; what lies there stays."""
    form = ProvenForm(request.POST or None)
    asked = RemoveBackupTarget(name)
    if form.is_valid() and ask_proven(form, asked, by=request.user.login) is not None:
        said = _("Nothing goes to %(target)s any more; what is there stays.") % {"target": name}
        messages.success(request, said)
        return redirect("console:backups")
    return removal_page(
        request,
        form,
        title=_("Take %(name)s away") % {"name": name},
        about=_(
            "Nothing will go to %(name)s any more. What is there stays, and can be restored with the recovery"
            " key."
        )
        % {"name": name},
        back=reverse("console:backups"),
    )


@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
@recently_proven
def plan(request: PersonRequest) -> HttpResponse:
    """When, and for how long, to the last number."""
    try:
        state = agent().ask(ReadBackups())
    except AgentError as error:
        return page(request, problem=str(error))
    form = PlanForm(state.plan, request.POST or None)
    if form.is_valid():
        try:
            agent(SECONDS_TO_TRY).ask(SetBackupPlan(form.times), by=request.user.login)
        except AgentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The schedule is saved."))
            return redirect("console:backups")
    return render_form(request, "console/backup_plan.html", form, {"is_set_up": is_set_up(state)})


@require_GET
@only_for(can_look_after_backups)
def calendar(request: PersonRequest) -> HttpResponse:
    """What would be kept, for a form that is being filled in."""
    problem, coming = "", None
    times = _times_of(request.GET)
    if times is not None:
        try:
            coming = calendar_of(agent(30).ask(PlanBackups(times)))
        except AgentError as error:
            problem = str(error)
    context = {"calendar": coming, "problem": problem}
    return render(request, "console/backup_calendar.html", context, blocks="calendar")


def _times_of(given: Any) -> BackupTimes | None:
    """Of either form; None while what is written makes no sense yet."""
    form = TimesForm(given) if "keep" in given else PlanForm(data=given)
    return form.times if form.is_valid() else None


def is_set_up(state: BackupState) -> bool:
    return state.plan is not None
