"""Backup sets that nobody made, for what only looks at what is known of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from backup.sets import BackupSet

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GIB = 1 << 30


def a_set(**fields: Any) -> BackupSet:
    given = {
        "label": "20261124-110000F", "kind": "full", "parent": None, "began_at": NOW, "ended_at": NOW,
        "version": "0.1.0", "timeline": 1, "first_wal": "", "last_wal": "", "database_bytes": 2 * GIB,
        "stored_bytes": GIB, "blobs": 100, "blob_bytes": 10 * GIB, **fields,
    }  # fmt: skip
    return BackupSet(**given)
