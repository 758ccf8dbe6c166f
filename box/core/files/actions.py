"""Every write to files."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest, sha256
from os import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import IO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from box.core.access.principals import audience_for, is_private
from box.core.accounts.models import User
from box.core.events.nonces import once
from box.core.events.outbox import emit
from box.core.files import inspection, names, recall
from box.core.files.decoder_client import Busy
from box.core.files.events import FilesChanged, FileStored
from box.core.files.models import Blob, File, Upload, new_key, part_size_of
from box.core.files.store import NotFound, PartsRefused, StoreUnavailable, store
from box.core.registry.origin import moment

log = logging.getLogger(__name__)

MOST_PICTURE_ATTEMPTS = 2
SPOOLED_IN_MEMORY = 4 * 2**20


class FileTooLarge(ValidationError):
    """The company doesn't take files of this size."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            _("Files here have at most %(limit)s MB: send this one in pieces, or ask your administrator.")
            % {"limit": limit // 10**6},
            code="too-large",
        )


class UploadOver(ValidationError):
    """What was to be completed is no longer there."""

    def __init__(self) -> None:
        super().__init__(_("This upload is over: choose the file again."), code="over")


class NotYours(ValidationError):
    """A file that the person doesn't own, or that is part of something else already."""

    def __init__(self) -> None:
        super().__init__(
            _("One of the files is not there or is used already: attach it again."), code="not-yours"
        )


def checked_name(name: str) -> str:
    """The name as it is stored. Raises ValidationError."""
    if not name.strip():
        raise ValidationError(_("Give the file a name."), code="name")
    if len(name) > names.MAX_LENGTH:
        raise ValidationError(
            _("A file's name has at most %(limit)s characters: shorten it.") % {"limit": names.MAX_LENGTH},
            code="name",
        )
    return names.storable(name)


def begin_upload(name: str, size: int, *, nonce: str, by: User) -> Upload:
    """Opens an upload. The same nonce again returns the upload that was opened first.

    The row is committed before the store hears of the upload, so that nothing in the store is without a row.
    """
    name = checked_name(name)
    if size < 0:
        raise ValidationError(_("A file's size cannot be negative."), code="malformed")
    if size > settings.FILE_SIZE_LIMIT:
        raise FileTooLarge(settings.FILE_SIZE_LIMIT)

    def act() -> Upload:
        return Upload.objects.create(
            owner=by,
            name=name,
            size=size,
            part_size=part_size_of(size),
            key=new_key(timezone.now()),
        )

    upload = once(Upload, act, nonce=nonce, actor_id=by.pk)
    if upload.owner_id != by.pk or upload.discarded_at is not None:
        # The nonce was this person's, but of another form; or what it opened was given up.
        raise UploadOver
    if not upload.upload_id:
        _open_in_store(upload)
    return upload


def _open_in_store(upload: Upload) -> None:
    upload_id = store().begin(upload.key)
    if not Upload.objects.filter(pk=upload.pk, upload_id="").update(upload_id=upload_id):
        # The same request, sent twice at once: the other one was first.
        store().abort(upload.key, upload_id)
    upload.refresh_from_db(fields=["upload_id"])


def complete_upload(upload: Upload, etags: Sequence[str], *, by: User) -> File:
    """Makes the file of the parts that have arrived. Completing again returns the same file.

    Killed anywhere, it goes on where it was when it is called again: the store's answer that the upload is
    gone means either that an earlier call got so far, and then the object is there, or that it was given up.
    """
    if upload.file is not None:
        return upload.file
    if len(etags) != upload.part_count:
        raise ValidationError(_("Parts of the file are missing: send it again."), code="parts")
    try:
        with suppress(NotFound):
            store().complete(upload.key, upload.upload_id, etags)
        size = store().stat(upload.key).size
    except PartsRefused:
        raise ValidationError(_("Parts of the file are missing: send it again."), code="parts") from None
    except NotFound:
        raise UploadOver from None
    if size != upload.size:
        discard_upload(upload, now=timezone.now())
        raise ValidationError(
            _("%(received)s of %(size)s bytes have arrived: send the file again.")
            % {"received": size, "size": upload.size},
            code="size",
        )
    return _commit(upload, by=by)


