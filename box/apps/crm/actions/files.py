"""Files that belong to records are for whoever sees these: those of the company's own fields, what came
through forms, and what stands below in comments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from itertools import batched
from typing import TYPE_CHECKING

from django.db import transaction

from box.apps.crm.actions.audiences import BATCH
from box.apps.crm.custom_fields import all_sets
from box.apps.crm.models import FormFile, Record
from box.core.discussion.models import CommentFile
from box.core.events.outbox import emit_all
from box.core.fields.models import Value
from box.core.files.actions import change_audience
from box.core.files.events import FilesChanged

if TYPE_CHECKING:
    from collections.abc import Sequence


@transaction.atomic
def follow_records(ids: Collection[int]) -> None:
    """After somebody else sees these records. In four queries, and two for each record that has files."""
    files = _files_of(ids)
    for pk, audience in Record.objects.filter(pk__in=files).order_by("pk").values_list("pk", "audience"):
        change_audience(files[pk], audience=audience)


@transaction.atomic
def tell_of_field(field_id: int) -> None:
    """After the field was hidden from somebody, or shown again: what reads its files reads them once more."""
    values = Value.objects.filter(field=field_id, file__isnull=False).order_by("file")
    files = values.values_list("file", flat=True).iterator()
    emit_all([FilesChanged(file_ids=some) for some in batched(files, BATCH, strict=False)])


def _files_of(ids: Collection[int]) -> Mapping[int, Sequence[int]]:
    wanted, found = list(ids), defaultdict(list)
    keys = [of.key for of in all_sets()]
    threads = dict(Record.objects.filter(pk__in=wanted).values_list("thread", "pk"))
    below = CommentFile.objects.filter(comment__thread__in=list(threads))
    pairs = (
        Value.objects.filter(object_id__in=wanted, field__set_key__in=keys, file__isnull=False).values_list(
            "object_id", "file"
        ),
        FormFile.objects.filter(answer__record__in=wanted).values_list("answer__record", "file"),
        [(threads[thread], file) for thread, file in below.values_list("comment__thread", "file")],
    )
    for rows in pairs:
        for record, file in rows:
            found[record].append(file)
    return found
