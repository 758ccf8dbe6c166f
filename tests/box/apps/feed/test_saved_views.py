"""The feed as a list: saved views beside it, and what the ones of earlier versions have become."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.feed.models import LIST
from box.core.accounts.models import User
from box.core.lists.actions import open_with, save_view
from box.core.lists.models import SavedView
from tests.box.apps.feed.test_views import Browser, post_of

pytestmark = pytest.mark.django_db


def test_a_view_stands_beside_the_feed_of_its_person_alone(
    as_person: Browser, anna: User, boris: User
) -> None:
    query = "kind=poll&published.from=2026-11-01"
    answer = as_person(anna).post(f"/feed/?{query}", {"do": "save", "name": "My polls"})
    assert answer.headers["Location"] == f"/feed/?{query}"
    view = SavedView.objects.get()
    assert (view.user, view.list_key, view.query) == (anna, LIST, query)
    link = '<a href="/feed/?kind=poll&amp;published.from=2026-11-01">'
    assert link in as_person(anna).get("/feed/").content.decode()
    post_of(anna)
    assert link in as_person(anna).get("/feed/").content.decode()
    assert link not in as_person(boris).get("/feed/").content.decode()


def test_saved_views_cost_the_feed_no_query(as_person: Browser, anna: User) -> None:
    post_of(anna)
    browser = as_person(anna)
    browser.get("/feed/")
    with CaptureQueriesContext(connection) as without:
        browser.get("/feed/")
    for number in range(5):
        save_view(LIST, f"kind=poll&tag={number}", f"view {number}", by=anna)
    with CaptureQueriesContext(connection) as with_five:
        assert browser.get("/feed/").content.count(b'<a href="/feed/?kind=poll&amp;tag=') == 5
    assert len(with_five) == len(without)


@pytest.mark.parametrize(("query", "name"), [("kind=poll", " "), ("", "x")])
def test_what_cannot_be_saved_is_said_in_the_feed(
    as_person: Browser, anna: User, query: str, name: str
) -> None:
    answer = as_person(anna).post(f"/feed/?{query}", {"do": "save", "name": name})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not SavedView.objects.exists()


def test_the_feed_opens_with_the_view_that_one_has_chosen(as_person: Browser, anna: User) -> None:
    view = save_view(LIST, "kind=poll", "polls", by=anna)
    open_with(LIST, view, by=anna)
    assert as_person(anna).get("/feed/").headers["Location"] == "/feed/?kind=poll"
    assert as_person(anna).get("/feed/?view=none").status_code == 200


def test_a_name_is_text_wherever_it_is_shown(as_person: Browser, anna: User) -> None:
    save_view(LIST, "kind=poll", "<script>alert(1)</script>", by=anna)
    assert b"<script>alert(1)" not in as_person(anna).get("/feed/").content


def test_what_cannot_be_read_shows_nothing_and_says_so(as_person: Browser, anna: User) -> None:
    post_of(anna)
    for query in ("kind=nonsense", "author=7", "only=all", "to=<b>", "since=2026-01-01"):
        page = as_person(anna).get(f"/feed/?{query}").content
        assert b"<article" not in page
        assert b'role="alert"' in page


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kind=poll", "kind=poll"),
        ("author=7&kind=poll", "author=U7&kind=poll"),
        ("to=D3&author=12&since=2026-01-02&until=2026-03-04",
         "to=D3&author=U12&published.from=2026-01-02&published.to=2026-03-04"),
        ("tag=since%3D1", "tag=since%3D1"),
    ],
)  # fmt: skip
def test_views_of_earlier_versions_mean_the_same(anna: User, before: str, after: str) -> None:
    migration: Any = import_module("box.apps.feed.migrations.0010_views_of_lists")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE feed_savedview (user_id bigint, name text, query text, position int)"
        )
        cursor.execute("INSERT INTO feed_savedview VALUES (%s, 'Mine', %s, 3)", [anna.pk, before])
        cursor.execute(migration.COPY)
        cursor.execute("DELETE FROM feed_savedview")
        cursor.execute(migration.BACK)
        cursor.execute("SELECT user_id, name, query, position FROM feed_savedview")
        assert cursor.fetchall() == [(anna.pk, "Mine", before, 3)]
    view = SavedView.objects.get()
    assert (view.user, view.list_key, view.name, view.query, view.position) == (anna, LIST, "Mine", after, 3)
