from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.feed import actions as feed
from box.apps.feed.actions import Draft
from box.apps.feed.models import Post
from box.apps.feed.notices import COMMENTED, MENTIONED
from box.core.accounts.models import User
from box.core.notify.actions import mark_read, notify, unread_count
from box.core.notify.models import Notification
from box.core.notify.views import PAGE
from box.core.push.models import PushMessage
from box.core.structure.models import Department

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

HTMX = {"HX-Request": "true"}


def told(reader: User, actor: User, text: str = "Plan <for> spring", **draft: object) -> Post:
    """The reader knows that the actor commented on this post."""
    post = feed.publish_post(Draft(text, **draft), by=reader)  # type: ignore[arg-type]
    notify(reader, COMMENTED, about=post.ref, key=f"comment:{post.pk}", actor=actor)
    return post


def page_of(browser: Client, **query: object) -> str:
    return browser.get("/notifications/", query).content.decode()  # type: ignore[arg-type]


def test_a_notification_is_a_sentence_that_leads_on(as_person: Browser, anna: User, boris: User) -> None:
    post = told(anna, boris)
    page = page_of(as_person(anna))
    assert f'<a href="/employees/{boris.pk}/">Boris Test</a> commented on your post' in page
    one = Notification.objects.get(about_id=post.pk)
    assert f'<a href="/notifications/{one.pk}/">Plan &lt;for&gt; spring</a>' in page
    assert as_person(anna).get(f"/notifications/{one.pk}/").headers["Location"] == f"/feed/{post.pk}/"


def test_nobody_sees_those_of_others(as_person: Browser, anna: User, boris: User) -> None:
    told(anna, boris)
    assert "Nobody has called for you yet" in page_of(as_person(boris))


def test_what_was_deleted_is_not_named(as_person: Browser, anna: User, boris: User) -> None:
    feed.delete_post(told(anna, boris), by=anna)
    page = page_of(as_person(anna))
    assert "no longer for you to see" in page
    assert "spring" not in page
    assert "Boris" not in page


def test_what_one_may_no_longer_see_is_not_named(
    as_person: Browser, anna: User, boris: User, sales: Department
) -> None:
    post = feed.publish_post(Draft("for sales only", (sales.code,)), by=anna)
    notify(boris, COMMENTED, about=post.ref, key="comment:1", actor=anna)
    assert "for sales only" in page_of(as_person(boris))
    Post.objects.filter(pk=post.pk).update(audience=[f"U{anna.pk}"])
    page = page_of(as_person(boris))
    assert "no longer for you to see" in page
    assert "for sales only" not in page
    assert "Anna" not in page


def test_the_newest_come_first_and_older_ones_by_key(as_person: Browser, anna: User, boris: User) -> None:
    for number in range(PAGE + 2):
        told(anna, boris, f"note {number}.")
    ids = list(Notification.objects.newest_first().values_list("pk", flat=True))
    page = page_of(as_person(anna))
    assert page.index(f"note {PAGE + 1}.") < page.index("note 2.")
    assert "note 1." not in page
    assert f"/notifications/?before={ids[PAGE - 1]}" in page
    older = as_person(anna).get("/notifications/", {"before": ids[PAGE - 1]}, headers=HTMX).content.decode()
    assert "note 1." in older
    assert "note 2." not in older
    assert "<!doctype" not in older


def test_the_number_of_queries_does_not_grow(as_person: Browser, anna: User, boris: User, cara: User) -> None:
    told(anna, boris)
    browser = as_person(anna)
    page_of(browser)
    with CaptureQueriesContext(connection) as few:
        page_of(browser)
    for number in range(PAGE):
        told(anna, [boris, cara][number % 2])
    with CaptureQueriesContext(connection) as many:
        assert page_of(browser).count('class="unread"') == PAGE
    assert len(many) == len(few) <= 6, "\n".join(query["sql"] for query in many)


def test_all_down_from_what_was_shown_is_read_and_no_more(
    as_person: Browser, anna: User, boris: User
) -> None:
    told(anna, boris)
    shown = Notification.objects.get()
    told(anna, boris)
    browser = as_person(anna)
    assert (
        browser.post("/notifications/reading/", {"up_to": shown.pk}).headers["Location"] == "/notifications/"
    )
    assert PushMessage.objects.latest("pk").payload == {"unread": 1}
    assert unread_count(anna) == 1
    browser.post("/notifications/reading/")
    assert 'class="unread"' not in page_of(browser)


def test_three_comments_on_a_post_are_one_line_which_is_read_at_once(
    as_person: Browser, anna: User, boris: User, cara: User
) -> None:
    post = told(anna, boris)
    for number, actor in enumerate((cara, boris)):
        notify(anna, COMMENTED, about=post.ref, key=f"again:{number}", actor=actor)
    told(anna, boris, "another")
    browser = as_person(anna)
    page = page_of(browser)
    assert page.count('class="unread"') == 2
    assert "and 2 more" in page
    newest = Notification.objects.filter(about_id=post.pk).latest("pk")
    assert browser.post(f"/notifications/{newest.pk}/reading/").status_code == 302
    assert page_of(browser).count('class="unread"') == 1
    assert unread_count(anna) == 1


def test_what_is_read_is_what_was_shown_and_no_newer_one_nor_anybody_elses(
    anna: User, boris: User, cara: User
) -> None:
    told(anna, boris, "another")
    post = told(anna, boris)
    notify(cara, COMMENTED, about=post.ref, key="hers", actor=boris)
    notify(anna, MENTIONED, about=post.ref, key="mention", actor=cara)
    for number in range(2):
        notify(anna, COMMENTED, about=post.ref, key=f"again:{number}", actor=cara)
    shown = Notification.objects.get(key="again:0")
    PushMessage.objects.all().delete()
    mark_read(shown)
    read = set(Notification.objects.exclude(read_at=None).values_list("key", flat=True))
    assert read == {"again:0", f"comment:{post.pk}"}
    (message,) = PushMessage.objects.all()
    assert (message.audience, message.payload) == ([f"U{anna.pk}"], {"unread": 3})
    mark_read(shown)
    assert PushMessage.objects.count() == 1, "nothing is told of no change"


def test_who_follows_a_notification_knows(as_person: Browser, anna: User, boris: User) -> None:
    post = told(anna, boris)
    one = Notification.objects.get()
    assert as_person(boris).get(f"/notifications/{one.pk}/").status_code == 404
    assert unread_count(anna) == 1
    assert as_person(anna).get(f"/notifications/{one.pk}/").headers["Location"] == f"/feed/{post.pk}/"
    assert unread_count(anna) == 0


def test_looking_alone_changes_nothing(as_person: Browser, anna: User, boris: User) -> None:
    told(anna, boris)
    page_of(as_person(anna))
    assert unread_count(anna) == 1


def test_the_bell_shows_what_is_unread_on_every_page(as_person: Browser, anna: User, boris: User) -> None:
    browser = as_person(anna)
    assert b'id="bell-count"></span>' in browser.get("/feed/").content
    told(anna, boris)
    assert b'id="bell-count">1</span>' in browser.get("/feed/").content
    assert b">1</span>" in browser.get("/notifications/unread/", headers=HTMX).content
