from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.feed import actions
from box.apps.feed.actions import Draft
from box.apps.feed.models import PAGE, Post
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.discussion.models import Comment
from box.core.files.models import Blob, File
from box.core.org.models import Department

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}
MOST_QUERIES = 8


def post_of(author: User, text: str = "Good morning", **draft: object) -> Post:
    return actions.publish_post(Draft(text, **draft), by=author)  # type: ignore[arg-type]


def file_of(owner: User, name: str = "plan.pdf") -> File:
    blob = Blob.objects.create(key=f"2026/11/{uuid4().hex}", size=1234)
    return File.objects.create(owner=owner, name=name, blob=blob, audience=[code_of(owner)], is_private=True)


def form(**fields: object) -> dict[str, object]:
    return {"text": "Good morning", "audience": ["UA"], "nonce": str(uuid4()), **fields}


def test_the_feed_shows_what_one_may_see(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    post_of(anna, "for sales only", audience=(sales.code,))
    assert b"for sales only" in as_person(boris).get("/feed/").content
    assert b"for sales only" not in as_person(cara).get("/feed/").content


def test_who_is_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get("/feed/").headers["Location"] == "/sign-in/?next=/feed/"


def test_the_number_of_queries_does_not_grow_with_the_posts(
    as_person: Browser, anna: User, boris: User, sales: Department
) -> None:
    post_of(anna)
    browser = as_person(boris)
    browser.get("/feed/")
    with CaptureQueriesContext(connection) as few:
        browser.get("/feed/")
    for number in range(PAGE + 5):
        post = post_of(
            [anna, boris][number % 2],
            audience=(sales.code, code_of(anna)),
            file_ids=(file_of([anna, boris][number % 2]).pk,),
        )
        actions.react(post, 1, by=boris)
    cache.clear()
    with CaptureQueriesContext(connection) as many:
        assert browser.get("/feed/").content.count(b"<article") == PAGE
    # The first page had no files, reactions and names to show: each kind costs one query, however many.
    assert len(few) < len(many) <= MOST_QUERIES, "\n".join(query["sql"] for query in many)


def test_older_posts_come_by_key(as_person: Browser, anna: User) -> None:
    posts = [post_of(anna, f"note {number}.") for number in range(PAGE + 2)]
    page = as_person(anna).get("/feed/", {"before": posts[2].pk}, headers=HTMX).content
    assert b"note 1." in page
    assert b"note 2." not in page
    assert b"<!doctype" not in page


@pytest.mark.parametrize(
    "headers", [{}, {**HTMX, "HX-Boosted": "true"}, {**HTMX, "HX-History-Restore-Request": "true"}]
)
def test_a_page_is_whole_unless_a_part_was_asked_for(
    as_person: Browser, anna: User, headers: dict[str, str]
) -> None:
    assert b"<!doctype html>" in as_person(anna).get("/feed/", headers=headers).content


def test_one_publishes_with_files(as_person: Browser, anna: User) -> None:
    first, second = file_of(anna, "b.pdf"), file_of(anna, "a.pdf")
    answer = as_person(anna).post("/feed/", form(files=[first.pk, second.pk]), headers=HTMX)
    assert answer.status_code == 200
    assert answer.content.index(b"b.pdf") < answer.content.index(b"a.pdf")
    assert b'id="feed-news"' not in answer.content


def test_a_plain_post_leads_back_to_the_feed(as_person: Browser, anna: User) -> None:
    assert as_person(anna).post("/feed/", form()).headers["Location"] == "/feed/"


def test_a_form_posts_once(as_person: Browser, anna: User) -> None:
    sent = form()
    for _ in range(2):
        assert b"Good morning" in as_person(anna).post("/feed/", sent, headers=HTMX).content
    assert Post.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": " "}, "Write something, or add a file."),
        ({"audience": []}, "Choose who will see this post."),
        ({"audience": ["D999"]}, "Choose the audience again"),
        ({"audience": ["nonsense"]}, "Choose the audience again"),
        ({"files": ["x"]}, "One of the files is not understood"),
        ({"files": ["999"]}, "One of the files is not there"),
        ({"nonce": ""}, "This form is incomplete"),
    ],
)
def test_what_cannot_be_published_comes_back_with_a_word(
    as_person: Browser, anna: User, fields: dict[str, object], problem: str
) -> None:
    answer = as_person(anna).post("/feed/", form(**{"text": "half written", **fields}), headers=HTMX)
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert answer.headers["HX-Retarget"] == "#composer"
    assert ("half written" in answer.content.decode()) is ("text" not in fields)
    assert not Post.objects.exists()


def test_a_file_of_somebody_else_is_not_published(as_person: Browser, anna: User, boris: User) -> None:
    answer = as_person(boris).post("/feed/", form(files=[file_of(anna).pk]), headers=HTMX)
    assert answer.status_code == 422
    assert not Post.objects.exists()


def test_a_guest_writes_only_to_where_they_belong(as_person: Browser, erik: User) -> None:
    assert as_person(erik).post("/feed/", form(), headers=HTMX).status_code == 422
    assert as_person(erik).post("/feed/", form(audience=[code_of(erik)]), headers=HTMX).status_code == 200


