"""A database that was brought back is not let loose before its sessions have ended and it was asked anew who
may come in. Until then the services that know people stand still (`Service.is_quarantined`), whoever starts
them: a boot of the machine, or somebody by hand.
"""

from __future__ import annotations

from pathlib import Path

from appliance.files import write_atomically
from appliance.paths import Paths


def mark(paths: Paths) -> Path:
    """The file that is there meanwhile; systemd looks for it by itself."""
    return paths.data / "backup/quarantine"


def begin(paths: Paths) -> None:
    """What runs goes on: it is for whoever begins this to stop it."""
    write_atomically(mark(paths), "", mode=0o600)


def end(paths: Paths) -> None:
    mark(paths).unlink(missing_ok=True)


def is_on(paths: Paths) -> bool:
    return mark(paths).exists()
