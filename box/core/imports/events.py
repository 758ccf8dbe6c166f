"""What happened to imports of tables."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ImportStarted:
    """A table is to be imported in the background; or, with `is_undo`, what was imported of it undone."""

    run_id: int
    by_id: int
    is_undo: bool = False


@dataclass(frozen=True)
class ImportFinished:
    run_id: int
    by_id: int
    importer: str
    name: str
    rows: int
    created: int
    changed: int
    failed: int


@dataclass(frozen=True)
class ImportUndone:
    run_id: int
    by_id: int
    importer: str
    name: str
    rows: int
