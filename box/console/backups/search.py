"""One thing found in a backup and put back, by whoever looks after backups; what is private by its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from appliance.client import (
    AgentError,
    BackupState,
    FindInBackup,
    FoundThings,
    OperationState,
    PutBack,
    ReadFound,
    ReadOperation,
)
from box.console.access import can_look_after_backups, only_for
from box.console.backups.agent import agent, read_all_backups
from box.console.backups.presenters import Operation, shown_moment
from box.core.registry.capabilities import keepsakes
from box.lib.forms import set_choices
from box.lib.pages import number_of, render, render_form

if TYPE_CHECKING:
    from typing import Any

    from box.core.accounts.requests import PersonRequest


class FindForm(forms.Form):
    kind = forms.ChoiceField(label=gettext_lazy("What it was"))
    text = forms.CharField(
        label=gettext_lazy("A word of it"),
        help_text=gettext_lazy("Of its text, its title or its name."),
        max_length=200,
    )
    set = forms.ChoiceField(label=gettext_lazy("In which backup"), required=False)

    def __init__(self, state: BackupState, data: Any = None) -> None:
        super().__init__(data)
        kinds = sorted(keepsakes.items(), key=lambda item: item[1].order)
        good = [one for one in state.sets if not one.problem]
        sets = [(f"{one.label}@{one.target}", f"{shown_moment(one.ended_at)} · {one.target}") for one in good]
        set_choices(self, "kind", [(key, one.label) for key, one in kinds])
        set_choices(self, "set", [("", _("the newest")), *sets])

    def asked_by(self, login: str) -> FindInBackup:
        given = self.cleaned_data
        label, _at, target = given["set"].partition("@")
        return FindInBackup(given["kind"], given["text"], login, target, label)


@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
def searches(request: PersonRequest) -> HttpResponse:
    """The search takes a while: the set is brought to life beside the box, without touching it."""
    problem, state = "", BackupState()
    try:
        state = read_all_backups(agent())
    except AgentError as error:
        problem = str(error)
    form = FindForm(state, request.POST or None)
    if form.is_valid():
        try:
            begun = agent(30).ask(form.asked_by(request.user.login), by=request.user.login)
        except AgentError as error:
            form.add_error(None, str(error))
        else:
            return redirect("console:backup-search", begun.id)
    context = {"problem": problem, "is_set_up": state.plan is not None}
    return render_form(request, "console/backup_searches.html", form, context)


@require_GET
@only_for(can_look_after_backups)
def search(request: PersonRequest, name: str) -> HttpResponse:
    """How far it is, and then what it has found; for whoever has searched alone."""
    return _search_page(request, name)


def _search_page(request: PersonRequest, name: str, *, problem: str = "") -> HttpResponse:
    operation: OperationState | None = None
    found: FoundThings | None = None
    try:
        operation = agent().ask(ReadOperation(name))
        if operation.state == "done" and operation.kind == "find":
            found = agent().ask(ReadFound(name, request.user.login))
    except AgentError as error:
        problem = problem or str(error)
    context = {
        "name": name,
        "operation": Operation(operation) if operation and operation.kind in ("find", "put-back") else None,
        "found": found,
        "problem": problem,
    }
    return render(request, "console/backup_search.html", context, blocks="search")


@require_POST
@only_for(can_look_after_backups)
def put_back(request: PersonRequest, name: str) -> HttpResponse:
    asked = PutBack(name, number_of(request.POST, "number") or 0, request.user.login)
    try:
        begun = agent(30).ask(asked, by=request.user.login)
    except AgentError as error:
        return _search_page(request, name, problem=str(error))
    return redirect("console:backup-search", begun.id)
