"""Folders are found by their names; files are, as all files of the portal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from box.apps.drive.events import FoldersTouched
from box.apps.drive.models import Item
from box.core.registry.capabilities import Findable, Searchable, Touched


def _folders() -> QuerySet[Item]:
    """But for the drives themselves, which everybody has in the menu."""
    return Item.objects.there().folders().exclude(parent=None)


def _read(ids: Sequence[int]) -> Iterable[Findable]:
    for folder in _folders().filter(pk__in=ids):
        yield Findable(
            id=folder.pk,
            title=folder.name,
            body="",
            url=folder.get_absolute_url(),
            audience=folder.audience,
            is_private=folder.is_private,
            at=folder.created_at,
        )


FOLDERS = Searchable(
    label=_("Folders"),
    icon="folder",
    order=38,
    read=_read,
    rows=_folders,
    touched_by={FoldersTouched: lambda event: Touched(event.folder_ids)},
)
