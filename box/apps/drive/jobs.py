"""What is done for drives in the background."""

from __future__ import annotations

import logging

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task

from box.apps.drive.actions.trash import purge_old
from box.core.files.jobs import locked

log = logging.getLogger(__name__)

TRASH = 0x64726976
"""The first of an advisory lock's two keys."""


@db_periodic_task(crontab(minute="41", hour="3"))
def empty_trash() -> None:
    """Every night."""
    with locked(TRASH, 0) as is_ours:
        if is_ours and (count := purge_old(timezone.now())):
            log.info("%s things have left the trash for good", count)
