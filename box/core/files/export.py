"""Files as rows: out of an older state of the portal, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.events import FilesChanged
from box.core.files.models import Blob, File, Upload
from box.core.registry.capabilities import Kept, Rows
from box.core.registry.offers import Offers
from box.core.registry.rows import packed, put_in, stands, values_of

KIND = "files.file"

parts: Offers[Callable[[Rows, User], object]] = Offers("parts with files")
"""By the label of a model that ties a file to what it is a part of: how a room puts such a row back, where it
cannot simply be put in as it was. The file's name and bytes are the room's to see to then."""


def find(text: str, reader: User) -> Iterator[Kept]:
    return _files(text, reader, Q(is_private=False) | Q(owner=reader))


def find_own(text: str, reader: User) -> Iterator[Kept]:
    return _files(text, reader, Q(owner=reader))


def _files(text: str, reader: User, which: Q) -> Iterator[Kept]:
    found = File.objects.visible_to(reader).filter(which)
    for file in found.filter(name__icontains=text).select_related("owner").order_by("-pk"):
        yield Kept(file.pk, file.name, file.owner.name, file.created_at)


def pack(pk: int) -> Rows:
    """The file, and what ties it to what it is a part of."""
    file = File.objects.get(pk=pk)
    ties: list[models.Model] = []
    for reference in File._meta.get_fields(include_hidden=True):
        if isinstance(reference, models.ManyToOneRel) and reference.related_model is not Upload:
            ties += reference.related_model._base_manager.filter(**{reference.field.name: file})
    return [*pack_files([file]), *packed(*ties)]


def pack_files(files: list[File]) -> Rows:
    """Files with their blobs, of these their pictures first."""
    blobs: dict[int, Blob] = {}
    for file in files:
        for blob in (file.blob.preview, file.blob.thumbnail, file.blob):
            if blob is not None:
                blobs[blob.pk] = blob
    return packed(*blobs.values(), *files)


def is_there(rows: Rows) -> bool:
    pk = values_of(rows, File)["id"]
    return File.objects.filter(pk=pk).exists() and not File.objects.unreferenced().filter(pk=pk).exists()


def is_same(rows: Rows) -> bool:
    """Whether it is called as it was, and has the bytes that it had."""
    return stands(rows, File.objects.all(), "name", "blob_id")


def put_back(rows: Rows, by: User) -> str:
    values = values_of(rows, File)
    tied = list(dict.fromkeys(row["model"] for row in rows if row["model"] in parts))
    put_in([row for row in rows if row["model"] not in tied])
    for model in tied:
        parts[model](rows, by)
    if File.objects.unreferenced().filter(pk=values["id"]).exists():
        raise ValidationError(_("What this file was a part of is gone: put that back, and the file with it."))
    if not tied:
        File.objects.filter(pk=values["id"]).update(name=values["name"])
    emit(FilesChanged(file_ids=(values["id"],)))
    return File.objects.get(pk=values["id"]).get_absolute_url()


def files_since(moment: datetime) -> int:
    return File.objects.filter(created_at__gte=moment).count()
