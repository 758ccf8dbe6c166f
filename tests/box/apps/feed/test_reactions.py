"""Emoji below posts, and the cards of what posts link to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.feed import actions
from box.apps.feed.actions import Draft
from box.apps.feed.models import Post
from box.apps.feed.presenters import shown
from box.core.accounts.models import User
from box.core.discussion import actions as discussion
from box.core.events.delivery import deliver_all
from box.core.groups.actions import NewGroup, create_group
from box.core.groups.models import Group
from box.core.push.models import PushMessage
from box.core.structure.models import Department
from tests.box.apps.feed.test_views import HTMX, Browser, post_of

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def test_an_emoji_is_given_counted_and_taken_back(as_person: Browser, anna: User, boris: User) -> None:
    post = post_of(anna)
    discussion.give_emoji(post.thread, "🎉", True, by=anna)
    browser, address = as_person(boris), f"/discussion/feed.post/{post.pk}/emoji/"
    foot = browser.post(address, {"emoji": "🎉"}, headers=HTMX).content.decode()
    assert 'aria-pressed="true">🎉 <span class="number">2</span>' in " ".join(foot.split())
    assert browser.post(address, {"emoji": "🎉"}, headers=HTMX).content.decode().count(">2</span>") == 1
    foot = browser.post(f"{address}?on=0", {"emoji": "🎉"}, headers=HTMX).content.decode()
    assert 'aria-pressed="false">🎉 <span class="number">1</span>' in " ".join(foot.split())


def test_who_reacted_is_told_to_who_may_know_them(
    as_person: Browser, anna: User, boris: User, erik: User
) -> None:
    post = post_of(anna, audience=(f"U{boris.pk}", f"U{erik.pk}"))
    discussion.give_emoji(post.thread, "🔥", True, by=boris)
    discussion.react(post.thread, 1, by=erik)
    assert b"Boris Test" in as_person(anna).get(f"/discussion/feed.post/{post.pk}/emoji/").content
    sheet = as_person(erik).get(f"/discussion/feed.post/{post.pk}/emoji/").content
    assert b"Boris Test" not in sheet
    assert b"Erik Test" in sheet


def test_open_pages_learn_the_counts(anna: User, boris: User, sales: Department) -> None:
    post = post_of(anna, audience=(sales.code,))
    discussion.give_emoji(post.thread, "🎉", True, by=boris)
    deliver_all()
    message = PushMessage.objects.get(topic="discussion", kind="emoji")
    assert message.audience == post.audience
    assert message.payload == {"thread": post.thread_id, "by": boris.pk, "counts": {"🎉": 1}}


def test_a_refused_emoji_changes_nothing(as_person: Browser, anna: User) -> None:
    post = post_of(anna)
    answer = as_person(anna).post(
        f"/discussion/feed.post/{post.pk}/emoji/", {"emoji": "<script>"}, headers=HTMX
    )
    assert answer.status_code == 422
    assert b"<script>" not in answer.content
    post.thread.refresh_from_db()
    assert post.thread.emoji_counts is None


def test_links_to_people_groups_and_departments_show_what_they_are_called(
    anna: User, boris: User, cara: User, olga: User, erik: User, sales: Department
) -> None:
    group = create_group(NewGroup("Secret plans", kind=Group.Kind.SECRET), by=anna)
    links = f"/employees/{cara.pk}/ /structure/departments/{sales.pk}/ /groups/{group.pk}/"
    html = "".join(f'<p><a href="{path}">see</a></p>' for path in links.split())
    post = actions.publish_post(Draft(html=html, audience=(f"U{boris.pk}", f"U{erik.pk}")), by=anna)
    assert _titles(post, anna) == ["Cara Test", "Sales", "Secret plans"]
    assert _titles(post, boris) == ["Cara Test", "Sales"]
    assert _titles(post, erik) == []


def test_links_cost_no_query_where_names_are_asked_anyway(
    as_person: Browser, anna: User, boris: User, cara: User, sales: Department
) -> None:
    group = create_group(NewGroup("Readers", kind=Group.Kind.OPEN), by=anna)
    audience = (sales.code, group.code, f"U{cara.pk}")
    paths = (f"/structure/departments/{sales.pk}/", f"/employees/{cara.pk}/", f"/groups/{group.pk}/")
    counts = []
    for html in ("<p>plain</p>", *(f'<p><a href="{path}">see</a></p>' for path in paths)):
        post = actions.publish_post(Draft(html=html, audience=audience), by=anna)
        discussion.give_emoji(post.thread, "🎉", True, by=boris)
        browser: Client = as_person(boris)
        browser.get("/feed/")
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            assert browser.get("/feed/").status_code == 200
        counts.append(len(queries))
    assert counts == counts[:1] * 4


def _titles(post: Post, reader: User) -> list[str]:
    posts = Post.objects.filter(pk=post.pk).as_shown()
    (one,) = shown(posts, reader=User.objects.get(pk=reader.pk))
    return [card.title for card in one.article.cards]
