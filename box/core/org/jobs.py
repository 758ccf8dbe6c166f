"""What is done for the structure in the background. A job that is lost is found again from the row."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.core.files.jobs import locked
from box.core.files.store import StoreUnavailable
from box.core.org.importing import go_on
from box.core.org.models import PeopleImport

log = logging.getLogger(__name__)

# The first of an advisory lock's two keys; the second is the import's id.
IMPORT = 0x696D706F


@db_task()  # type: ignore[untyped-decorator]
def import_people(import_id: int) -> None:
    """Imports a table of people, or what is left of it."""
    import_once(import_id)


@db_periodic_task(crontab())  # type: ignore[untyped-decorator]
def import_forgotten() -> None:
    """Every minute."""
    import_all_forgotten(timezone.now())


def import_once(import_id: int) -> None:
    """Goes on with the import, unless it is over or somebody is just at it."""
    with locked(IMPORT, import_id) as is_ours:
        running = PeopleImport.objects.filter(pk=import_id, status=PeopleImport.Status.RUNNING)
        run = running.select_related("by", "blob").first() if is_ours else None
        if run is None:
            return
        try:
            go_on(run)
        except StoreUnavailable as error:
            log.warning("import %s goes on later: %s", import_id, error)


def import_all_forgotten(now: datetime, *, older_than: timedelta = timedelta(minutes=1)) -> None:
    """Goes on with what stands still: its process was killed, or the store was away."""
    running = PeopleImport.objects.filter(status=PeopleImport.Status.RUNNING, moved_at__lt=now - older_than)
    for pk in list(running.values_list("pk", flat=True)):
        import_once(pk)
