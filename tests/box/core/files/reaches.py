"""Whom files reach, found or fetched."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from box.core.accounts.models import User
from box.core.events.outbox import emit
from box.core.files.actions import attach
from box.core.files.events import FileStored
from box.core.files.models import Blob, File, new_key
from tests.box.reach import SEEN, Fetched, Found, World


def file_for(world: World, audience: str, name: str = "plan.png") -> File:
    """Anna's, attached to something that is addressed to these."""
    file = _stored(world.cast.anna, name)
    attach([file.pk], audience=world.audiences[audience], by=world.cast.anna)
    return file


def _stored(owner: User, name: str) -> File:
    now = timezone.now()
    picture = Blob.objects.create(key=new_key(now), size=1, inspected_at=now)
    blob = Blob.objects.create(key=new_key(now), size=1, preview=picture, thumbnail=picture)
    file = File.objects.create(owner=owner, name=name, blob=blob, audience=[f"U{owner.pk}"])
    emit(FileStored(file_id=file.pk, by_id=owner.pk))
    return file


def _found(audience: str) -> Callable[[World, str], object]:
    return lambda world, word: file_for(world, audience, f"{word}.png")


FOUND = tuple(Found("files.file", _found(audience), by) for audience, by in SEEN.items())
DOWNLOADS = tuple(
    Fetched(f"files:{what}", audience) for what in ("content", "preview", "thumbnail") for audience in SEEN
)
