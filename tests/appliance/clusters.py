"""A database with the portal's tables, made once and copied after that.

initdb and all the migrations take longer than most tests. The copy lies beside the scratch boxes, under a
name that says what it was made of; whichever process of the tests comes first makes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from appliance.node import Node
from appliance.services.database.names import BIN, cluster
from appliance.supervise.supervisord import Supervisord
from backup.portal import manage
from tests.prefixes import scratch_prefix

ROOT = Path(__file__).resolve().parents[2]
_MADE_OF = ("box/**/migrations/*.py", "appliance/services/database/setup.py")


def kept() -> Path:
    """Where the copy is or will be."""
    digest = hashlib.sha256(str(BIN).encode())
    for pattern in _MADE_OF:
        for file in sorted(ROOT.glob(pattern)):
            digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return scratch_prefix("clusters") / digest.hexdigest()[:16]


def give(node: Node) -> None:
    """Put it into a box whose database has not been started yet. Passwords are that box's own, once it is."""
    place = kept()
    place.parent.mkdir(mode=0o755, exist_ok=True)
    with place.with_name("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _make(place)
    _copy(place, cluster(node))


def _make(place: Path) -> None:
    from tests.appliance.boxes import running_box

    for old in place.parent.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    unfinished = place.with_suffix(".new")
    with running_box("database") as node:
        manage(node, "migrate", "--noinput", as_owner=True)
        Supervisord(node).stop("database")
        _copy(cluster(node), unfinished)
    unfinished.rename(place)


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)
