"""What was allowed is looked for by the agent, and followed until it is over.

Nothing is remembered but the operation's name: whoever dies in between leaves what the next one finds again.
Nothing is read of what was found either: this is told to whoever has asked, and to nobody else.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from appliance.client import Agent, AgentError, FindOwn, ReadOperation, Refused
from box.console.actions import end_old_retrievals, give_up_retrieval, note_look, note_search
from box.console.backups.agent import agent, read_all_backups
from box.console.backups.presenters import set_from
from box.console.models import Retrieval

log = logging.getLogger(__name__)

SECONDS_TO_ANSWER = 30.0
# While the box is upgraded the agent may be of another version.
PATIENCE = timedelta(minutes=10)


def follow_all(*, now: datetime) -> None:
    end_old_retrievals(now=now)
    machine = agent(SECONDS_TO_ANSWER)
    for one in Retrieval.objects.allowed().select_related("asker").order_by("id"):
        try:
            if one.operation or _is_begun(one, machine):
                _follow(one, machine, now=now)
        except AgentError as error:
            log.warning("Request %d waits: %s", one.pk, error)


def _is_begun(one: Retrieval, machine: Agent) -> bool:
    if not one.asker.is_active:
        give_up_retrieval(one, Retrieval.Why.FAILED)
        return False
    chosen = set_from(read_all_backups(machine), one.day)
    if chosen is None:
        give_up_retrieval(one, Retrieval.Why.NO_BACKUP)
        return False
    login = one.asker.login
    asked = FindOwn(one.kind, one.text, login, chosen.target, chosen.label, key=str(one.key))
    one.operation = machine.ask(asked, by=login).id
    note_search(one, one.operation)
    return True


def _follow(one: Retrieval, machine: Agent, *, now: datetime) -> None:
    try:
        state = machine.ask(ReadOperation(one.operation)).state
    except Refused:
        if one.answered_at and now < one.answered_at + PATIENCE:
            raise
        # Nobody remembers it.
        state = "failed"
    if state == "done":
        note_look(one, now=now)
    elif state == "failed":
        give_up_retrieval(one, Retrieval.Why.FAILED)
