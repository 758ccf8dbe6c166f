"""The whole box brought back: a moment, what it takes away, the word that is typed, and the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from appliance.client import AgentError, BackupSetState, BackupState, BeginRestore
from box.console.access import can_look_after_backups, only_for
from box.console.backups.agent import ProvenForm, agent, ask_proven, read_all_backups
from box.console.backups.presenters import Target, lasting, shown_moment, targets_of
from box.console.backups.views import page
from box.core.accounts.signing_in import check_password_again, recently_proven
from box.core.registry.capabilities import counts_since
from box.lib.forms import set_choices
from box.lib.pages import REFUSED, render

if TYPE_CHECKING:
    from box.core.accounts.requests import PersonRequest

END, MOMENT, SET = "end", "moment", "set"


@dataclass(frozen=True)
class Preview:
    """What the box would be brought back to, and what that takes away."""

    begin_with: BackupSetState
    to: datetime
    lost_for: str
    """How long people's work is lost."""
    lost: tuple[tuple[str, int], ...]
    """What was made since, by kind."""


class RestoreForm(forms.Form):
    """To which moment, from where."""

    target = forms.ChoiceField(label=gettext_lazy("From"))
    to = forms.ChoiceField(
        label=gettext_lazy("Back to"),
        choices=(
            (END, gettext_lazy("the newest moment there is")),
            (MOMENT, gettext_lazy("a moment")),
            (SET, gettext_lazy("a backup as it was made")),
        ),
        initial=END,
    )
    moment = forms.DateTimeField(
        label=gettext_lazy("The moment"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format="%Y-%m-%dT%H:%M:%S"),
        input_formats=("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"),
    )
    set = forms.ChoiceField(label=gettext_lazy("The backup"), required=False)

    def __init__(self, state: BackupState, data: Any = None) -> None:
        super().__init__(data)
        self.state = state
        good = [one for one in state.sets if not one.problem]
        named = [(one.name, one.name) for one in state.targets]
        sets = [(f"{one.label}@{one.target}", f"{shown_moment(one.ended_at)} · {one.target}") for one in good]
        set_choices(self, "target", named)
        set_choices(self, "set", [("", "–"), *sets])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            given["preview"] = preview_of(self.state, given, now=timezone.now())
        return given

    @property
    def asked(self) -> BeginRestore:
        given = self.cleaned_data
        label, _at, target = given["set"].partition("@")
        if given["to"] == SET:
            return BeginRestore(target, label)
        return BeginRestore(given["target"], moment=given["moment"] if given["to"] == MOMENT else None)


class MeantForm(ProvenForm):
    """What is typed by somebody who means it."""

    field_order = ("with_safety", "password", "proof", "word")

    with_safety = forms.BooleanField(
        label=gettext_lazy("Make a backup of how it is now first"), required=False, initial=True
    )
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    word = forms.CharField(
        label=gettext_lazy("Type the word: restore"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_word(self) -> str:
        word: str = self.cleaned_data["word"]
        if word.strip().lower() not in ("restore", _("restore")):
            raise ValidationError(_("Type the word as it stands there, if you mean it."))
        return word


def preview_of(state: BackupState, given: dict[str, Any], *, now: datetime) -> Preview:
    """Raises ValidationError where the box cannot be brought back to there."""
    label, _at, named = given["set"].partition("@")
    if given["to"] == SET and not label:
        raise ValidationError({"set": _("Choose a backup.")})
    target_name = named if given["to"] == SET else given["target"]
    good = [one for one in state.sets if one.target == target_name and not one.problem]
    if not good:
        raise ValidationError(_("There is no good backup there yet."))
    if given["to"] == SET:
        begin = next(one for one in good if one.label == label)
        return _preview(begin, begin.ended_at, now)
    target = next(one for one in targets_of(state) if one.state.name == target_name)
    to = given["moment"] if given["to"] == MOMENT else target.state.restorable_until or good[0].ended_at
    if to is None:
        raise ValidationError({"moment": _("Choose a moment.")})
    return _preview(_first_set(good, target, to), to, now)


def _first_set(good: list[BackupSetState], target: Target, to: datetime) -> BackupSetState:
    """The newest one before the moment, from which the time line leads to it."""
    until = target.state.restorable_until
    before = [one for one in good if one.ended_at <= to]
    if not before:
        first = min(one.ended_at for one in good)
        raise ValidationError({"moment": _("The time line begins at %(at)s.") % {"at": shown_moment(first)}})
    if until is not None and to > until:
        raise ValidationError({"moment": _("The time line ends at %(at)s.") % {"at": shown_moment(until)}})
    if any(gap.since < to and (gap.until is None or to < gap.until) for gap in target.state.gaps):
        raise ValidationError({"moment": _("The moment lies in a gap of the time line: choose another one.")})
    return max(before, key=lambda one: one.ended_at)


def _preview(begin: BackupSetState, to: datetime, now: datetime) -> Preview:
    counted = [(str(one.label), one.count(to)) for one in sorted(counts_since, key=lambda one: one.order)]
    lost = tuple((label, count) for label, count in counted if count)
    return Preview(begin, to, lasting((now - to).total_seconds()), lost)


@sensitive_post_parameters("password", "proof")
@never_cache
@require_http_methods(["GET", "POST"])
@only_for(can_look_after_backups)
@recently_proven
def restore(request: PersonRequest) -> HttpResponse:
    """Chosen by a GET, which shows what will be lost; begun by a POST to the same address."""
    try:
        state = read_all_backups(agent())
    except AgentError as error:
        return page(request, problem=str(error))
    form = RestoreForm(state, request.GET or None)
    meant = MeantForm(request.POST or None)
    meant.say_where(state)
    is_chosen = form.is_valid()
    if is_chosen and meant.is_valid() and _is_begun(request, form, meant):
        messages.success(request, _("It is under way. Everybody will have to sign in again."))
        return redirect("console:backups")
    context = {
        "form": form,
        "meant": meant,
        "targets": targets_of(state),
        "preview": form.cleaned_data.get("preview") if is_chosen else None,
    }
    return render(request, "console/backup_restore.html", context, status=REFUSED if meant.is_bound else 200)


def _is_begun(request: PersonRequest, form: RestoreForm, meant: MeantForm) -> bool:
    if problem := check_password_again(request, meant.cleaned_data["password"]):
        meant.add_error("password", problem)
        return False
    asked = form.asked
    asked = BeginRestore(asked.target, asked.set, asked.moment, meant.cleaned_data["with_safety"])
    return ask_proven(meant, asked, by=request.user.login, timeout=30) is not None
