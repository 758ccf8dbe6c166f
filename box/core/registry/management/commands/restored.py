"""`manage.py restored`: what the backup runs in a box that was brought back, before it opens to people."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from box.core.registry.capabilities import after_restore, before_opening

log = logging.getLogger(__name__)

FAILED = "failed: "
"""How a line begins that tells of what was not done; see backup.operations.restore."""


class Command(BaseCommand):
    help = "Ends all sessions and marks as done what was sent already. Run by `boxctl backup restore`."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            for name, finish in after_restore.items():
                self.stdout.write(f"{name}: {finish()}")
        for name, ask in before_opening.items():
            try:
                self.stdout.write(f"{name}: {ask()}")
            except Exception as error:  # whatever a foreign server makes of it, the box must open again
                log.exception("%s could not do what it has to before the box opens", name)
                self.stdout.write(f"{FAILED}{name}: {error}")
