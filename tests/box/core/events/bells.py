"""An event and a handler that can be stopped at a named point."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from box.core.events.models import Nonce
from box.core.events.outbox import on

if database := os.environ.get("TEST_DATABASE"):
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database

DIE_AT = ""


@dataclass(frozen=True)
class Struck:
    hour: int


def hang(point: str) -> None:
    """Says that the point is reached, and stays there until it is killed."""
    if point == DIE_AT:
        print(point, flush=True)  # noqa: T201 - the test reads it
        time.sleep(60)


@on(Struck)
def write_down(event: Struck) -> None:
    hang("before the write")
    Nonce.objects.create(actor_id=1, value=f"struck {event.hour}")
    hang("after the write")
