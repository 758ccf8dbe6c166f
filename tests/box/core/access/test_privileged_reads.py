"""What an administrator reads that is not for them is written down, and nothing else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from django.db import DatabaseError

from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post
from box.core.access import privileged_reads
from box.core.access.privileged_reads import KIND, REMEMBERED_SECONDS
from box.core.audit.models import AuditRecord
from box.core.events.delivery import deliver_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from box.core.accounts.models import User
    from box.core.structure.models import Department

    type Browser = Callable[[User], Client]

pytestmark = pytest.mark.django_db


def logged() -> list[AuditRecord]:
    deliver_all()
    return list(AuditRecord.objects.filter(kind=KIND).order_by("id"))


@pytest.fixture
def foreign(anna: User, sales: Department) -> Post:
    return publish_post(Draft("Among us", (sales.code,)), by=anna)


def test_what_only_an_administrator_may_read_is_written(
    as_person: Browser, anna: User, olga: User, sales: Department
) -> None:
    post = publish_post(Draft("Among us", (sales.code,)), by=anna)
    publish_post(Draft("For all"), by=anna)
    browser = as_person(olga)
    assert browser.get(f"/feed/{post.pk}/").status_code == 200
    read = logged()
    assert [(one.by_id, one.about_kind, one.about_id) for one in read] == [(olga.pk, "feed.post", post.pk)]


def test_lists_count_as_well_and_ones_own_are_no_news(
    as_person: Browser, anna: User, olga: User, sales: Department
) -> None:
    foreign = publish_post(Draft("Among us", (sales.code,)), by=anna)
    publish_post(Draft("To olga", (f"U{olga.pk}",)), by=anna)
    publish_post(Draft("Between anna and nobody else", (f"U{anna.pk}",)), by=anna)
    as_person(olga).get("/feed/")
    assert [one.about_id for one in logged()] == [foreign.pk]


def test_nobody_elses_reading_is_written(
    as_person: Browser, anna: User, boris: User, sales: Department
) -> None:
    post = publish_post(Draft("Among us", (sales.code,)), by=anna)
    as_person(boris).get(f"/feed/{post.pk}/")
    list(Post.objects.visible_to(boris))
    assert not logged()


def test_an_object_is_written_down_once_an_hour_for_each_reader(
    foreign: Post, olga: User, person: Callable[..., User]
) -> None:
    other = person("Oleg", is_administrator=True)
    for reader in (olga, olga, other):
        assert foreign in list(Post.objects.visible_to(reader))
    assert [one.by_id for one in logged()] == [olga.pk, other.pk]
    assert logged()[0].actor == "Olga Test (olga@example.com)"
    assert REMEMBERED_SECONDS == 3600
    cache.clear()
    list(Post.objects.visible_to(olga))
    assert [one.by_id for one in logged()] == [olga.pk, other.pk, olga.pk]


def test_a_query_that_goes_on_is_the_same_reading_and_no_rows_are_none(foreign: Post, olga: User) -> None:
    found = Post.objects.visible_to(olga).filter(pk=foreign.pk).order_by("id")
    assert [*found] == [*found] == [foreign]
    cache.clear()
    assert len(found) == 1, "it has read them already"
    assert [one.about_id for one in logged()] == [foreign.pk]
    # Numbers alone show nobody anything.
    cache.clear()
    list(Post.objects.visible_to(olga).values_list("pk", flat=True))
    list(Post.objects.visible_to(olga).filter(pk=0))
    assert len(logged()) == 1


def test_where_the_log_takes_nothing_the_journal_has_it(
    foreign: Post, olga: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: object, **values: object) -> None:
        raise DatabaseError("read-only")

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(privileged_reads, "record", refuse)
        assert foreign in list(Post.objects.visible_to(olga))
    assert "olga@example.com read" in caplog.text
    list(Post.objects.visible_to(olga))
    assert [one.about_id for one in logged()] == [foreign.pk], "it was not remembered as written"
