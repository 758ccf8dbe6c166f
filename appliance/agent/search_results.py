"""What a search in a backup has found: kept for whoever has searched, on this machine, for a day.

It holds what people wrote, so root alone reads the file, and the portal gets of it what it shows.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from appliance.agent.answers import FoundThings
from appliance.agent.codec import decode, encode
from appliance.agent.journal import Unknown
from appliance.files import ensure_folder, write_atomically
from appliance.paths import Paths

KEPT_SECONDS = 24 * 3600


def keep(paths: Paths, found: FoundThings, reader: str, packed: list[Any]) -> None:
    """`packed` are the rows of each thing, in their order."""
    ensure_folder(_folder(paths), mode=0o700)
    text = json.dumps({"reader": reader, "found": encode(found), "packed": packed}, ensure_ascii=False)
    write_atomically(_folder(paths) / f"{found.id}.json", text, mode=0o600)


def read(paths: Paths, identifier: str, reader: str) -> FoundThings:
    return decode(FoundThings, _load(paths, identifier, reader)["found"], place="what was found")


def packed_of(paths: Paths, identifier: str, number: int, reader: str) -> tuple[FoundThings, Any]:
    """What was found, and the rows of one thing of it."""
    said = _load(paths, identifier, reader)
    return decode(FoundThings, said["found"], place="what was found"), said["packed"][number - 1]


def forget_old(paths: Paths) -> None:
    for file in _folder(paths).glob("*.json"):
        if file.stat().st_mtime < time.time() - KEPT_SECONDS:
            file.unlink(missing_ok=True)


def _load(paths: Paths, identifier: str, reader: str) -> dict[str, Any]:
    # The name comes from outside, so it is looked for, not made into a path.
    for file in _folder(paths).glob("*.json"):
        if file.stem == identifier:
            said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            if said["reader"] == reader:
                return said
    raise Unknown("There is no such search, or it is more than a day old: search again.")


def _folder(paths: Paths) -> Path:
    return paths.data / "operations/found"
