"""What files do when something happens."""

from __future__ import annotations

from box.core.events.outbox import on
from box.core.files import jobs
from box.core.files.events import FileStored
from box.core.files.models import Blob


@on(FileStored)
def inspect(event: FileStored) -> None:
    """Has the new file looked into, unless that has been done."""
    if Blob.objects.uninspected().filter(files=event.file_id).exists():
        jobs.inspect()
