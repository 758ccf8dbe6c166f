"""Which lines of the agent's record say that backups go elsewhere, or that somebody else can open them."""

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
    (re.compile(r"backup setup (\S+) --remove"), Kind.NO_TARGET),
    (re.compile(r"backup key add (.+)", re.DOTALL), Kind.HOLDER),
    (re.compile(r"backup key remove (.+)", re.DOTALL), Kind.NO_HOLDER),
    (re.compile(r"backup key rotate (.+)", re.DOTALL), Kind.ROTATION),
    (re.compile(r"backup: restore .*?'target': '([^']*)'", re.DOTALL), Kind.RESTORE),
)


_NAMES = {
    "RemoveBackupTarget": (Kind.NO_TARGET, "name"),
    "AddKeyHolder": (Kind.HOLDER, "name"),
    "RemoveKeyHolder": (Kind.NO_HOLDER, "name"),
    "RotateKeys": (Kind.ROTATION, "name"),
    "BeginRestore": (Kind.RESTORE, "target"),
}
"""Which operations change something, and which of their arguments says of what."""


def change_of(line: RecordedLine) -> tuple[Kind, str] | None:
    """What kind of change, and of what; None for what is none."""
    for words, kind in _WORDS:
        if found := words.fullmatch(line.operation) or (
            words.match(line.operation) if kind is Kind.RESTORE else None
        ):
            return kind, found[1]
    asked = json.loads(line.arguments) if line.arguments else {}
    if line.operation == "AddBackupTarget":
        parts = (asked.get("endpoint"), asked.get("bucket"), asked.get("path"))
        return Kind.TARGET, " ".join(str(part) for part in parts if part)
    if line.operation in _NAMES:
        kind, argument = _NAMES[line.operation]
        return kind, str(asked.get(argument, ""))
    return None
