"""What happens to migrations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MigrationDue:
    """There is something to be done for it, in the background."""

    migration_id: int


@dataclass(frozen=True)
class NewcomersInvited:
    """Whoever it has added is to be sent the link to join."""

    migration_id: int
    by_id: int


@dataclass(frozen=True)
class MigrationBegun:
    """Also each later pass, and what undoes it all."""

    migration_id: int
    portal: str
    by_id: int | None
    is_undo: bool = False
    is_outbound: bool = False


@dataclass(frozen=True)
class ExportDue:
    export_id: int


@dataclass(frozen=True)
class ExportOrdered:
    export_id: int
    by_id: int | None
    is_own: bool = False


@dataclass(frozen=True)
class ExportFinished:
    export_id: int
    by_id: int | None
    is_own: bool = False
    records: int = 0


@dataclass(frozen=True)
class MigrationFinished:
    migration_id: int
    portal: str
    by_id: int | None
    passes: int
    created: int = 0
    changed: int = 0
    refused: int = 0
    is_outbound: bool = False


@dataclass(frozen=True)
class MigrationUndone:
    migration_id: int
    portal: str
    by_id: int | None
    removed: int = 0
