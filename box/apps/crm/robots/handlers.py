"""What calls robots to a record."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from box.apps.crm.events import RecordAdded, RecordMoved
from box.apps.crm.models import Record, Robot
from box.apps.crm.robots import jobs
from box.apps.crm.robots.actions import call_for_addition, call_for_stage
from box.core.events.outbox import subscribe
from box.core.registry.settings import Remembered

_at_work = Remembered(lambda: Robot.objects.at_work().exists())


def call_for_what_was_added(event: RecordAdded) -> None:
    """It comes into its first stage, too."""
    record = Record.objects.there().filter(pk=event.record_id).first()
    if record is None:
        return
    now = timezone.now()
    if call_for_addition(record, now) + call_for_stage(record, now):
        transaction.on_commit(jobs.run_robots)


def call_for_what_has_moved(event: RecordMoved) -> None:
    record = Record.objects.there().filter(pk=event.record_id).first()
    if record is not None and call_for_stage(record, timezone.now()):
        transaction.on_commit(jobs.run_robots)


def _are_there_robots() -> bool:
    """An import of thousands stores nothing for robots that there are not."""
    return _at_work.value


subscribe(
    f"{__name__}.{call_for_what_was_added.__name__}",
    RecordAdded,
    call_for_what_was_added,
    is_wanted=_are_there_robots,
    # Robots act on what happens here, not on what happened elsewhere.
    hears_imports=False,
)
subscribe(
    f"{__name__}.{call_for_what_has_moved.__name__}",
    RecordMoved,
    call_for_what_has_moved,
    is_wanted=_are_there_robots,
    hears_imports=False,
)
