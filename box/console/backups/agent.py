"""The agent, as these pages ask it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from appliance.client import (
    Agent,
    AgentError,
    BackupState,
    Operation,
    ProofsShut,
    ReadBackups,
    ReadBackupSets,
    Unproven,
)

# Somebody waits in front of the page.
SECONDS_TO_ANSWER = 10.0
# A store is tried more than once before it is said that it is away.
SECONDS_TO_TRY = 110.0
# Every page asks whether there are backups: the agent hears of it once a minute from each process.
SECONDS_BETWEEN = 60.0
SECONDS_FOR_A_MENU = 1.0
SETS_AT_ONCE = 1000


def agent(timeout: float = SECONDS_TO_ANSWER) -> Agent:
    return Agent(settings.AGENT_SOCKET, timeout=timeout)


def read_all_backups(machine: Agent) -> BackupState:
    """With every set there is: for whoever chooses one."""
    state = machine.ask(ReadBackups())
    if not state.more:
        return state
    found = machine.ask(ReadBackupSets(limit=SETS_AT_ONCE))
    sets = [*found.sets]
    while found.older:
        found = machine.ask(ReadBackupSets(found.older, limit=SETS_AT_ONCE))
        sets += found.sets
    return replace(state, sets=tuple(sets), more=0)


class ProofInput(forms.TextInput):
    def use_required_attribute(self, initial: Any) -> bool:
        return False


class ProofField(forms.CharField):
    """Left empty, the agent makes a code; that is no reason to call it optional."""

    widget = ProofInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"})

    def validate(self, value: Any) -> None:
        pass


class ProvenForm(forms.Form):
    """Asks for what the portal has not itself: the agent compares it."""

    proof = ProofField(label=gettext_lazy("Code from the machine, or from paper"), max_length=40)

    def say_where(self, state: BackupState) -> None:
        """The field says where to find it."""
        self.fields["proof"].help_text = _where(state)


def _where(state: BackupState) -> str:
    if state.plan is None:
        return _(
            "The installer showed it at its end. On the machine `sudo boxctl backup code` shows it again."
        )
    papers = [
        _("groups %(one)s and %(other)s of the recovery key of %(holder)s")
        % {"one": holder.asked[0], "other": holder.asked[1], "holder": holder.name}
        for holder in state.holders
        if len(holder.asked) == 2
    ]
    if not papers:
        return _(
            "Leave it empty first. On the machine `sudo boxctl backup code` then shows the code for this."
        )
    return _(
        "From paper: %(papers)s. Or leave it empty first: `sudo boxctl backup code` on the machine then shows"
        " the code for this."
    ) % {"papers": _(" or ").join(papers)}


def ask_proven[R](
    form: ProvenForm, asked: Operation[R], *, by: str, timeout: float = SECONDS_TO_TRY
) -> R | None:
    """The answer; None where there is none, and then the form says why."""
    try:
        return agent(timeout).ask(asked, by=by, proof=form.cleaned_data["proof"])
    except ProofsShut:
        form.add_error(
            "proof",
            _(
                "Too many wrong ones were typed: none is looked at for a quarter of an hour. On the machine"
                " `sudo boxctl backup code` ends that at once."
            ),
        )
    except Unproven:
        form.add_error("proof", _WRONG if form.cleaned_data["proof"] else _MISSING)
    except AgentError as error:
        form.add_error(None, str(error))
    return None


# Asked for without the right one, there is a code on the machine by now.
_MISSING = gettext_lazy("Type it: `sudo boxctl backup code` on the machine shows it now.")
_WRONG = gettext_lazy(
    "That is not it. Compare it with the paper, or type what `sudo boxctl backup code` on the machine shows"
    " now."
)


# Whether they are set up, at which socket that was heard, and when.
_NOTHING_HEARD: tuple[bool, str, float] = (False, "", 0.0)


class _Memory:
    """Whether backups are set up, as was heard last. Who comes while another one asks gets what is known."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._known = _NOTHING_HEARD

    def is_set_up(self) -> bool:
        is_set_up, socket, at = self._known
        here = str(settings.AGENT_SOCKET)
        is_old = socket != here or time.monotonic() > at + SECONDS_BETWEEN
        if is_old and self._asking.acquire(blocking=False):
            try:
                try:
                    is_set_up = agent(SECONDS_FOR_A_MENU).ask(ReadBackups()).plan is not None
                except AgentError:
                    is_set_up = is_set_up and socket == here
                self._known = (is_set_up, here, time.monotonic())
            finally:
                self._asking.release()
        return is_set_up

    def forget(self) -> None:
        self._known = _NOTHING_HEARD


memory = _Memory()
