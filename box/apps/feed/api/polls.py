"""What a post asks, for programs, with who has chosen what.

Source: https://apidocs.bitrix24.com/api-reference/vote/vote-attachedvote-get-with-voted.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.feed.models import Ballot, Poll, Post
from box.apps.feed.polls import Question
from box.core.registry.rest import (
    DOCS,
    Call,
    Method,
    Parameters,
    Scope,
    listed,
    methods,
    not_found,
    scopes,
    shaped,
)

SCOPE = "vote"
MOST_VOTERS = 10_000
_MULTIPLE = {False: "0", True: "1"}
# As Bitrix24 counts: everybody sees who has chosen what, or nobody.
_ANONYMITY = {False: 1, True: 2}


# Each poll that is not there yet has a number of the sender's own.
_NEW = re.compile(r"UF_BLOG_POST_VOTE_N\d{1,9}_DATA", re.ASCII)


def question_of(given: Mapping[str, Any]) -> Question | None:
    """What a post asks, of the parameters beside its own: `UF_BLOG_POST_VOTE_n0_DATA`, in the shape of the
    form of a post. Raises ValidationError."""
    sent = [value for name, value in given.items() if _NEW.fullmatch(name)]
    if not sent:
        return None
    questions = _rows(sent[0].get("QUESTIONS")) if isinstance(sent[0], Mapping) else []
    if len(sent) > 1 or len(questions) != 1:
        raise ValidationError(_("A post asks one question: QUESTIONS with its ANSWERS."), code="question")
    return Question(
        options=tuple(str(one.get("MESSAGE") or "") for one in _rows(questions[0].get("ANSWERS"))),
        is_multiple=str(questions[0].get("FIELD_TYPE")) == _MULTIPLE[True],
        is_anonymous=str(sent[0].get("ANONYMITY")) == str(_ANONYMITY[True]),
    )


def _rows(value: Any) -> list[Mapping[str, Any]]:
    rows = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(rows, list) or not all(isinstance(one, Mapping) for one in rows):
        return []
    return rows


class AttachedVote(Parameters):
    ATTACHID = forms.IntegerField(help_text=gettext_lazy("Of the post: VALUE of UF_BLOG_POST_VOTE."))
    PAGESIZE = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_VOTERS, help_text=gettext_lazy("How many people at most.")
    )


def with_voted(call: Call) -> Any:
    """What was chosen in an anonymous poll nobody can look up, not even by a program: who has voted stands
    under no answer then."""
    poll = (
        Poll.objects.filter(post__in=Post.objects.visible_to(call.user), pk=call.values["ATTACHID"])
        .select_related("post")
        .first()
    )
    if poll is None:
        raise not_found(_("There is no such poll, or you don't see it."))
    options = list(poll.options.all())
    question = {
        "ID": str(poll.pk),
        "QUESTION": "",
        "FIELD_TYPE": _MULTIPLE[poll.is_multiple],
        "COUNTER": str(poll.voters_count),
        "C_SORT": "100",
        "ANSWERS": {
            str(one.pk): {
                "ID": str(one.pk),
                "MESSAGE": one.text,
                "COUNTER": str(one.votes_count),
                "C_SORT": str(100 * (one.position + 1)),
            }
            for one in options
        },
    }
    attach = {
        "ID": poll.pk,
        "VOTE_ID": poll.pk,
        "COUNTER": poll.voters_count,
        "QUESTIONS": {str(poll.pk): question},
        "ANONYMITY": _ANONYMITY[poll.is_anonymous],
        "isFinished": poll.is_closed(call.now),
    }
    return {"attach": attach, "voted": {} if poll.is_anonymous else _voters(poll, call)}


def _voters(poll: Poll, call: Call) -> Mapping[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    ballots = Ballot.objects.filter(poll=poll).select_related("user").order_by("pk")
    for one in ballots[: call.values["PAGESIZE"] or 50]:
        for pk in one.chosen:
            found[str(pk)].append({"id": one.user_id, "fullName": one.user.name})
    return found


def _by_number(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": schema}


_VOTERS = listed(id="integer", fullName="string")
_QUESTION = shaped(ID="string", QUESTION="string", FIELD_TYPE="string", COUNTER="string", C_SORT="string")
_QUESTION["properties"]["ANSWERS"] = _by_number(
    shaped(ID="string", MESSAGE="string", COUNTER="string", C_SORT="string")
)
_ATTACH = shaped(
    ID="integer", VOTE_ID="integer", COUNTER="integer", ANONYMITY="integer", isFinished="boolean"
)
_ATTACH["properties"]["QUESTIONS"] = _by_number(_QUESTION)


def declare() -> None:
    scopes.add(SCOPE, Scope(gettext_lazy("Polls"), gettext_lazy("Read the polls of posts."), room="feed"))
    methods.add(
        "vote.attachedvote.getwithvoted",
        Method(
            room="feed",
            scopes=(SCOPE,),
            about=gettext_lazy("What a post asks, and who has chosen what."),
            parameters=AttachedVote,
            answer=with_voted,
            result={"type": "object", "properties": {"attach": _ATTACH, "voted": _by_number(_VOTERS)}},
            source=f"{DOCS}vote/vote-attachedvote-get-with-voted.html",
        ),
    )
