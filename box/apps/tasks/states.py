"""The states of a task and the steps between them, as a table.

                 start           complete
    waiting  ->  in progress  ->  waiting for acceptance  ->  completed
                 pause           return      accept

Pure: who somebody is to a task comes in as roles, and a step comes out or does not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


class State(TextChoices):
    WAITING = "waiting", pgettext_lazy("task", "waiting")
    IN_PROGRESS = "in-progress", pgettext_lazy("task", "in progress")
    DEFERRED = "deferred", pgettext_lazy("task", "deferred")
    IN_REVIEW = "in-review", pgettext_lazy("task", "waiting for acceptance")
    COMPLETED = "completed", pgettext_lazy("task", "completed")


class Role(StrEnum):
    """Who somebody is to a task. Whoever manages it gave it, moderates its project, or administers."""

    DOES = "does"
    MANAGES = "manages"


class Step(StrEnum):
    START = "start"
    PAUSE = "pause"
    DEFER = "defer"
    COMPLETE = "complete"
    ACCEPT = "accept"
    RETURN = "return"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """From where a step leads where, and whose it is."""

    label: _StrOrPromise
    icon: str
    sources: frozenset[State]
    to: State
    roles: frozenset[Role]


_OPEN = frozenset({State.WAITING, State.IN_PROGRESS, State.DEFERRED})
_BOTH = frozenset(Role)
_MANAGER = frozenset({Role.MANAGES})
RULES = {
    Step.START: Rule(
        label=pgettext_lazy("task", "Start"),
        icon="player-play",
        sources=frozenset({State.WAITING, State.DEFERRED}),
        to=State.IN_PROGRESS,
        roles=frozenset({Role.DOES}),
    ),
    Step.COMPLETE: Rule(
        label=pgettext_lazy("task", "Complete"),
        icon="check",
        sources=_OPEN,
        to=State.COMPLETED,
        roles=_BOTH,
    ),
    Step.ACCEPT: Rule(
        label=pgettext_lazy("result of a task", "Accept"),
        icon="check",
        sources=frozenset({State.IN_REVIEW}),
        to=State.COMPLETED,
        roles=_MANAGER,
    ),
    Step.RETURN: Rule(
        label=pgettext_lazy("task", "Return"),
        icon="arrow-back-up",
        sources=frozenset({State.IN_REVIEW, State.COMPLETED}),
        to=State.WAITING,
        roles=_MANAGER,
    ),
    Step.PAUSE: Rule(
        label=pgettext_lazy("task", "Pause"),
        icon="player-pause",
        sources=frozenset({State.IN_PROGRESS}),
        to=State.WAITING,
        roles=frozenset({Role.DOES}),
    ),
    Step.DEFER: Rule(
        label=pgettext_lazy("task", "Defer"),
        icon="clock-pause",
        sources=frozenset({State.WAITING, State.IN_PROGRESS}),
        to=State.DEFERRED,
        roles=_BOTH,
    ),
}


def is_allowed(step: Step, state: str, roles: Collection[Role]) -> bool:
    rule = RULES[step]
    return state in rule.sources and not rule.roles.isdisjoint(roles)


def target(step: Step, roles: Collection[Role], *, needs_acceptance: bool) -> State:
    """Where an allowed step leads: what is done waits for acceptance, unless whoever gave it has done it."""
    if step == Step.COMPLETE and needs_acceptance and Role.MANAGES not in roles:
        return State.IN_REVIEW
    return RULES[step].to


def steps(state: str, roles: Collection[Role]) -> list[Step]:
    """What these roles may do from here, the likeliest first."""
    return [step for step in RULES if is_allowed(step, state, roles)]
