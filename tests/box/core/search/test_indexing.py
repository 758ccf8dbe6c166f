from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from box.apps.feed import actions as feed
from box.apps.feed.actions import Draft
from box.apps.feed.models import Post
from box.core.access.principals import EVERYONE
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.registry.capabilities import Touched
from box.core.search import indexing
from box.core.search.indexing import DONE, rebuild, refresh
from box.core.search.models import Document, Rebuild
from box.core.search.queries import Wanted, find

pytestmark = pytest.mark.django_db


class Stopped(Exception):
    """Somebody has pressed Ctrl+C."""


def posts(author: User, count: int) -> list[Post]:
    return [feed.publish_post(Draft(f"harvest {number}"), by=author) for number in range(count)]


def ghost(kind: str = "feed.post") -> None:
    """A row of an object that is no more."""
    Document.objects.create(
        kind=kind, object_id=10**9, body="harvest ghost", url="/", at=timezone.now(), audience=[EVERYONE]
    )


def test_a_rebuild_writes_what_is_missing_and_takes_out_what_is_no_more(anna: User) -> None:
    written = posts(anna, 3)
    ghost()
    ghost(kind="gone.kind")
    rebuild()
    rows = Document.objects.filter(kind="feed.post").values_list("object_id", flat=True)
    assert set(rows) == {post.pk for post in written}
    assert not Document.objects.filter(kind="gone.kind").exists()
    assert Rebuild.objects.get().finished_at is not None


def test_nothing_is_missing_while_it_runs(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    posts(anna, 7)
    rebuild()
    counts = []
    rebuild(lambda kind, done, total: counts.append(len(find(anna, Wanted("harvest")))))
    assert set(counts) == {7}


def test_a_stopped_rebuild_goes_on_where_it_was(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    posts(anna, 7)

    def stop(kind: str, done: int, total: int) -> None:
        if kind == "feed.post" and done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        rebuild(stop)
    assert Document.objects.filter(kind="feed.post").count() == 4
    told = []
    rebuild(lambda kind, done, total: told.append((kind, done, total)))
    assert [(done, total) for kind, done, total in told if kind == "feed.post"] == [(4, 7), (6, 7), (7, 7)]
    run = Rebuild.objects.get()
    assert set(run.reached.values()) == {DONE}
    assert Document.objects.filter(kind="feed.post").count() == 7


def test_what_is_written_while_it_runs_stays(anna: User) -> None:
    late: list[Post] = []

    def write(kind: str, done: int, total: int) -> None:
        if kind == "feed.comment" and not late:
            late.append(feed.publish_post(Draft("harvest, late"), by=anna))
            refresh("feed.post", Touched([late[0].pk]))

    posts(anna, 2)
    rebuild(write)
    assert Document.objects.filter(kind="feed.post", object_id=late[0].pk).exists()


def test_writing_twice_does_no_more_than_once(anna: User) -> None:
    (post,) = posts(anna, 1)
    for _ in range(2):
        refresh("feed.post", Touched([post.pk]))
    assert Document.objects.count() == 1


def test_what_stands_within_several_is_written_together(anna: User) -> None:
    first, second, third = posts(anna, 3)
    for post in (first, second, third):
        add_comment(post.thread, "harvest, too", by=anna)
    rebuild()
    Document.objects.filter(kind="feed.comment").update(body="old")
    refresh("feed.comment", Touched(within=first.pk), Touched(within=second.pk))
    written = Document.objects.filter(kind="feed.comment").exclude(body="old")
    assert set(written.values_list("within_id", flat=True)) == {first.pk, second.pk}


def test_the_command_rebuilds(anna: User) -> None:
    posts(anna, 2)
    out = io.StringIO()
    call_command("search", "rebuild", stdout=out)
    assert "rebuilt" in out.getvalue()
    assert Document.objects.filter(kind="feed.post").count() == 2


@contextmanager
def being_written(kind: str, touched: Touched) -> Iterator[None]:
    """Another courier has written these and has yet to commit."""
    written, done = threading.Event(), threading.Event()

    def courier() -> None:
        try:
            with transaction.atomic():
                refresh(kind, touched)
                written.set()
                done.wait(60)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(courier)
        try:
            assert written.wait(60)
            yield
        finally:
            done.set()
            ended.result()


def has_to_wait(kind: str, touched: Touched) -> bool:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '50ms'")
        try:
            refresh(kind, touched)
        except OperationalError:
            transaction.set_rollback(True)
            return True
    return False


@pytest.mark.django_db(transaction=True)
def test_only_what_is_the_same_waits(anna: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "MOST_LOCKS", 2)
    one, another, third = (post.pk for post in posts(anna, 3))
    with being_written("feed.post", Touched((one,))):
        assert has_to_wait("feed.post", Touched((one,)))
        assert not has_to_wait("feed.post", Touched((another, third)))
        # Many hold one lock for all.
        assert has_to_wait("feed.post", Touched((another, third, 10**9)))
    with being_written("feed.post", Touched((one, another, 10**9))):
        assert has_to_wait("feed.post", Touched((third,)))
        assert not has_to_wait("feed.comment", Touched((third,)))