def test_the_chip_counts_what_others_published_for_me(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    seen = post_of(anna)
    post_of(anna, "new")
    post_of(anna, "for sales only", audience=(sales.code,))
    post_of(boris, "my own")
    address = f"/feed/news/?after={seen.pk}"
    assert b"2 new" in as_person(boris).get(address, headers=HTMX).content
    assert b"2 new" in as_person(cara).get(address, headers=HTMX).content
    assert as_person(boris).get("/feed/news/?after=999999", headers=HTMX).content.strip() == b""


def test_the_chip_brings_what_it_announced_and_goes_on_from_there(
    as_person: Browser, anna: User, boris: User
) -> None:
    seen = post_of(anna, "seen before")
    new = post_of(anna, "brand new")
    answer = as_person(boris).get(f"/feed/?after={seen.pk}", headers=HTMX).content.decode()
    assert "brand new" in answer
    assert "seen before" not in answer
    assert f'newest="{new.pk}"' in answer
    assert "hx-swap-oob" in answer


def test_outsider_gets_404(as_person: Browser, anna: User, cara: User, sales: Department) -> None:
    post = post_of(anna, audience=(sales.code,))
    browser = as_person(cara)
    assert browser.get(f"/feed/{post.pk}/").status_code == 404
    assert browser.post(f"/feed/{post.pk}/comments/", {"text": "x", "nonce": str(uuid4())}).status_code == 404
    assert browser.post(f"/feed/{post.pk}/reaction/", {"value": "1"}).status_code == 404
    assert browser.delete(f"/feed/{post.pk}/").status_code == 404
    assert browser.get(f"/feed/{post.pk}/comments/news/").status_code == 404
    assert not Comment.objects.exists()


def test_a_post_is_text(as_person: Browser, anna: User) -> None:
    post = post_of(anna, "<img src=x onerror=alert(1)> https://example.com/a?b=1&c=2.")
    page = as_person(anna).get(f"/feed/{post.pk}/").content.decode()
    assert "<img src=x" not in page
    assert '<a href="https://example.com/a?b=1&amp;c=2"' in page


def test_a_comment_is_added_once_and_counted(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    sent = {"text": "Well said", "nonce": str(uuid4())}
    for _ in range(2):
        answer = as_person(boris).post(f"/feed/{post.pk}/comments/", sent, headers=HTMX)
        assert b"Well said" in answer.content
        assert (
            f'<span class="number" id="count-{post.pk}" hx-swap-oob="true">1</span>'
            in answer.content.decode()
        )
    assert Comment.objects.count() == 1


def test_an_empty_comment_is_refused(as_person: Browser, anna: User) -> None:
    post = post_of(anna)
    answer = as_person(anna).post(
        f"/feed/{post.pk}/comments/", {"text": " ", "nonce": str(uuid4())}, headers=HTMX
    )
    assert answer.status_code == 422
    assert b"Write something first." in answer.content


def test_new_comments_wait_behind_a_chip(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    actions.add_comment(post, "first", by=boris)
    answer = as_person(anna).get(f"/feed/{post.pk}/comments/news/?after=0", headers=HTMX)
    assert b"1 new comment" in answer.content


def test_a_reaction_is_set_changed_and_taken_back(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    for value, counts in ((1, (1, 0)), (1, (1, 0)), (-1, (0, 1)), (0, (0, 0))):
        as_person(boris).post(f"/feed/{post.pk}/reaction/", {"value": value}, headers=HTMX)
        post.thread.refresh_from_db()
        assert (post.thread.likes_count, post.thread.dislikes_count) == counts


@pytest.mark.parametrize("value", ["2", "", "x"])
def test_a_reaction_that_there_is_not_is_refused(as_person: Browser, anna: User, value: str) -> None:
    post = post_of(anna)
    assert as_person(anna).post(f"/feed/{post.pk}/reaction/", {"value": value}).status_code == 422


def test_the_author_and_administrators_delete_a_post(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    for who in (anna, olga):
        post = post_of(anna)
        assert as_person(boris).delete(f"/feed/{post.pk}/").status_code == 403
        assert as_person(who).delete(f"/feed/{post.pk}/", headers=HTMX).status_code == 200
        assert not Post.objects.filter(pk=post.pk).exists()


def test_private_correspondence_is_hidden_from_administrators(
    as_person: Browser, anna: User, boris: User, olga: User
) -> None:
    post = post_of(anna, audience=(code_of(boris),))
    assert as_person(boris).get(f"/feed/{post.pk}/").status_code == 200
    assert as_person(olga).get(f"/feed/{post.pk}/").status_code == 404


def test_the_audience_is_found_by_name(
    as_person: Browser, anna: User, boris: User, erik: User, sales: Department
) -> None:
    found = as_person(anna).get("/feed/audiences/?q=sal", headers=HTMX).content.decode()
    assert f'data-code="{sales.code_with_below}"' in found
    assert f'data-code="{code_of(boris)}"' in as_person(anna).get("/feed/audiences/?q=bor").content.decode()
    assert "data-code" not in as_person(erik).get("/feed/audiences/?q=").content.decode()


def test_names_are_names_in_the_readers_language(as_person: Browser, anna: User) -> None:
    post_of(anna)
    anna.language = "ru"
    anna.save()
    assert "Все сотрудники" in as_person(anna).get("/feed/").content.decode()


def test_earlier_comments_come_by_key(
    as_person: Browser, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.feed.views.COMMENTS_SHOWN", 2)
    post = post_of(anna)
    said = [actions.add_comment(post, f"word {number}.", by=anna) for number in range(5)]
    browser = as_person(anna)
    page = browser.get(f"/feed/{post.pk}/").content.decode()
    assert "word 3." in page
    assert "word 2." not in page
    assert f"/feed/{post.pk}/?before={said[3].pk}" in page
    earlier = browser.get(f"/feed/{post.pk}/comments/", {"before": said[3].pk}, headers=HTMX).content.decode()
    assert earlier.index("word 1.") < earlier.index("word 2.")
    assert "word 3." not in earlier
    assert "<form" not in earlier
    first = browser.get(f"/feed/{post.pk}/", {"before": said[1].pk}).content.decode()
    assert "word 0." in first
    assert "Earlier comments" not in first
