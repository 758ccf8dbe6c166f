"""`manage.py lost --since MOMENT`: what a restore to that moment would take away."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from box.core.registry.capabilities import counts_since


class Command(BaseCommand):
    help = "Counts what was made since a moment. Run by `boxctl backup restore`, before it asks."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=datetime.fromisoformat, required=True)

    def handle(self, *args: Any, since: datetime, **options: Any) -> None:
        found = sorted(counts_since, key=lambda one: one.order)
        self.stdout.write(json.dumps([[str(one.label), one.count(since)] for one in found]))
