"""While a restore has yet to bring a file back, whoever asks for it is told so, and it comes first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from box.core.files import actions, jobs, ranged, recall
from box.core.files.models import Blob, File, new_key
from box.core.files.store import NotFound, StoreUnavailable, store, stores
from box.core.registry.models import StoredSetting
from box.core.registry.settings import raise_version
from tests.box.core.files.pictures import picture

if TYPE_CHECKING:
    from django.test import Client

    from box.bridges.storage.client import S3Store
    from tests.box.core.files.browser import Sender

pytestmark = pytest.mark.django_db
commits = pytest.mark.django_db(transaction=True)
"""What is said on a channel is heard with the commit."""

BROWSER = {"Accept": "text/html,*/*;q=0.8"}


def note(until: int, **more: Any) -> None:
    """As `backup.recall` writes it."""
    value = {
        "target": "disk", "until": until, "files": 50, "bytes": 5000, "left": 40, "left_bytes": 4 << 20,
        "since": (timezone.now() - timedelta(minutes=1)).isoformat(), "problem": "", "lost": 0, **more,
    }  # fmt: skip
    StoredSetting.objects.update_or_create(key="files.to_come", defaults={"value": value})
    raise_version()


@pytest.fixture
def file(sender: Sender) -> File:
    """Anna's, looked into, with its pictures."""
    file = sender.send("pie.png", picture((900, 600), "PNG"))
    actions.inspect_blob(file.blob, now=timezone.now())
    return File.objects.select_related("blob__preview", "blob__thumbnail").get(pk=file.pk)


@pytest.fixture
def asked() -> Iterator[psycopg.Connection]:
    """Hears what the backup hears."""
    with psycopg.connect(_address(), autocommit=True) as ear:
        ear.execute(f"listen {recall.CHANNEL}")
        yield ear


def _address() -> str:
    said = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    return " ".join(f"{name}={said[name]}" for name in names if said.get(name))


def heard(ear: psycopg.Connection) -> list[str]:
    return [one.payload for one in ear.notifies(timeout=0.2)]


def lose(*blobs: Blob | None) -> None:
    for blob in blobs:
        assert blob is not None
        store().delete(blob.key)


@commits
@pytest.mark.parametrize("place", ["content", "preview", "thumbnail"])
def test_what_is_to_come_is_said_to_be_and_is_asked_for(
    sender: Sender, file: File, asked: psycopg.Connection, place: str
) -> None:
    blob = {"content": file.blob, "preview": file.blob.preview, "thumbnail": file.blob.thumbnail}[place]
    assert blob is not None
    lose(blob)
    note(until=Blob.objects.latest("pk").pk)
    answer = sender.client.get(f"/files/{file.pk}/{place}", headers=BROWSER)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert "This file is on its way back" in answer.text
    assert heard(asked) == [blob.key]
    # A program is told in a sentence.
    answer = sender.client.get(f"/files/{file.pk}/{place}", headers={"Accept": "application/json"})
    assert (answer.status_code, answer["Content-Type"]) == (503, "text/plain; charset=utf-8")
    assert "older files follow" in answer.text


@commits
def test_what_is_there_is_given_and_nobody_is_asked(
    sender: Sender, file: File, asked: psycopg.Connection
) -> None:
    note(until=Blob.objects.latest("pk").pk)
    assert sender.open(f"/files/{file.pk}/content").status == 200
    assert heard(asked) == []


@commits
def test_what_is_newer_than_the_restore_or_was_tried_is_lost_as_ever(
    sender: Sender, file: File, asked: psycopg.Connection
) -> None:
    lose(file.blob)
    for until in (file.blob.pk - 1, 0):
        note(until=until)
        assert sender.open(f"/files/{file.pk}/content").status == 404
        with pytest.raises(NotFound):
            list(recall.read(file.blob))
    note(until=file.blob.pk)
    with pytest.raises(recall.NotBackYet):
        list(recall.read(file.blob))
    assert heard(asked) == [file.blob.key]


def test_the_store_is_asked_for_no_link_where_nothing_is_to_come(
    sender: Sender, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    class Counting:
        def __init__(self, plain: Any) -> None:
            self.plain = plain

        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(self.plain, name)

    monkeypatch.setitem(stores._offers, "files", Counting(store()))
    assert sender.client.get(f"/files/{file.pk}/content").status_code == 302
    assert calls == ["link"]


def test_a_store_that_is_away_says_so_itself(
    sender: Sender, file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: str) -> None:
        raise StoreUnavailable("away")

    note(until=file.blob.pk)
    monkeypatch.setattr(store(), "stat", away)
    assert sender.client.get(f"/files/{file.pk}/content").status_code == 302


@commits
def test_what_reads_bytes_itself_waits_too(file: File, asked: psycopg.Connection) -> None:
    lose(file.blob)
    note(until=file.blob.pk)
    with pytest.raises(recall.NotBackYet):
        ranged.opened(file.blob).read(1)
    assert heard(asked) == [file.blob.key]


def test_a_blob_that_is_to_come_is_looked_into_later_and_keeps_nobody_waiting(
    sender: Sender, file: File, store: S3Store
) -> None:
    """It would be noted as lost for good."""
    data = picture((900, 600), "PNG")
    early, late = (
        Blob.objects.create(key=new_key(timezone.now()), size=len(data), created_at=timezone.now() - age)
        for age in (timedelta(hours=2), timedelta(hours=1))
    )
    store.write(late.key, data, content_type="image/png")
    note(until=late.pk)
    jobs.inspect_all_forgotten(timezone.now())
    early.refresh_from_db()
    late.refresh_from_db()
    assert (early.inspected_at, early.sha256) == (None, "")
    assert late.sha256
    store.write(early.key, data, content_type="image/png")
    jobs.inspect_all_forgotten(timezone.now())
    early.refresh_from_db()
    assert early.sha256 == late.sha256


def test_an_upload_that_is_over_is_not_taken_for_a_file_that_is_to_come(sender: Sender) -> None:
    begun = sender.begin("a.txt", 5).json()
    note(until=2**40)
    answer = sender.complete(begun["id"], ['"0"'])
    assert answer.status_code == 409


def test_how_far_it_is_is_told_as_it_is_now(client: Client) -> None:
    now = timezone.now()
    assert recall.progress(now) is None
    note(until=7)
    found = recall.progress(now)
    assert found is not None
    assert (found.files, found.left, found.lost, found.problem) == (50, 40, 0, "")
    # Ten in a minute.
    assert found.remaining is not None
    assert timedelta(minutes=3) < found.remaining < timedelta(minutes=5)
    note(until=7, left=50)
    found = recall.progress(now)
    assert found is not None
    assert found.remaining is None
