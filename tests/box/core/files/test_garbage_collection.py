"""What goes and what stays, with the clock passed in, and with a kill at every step."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from box.bridges.storage.client import S3Store
from box.core.events.delivery import deliver_all
from box.core.files import actions, garbage_collection
from box.core.files.garbage_collection import Ages, sweep
from box.core.files.models import Blob, File, Upload, new_key
from box.core.files.store import stores
from tests.box.core.files.browser import DyingStore, Killed, Sender, keys
from tests.box.core.files.pictures import picture

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

# What the sweep that is killed asks of the store: one deleted blob, three uploads of which one has become a
# file, the objects' two pages, one orphan.
CALLS = 1 + (2 + 3 + 3) + (2 + 1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def attached(sender: Sender, anna: User) -> File:
    """A picture with its previews, part of something."""
    file = sender.send("a.png", picture((300, 200), "PNG"))
    actions.attach([file.pk], audience=["UA"], by=anna)
    deliver_all()
    return File.objects.with_blobs().get(pk=file.pk)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def test_what_is_in_use_stays_for_ever(attached: File, store: S3Store, now: datetime) -> None:
    before = keys(store)

    for day in range(0, 400, 10):
        sweep(now + days(day))

    assert keys(store) == before
    assert Blob.objects.count() == len(before) == 3


def test_an_unreferenced_blob_goes_after_seven_days_and_its_pictures_after_it(
    attached: File, store: S3Store, now: datetime
) -> None:
    actions.delete_files([attached.pk])

    sweep(now + days(100))
    sweep(now + days(106.9))
    assert len(keys(store)) == 3
    swept = sweep(now + days(107))
    assert (swept.blobs, len(keys(store))) == (1, 2)
    sweep(now + days(108))
    sweep(now + days(115))

    assert not Blob.objects.exists()
    assert not keys(store)


def test_a_blob_that_is_wanted_again_stays(attached: File, store: S3Store, now: datetime, anna: User) -> None:
    blob = attached.blob
    actions.delete_files([attached.pk])
    sweep(now)
    File.objects.create(owner=anna, name="again", blob=blob, audience=["UA"], attached_at=now)

    sweep(now + days(8))

    blob.refresh_from_db()
    assert blob.unreferenced_at is None
    assert store.stat(blob.key).size == blob.size


def test_files_that_never_became_part_of_anything_go(sender: Sender, now: datetime) -> None:
    sender.send("a.txt", b"data")

    sweep(now + days(29))
    assert File.objects.count() == 1
    sweep(now + days(31))

    assert not File.objects.exists()


def test_an_object_without_a_row_goes_when_it_is_old(store: S3Store, now: datetime) -> None:
    key = new_key(now)
    store.write(key, b"orphan", content_type="a/b")

    sweep(now + days(6))
    assert keys(store) == [key]
    assert sweep(now + days(8)).objects == 1
    assert not keys(store)


def test_what_is_not_ours_is_never_touched(store: S3Store, now: datetime) -> None:
    theirs = ["backup/2026.tar", "readme.txt", f"{new_key(now)}.bak", f"x{new_key(now)}"]
    for key in theirs:
        store.write(key, b"theirs", content_type="a/b")

    assert sweep(now + days(1000)).objects == 0
    assert keys(store) == sorted(theirs)


def test_more_objects_than_a_page_are_swept(
    store: S3Store, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.bridges.storage.client.PAGE", 2)
    for _ in range(5):
        store.write(new_key(now), b"orphan", content_type="a/b")

    assert sweep(now + days(8)).objects == 5
    assert not keys(store)


def test_a_foreign_database_empties_no_bucket(
    attached: File, store: S3Store, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage_collection, "FEW_ORPHANS", 3)
    for _ in range(4):
        store.write(new_key(now), b"orphan", content_type="a/b")

    # Three objects with rows, four without: more than a few, and more than are known.
    assert sweep(now + days(8)).objects == 0
    assert len(keys(store)) == 7
    store.delete(min(set(keys(store)) - set(Blob.objects.values_list("key", flat=True))))
    assert sweep(now + days(8)).objects == 3


def test_an_upload_in_progress_is_not_swept(sender: Sender, store: S3Store, now: datetime) -> None:
    begun = sender.begin("a.txt", 4).json()
    etags = sender.put(begun["parts"], b"data", begun["part_size"])

    sweep(now + days(1), Ages(blob=days(0), object=days(0), unattached=days(0)))

    assert sender.open(sender.complete(begun["id"], etags).json()["url"]).data == b"data"


def test_a_completed_upload_is_forgotten_and_its_file_stays(sender: Sender, now: datetime) -> None:
    file = sender.send("a.txt", b"data")

    assert sweep(now + days(3)).uploads == 1

    assert not Upload.objects.exists()
    assert sender.open(file.get_absolute_url()).data == b"data"


def test_a_blob_that_something_came_to_refer_to_is_not_deleted(attached: File) -> None:
    assert not garbage_collection._delete(attached.blob)
    # And behind Django's back neither: the database holds the reference, too.
    with pytest.raises(IntegrityError), transaction.atomic():
        Blob.objects.filter(pk=attached.blob_id)._raw_delete("default")
        connection.check_constraints()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_a_sweep_that_is_killed_is_finished_by_the_next(
    sender: Sender,
    store: S3Store,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    anna: User,
    call: int,
    after: bool,
) -> None:
    # A file whose upload is to be forgotten, one that was deleted, an orphan, and two uploads that ended.
    kept = sender.send("kept.txt", b"kept")
    actions.attach([kept.pk], audience=["UA"], by=anna)
    actions.delete_files([sender.send("deleted.txt", b"deleted").pk])
    sweep(now)
    store.write(new_key(now), b"orphan", content_type="a/b")
    broken = sender.begin("broken.txt", 4).json()
    sender.put(broken["parts"], b"data", broken["part_size"])
    given_up = sender.begin("given up.txt", 4).json()
    Upload.objects.filter(pk=given_up["id"]).update(discarded_at=now)
    uploads = list(Upload.objects.all())
    monkeypatch.setitem(stores._offers, "files", DyingStore(store, call=call, after=after))
    with pytest.raises(Killed):
        sweep(now + days(40))
    monkeypatch.setitem(stores._offers, "files", store)

    sweep(now + days(41))

    assert keys(store) == [kept.blob.key]
    assert not Upload.objects.exists()
    assert not any(store.unfinished(upload.key) for upload in uploads)
    assert sender.open(kept.get_absolute_url()).data == b"kept"
