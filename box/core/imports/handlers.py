"""An import begins when it was started."""

from __future__ import annotations

from box.core.events.outbox import on
from box.core.imports import jobs
from box.core.imports.events import ImportStarted


@on(ImportStarted)
def import_table(event: ImportStarted) -> None:
    """The import finds its own place again: once or twice is the same."""
    jobs.import_table(event.run_id)
