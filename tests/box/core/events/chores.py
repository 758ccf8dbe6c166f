"""Jobs to watch a jobs process by: each leaves a row, one waits for a file."""

from __future__ import annotations

import os
import time
from pathlib import Path

from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task

import tests.box.core.events.bells  # noqa: F401 - declares a handler
from box.core.events.models import Nonce

FOLDER = Path(os.environ.get("CHORES_FOLDER", "/nonexistent"))


@db_task()
def note(text: str) -> None:
    Nonce.objects.create(actor_id=2, value=text)


@db_task()
def wait_for_the_file() -> None:
    (FOLDER / "arrived").touch()
    while not (FOLDER / "go").exists():
        time.sleep(0.01)
    Nonce.objects.create(actor_id=2, value="waited")


@db_periodic_task(crontab())
def tick() -> None:
    Nonce.objects.create(actor_id=2, value="tick")
