"""Work that was asked for begins at once; what is lost is found again from the row."""

from __future__ import annotations

from django.db import transaction

from box.core.events.outbox import on
from box.transfer import jobs
from box.transfer.events import ExportDue, MigrationDue, NewcomersInvited


@on(MigrationDue)
def go_on(event: MigrationDue) -> None:
    transaction.on_commit(lambda: jobs.migrate(event.migration_id))


@on(ExportDue)
def write(event: ExportDue) -> None:
    transaction.on_commit(lambda: jobs.export(event.export_id))


@on(NewcomersInvited)
def invite(event: NewcomersInvited) -> None:
    transaction.on_commit(lambda: jobs.invite(event.migration_id, event.by_id))
