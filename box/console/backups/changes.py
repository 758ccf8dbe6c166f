"""Which lines of the agent's record say that backups go elsewhere, or that somebody has a key to them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from box.console.models import BackupChange

if TYPE_CHECKING:
    from appliance.client import RecordedLine

Kind = BackupChange.Kind

# As boxctl notes what root does, and the agent what it is asked through the console.
_WORDS = (
    (re.compile(r"backup setup (\S+)"), Kind.TARGET),
    (re.compile(r"backup key add (.+)", re.DOTALL), Kind.HOLDER),
    (re.compile(r"backup key rotate (.+)", re.DOTALL), Kind.ROTATION),
    (re.compile(r"backup: restore .*?'target': '([^']*)'", re.DOTALL), Kind.RESTORE),
)


def change_of(line: RecordedLine) -> tuple[Kind, str] | None:
    """What kind of change, and of what; None for what is none."""
    for words, kind in _WORDS:
        if found := words.fullmatch(line.operation) or (
            words.match(line.operation) if kind is Kind.RESTORE else None
        ):
            return kind, found[1]
    asked = json.loads(line.arguments) if line.arguments else {}
    match line.operation:
        case "AddBackupTarget":
            parts = (asked.get("endpoint"), asked.get("bucket"), asked.get("path"))
            return Kind.TARGET, " ".join(str(part) for part in parts if part)
        case "AddKeyHolder":
            return Kind.HOLDER, str(asked.get("name", ""))
        case "RotateKeys":
            return Kind.ROTATION, str(asked.get("name", ""))
        case "BeginRestore":
            return Kind.RESTORE, str(asked.get("target", ""))
    return None
