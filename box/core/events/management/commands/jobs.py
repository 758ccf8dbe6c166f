"""`manage.py jobs`: everything that happens in the background."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from huey.contrib.djhuey import HUEY

from box.core.events.worker import JobsConsumer


class Command(BaseCommand):
    help = "Run jobs, deliver events, and enqueue what is periodic."
    # Starts whatever the database does, and waits for it.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--workers", type=int, default=3, help="jobs at a time (default 3)")
        parser.add_argument("--couriers", type=int, default=2, help="events at a time (default 2)")

    def handle(self, *args: Any, workers: int, couriers: int, **options: Any) -> None:
        database = HUEY.storage.connection_params
        JobsConsumer(HUEY, workers=workers, couriers=couriers, database=database).run()
