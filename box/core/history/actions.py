"""Writing lines: with what is audited, where it is told on the object's own page too."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from box.core.history.models import Line
from box.core.registry.auditing import audited

if TYPE_CHECKING:
    from box.core.registry.auditing import Entry
    from box.core.registry.capabilities import Ref


def write(entry: Entry, *, at: datetime | None = None) -> None:
    """One line; none for what has no place in a history."""
    write_all([(entry, at or timezone.now())])


def write_all(entries: Iterable[tuple[Entry, datetime]]) -> None:
    """The same for many, each with its moment, in one statement."""
    lines = [
        Line(
            about_kind=entry.about.kind, about_id=entry.about.id, at=at, kind=entry.kind, by_id=entry.by_id,
            details=dict(entry.details),
        )
        for entry, at in entries
        if entry.about is not None and audited[entry.kind].timeline
    ]  # fmt: skip
    Line.objects.bulk_create(lines)


def forget_lines(refs: Iterable[Ref]) -> None:
    """Of what was erased: what somebody was called once would go on standing in its history."""
    for ref in refs:
        Line.objects.about(ref.kind, ref.id).delete()
