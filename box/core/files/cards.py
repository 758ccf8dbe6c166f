"""Files as other rooms show them, and take them in: in a field of an object of theirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from box.core.accounts.models import User
from box.core.files.actions import attach, change_audience, delete_files
from box.core.files.models import File
from box.core.registry.capabilities import Attachable, Card, Ref

KIND = "files.file"


def file_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    files = File.objects.visible_to(reader).filter(pk__in=ids)
    return {file.pk: Card(Ref(KIND, file.pk), file.name, file.get_absolute_url()) for file in files}


def _attach(ids: Sequence[int], audience: Sequence[str], by: User) -> None:
    attach(ids, audience=audience, by=by)


def _share(ids: Collection[int], audience: Sequence[str]) -> None:
    change_audience(ids, audience=audience)


def _release(ids: Collection[int]) -> None:
    delete_files(File.objects.filter(pk__in=ids).unreferenced().values_list("pk", flat=True))


def _names(ids: Collection[int]) -> dict[int, str]:
    return dict(File.objects.filter(pk__in=ids).values_list("pk", "name"))


ATTACHABLE = Attachable(_attach, _share, _release, _names)
