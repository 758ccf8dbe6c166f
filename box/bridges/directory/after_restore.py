"""A box that was brought back knows people as they were: the directories say who has left since."""

from __future__ import annotations

from django.utils import timezone

from box.bridges.directory.jobs import run_once
from box.bridges.directory.models import Connection, Run


class NotSynchronised(Exception):
    """A directory was not asked, or not heard; the text says which and why."""


def sync_before_opening() -> str:
    """See `box.core.registry.capabilities.before_opening`. Everything is read: of what changed since, the box
    remembers another moment."""
    done: list[str] = []
    failed: list[str] = []
    for connection in Connection.objects.on().filter(is_confirmed=True):
        # What was going at the restored moment is going no more.
        Run.objects.going().filter(connection=connection).update(
            state=Run.State.CANCELLED, finished_at=timezone.now()
        )
        run = Run.objects.create(connection=connection, mode=Run.Mode.SYNC, why=Run.Why.COMMAND)
        run_once(run.pk, is_full=True)
        run.refresh_from_db()
        words = f"{connection.name}: {run.get_state_display()}"
        (done if run.state == Run.State.DONE else failed).append(words)
    if failed:
        raise NotSynchronised("; ".join(failed))
    return "; ".join(done) or "no directory"
