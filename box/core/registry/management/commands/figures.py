"""`manage.py figures`: what /metrics says, as JSON, for `boxctl status --json --figures`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from box.core.registry import metrics


class Command(BaseCommand):
    help = "Tells the figures of /metrics as JSON."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(metrics.as_data(metrics.collected())))
