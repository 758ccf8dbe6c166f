"""Files as other rooms show them, and take them in: in a field of an object of theirs."""

from __future__ import annotations

from collections.abc import Sequence

from box.core.accounts.models import User
from box.core.files.actions import attach
from box.core.files.models import File
from box.core.registry.capabilities import Card, Ref

KIND = "files.file"


def file_cards(ids: list[int], reader: User) -> dict[int, Card]:
    """See `box.core.registry.capabilities.CardMaker`."""
    files = File.objects.visible_to(reader).filter(pk__in=ids)
    return {file.pk: Card(Ref(KIND, file.pk), file.name, file.get_absolute_url()) for file in files}


def attach_to(ids: Sequence[int], audience: Sequence[str], by: User) -> None:
    """See `box.core.registry.capabilities.attachers`."""
    attach(ids, audience=audience, by=by)
