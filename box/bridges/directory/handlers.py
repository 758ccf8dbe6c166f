"""What directories do when something happens."""

from __future__ import annotations

from box.bridges.directory import jobs
from box.bridges.directory.events import RunAsked
from box.core.events.outbox import on


@on(RunAsked)
def perform(event: RunAsked) -> None:
    """A run that is over is not done again: once or twice is the same."""
    jobs.perform(event.run_id)
