from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.utils import timezone

from box.apps.feed import actions as feed
from box.apps.feed.actions import Draft
from box.apps.feed.models import Post
from box.core.access.principals import EVERYONE
from box.core.accounts.models import User
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


def test_the_command_rebuilds(anna: User) -> None:
    posts(anna, 2)
    out = io.StringIO()
    call_command("search", "rebuild", stdout=out)
    assert "rebuilt" in out.getvalue()
    assert Document.objects.filter(kind="feed.post").count() == 2
