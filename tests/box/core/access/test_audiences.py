"""Both forms of the rule agree with a naive reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import TextField
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.apps.feed.models import KIND, Post
from box.core.access.audiences import _listed, is_ruled_by_codes
from box.core.access.principals import code_of, codes_of, is_private
from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.lib.prepared import Param

if TYPE_CHECKING:
    from django.db.models import QuerySet

CODES = ["UA", "U1", "U2", "U17", "D1", "D2", "DR1", "DR2", "G5", "GM5", "deal:7:D1"]
some_codes = st.lists(st.sampled_from(CODES), unique=True, min_size=1, max_size=4)


def _post(author: User, audience: list[str]) -> Post:
    return Post.objects.create(
        author=author,
        text="x",
        audience=audience,
        is_private=is_private(audience),
        thread=Thread.objects.create(kind=KIND),
    )


class TheTwoForms(TestCase):
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(audiences=st.lists(some_codes, max_size=12), codes=some_codes)
    def test_agree_with_a_naive_reference(self, audiences: list[list[str]], codes: list[str]) -> None:
        author, _ = User.objects.get_or_create(login="author")
        posts = [_post(author, audience) for audience in audiences]
        expected = {post.pk for post in posts if set(post.audience) & set(codes)}
        everything = Post.objects.filter(pk__in=[post.pk for post in posts])
        assert set(everything.reachable_by_many(codes).values_list("pk", flat=True)) == expected
        assert set(everything.reachable_by_few(codes).values_list("pk", flat=True)) == expected

    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(audiences=st.lists(some_codes, max_size=12))
    @example(audiences=[["own"], ["own", "U2"], ["U2"], ["D1"]])
    def test_administrators_see_all_but_private_correspondence(self, audiences: list[list[str]]) -> None:
        olga, _ = User.objects.get_or_create(login="olga", is_administrator=True)
        own = f"U{olga.pk}"
        posts = [_post(olga, [own if code == "own" else code for code in audience]) for audience in audiences]
        expected = {post.pk for post in posts if not is_private(post.audience) or own in post.audience}
        assert set(Post.objects.visible_to(olga).values_list("pk", flat=True)) == expected


@pytest.mark.django_db
def test_an_employee_a_guest_and_nobody_who_is_suspended_sees_what_is_for_them(
    anna: User, boris: User, erik: User, olga: User
) -> None:
    for codes in (["UA"], [code_of(boris)], [code_of(erik), code_of(anna)], [code_of(olga)], ["D999"]):
        _post(anna, codes)
    for person in (anna, boris, erik):
        expected = {post for post in Post.objects.all() if codes_of(person) & set(post.audience)}
        assert set(Post.objects.visible_to(person)) == expected
        assert expected
    assert [is_ruled_by_codes(person) for person in (anna, erik, olga)] == [True, True, False]
    for person in (anna, olga):
        person.status = User.Status.SUSPENDED
        assert not Post.objects.visible_to(person).exists()
        assert not is_ruled_by_codes(person)


def test_a_place_for_codes_is_kept_as_it_is_and_codes_are_sorted() -> None:
    place = Param("codes", ArrayField(TextField()))
    assert _listed(place) is place
    assert _listed({"U2", "D1"}) == ["D1", "U2"]


def _plan(posts: QuerySet[Post]) -> str:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE feed_post")
    return posts.order_by("-id")[:20].explain()


@pytest.fixture
def many_posts(anna: User, erik: User) -> None:
    """A company's feed: most of it is for all, and a guest has some old ones."""
    threads = Thread.objects.bulk_create(Thread(kind=KIND) for _ in range(20_000))
    own, guests = code_of(anna), code_of(erik)
    Post.objects.bulk_create(
        Post(author=anna, text="x", thread=thread, audience=[guests if n < 30 else "UA", own])
        for n, thread in enumerate(threads)
    )


def test_who_sees_most_walks_the_key(many_posts: None, anna: User) -> None:
    plan = _plan(Post.objects.visible_to(anna))
    assert "Index Scan Backward using feed_post_pkey" in plan
    assert "post_audience" not in plan
    assert "InitPlan" not in plan
    assert "Sort" not in plan


def test_who_sees_little_goes_through_the_audience_index(many_posts: None, erik: User) -> None:
    plan = _plan(Post.objects.visible_to(erik))
    assert "post_audience" in plan
    assert "Seq Scan" not in plan
