"""What is said below an object: as pages show it, in as many queries for a thousand comments as for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.feed.actions import Draft, delete_post, publish_post, restore_post
from box.apps.feed.models import Post
from box.core.accounts.models import User
from box.core.discussion.actions import MOST_FILES, add_comment, delete_comment
from box.core.discussion.models import Comment, Thread
from box.core.discussion.presenters import COMMENTS_SHOWN, REPLIES_SHOWN, talk_below
from box.core.drafts.actions import draft_at, keep_draft
from box.core.events.delivery import deliver_all
from box.core.events.models import Delivery
from box.core.files.models import File
from box.core.notify.models import Notification
from box.core.push.models import PushMessage
from box.core.structure.models import Department
from tests.box.apps.feed.test_views import file_of

if TYPE_CHECKING:
    from django.test import Client

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def post(anna: User) -> Post:
    return publish_post(Draft("What do you think?"), by=anna)


def below(post: Post) -> str:
    return f"/discussion/feed.post/{post.pk}/comments/"


def written(text: str, **more: object) -> dict[str, object]:
    return {"text": text, "nonce": str(uuid4()), **more}


def fill(post: Post, by: User, count: int, parent: Comment | None = None) -> list[Comment]:
    rows = [
        Comment(thread=post.thread, author=by, text=f"word {n}.", html=f"<p>word {n}.</p>", parent=parent)
        for n in range(count)
    ]
    Thread.objects.filter(pk=post.thread_id).update(comments_count=count)
    return Comment.objects.bulk_create(rows)


def queries_of(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)


def test_an_answer_brings_what_was_written_and_nothing_else(
    as_person: Browser, post: Post, boris: User
) -> None:
    add_comment(post.thread, "said before", by=boris)
    answer = as_person(boris).post(below(post), written("said now"), headers=HTMX).content.decode()
    assert "said now" in answer and f'hx-swap-oob="beforeend:#said-{post.thread_id}"' in answer
    assert "said before" not in answer and "What do you think?" not in answer
    assert f'id="count-{post.thread_id}" hx-swap-oob="true">2<' in answer


def test_an_answer_to_a_comment_finds_its_place(as_person: Browser, post: Post, boris: User) -> None:
    first = add_comment(post.thread, "first", by=boris)
    sent = written("to the first", parent=first.pk)
    answer = as_person(boris).post(below(post), sent, headers=HTMX).content.decode()
    assert f'hx-swap-oob="beforeend:#replies-{first.pk}"' in answer


def test_a_refused_comment_brings_its_form_back(as_person: Browser, post: Post, boris: User) -> None:
    answer = as_person(boris).post(below(post), written(" "), headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (422, f"#answer-{post.thread_id}")
    assert not Comment.objects.exists()


def test_a_thousand_comments_cost_what_one_does(
    as_person: Browser, post: Post, anna: User, boris: User
) -> None:
    browser, few = as_person(boris), publish_post(Draft("Few words"), by=anna)
    fill(few, anna, 1)
    tops = fill(post, anna, 1000)
    fill(post, boris, 300, parent=tops[-1])
    counts = {}
    for one in (few, post):
        # What is remembered for all pages is not counted, whoever read the last one before this test.
        browser.get(below(one), headers=HTMX)
        browser.get(f"/feed/{one.pk}/")
        reading = queries_of(lambda one=one: browser.get(below(one), headers=HTMX))  # type: ignore[misc]
        page = queries_of(lambda one=one: browser.get(f"/feed/{one.pk}/"))  # type: ignore[misc]
        writing = queries_of(lambda one=one: browser.post(below(one), written("x"), headers=HTMX))  # type: ignore[misc]
        counts[one.pk] = (reading, page, writing)
    assert counts[few.pk] == counts[post.pk]


def test_the_latest_are_shown_and_earlier_ones_come_by_key(post: Post, anna: User, boris: User) -> None:
    tops = fill(post, anna, COMMENTS_SHOWN + 5)
    replies = fill(post, boris, REPLIES_SHOWN + 3, parent=tops[-1])
    talk = talk_below(post, reader=boris)
    assert [one.comment.pk for one in talk.said] == [one.pk for one in tops[5:]]
    assert talk.newest == replies[-1].pk
    assert [one.comment.pk for one in talk.said[-1].replies] == [one.pk for one in replies[3:]]
    assert talk.said[-1].has_earlier_replies and not talk.said[0].has_earlier_replies
    earlier = talk_below(post, reader=boris, before=talk.earlier_than)
    assert [one.comment.pk for one in earlier.said] == [one.pk for one in tops[:5]]
    assert earlier.earlier_than is None


def test_earlier_answers_come_by_key(as_person: Browser, post: Post, anna: User, boris: User) -> None:
    top = add_comment(post.thread, "a question", by=anna)
    replies = fill(post, boris, REPLIES_SHOWN + 3, parent=top)
    address = f"/discussion/comments/{top.pk}/replies/"
    page = as_person(boris).get(address, {"before": replies[3].pk}, headers=HTMX).content.decode()
    assert [n for n in range(13) if f"word {n}." in page] == [0, 1, 2]


def test_what_was_answered_far_above_is_shown_with_the_news(post: Post, anna: User, boris: User) -> None:
    tops = fill(post, anna, COMMENTS_SHOWN + 5)
    reply = add_comment(post.thread, "late", parent=tops[0], by=boris)
    talk = talk_below(post, reader=anna, after=tops[-1].pk)
    assert (talk.said[0].comment.pk, talk.said[0].replies[0].comment.pk) == (tops[0].pk, reply.pk)
    assert talk.earlier_than == tops[5].pk


def test_a_sent_comment_leaves_no_draft(as_person: Browser, post: Post, boris: User) -> None:
    place = f"thread-{post.thread_id}"
    keep_draft(place, {"fields": {"text": "half"}}, browser="browser-one", base=0, by=boris)
    as_person(boris).post(below(post), written("whole", place=place), headers=HTMX)
    assert draft_at(place, of=boris) is None


def test_open_pages_learn_that_there_is_more(post: Post, boris: User) -> None:
    comment = add_comment(post.thread, "look", by=boris)
    deliver_all()
    message = PushMessage.objects.get(topic="discussion", kind="comment")
    assert message.payload == {"thread": post.thread_id, "id": comment.pk, "by": boris.pk}
    assert message.audience == post.audience


def test_what_a_version_before_had_yet_to_tell_is_told(post: Post, anna: User, boris: User) -> None:
    add_comment(post.thread, "before the upgrade", by=boris)
    former = "box.apps.feed.handlers.tell_those_concerned"
    Delivery.objects.filter(handler__endswith="discussion.handlers.tell_of_comment").update(handler=former)
    deliver_all()
    assert Notification.objects.get().user == anna


MOST_OF_TELLING = 31
"""Queries of all that follows from one comment: those who listen, their bells, the index."""


def test_those_who_listen_are_told_in_as_many_queries_as_one(
    post: Post, boris: User, cara: User, olga: User
) -> None:
    """Of a comment that three have waited for as of one that its author alone hears."""
    counts = []
    for writer in (boris, cara, olga):
        add_comment(post.thread, "and I", by=writer)
        counts.append(queries_of(deliver_all))
    assert Notification.objects.count() == 1 + 2 + 3
    assert counts[2] <= counts[1] + 1
    assert counts[2] <= MOST_OF_TELLING


def test_files_of_a_comment_are_for_whoever_sees_what_it_stands_under(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    post, file = publish_post(Draft("Plans", (sales.code,)), by=anna), file_of(boris)
    answer = as_person(boris).post(below(post), written("", files=[file.pk]), headers=HTMX)
    assert (answer.status_code, file.name in answer.content.decode()) == (200, True)
    assert file.name in as_person(anna).get(f"/feed/{post.pk}/").content.decode()
    assert not File.objects.visible_to(cara).filter(pk=file.pk).exists()
    assert File.objects.visible_to(anna).filter(pk=file.pk).exists()
    delete_post(post, by=anna)
    assert not File.objects.visible_to(boris).filter(pk=file.pk).exists()
    restore_post(post, by=anna)
    assert File.objects.visible_to(boris).filter(pk=file.pk).exists()
    delete_comment(Comment.objects.get(), by=boris)
    assert not File.objects.exists()


def test_others_files_are_not_given_away(as_person: Browser, post: Post, anna: User, boris: User) -> None:
    answer = as_person(boris).post(below(post), written("mine?", files=[file_of(anna).pk]), headers=HTMX)
    assert answer.status_code == 422
    assert not Comment.objects.exists()


def test_no_more_files_than_anybody_looks_at(post: Post, boris: User) -> None:
    files = [file_of(boris).pk for _ in range(MOST_FILES + 1)]
    with pytest.raises(ValidationError):
        add_comment(post.thread, "all", file_ids=files, by=boris)
    add_comment(post.thread, "most", file_ids=files[:MOST_FILES], by=boris)


def test_without_a_script_a_page_shows_all_of_it(as_person: Browser, post: Post, boris: User) -> None:
    add_comment(post.thread, "said before", by=boris)
    page = as_person(boris).get(below(post)).content.decode()
    assert "said before" in page and 'name="nonce"' in page and "<title>" in page
