"""Writing to the log, and taking over what others have logged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from box.core.accounts.auditing import about_person
from box.core.audit.models import AuditRecord, Cursor
from box.core.events.models import Event
from box.core.registry.auditing import Audited, Entry, audited

LONGEST_NAME = 300


def write(entry: Entry, *, at: datetime | None = None) -> AuditRecord:
    """One row, with what everything is called at this moment."""
    about = entry.about
    return AuditRecord.objects.create(
        at=at or timezone.now(),
        kind=entry.kind,
        by_id=entry.by_id,
        actor=_clean(entry.actor or (about_person(entry.by_id).name if entry.by_id else "")),
        address=entry.address or None,
        about_kind=about.kind if about else "",
        about_id=about.id if about else None,
        about_name=_clean(about.name) if about else "",
        details=dict(entry.details),
    )


def write_if_logged(entry: Entry) -> None:
    if audited[entry.kind].is_logged:
        write(entry)


def write_event(kind: str, declared: Audited, event: Any, row: Event, details: dict[str, Any]) -> None:
    """What the event tells, as of the moment and from the address at which it was emitted."""
    by_id = details.pop(declared.by, None)
    actor = "" if by_id else row.origin.get("actor", "")
    entry = Entry(kind, by_id, actor, row.origin.get("address", ""), declared.about(event), details)
    write(entry, at=row.created_at)


@dataclass(frozen=True)
class Foreign:
    """A line of another log. `source` names it and no other."""

    source: str
    at: datetime
    kind: str
    actor: str
    details: dict[str, Any] = field(default_factory=dict)


@transaction.atomic
def take_over(name: str, lines: Iterable[Foreign], *, cursor: str) -> int:
    """Writes what is not here yet, and how far the other log was read; returns how many lines were new."""
    rows = [
        AuditRecord(
            source=line.source, at=line.at, kind=line.kind, actor=_clean(line.actor), details=line.details
        )
        for line in lines
    ]
    known = set(
        AuditRecord.objects.filter(source__in=[row.source for row in rows]).values_list("source", flat=True)
    )
    fresh = {row.source: row for row in rows if row.source not in known}
    AuditRecord.objects.bulk_create(fresh.values(), ignore_conflicts=True)
    Cursor.objects.update_or_create(name=name, defaults={"value": cursor})
    return len(fresh)


def cursor_of(name: str) -> str:
    """How far it was read; nothing for what was never read."""
    return Cursor.objects.filter(name=name).values_list("value", flat=True).first() or ""


def _clean(text: str) -> str:
    return text.replace("\x00", "")[:LONGEST_NAME]
