"""Who gets a lead that nobody has: by source and conditions, working time, load, and in turn.

Pure: what is known of the people is passed in, and the decision comes out with its reason, for the card.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.apps.crm.conditions import Group


class Way(StrEnum):
    IN_TURN = "in-turn"
    LEAST_LOAD = "least-load"


WAYS: Mapping[Way, _StrOrPromise] = {
    Way.IN_TURN: _("in turn"),
    Way.LEAST_LOAD: _("to whoever has the least open"),
}


@dataclass(frozen=True)
class Candidate:
    """Somebody who may get it: what they have open, whether they are at work now, when they got one last."""

    user_id: int
    open_count: int = 0
    is_at_work: bool = True
    given_at: datetime | None = None


@dataclass(frozen=True)
class Rule:
    """`most_open` None: however much they have. `waits_for_work` False: also to who is not at work now."""

    id: int
    condition: Group
    candidates: tuple[int, ...]
    way: Way = Way.IN_TURN
    most_open: int | None = None
    waits_for_work: bool = True


@dataclass(frozen=True)
class Decision:
    """`user_id` None: nobody could take it, and it stays with whoever it is with."""

    user_id: int | None
    rule_id: int | None


def decide(rules: Sequence[Rule], values: Mapping[str, Any], people: Mapping[int, Candidate]) -> Decision:
    """The first rule whose condition holds and that has somebody for it. `people` by id: those who are
    missing are not there any more."""
    for rule in rules:
        if not rule.condition.holds(values):
            continue
        able = [one for pk in rule.candidates if (one := people.get(pk)) and _is_able(one, rule)]
        if able:
            return Decision(min(able, key=lambda one: _order(one, rule)).user_id, rule.id)
    return Decision(None, None)


def _is_able(one: Candidate, rule: Rule) -> bool:
    is_free = rule.most_open is None or one.open_count < rule.most_open
    return is_free and (one.is_at_work or not rule.waits_for_work)


def _order(one: Candidate, rule: Rule) -> tuple[Any, ...]:
    """Whoever has waited longest comes first; who never had one before all others, in the rule's order."""
    turn = (one.given_at is not None, one.given_at or 0, rule.candidates.index(one.user_id))
    return turn if rule.way == Way.IN_TURN else (one.open_count, *turn)
