"""Polls with who has chosen what. Of secret ones nobody is told who has voted: a dump knows it, and keeps it.

Source of the tables: `b_vote`, `b_vote_question`, `b_vote_answer`, `b_vote_event…`, `b_vote_attached_object`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from box.transfer.boxed.answers.base import Method, Question, Row, Unknown

_ANONYMOUS = "2"
_VOTERS = (
    "SELECT q.ANSWER_ID, u.AUTH_USER_ID FROM b_vote_event e JOIN b_vote_event_question n ON n.EVENT_ID = e.ID"
    " JOIN b_vote_event_answer q ON q.EVENT_QUESTION_ID = n.ID JOIN b_vote_user u ON u.ID = e.VOTE_USER_ID"
    " WHERE e.VOTE_ID = ? AND e.VALID = 'Y' ORDER BY e.ID"
)


def _poll(question: Question) -> dict[str, Any]:
    extract = question.extract
    sql = (
        "SELECT a.ID AS ATTACH_ID, v.* FROM b_vote_attached_object a JOIN b_vote v ON v.ID = a.OBJECT_ID"
        " WHERE a.ID = ?"
    )
    vote = extract.first(sql, [question.number("attachid")])
    if not vote:
        raise Unknown("Attach not found")
    asked = extract.rows("SELECT * FROM b_vote_question WHERE VOTE_ID = ? ORDER BY C_SORT, ID", [vote["ID"]])
    voted: dict[str, list[Row]] = {}
    if vote["ANONYMITY"] != _ANONYMOUS:
        for row in extract.rows(_VOTERS, [vote["ID"]]):
            voted.setdefault(str(row["ANSWER_ID"]), []).append({"id": row["AUTH_USER_ID"]})
    return {
        "attach": {
            "ID": vote["ATTACH_ID"],
            "ANONYMITY": vote["ANONYMITY"],
            "isFinished": _is_over(question, vote),
            "QUESTIONS": {str(one["ID"]): _question(question, one) for one in asked},
        },
        "voted": voted,
    }


def _question(question: Question, row: Row) -> Row:
    sql = "SELECT * FROM b_vote_answer WHERE QUESTION_ID = ? ORDER BY C_SORT, ID"
    answers = question.extract.rows(sql, [row["ID"]])
    # Whether several may be chosen stands at each answer in older versions: 1 is a box to tick.
    several = row["FIELD_TYPE"] or next((one["FIELD_TYPE"] for one in answers), None)
    return {**row, "FIELD_TYPE": several or "0", "ANSWERS": {str(one["ID"]): one for one in answers}}


def _is_over(question: Question, vote: Row) -> bool:
    try:
        end = datetime.fromisoformat(str(question.moment(vote["DATE_END"])))
    except ValueError:
        return bool(vote["ACTIVE"] == "N")
    return bool(vote["ACTIVE"] == "N") or (end.tzinfo is not None and end < datetime.now(UTC))


METHODS: Mapping[str, Method] = {"vote.AttachedVote.getWithVoted": _poll}
