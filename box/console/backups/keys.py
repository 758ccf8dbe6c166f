"""Who can open the backups: recovery keys, handed out once and confirmed from paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from appliance.client import (
    AddKeyHolder,
    AgentError,
    BackupState,
    ConfirmRecoveryKey,
    HandedKey,
    ReadBackups,
    RemoveKeyHolder,
    RotateKeys,
)
from box.console.access import can_look_after_backups, only_for
from box.console.backups.agent import SECONDS_TO_TRY, ProvenForm, agent, ask_proven
from box.console.backups.forms import ConfirmForm, HolderForm
from box.core.accounts.signing_in import recently_proven
from box.lib.pages import REFUSED, render, render_form

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest


@sensitive_post_parameters("proof")
@never_cache
@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
@recently_proven
def keys(request: PersonRequest) -> HttpResponse:
    """Who holds one; whoever is added is shown theirs, this once."""
    form = HolderForm(request.POST or None)
    if form.is_valid():
        asked = AddKeyHolder(form.cleaned_data["name"])
        if handed := ask_proven(form, asked, by=request.user.login):
            return handed_out(request, handed)
    return _page(request, form)


@sensitive_post_parameters("proof")
@never_cache
@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
@recently_proven
def rotation(request: PersonRequest) -> HttpResponse:
    """A new key for everything that is made from now on: when somebody leaves who could open the backups."""
    form = HolderForm(request.POST or None)
    if form.is_valid():
        asked = RotateKeys(form.cleaned_data["name"])
        if handed := ask_proven(form, asked, by=request.user.login):
            return handed_out(request, handed)
    state, problem = BackupState(), ""
    try:
        state = _state()
    except AgentError as error:
        problem = str(error)
    form.say_where(state)
    context = {"form": form, "state": state, "problem": problem}
    status = REFUSED if form.is_bound or problem else 200
    return render(request, "console/backup_rotation.html", context, status=status)


@sensitive_post_parameters("proof")
@never_cache
@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
@recently_proven
def removal(request: PersonRequest, holder: str) -> HttpResponse:
    form = ProvenForm(request.POST or None)
    asked = RemoveKeyHolder(holder)
    if form.is_valid() and ask_proven(form, asked, by=request.user.login) is not None:
        messages.success(request, _("The key of %(holder)s opens nothing any more.") % {"holder": holder})
        return redirect("console:backup-keys")
    return removal_page(
        request,
        form,
        title=_("Take away the key of %(holder)s") % {"holder": holder},
        about=_("The key of %(holder)s will open nothing any more, in none of the targets.")
        % {"holder": holder},
        back=reverse("console:backup-keys"),
    )


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
def confirmation(request: PersonRequest, holder: str) -> HttpResponse:
    """Two groups typed from paper show that there is one."""
    try:
        held = next((one for one in _state().holders if one.name == holder), None)
    except AgentError as error:
        return _page(request, HolderForm(), problem=str(error))
    if held is None:
        raise Http404
    form = ConfirmForm(held.groups, request.POST or None)
    if form.is_valid():
        try:
            agent(SECONDS_TO_TRY).ask(ConfirmRecoveryKey(holder, form.groups), by=request.user.login)
        except AgentError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The key of %(holder)s is confirmed.") % {"holder": holder})
            return redirect("console:backups")
    return render_form(request, "console/backup_confirmation.html", form, {"holder": held})


def handed_out(request: PersonRequest, handed: HandedKey) -> HttpResponse:
    """The key, for printing. It is in this answer and nowhere else."""
    return render(request, "console/backup_key.html", {"handed": handed, "groups": handed.key.split("-")})


def removal_page(
    request: PersonRequest, form: ProvenForm, *, title: str, about: str, back: str
) -> HttpResponse:
    """Asks for the proof without which no backup and no key is taken away."""
    problem = ""
    try:
        form.say_where(_state())
    except AgentError as error:
        problem = str(error)
    context = {"form": form, "title": title, "about": about, "back": back, "problem": problem}
    status = REFUSED if form.is_bound or problem else 200
    return render(request, "console/backup_removal.html", context, status=status)


def _page(request: PersonRequest, form: HolderForm, *, problem: str = "") -> HttpResponse:
    state = BackupState()
    try:
        state = _state()
    except AgentError as error:
        problem = problem or str(error)
    form.say_where(state)
    context = {
        "holders": state.holders,
        "form": form,
        "problem": problem,
        "is_set_up": state.plan is not None,
        "closed": state.closed,
    }
    status = REFUSED if form.is_bound or problem else 200
    return render(request, "console/backup_keys.html", context, status=status)


def _state() -> BackupState:
    return agent().ask(ReadBackups())
