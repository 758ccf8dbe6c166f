"""The feed for programs: texts as BBCode both ways, polls, announcements, and in whose name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post
from box.apps.feed.polls import Question, vote
from tests.box.rest.calling import program_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def test_texts_are_bbcode_both_ways(anna: User, boris: User) -> None:
    program = program_of(anna)
    text = f"[b]Look[/b], [user={boris.pk}]Boris[/user]: [url=https://example.com/a]there[/url]\n[code]a[0][/code]"
    post = Post.objects.get(pk=program.call("log.blogpost.add", POST_MESSAGE=text))
    assert "<strong>Look</strong>" in post.html
    assert f'data-mention="{boris.pk}"' in post.html
    (told,) = program.call("log.blogpost.get", POST_ID=post.pk)
    for part in ("[b]Look[/b]", f"[user={boris.pk}]", "[url=https://example.com/a]there[/url]", "[code]"):
        assert part in told["DETAIL_TEXT"]
    comment = program.call("log.blogcomment.add", POST_ID=post.pk, TEXT="[i]Yes[/i]")
    (said,) = program.call("log.blogcomment.user.get")["comments"]
    assert (said["id"], said["log_id"], said["text"]) == (comment, post.pk, "[i]Yes[/i]")


def test_what_is_no_tag_stays_as_it_was_written(anna: User) -> None:
    program = program_of(anna)
    text = "a[0] < b[i + 1] [not a tag] <script>alert(1)</script>\n\nNext"
    post = Post.objects.get(pk=program.call("log.blogpost.add", POST_MESSAGE=text))
    assert "&lt;script&gt;" in post.html
    assert post.html.count("<p>") == 2
    attack = "[b]x[/b]<script>alert(1)</script><img src=x onerror=alert(1)>[url=javascript:alert(1)]y[/url]"
    post = Post.objects.get(pk=program.call("log.blogpost.add", POST_MESSAGE=attack))
    assert "<script" not in post.html
    assert "<img" not in post.html
    assert 'href="javascript' not in post.html


def test_of_a_poll_its_readers_learn_who_has_chosen_what(anna: User, boris: User, cara: User) -> None:
    for is_anonymous in (False, True):
        question = Question(("Tea", "Coffee"), is_anonymous=is_anonymous)
        post = publish_post(Draft(text="What?", audience=(f"U{boris.pk}",), question=question), by=anna)
        tea, coffee = post.poll.options.all()
        vote(post, [tea.pk], by=boris, now=timezone.now())
        (row,) = program_of(boris).call("log.blogpost.get", POST_ID=post.pk)
        attach = row["UF_BLOG_POST_VOTE"]["VALUE"]
        told = program_of(boris).call("vote.AttachedVote.getWithVoted", attachId=attach)
        (asked,) = told["attach"]["QUESTIONS"].values()
        counts = {one["MESSAGE"]: one["COUNTER"] for one in asked["ANSWERS"].values()}
        assert counts == {"Tea": "1", "Coffee": "0"}
        names = {str(tea.pk): [{"id": boris.pk, "fullName": boris.name}]}
        assert told["voted"] == ({} if is_anonymous else names)
        refused = program_of(cara).error("vote.AttachedVote.getWithVoted", attachId=attach)
        assert refused == (400, "ERROR_NOT_FOUND")
        assert coffee.votes_count == 0
    assert program_of(boris, "log").error("vote.AttachedVote.getWithVoted", attachId=attach) == (
        403,
        "insufficient_scope",
    )


def test_a_program_asks_a_question(anna: User, boris: User) -> None:
    program = program_of(anna)
    told: dict[str, Any] = {
        "QUESTIONS": [
            {"QUESTION": "What?", "FIELD_TYPE": 1, "ANSWERS": [{"MESSAGE": "Tea"}, {"MESSAGE": "Coffee"}]}
        ],
        "ANONYMITY": 2,
    }
    sent = {"UF_BLOG_POST_VOTE": "n1", "UF_BLOG_POST_VOTE_n1_DATA": told}
    poll = Post.objects.get(pk=program.call("log.blogpost.add", POST_MESSAGE="What?", **sent)).poll
    assert [one.text for one in poll.options.all()] == ["Tea", "Coffee"]
    assert (poll.is_multiple, poll.is_anonymous) == (True, True)
    told["ANONYMITY"] = 1
    poll = Post.objects.get(pk=program.call("log.blogpost.add", POST_MESSAGE="What?", **sent)).poll
    assert poll.is_anonymous is False
    for wrong in (
        "x", {}, {"QUESTIONS": "x"}, {"QUESTIONS": ["x"]}, {"QUESTIONS": told["QUESTIONS"] * 2},
        {"QUESTIONS": [{"ANSWERS": [{"MESSAGE": "Tea"}]}]},
        {"QUESTIONS": [{"ANSWERS": [{"MESSAGE": n} for n in range(500)]}]},
    ):  # fmt: skip
        given = {**sent, "UF_BLOG_POST_VOTE_n1_DATA": wrong}
        assert program.error("log.blogpost.add", POST_MESSAGE="What?", **given) == (400, "ERROR_ARGUMENT")
    assert Post.objects.count() == 2


def test_an_announcement_says_that_it_is_one(olga: User) -> None:
    program = program_of(olga)
    pk = program.call("log.blogpost.add", POST_MESSAGE="Read this", IMPORTANT="Y")
    (row,) = program.call("log.blogpost.get", POST_ID=pk)
    assert row["UF_BLOG_POST_IMPRTNT"]["VALUE"] == "1"
    (plain,) = program.call(
        "log.blogpost.get", POST_ID=program.call("log.blogpost.add", POST_MESSAGE="Not this")
    )
    assert "UF_BLOG_POST_IMPRTNT" not in plain
