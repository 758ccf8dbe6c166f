"""Files that a restore has yet to bring back: the portal is open already, and the older ones follow.

The backup notes what is to come where settings are stored (`backup.recall`), and brings first what it is told
on a channel of the database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, connection

from box.core.files.models import Blob
from box.core.files.store import NotFound, StoreUnavailable, store
from box.core.registry.availability import NotNow, Trouble
from box.core.registry.models import StoredSetting
from box.core.registry.settings import Setting

TO_COME: Setting[Mapping[str, Any]] = Setting("files.to_come", default={}, section="", label="")
CHANNEL = "files_wanted"


class NotBackYet(StoreUnavailable, NotNow):
    """A restore has yet to bring these bytes back, which is no loss."""

    trouble = Trouble.FILE_TO_COME


def may_come(blob: Blob) -> bool:
    """Whether the store may lack these bytes only because a restore has yet to bring them."""
    until: int = TO_COME.value.get("until", 0)
    return blob.pk <= until


def require(blob: Blob) -> None:
    """Before a link is made to it. Raises NotBackYet, and has it brought before others.

    The store is asked only while a restore goes on; one that is away says so when the link is followed.
    """
    if not may_come(blob):
        return
    try:
        store().stat(blob.key)
    except NotFound:
        raise wanted(blob) from None
    except StoreUnavailable:
        return


def read(blob: Blob, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    """Its bytes, as `Store.read` gives them. Raises NotBackYet where they may still come, NotFound where they
    are lost, and StoreUnavailable."""
    try:
        yield from store().read(blob.key, offset=offset, length=length)
    except NotFound:
        if may_come(blob):
            raise wanted(blob) from None
        raise


def wanted(blob: Blob) -> NotBackYet:
    """Have it brought before others; what to raise."""
    # Nobody has to listen: whoever tries again asks again.
    with suppress(Error), connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, blob.key])
    return NotBackYet(f"A restore has yet to bring {blob.key} back.")


@dataclass(frozen=True)
class Progress:
    """How far a restore is with the files that follow."""

    files: int
    left: int
    left_bytes: int
    remaining: timedelta | None
    """How long it may take; None while that is not known."""
    problem: str
    """Why nothing comes at the moment, in the backup's own words."""
    lost: int
    """What nobody has; known when all were tried."""


def progress(now: datetime) -> Progress | None:
    """None where no restore has left anything behind. As the database has it now, and not as settings are
    remembered."""
    said = StoredSetting.objects.filter(pk=TO_COME.key).values_list("value", flat=True).first()
    if not said:
        return None
    done = said["files"] - said["left"]
    took = now - datetime.fromisoformat(said["since"])
    return Progress(
        files=said["files"],
        left=said["left"],
        left_bytes=said["left_bytes"],
        remaining=took * said["left"] / done if done and said["left"] else None,
        problem=said["problem"],
        lost=said["lost"],
    )
