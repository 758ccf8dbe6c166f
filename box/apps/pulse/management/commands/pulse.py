"""`manage.py pulse`: counts anew what the outbox still holds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from box.apps.pulse.aggregation import rebuild


class Command(BaseCommand):
    help = "Counts the use of the portal anew, as far back as events are kept. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        counted = rebuild(timezone.now())
        self.stdout.write(f"counted {counted[0]} to {counted[1]}" if counted else "nothing to count yet")
