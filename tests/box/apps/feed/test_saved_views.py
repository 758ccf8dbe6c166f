"""Saved views: filters that a person has given a name."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from box.apps.feed.filters import Filter
from box.apps.feed.models import SavedView
from box.apps.feed.saved_views import MOST_VIEWS, move_view, rename_view, save_view
from box.core.accounts.models import User
from tests.box.apps.feed.test_views import Browser, post_of

pytestmark = pytest.mark.django_db

POLLS = Filter(kind="poll")


def test_a_view_stands_beside_the_feed_of_its_person_alone(
    as_person: Browser, anna: User, boris: User
) -> None:
    answer = as_person(anna).post("/feed/views/", {"query": "kind=poll&since=2026-11-01", "name": "My polls"})
    assert answer.headers["Location"] == "/feed/?kind=poll&since=2026-11-01"
    assert SavedView.objects.get().query == Filter(kind="poll", since=date(2026, 11, 1)).query
    chip = '<a href="/feed/?kind=poll&amp;since=2026-11-01" class="saved"'
    assert chip in as_person(anna).get("/feed/").content.decode()
    post_of(anna)
    assert chip in as_person(anna).get("/feed/").content.decode()
    assert chip not in as_person(boris).get("/feed/").content.decode()


def test_saved_views_cost_the_feed_no_query(as_person: Browser, anna: User) -> None:
    post_of(anna)
    browser = as_person(anna)
    browser.get("/feed/")
    with CaptureQueriesContext(connection) as without:
        browser.get("/feed/")
    for number in range(5):
        save_view(POLLS, f"view {number}", by=anna)
    with CaptureQueriesContext(connection) as with_five:
        assert browser.get("/feed/").content.count(b'class="saved"') == 5
    assert len(with_five) == len(without)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"query": "kind=poll", "name": " "}, "Give the view a name"),
        ({"query": "kind=poll", "name": "x" * 61}, "at most 60"),
        ({"query": "kind=nonsense", "name": "x"}, "Choose what to show first"),
        ({"query": "", "name": "x"}, "Choose what to show first"),
    ],
)
def test_what_cannot_be_saved_is_refused(
    as_person: Browser, anna: User, fields: dict[str, str], word: str
) -> None:
    answer = as_person(anna).post("/feed/views/", fields)
    assert answer.status_code == 422
    assert word in answer.content.decode()
    assert not SavedView.objects.exists()


def test_a_name_is_text_wherever_it_is_shown(as_person: Browser, anna: User) -> None:
    save_view(POLLS, "<script>alert(1)</script>", by=anna)
    for address in ("/feed/", "/feed/views/"):
        assert b"<script>alert(1)" not in as_person(anna).get(address).content


def test_the_same_name_again_means_another_filter(anna: User) -> None:
    save_view(POLLS, "mine", by=anna)
    save_view(Filter(tag="plans"), "mine", by=anna)
    assert SavedView.objects.get().query == "tag=plans"


def test_there_is_an_end_to_views_and_to_the_same_names(anna: User, boris: User) -> None:
    views = [save_view(POLLS, f"view {number}", by=anna) for number in range(MOST_VIEWS)]
    with pytest.raises(ValidationError, match="delete one"):
        save_view(POLLS, "one more", by=anna)
    with pytest.raises(ValidationError, match="Another of your views"):
        rename_view(views[0], "view 1", by=anna)
    save_view(POLLS, "view 1", by=boris)


def test_one_renames_and_deletes(as_person: Browser, anna: User, boris: User) -> None:
    view = save_view(POLLS, "mine", by=anna)
    address = f"/feed/views/{view.pk}/"
    assert as_person(boris).post(address, {"name": "his"}).status_code == 404
    as_person(anna).post(address, {"name": "hers"})
    assert SavedView.objects.get().name == "hers"
    as_person(anna).post(address, {"do": "delete", "name": "hers"})
    assert not SavedView.objects.exists()


class Order(TestCase):
    @settings(max_examples=30, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([-1, 1])), max_size=12))
    def test_is_what_a_list_would_do(self, steps: list[tuple[int, int]]) -> None:
        anna = User.objects.get_or_create(login="anna")[0]
        SavedView.objects.all().delete()
        views = [save_view(POLLS, name, by=anna) for name in "abcd"]
        expected = list("abcd")
        for which, way in steps:
            move_view(views[which], way, by=anna)
            name = "abcd"[which]
            at = expected.index(name)
            if 0 <= at + way < 4:
                expected[at], expected[at + way] = expected[at + way], expected[at]
        assert [view.name for view in SavedView.objects.of(anna)] == expected
