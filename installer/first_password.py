"""The first administrator's password until somebody has seen it, for a day at most, root's alone."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from appliance.files import write_atomically
from appliance.paths import Paths

_FILE = "first-password"
_KEPT = timedelta(days=1)
# No letter or digit that is taken for another when it is typed from paper.
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class FirstPassword:
    """What is to be told at the end of this run, or of the one after it."""

    email: str
    password: str
    made_at: str


def new_password() -> str:
    """Four groups of five: 99 bits, and still typed in one go."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def keep(paths: Paths, email: str, password: str, *, now: datetime) -> None:
    """Before the account has it: a run that ends in between has told nobody."""
    kept = FirstPassword(email, password, now.isoformat())
    write_atomically(paths.etc / _FILE, json.dumps(asdict(kept)), mode=0o600)


def unseen(paths: Paths, *, now: datetime) -> FirstPassword | None:
    """The one that nobody has seen; one that is older than a day is forgotten."""
    file = paths.etc / _FILE
    if not file.exists():
        return None
    kept = FirstPassword(**json.loads(file.read_text(encoding="utf-8")))
    if now < datetime.fromisoformat(kept.made_at) + _KEPT:
        return kept
    forget(paths)
    return None


def forget(paths: Paths) -> None:
    (paths.etc / _FILE).unlink(missing_ok=True)