@transaction.atomic
def _commit(upload: Upload, *, by: User) -> File:
    row = Upload.objects.select_for_update().filter(pk=upload.pk, discarded_at=None).first()
    if row is None:
        raise UploadOver
    if row.file is not None:
        return row.file
    audience = audience_for(by, [])
    row.file = File.objects.create(
        owner=by,
        name=row.name,
        blob=Blob.objects.create(key=row.key, size=row.size),
        audience=audience,
        is_private=is_private(audience),
    )
    row.save(update_fields=["file"])
    emit(FileStored(file_id=row.file.pk, by_id=by.pk))
    return row.file


@dataclass(frozen=True)
class Stored:
    """An object that is in the store and has no row yet: without one the sweep takes it away again."""

    key: str
    size: int
    sha256: str


def store_whole(content: IO[bytes]) -> Stored:
    """Puts what a file holds into the store, outside of any transaction. Raises StoreUnavailable."""
    content.seek(0)
    digest = file_digest(content, "sha256").hexdigest()  # type: ignore[arg-type]
    # Asked of the end: of a file in memory the digest is made without reading on.
    key, size = new_key(timezone.now()), content.seek(0, SEEK_END)
    store().write(key, content, content_type="application/octet-stream")
    return Stored(key, size, digest)


@transaction.atomic
def take_in(stored: Stored, name: str, *, by: User) -> File:
    """A file of what the portal itself has put into the store, as if `by` had uploaded it."""
    audience = audience_for(by, [])
    file = File.objects.create(
        owner=by,
        name=checked_name(name),
        blob=Blob.objects.create(key=stored.key, size=stored.size, created_at=timezone.now()),
        audience=audience,
        is_private=is_private(audience),
        created_at=moment(),
    )
    emit(FileStored(file_id=file.pk, by_id=by.pk))
    return file


@transaction.atomic
def copy_of(file: File, *, by: User) -> File:
    """A file of the same bytes under the same name, which is `by`'s own and part of nothing yet."""
    audience = audience_for(by, [])
    copy = File.objects.create(
        owner=by,
        name=file.name,
        blob=file.blob,
        audience=audience,
        is_private=is_private(audience),
        created_at=moment(),
    )
    emit(FileStored(file_id=copy.pk, by_id=by.pk))
    return copy


def abort_upload(upload: Upload, *, by: User) -> None:
    """Gives the upload up. It is over at once; what the store has of it goes now, or by the sweep."""
    with suppress(StoreUnavailable):
        discard_upload(upload, now=timezone.now())


def discard_upload(upload: Upload, *, now: datetime) -> None:
    """Removes all that there is of an upload that has not become a file, its row last.

    First it is marked, after which no completion is committed. From then on every step can be done again.
    """
    if Upload.objects.filter(pk=upload.pk, file=None).update(discarded_at=now):
        _clear(upload)
        store().delete(upload.key)
        upload.delete()


def forget_upload(upload: Upload) -> None:
    """Removes the row of an upload that has become a file, and parts that were sent again after that."""
    _clear(upload)
    upload.delete()


def _clear(upload: Upload) -> None:
    # Also those which were opened by a process that was killed before it could write down their ids.
    for upload_id in {*store().unfinished(upload.key), upload.upload_id} - {""}:
        store().abort(upload.key, upload_id)


def attach(file_ids: Sequence[int], *, audience: Iterable[str], by: User) -> list[File]:
    """Makes files part of an object, by giving them the object's audience: call it in the transaction that
    makes the object. Returns the files in the order given.

    Takes only files that `by` owns and that are part of nothing else, or none at all: raises NotYours.
    """
    ids = list(dict.fromkeys(file_ids))
    if not ids:
        return []
    codes = audience_for(by, audience)
    with transaction.atomic():
        attached = (
            File.objects.owned_by(by)
            .unattached()
            .filter(pk__in=ids)
            .update(audience=codes, is_private=is_private(codes), attached_at=timezone.now())
        )
        if attached != len(ids):
            raise NotYours
        emit(FilesChanged(file_ids=tuple(ids)))
        files = File.objects.with_blobs().in_bulk(ids)
    return [files[pk] for pk in ids]


@transaction.atomic
def copy_files(file_ids: Collection[int], *, by: User) -> dict[int, int]:
    """The same bytes under the same names once more, as if `by` had uploaded them: `attach` takes the copies.
    By the ids of the originals; those that are gone are left out. Whoever calls knows that `by` may read
    them."""
    found = list(File.objects.filter(pk__in=file_ids).order_by("pk"))
    codes = audience_for(by, [])
    copies = File.objects.bulk_create(
        File(owner=by, name=one.name, blob_id=one.blob_id, audience=codes, is_private=is_private(codes))
        for one in found
    )
    return {one.pk: copy.pk for one, copy in zip(found, copies, strict=True)}


