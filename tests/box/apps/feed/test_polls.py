from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from box.apps.feed import actions, polls
from box.apps.feed.actions import Draft
from box.apps.feed.models import Ballot, Poll, Post
from box.apps.feed.polls import Question
from box.core.events.delivery import deliver_all
from box.core.push.models import PushMessage

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def asked(author: User, *options: str, **question: object) -> Post:
    choice = Question(options or ("tea", "coffee"), **question)  # type: ignore[arg-type]
    return actions.publish_post(Draft("What shall we drink?", question=choice), by=author)


def votes_of(post: Post) -> list[int]:
    return [option.votes_count for option in post.poll.options.all()]


def option(post: Post, position: int) -> int:
    return post.poll.options.all()[position].pk


def test_a_poll_is_asked_and_answered_in_the_feed(as_person: Browser, anna: User, boris: User) -> None:
    sent = {"text": "What shall we drink?", "options": "tea\r\ncoffee\r\n\r\ntea", "audience": ["UA"]}
    as_person(anna).post("/feed/", {**sent, "nonce": str(uuid4())})
    post = Post.objects.get()
    assert [one.text for one in post.poll.options.all()] == ["tea", "coffee"]
    browser = as_person(boris)
    assert "data-votes=" not in browser.get("/feed/").content.decode()
    answer = browser.post(
        f"/feed/{post.pk}/vote/", {"option": option(post, 1)}, headers=HTMX
    ).content.decode()
    assert f'data-votes="{option(post, 1)}">1<' in answer
    assert "checked" in answer
    assert votes_of(post) == [0, 1]


def test_a_vote_can_be_changed_and_counts_once(anna: User, boris: User) -> None:
    post = asked(anna)
    for position in (0, 1, 1):
        polls.vote(post, [option(post, position)], by=boris)
    assert votes_of(post) == [0, 1]
    assert Poll.objects.get().voters_count == 1


def test_several_answers_only_where_they_were_asked_for(anna: User, boris: User) -> None:
    one, many = asked(anna), asked(anna, is_multiple=True)
    both = [option(many, 0), option(many, 1)]
    polls.vote(many, both, by=boris)
    assert votes_of(many) == [1, 1]
    with pytest.raises(ValidationError, match="Choose one"):
        polls.vote(one, [option(one, 0), option(one, 1)], by=boris)
    with pytest.raises(ValidationError, match="Choose one"):
        polls.vote(one, both, by=boris)
    assert not Ballot.objects.filter(poll=one.pk).exists()


def test_nobody_can_look_up_an_anonymous_vote(anna: User, boris: User) -> None:
    post = asked(anna, is_anonymous=True)
    polls.vote(post, [option(post, 0)], by=boris)
    assert Ballot.objects.get().chosen == []
    assert votes_of(post) == [1, 0]
    with pytest.raises(ValidationError, match="stays as it is"):
        polls.vote(post, [option(post, 1)], by=boris)
    deliver_all()
    message = PushMessage.objects.get(kind="poll")
    votes = {str(option(post, 0)): 1, str(option(post, 1)): 0}
    assert message.payload == {"post": post.pk, "voters": 1, "votes": votes}


def test_a_poll_that_is_over_takes_no_votes(anna: User, boris: User) -> None:
    post = asked(anna, closes_at=timezone.now() + timedelta(hours=1))
    with pytest.raises(ValidationError, match="over"):
        polls.vote(post, [option(post, 0)], by=boris, now=timezone.now() + timedelta(hours=2))


@pytest.mark.parametrize(
    ("question", "word"),
    [
        (Question(("alone",)), "2 to 20"),
        (Question(("same", " same ")), "2 to 20"),
        (Question(tuple(map(str, range(21)))), "2 to 20"),
        (Question(("a", "x" * 201)), "at most 200"),
        (Question(("a", "b"), closes_at=datetime(2026, 11, 1, tzinfo=UTC)), "over already"),
    ],
)
def test_a_poll_that_cannot_be_is_refused_with_its_post(anna: User, question: Question, word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        actions.publish_post(Draft("What?", question=question), by=anna)
    assert not Post.objects.exists()


def test_an_answer_of_a_poll_is_text(as_person: Browser, anna: User) -> None:
    asked(anna, "<script>alert(1)</script>", "b")
    page = as_person(anna).get("/feed/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page


def test_polls_cost_one_query_however_many(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(boris)
    for _ in range(5):
        asked(anna)
    with CaptureQueriesContext(connection) as many:
        browser.get("/feed/")
    assert sum('FROM "feed_polloption"' in query["sql"] for query in many) == 1


def test_who_does_not_see_the_post_cannot_vote(
    as_person: Browser, anna: User, cara: User, sales: Department
) -> None:
    choice = Question(("a", "b"))
    post = actions.publish_post(Draft("Us?", (sales.code,), question=choice), by=anna)
    assert as_person(cara).post(f"/feed/{post.pk}/vote/", {"option": option(post, 0)}).status_code == 404
    assert votes_of(post) == [0, 0]
