"""Files are found by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from django.utils.translation import gettext_lazy as _

from box.core.fields.guards import hidden_from_some
from box.core.files.events import FilesChanged
from box.core.files.models import File, FileQuerySet
from box.core.registry.capabilities import Findable, Searchable, Touched

# To the database `plan_2026.pdf` is one word.
_JOINED = re.compile(r"[._\-]+")


def _attached() -> FileQuerySet:
    """What is part of something; the others are uploads that nobody sees."""
    return File.objects.exclude(attached_at=None)


def _read(ids: Sequence[int]) -> Iterable[Findable]:
    """What hangs in a field that is hidden from somebody is found by nobody: the index has one audience for
    all who see an object."""
    for file in _attached().filter(pk__in=ids).outside_fields(hidden_from_some()):
        yield Findable(
            id=file.pk,
            title=file.name,
            body=_JOINED.sub(" ", file.name),
            url=file.get_absolute_url(),
            audience=file.audience,
            is_private=file.is_private,
            at=file.created_at,
        )


FILES = Searchable(
    label=_("Files"),
    icon="file",
    order=40,
    read=_read,
    rows=_attached,
    touched_by={FilesChanged: lambda event: Touched(event.file_ids)},
    is_download=True,
)