@transaction.atomic
def rename_file(file: File, name: str) -> None:
    file.name = checked_name(name)
    file.save(update_fields=["name"])
    _tell_changed([file.pk])


@transaction.atomic
def take_content(file: File, upload_id: int, *, by: User) -> Blob:
    """Gives the file the bytes of another that `by` has just uploaded, which is no more then. Returns the
    blob that the file had. Raises NotYours as `attach` does."""
    given = File.objects.owned_by(by).unattached().select_for_update().filter(pk=upload_id).first()
    if given is None:
        raise NotYours
    was, file.blob = file.blob, given.blob
    file.save(update_fields=["blob"])
    given.delete()
    return was


@transaction.atomic
def change_audience(file_ids: Collection[int], *, audience: Collection[str]) -> None:
    """Follows the audience of the object that the files are part of."""
    File.objects.filter(pk__in=file_ids).exclude(attached_at=None).update(
        audience=sorted(set(audience)), is_private=is_private(audience)
    )
    _tell_changed(file_ids)


@transaction.atomic
def delete_files(file_ids: Collection[int]) -> None:
    """Removes files that nothing refers to any more; their blobs stay until the sweep's time has passed."""
    File.objects.filter(pk__in=file_ids).delete()
    _tell_changed(file_ids)


def _tell_changed(file_ids: Collection[int]) -> None:
    if file_ids:
        emit(FilesChanged(file_ids=tuple(file_ids)))


def inspect_blob(blob: Blob, *, now: datetime) -> None:
    """Writes down what the blob is and makes its pictures. Done twice, even at once, it does no more.

    Raises StoreUnavailable; the blob is found again from its row.
    """
    with SpooledTemporaryFile(max_size=SPOOLED_IN_MEMORY) as copy:
        try:
            findings = inspection.examine(store().read(blob.key), copy=copy)
        except NotFound:
            if recall.may_come(blob):
                raise recall.NotBackYet(f"A restore has yet to bring {blob.key} back.") from None
            log.error("blob %s is lost: the store has no %s; restore it from a backup", blob.pk, blob.key)
            Blob.objects.uninspected().filter(pk=blob.pk).update(inspected_at=now)
            return
        pictures = None
        if copy.tell() and blob.picture_attempts < MOST_PICTURE_ATTEMPTS:
            pictures = _pictures_of(blob, copy)
    preview, thumbnail = (
        (_store_picture(pictures.preview, now), _store_picture(pictures.thumbnail, now))
        if pictures
        else (None, None)
    )
    with transaction.atomic():
        row = Blob.objects.select_for_update(no_key=True).uninspected().filter(pk=blob.pk).first()
        if row is None:
            # Somebody else was first; our pictures have no rows, so the sweep removes them.
            return
        for picture in filter(None, (preview, thumbnail)):
            picture.save()
        row.inspected_at = now
        row.sha256 = findings.sha256
        row.content_type = findings.content_type
        row.width, row.height = (pictures.width, pictures.height) if pictures else (None, None)
        row.preview, row.thumbnail = preview, thumbnail
        row.save(
            update_fields=[
                "inspected_at",
                "sha256",
                "content_type",
                "width",
                "height",
                "preview",
                "thumbnail",
            ]
        )


def _pictures_of(blob: Blob, copy: IO[bytes]) -> inspection.Pictures | None:
    """Counted before: a picture may take its process with it. One whose turn has not come has tried nothing.

    Raises Busy."""
    row = Blob.objects.filter(pk=blob.pk)
    row.update(picture_attempts=F("picture_attempts") + 1)
    try:
        return inspection.pictures_of(copy)
    except Busy as busy:
        if not busy.has_begun:
            row.update(picture_attempts=F("picture_attempts") - 1)
        raise


def _store_picture(picture: inspection.Picture, now: datetime) -> Blob:
    """Writes the object and returns the row that is to be saved for it."""
    blob = Blob(
        key=new_key(now),
        size=len(picture.data),
        inspected_at=now,
        sha256=sha256(picture.data).hexdigest(),
        content_type=inspection.PICTURE_TYPE,
        width=picture.width,
        height=picture.height,
    )
    store().write(blob.key, picture.data, content_type=inspection.PICTURE_TYPE)
    return blob
