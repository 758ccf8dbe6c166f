"""`backup.json`, as far as the machine itself reads it. The room `backup` writes it, and knows the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from appliance.paths import Paths


def file_of(paths: Paths) -> Path:
    return paths.backup / "backup.json"


def is_set_up(paths: Paths) -> bool:
    return file_of(paths).exists()


def targets(paths: Paths) -> set[str]:
    """The names of those that backups go to, or went to with an older key."""
    said = _said(paths)
    return {str(one["name"]) for one in (*said.get("targets", ()), *said.get("closed", ()))}


def holders(paths: Paths) -> dict[str, str]:
    """The names of those who hold a key now, by their ids."""
    return {str(one["id"]): str(one["name"]) for one in _said(paths).get("holders", ())}


def _said(paths: Paths) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(file_of(paths).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return said
