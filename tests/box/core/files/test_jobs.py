"""What is found out about files in the background, and what becomes of jobs that die."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import asdict, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from box.bridges.storage.client import S3Store
from box.core.events.delivery import deliver_all
from box.core.files import actions, decoder, decoder_client, inspection, jobs
from box.core.files.events import FileStored
from box.core.files.handlers import inspect as inspect_handler
from box.core.files.models import Blob, new_key
from box.core.files.store import StoreUnavailable, stores
from tests.box.core.files.browser import Killed, Sender, keys
from tests.box.core.files.pictures import bomb, picture
from tests.box.processes import until

PNG = picture((900, 600), "PNG")

WORKER = """
import json, os, sys, time
from django.conf import settings
settings.DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
import django
django.setup()
from django.utils import timezone
from box.bridges.storage.client import Account, S3Store
from box.core.files import jobs
from box.core.files.store import stores

class Hanging(S3Store):
    def read(self, key, **range):
        yield next(super().read(key, **range))
        print("reading", flush=True)
        time.sleep(60)

stores._offers["files"] = Hanging(Account(**json.loads(os.environ["STORE"])))
jobs.inspect_once(int(os.environ["BLOB"]), now=timezone.now())
"""


def later() -> Any:
    """When what was stored just now should have been looked into."""
    return timezone.now() + timedelta(minutes=2)


@pytest.fixture
def blob(db: None, store: S3Store) -> Blob:
    """A picture that nobody has looked into."""
    blob = Blob.objects.create(key=new_key(timezone.now()), size=len(PNG))
    store.write(blob.key, PNG, content_type="image/png")
    return blob


@pytest.mark.django_db
def test_a_new_file_is_looked_into(sender: Sender, store: S3Store) -> None:
    file = sender.send("a.png", PNG)
    deliver_all()

    blob = file.blob
    blob.refresh_from_db()
    assert blob.inspected_at
    assert blob.sha256 == sha256(PNG).hexdigest()
    assert (blob.content_type, blob.width, blob.height) == ("image/png", 900, 600)
    for small in (blob.preview, blob.thumbnail):
        assert small is not None
        data = b"".join(store.read(small.key))
        assert (small.sha256, small.size) == (sha256(data).hexdigest(), len(data))
        assert (small.content_type, small.inspected_at) == ("image/webp", blob.inspected_at)


@pytest.mark.django_db
def test_an_event_that_comes_twice_changes_nothing(sender: Sender, store: S3Store) -> None:
    file = sender.send("a.png", PNG)
    deliver_all()
    before = sorted(keys(store))

    inspect_handler(FileStored(file_id=file.pk, by_id=file.owner_id))

    assert sorted(keys(store)) == before


def test_two_who_look_at_once_leave_one_result(
    blob: Blob, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Overtaken(S3Store):
        def read(self, key: str, **part: Any) -> Generator[bytes]:
            monkeypatch.setitem(stores._offers, "files", store)
            actions.inspect_blob(blob, now=timezone.now())
            return super().read(key, **part)

    monkeypatch.setitem(stores._offers, "files", Overtaken(store.account))
    actions.inspect_blob(blob, now=timezone.now())

    assert Blob.objects.count() == 3
    blob.refresh_from_db()
    assert blob.preview is not None
    assert store.stat(blob.preview.key).size == blob.preview.size


def test_what_a_bomb_would_blow_up_has_no_preview(blob: Blob, store: S3Store) -> None:
    store.write(blob.key, bomb(60_000), content_type="image/png")

    jobs.inspect_all_forgotten(later())

    blob.refresh_from_db()
    assert (blob.content_type, blob.preview, blob.width) == ("image/png", None, None)
    assert blob.inspected_at


def test_a_picture_that_kills_its_decoder_is_given_up(blob: Blob, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(file: Any) -> None:
        raise Killed

    monkeypatch.setattr(inspection, "pictures_of", kill)
    for _ in range(actions.MOST_PICTURE_ATTEMPTS):
        with pytest.raises(Killed):
            jobs.inspect_all_forgotten(later())

    jobs.inspect_all_forgotten(later())

    blob.refresh_from_db()
    assert (blob.sha256, blob.preview) == (sha256(PNG).hexdigest(), None)
    assert blob.inspected_at


@pytest.mark.parametrize("call", ["read", "write"])
def test_what_was_lost_with_its_job_is_found_again(
    blob: Blob, store: S3Store, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def kill(*args: Any, **kwargs: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(S3Store, call, kill)
        with pytest.raises(Killed):
            jobs.inspect.call_local()

    jobs.inspect_all_forgotten(timezone.now())
    assert Blob.objects.uninspected().filter(pk=blob.pk).exists(), "its job may still be on its way"
    jobs.inspect_all_forgotten(later())

    blob.refresh_from_db()
    assert blob.preview is not None


def test_while_the_store_is_away_nothing_is_lost(
    blob: Blob, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        away = S3Store(replace(store.account, endpoint="http://127.0.0.1:1"))
        patched.setitem(stores._offers, "files", away)
        jobs.inspect.call_local()
        jobs.inspect_all_forgotten(later())
        with pytest.raises(StoreUnavailable):
            actions.inspect_blob(blob, now=timezone.now())

    jobs.inspect_all_forgotten(later())

    blob.refresh_from_db()
    assert (blob.sha256, blob.picture_attempts) == (sha256(PNG).hexdigest(), 1)


def test_a_picture_that_waits_for_others_is_shown_once_they_are_done(
    blob: Blob, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as busy, Path(decoder.__file__).open("rb") as turn:
        busy.setattr(decoder_client, "SECONDS", 1.0)
        fcntl.flock(turn, fcntl.LOCK_EX)
        for _minute in range(actions.MOST_PICTURE_ATTEMPTS):
            jobs.inspect_all_forgotten(later())
    jobs.inspect_all_forgotten(later())
    blob.refresh_from_db()
    assert (blob.width, blob.height, blob.picture_attempts) == (900, 600, 1)


def test_a_picture_that_takes_too_long_itself_is_tried_twice(
    blob: Blob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "decoder.py"
    program.write_text(f"import os, time\nos.write(2, {decoder.BEGUN!r})\nos.close(0)\ntime.sleep(60)\n")
    monkeypatch.setattr(decoder_client, "_PROGRAM", program)
    monkeypatch.setattr(decoder_client, "SECONDS", 2.0)
    for _minute in range(actions.MOST_PICTURE_ATTEMPTS):
        jobs.inspect_all_forgotten(later())
        blob.refresh_from_db()
        assert blob.inspected_at is None
    jobs.inspect_all_forgotten(later())
    blob.refresh_from_db()
    assert (blob.sha256, blob.width) == (sha256(PNG).hexdigest(), None)


def test_what_comes_meanwhile_is_looked_into_by_the_same_job(
    blob: Blob, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, begun = actions.inspect_blob, list[int]()

    def another_comes(found: Blob, **kwargs: Any) -> None:
        begun.append(found.pk)
        if found.pk == blob.pk:
            text = Blob.objects.create(key=new_key(timezone.now()), size=4)
            store.write(text.key, b"text", content_type="text/plain")
        whole(found, **kwargs)

    monkeypatch.setattr(actions, "inspect_blob", another_comes)
    jobs.inspect.call_local()
    assert len(begun) == 2
    assert not Blob.objects.uninspected().exists()


def test_one_job_at_a_time_looks_into_files(blob: Blob) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s, 0)", [jobs.INSPECTION])
            jobs.inspect.call_local()
            assert Blob.objects.uninspected().exists()
            cursor.execute("SELECT pg_advisory_unlock(%s, 0)", [jobs.INSPECTION])
    finally:
        other.close()
    jobs.inspect.call_local()
    assert not Blob.objects.uninspected().exists()


def test_one_that_cannot_be_inspected_does_not_keep_the_others_waiting(
    blob: Blob, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Blob.objects.create(key=new_key(timezone.now()), size=4)
    store.write(other.key, b"text", content_type="text/plain")
    whole = actions.inspect_blob

    def fails(found: Blob, **kwargs: Any) -> None:
        if found.pk == blob.pk:
            raise ZeroDivisionError
        whole(found, **kwargs)

    monkeypatch.setattr(actions, "inspect_blob", fails)
    jobs.inspect_all_forgotten(later())

    other.refresh_from_db()
    assert other.inspected_at


def test_a_lost_object_is_noted_once(blob: Blob, store: S3Store, caplog: pytest.LogCaptureFixture) -> None:
    store.delete(blob.key)

    jobs.inspect_all_forgotten(later())
    jobs.inspect_all_forgotten(later())

    blob.refresh_from_db()
    assert (blob.sha256, blob.content_type) == ("", "")
    assert blob.inspected_at
    assert [record.message for record in caplog.records if "is lost" in record.message] == [
        f"blob {blob.pk} is lost: the store has no {blob.key}; restore it from a backup"
    ]


def test_what_is_lost_is_noted_of_it_alone_and_as_it_was_first(blob: Blob, store: S3Store) -> None:
    other = Blob.objects.create(key=new_key(timezone.now()), size=4)
    store.delete(blob.key)
    now = timezone.now()
    for late in (timedelta(0), timedelta(hours=1)):
        actions.inspect_blob(blob, now=now + late)
    blob.refresh_from_db()
    other.refresh_from_db()
    assert (blob.inspected_at, other.inspected_at) == (now, None)


def test_only_of_what_may_be_a_picture_one_is_tried(
    blob: Blob, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "pictures_of", lambda copy: None)
    text = Blob.objects.create(key=new_key(timezone.now()), size=4)
    store.write(text.key, b"text", content_type="text/plain")
    for one in (text, blob):
        actions.inspect_blob(one, now=timezone.now())
        one.refresh_from_db()
    text.refresh_from_db()
    assert (text.picture_attempts, blob.picture_attempts) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_leaves_the_blob_to_the_next(blob: Blob, store: S3Store) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env={
            **os.environ,
            "TEST_DATABASE": str(connection.settings_dict["NAME"]),
            "STORE": json.dumps(asdict(store.account)),
            "BLOB": str(blob.pk),
        },
        stdout=subprocess.PIPE,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"reading\n"

    jobs.inspect_all_forgotten(later())
    assert Blob.objects.uninspected().count() == 1, "the other process is at it"
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()

    def is_inspected() -> bool:
        jobs.inspect_all_forgotten(later())
        return not Blob.objects.uninspected().exists()

    until(is_inspected)  # PostgreSQL has noticed that its client is gone, and freed the lock
