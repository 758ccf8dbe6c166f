"""Jobs to watch a jobs process by: each leaves a row, one waits for a file."""

from __future__ import annotations

import os
import time
from pathlib import Path

from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

from box.core.events.models import Nonce
from box.core.events.outbox import on
from tests.box.core.events.bells import Struck, write_down

FOLDER = Path(os.environ.get("CHORES_FOLDER", "/nonexistent"))

on(Struck)(write_down)


@db_task()  # type: ignore[untyped-decorator]
def note(text: str) -> None:
    Nonce.objects.create(actor_id=2, value=text)


@db_task()  # type: ignore[untyped-decorator]
def wait_for_the_file() -> None:
    (FOLDER / "arrived").touch()
    while not (FOLDER / "go").exists():
        time.sleep(0.01)
    Nonce.objects.create(actor_id=2, value="waited")


@db_periodic_task(crontab())  # type: ignore[untyped-decorator]
def tick() -> None:
    Nonce.objects.create(actor_id=2, value="tick")
