"""A release's archive, as one node gives it to the others: in pieces, at the member's port, to nodes alone.

Who takes it compares the whole with a hash that was told it with a mark that only root can make
(`instructions`): so the archive is what root has looked at on the node that offers it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.cluster import https
from appliance.cluster.identity import client_context
from appliance.cluster.topology import MEMBER_PORT, TopologyRefused, folder
from appliance.paths import Paths

PIECE_BYTES = 4 << 20
MOST_PIECES = 1024
_PREFIX = ".offered-"
_PATH = re.compile(r"/releases/([0-9a-f]{64})/([0-9]{1,4})")


def offer(paths: Paths, archive: Path) -> str:
    """Give this archive, which is moved, to whoever asks for it from now on; its SHA-256. One is offered."""
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    withdraw(paths)
    archive.rename(_place(paths, digest))
    return digest


def withdraw(paths: Paths) -> None:
    for file in paths.releases.glob(f"{_PREFIX}*"):
        file.unlink()


def piece(paths: Paths, path: str) -> bytes | None:
    """What lies at the path of a request; empty behind the end, None where nothing is offered."""
    if (match := _PATH.fullmatch(path)) is None:
        return None
    with suppress(FileNotFoundError), _place(paths, match[1]).open("rb") as file:
        file.seek(int(match[2]) * PIECE_BYTES)
        return file.read(PIECE_BYTES)
    return None


def fetch(paths: Paths, address: str, sha256: str, into: Path, say: Callable[[str], None]) -> None:
    """Write the archive that a node offers into a new file. Raises `NodeAway`, `NodeRefused`,
    `TopologyRefused`."""
    context, digest, fetched = client_context(folder(paths)), hashlib.sha256(), 0
    with into.open("xb") as file:
        for number in range(MOST_PIECES):
            found = https.fetch(
                address, MEMBER_PORT, f"/releases/{sha256}/{number}", context=context, most=PIECE_BYTES
            )
            file.write(found)
            digest.update(found)
            fetched += len(found)
            say(f"{fetched >> 20} MiB of the archive are here.")
            if len(found) < PIECE_BYTES:
                break
    if digest.hexdigest() != sha256:
        raise TopologyRefused(f"The archive that {address} gives is not the one that was to be taken.")


def _place(paths: Paths, digest: str) -> Path:
    return paths.releases / f"{_PREFIX}{digest}"
