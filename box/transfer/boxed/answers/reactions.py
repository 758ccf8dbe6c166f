"""Who has reacted to what: what no method of a portal tells, and its database has.

Source of the table: `b_rating_vote` of the module main; versions before 2018 know likes alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from box.transfer.boxed.answers.base import Question

_VOTES = (
    "SELECT ENTITY_ID, USER_ID, VALUE, REACTION FROM b_rating_vote WHERE ENTITY_ID IN ({}) AND"
    " ENTITY_TYPE_ID = ? AND coalesce(ACTIVE, 'Y') <> 'N' ORDER BY ID"
)


def reactions_to(question: Question, entity: str, ids: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """By the id of a thing, by the portal's word for a reaction, whose it is."""
    numbers = ", ".join(str(int(one)) for one in ids) or "0"
    found: dict[str, dict[str, list[str]]] = {}
    for row in question.extract.rows(_VOTES.format(numbers), [entity]):
        word = "dislike" if str(row["VALUE"]).startswith("-") else row["REACTION"] or "like"
        found.setdefault(str(row["ENTITY_ID"]), {}).setdefault(word, []).append(str(row["USER_ID"]))
    return found
