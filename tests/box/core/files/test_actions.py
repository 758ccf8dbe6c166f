"""Files that are there: copied, renamed, attached, given other bytes, and taken away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.core.access.principals import EVERYONE, code_of
from box.core.events.models import Event
from box.core.files import actions, names
from box.core.files.actions import NotYours, Stored
from box.core.files.models import Blob, File, new_key
from box.core.registry.origin import importing

if TYPE_CHECKING:
    from collections.abc import Callable

    from box.bridges.storage.client import S3Store
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

THEN = datetime(2020, 2, 2, tzinfo=UTC)


def uploaded(by: User, name: str = "plan.txt", size: int = 5) -> File:
    blob = Blob.objects.create(key=new_key(timezone.now()), size=size)
    return File.objects.create(owner=by, name=name, blob=blob, audience=[code_of(by)], is_private=True)


def told(kind: str) -> list[object]:
    key = "file_id" if kind == "FileStored" else "file_ids"
    rows = Event.objects.filter(kind=f"files.{kind}").order_by("pk")
    return [row.payload[key] for row in rows]


def test_what_the_portal_puts_into_the_store_is_a_file_of_somebodys_alone(anna: User) -> None:
    with importing(at=THEN):
        file = actions.take_in(Stored("2026/01/a", 7, "0" * 64), "letter.eml", by=anna)
    file.refresh_from_db()
    assert (file.owner, file.audience, file.is_private, file.created_at) == (
        anna, [code_of(anna)], True, THEN
    )  # fmt: skip
    assert (file.blob.key, file.blob.size) == ("2026/01/a", 7)
    # The sweep counts from now.
    assert timezone.now() - file.blob.created_at < timedelta(minutes=5)
    assert told("FileStored") == [file.pk]


@pytest.mark.parametrize("opened", [BytesIO, TemporaryFile])
def test_all_of_it_goes_into_the_store_however_far_it_was_read(
    store: S3Store, opened: Callable[[], IO[bytes]]
) -> None:
    letter = opened()
    letter.write(b"Dear Anna")
    letter.seek(5)
    stored = actions.store_whole(letter)
    letter.close()
    assert (stored.size, stored.sha256) == (9, sha256(b"Dear Anna").hexdigest())
    assert b"".join(store.read(stored.key)) == b"Dear Anna"


def test_a_copy_is_of_the_same_bytes_and_part_of_nothing(anna: User, boris: User) -> None:
    file = uploaded(anna)
    actions.attach([file.pk], audience=[EVERYONE], by=anna)
    file.refresh_from_db()
    copy = actions.copy_of(file, by=boris)
    assert (copy.name, copy.blob, copy.owner, copy.attached_at) == ("plan.txt", file.blob, boris, None)
    assert (copy.audience, copy.is_private) == ([code_of(boris)], True)
    assert told("FileStored") == [copy.pk]


def test_copies_are_known_by_what_they_are_of_and_of_what_is_gone_there_is_none(
    anna: User, boris: User
) -> None:
    one, two, _beside = (uploaded(anna, name) for name in ("one", "two", "beside"))
    copies = actions.copy_files([two.pk, one.pk, 10**9], by=boris)
    found = File.objects.in_bulk(copies.values())
    assert {pk: found[copy].name for pk, copy in copies.items()} == {one.pk: "one", two.pk: "two"}
    assert {copy.owner_id for copy in found.values()} == {boris.pk}
    assert all(copy.is_private and copy.audience == [code_of(boris)] for copy in found.values())


def test_files_are_attached_in_their_order_each_once(anna: User) -> None:
    one, two = uploaded(anna, "one"), uploaded(anna, "two")
    attached = actions.attach([two.pk, one.pk, two.pk], audience=[EVERYONE], by=anna)
    assert attached == [two, one]
    for file in (one, two):
        file.refresh_from_db()
        assert (file.audience, file.is_private) == (sorted([EVERYONE, code_of(anna)]), False)
        assert file.attached_at is not None
    assert told("FilesChanged") == [[two.pk, one.pk]]
    assert actions.attach([], audience=[EVERYONE], by=anna) == []
    assert told("FilesChanged") == [[two.pk, one.pk]], "of nothing nothing is told"


def test_only_what_is_attached_follows_what_it_is_part_of(anna: User, boris: User) -> None:
    part, loose, beside = uploaded(anna), uploaded(anna), uploaded(anna)
    for attached in (part, beside):
        actions.attach([attached.pk], audience=[EVERYONE], by=anna)
    codes = [code_of(boris), code_of(anna), code_of(boris)]
    actions.change_audience([part.pk, loose.pk], audience=codes)
    for file in (part, loose, beside):
        file.refresh_from_db()
    assert beside.audience == sorted([EVERYONE, code_of(anna)])
    assert (part.audience, part.is_private) == (sorted(set(codes)), True)
    assert loose.audience == [code_of(anna)]
    # Whoever keeps copies of rights hears of it.
    assert told("FilesChanged")[-1] == [part.pk, loose.pk]
    before = len(told("FilesChanged"))
    actions.change_audience([], audience=codes)
    actions.delete_files([])
    assert len(told("FilesChanged")) == before


def test_a_file_is_called_otherwise_by_what_a_name_may_be(anna: User) -> None:
    file = uploaded(anna)
    longest = "x" * names.MAX_LENGTH
    actions.rename_file(file, longest)
    file.refresh_from_db()
    assert file.name == longest
    for name in (" ", f"{longest}x"):
        with pytest.raises(ValidationError):
            actions.rename_file(file, name)
    assert told("FilesChanged") == [[file.pk]]


def test_a_file_takes_the_bytes_of_a_fresh_upload_of_ones_own(anna: User, boris: User) -> None:
    file, given, foreign, used = uploaded(anna), uploaded(anna), uploaded(boris), uploaded(anna)
    actions.attach([used.pk], audience=[EVERYONE], by=anna)
    was, new = file.blob, given.blob
    assert actions.take_content(file, given.pk, by=anna) == was
    file.refresh_from_db()
    assert (file.blob, File.objects.filter(pk=given.pk).exists()) == (new, False)
    for refused in (foreign, used, given):
        with pytest.raises(NotYours):
            actions.take_content(file, refused.pk, by=anna)


def test_a_file_that_is_deleted_leaves_its_bytes_to_the_sweep(anna: User) -> None:
    gone, kept = uploaded(anna), uploaded(anna)
    actions.delete_files([gone.pk])
    assert list(File.objects.all()) == [kept]
    assert Blob.objects.count() == 2
    assert told("FilesChanged") == [[gone.pk]]
