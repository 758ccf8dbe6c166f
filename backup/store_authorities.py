"""The certificate authorities of stores: kept with the settings, as text, and written out for the engines.

A file somewhere else may be moved, and is not there on an empty machine: what a target needs to be reached
is in the box, and so in its backups.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from appliance.authorities import MOST_BYTES, certificates_in
from appliance.files import write_atomically
from appliance.node import Node
from appliance.services.objects import authority
from backup.settings import BackupRefused, Target

SYSTEM = Path("/etc/ssl/certs/ca-certificates.crt")


def checked(text: str) -> str:
    """The certificates in PEM, of what somebody gave. Refused where there are none."""
    if not text.strip():
        return ""
    try:
        return certificates_in(text.encode())
    except ValueError:
        raise BackupRefused(
            "The certificate of the authority is text that begins with BEGIN CERTIFICATE."
        ) from None


def read(file: Path) -> str:
    """The certificates in a file that was named."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            text = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BackupRefused(f"{file} cannot be read ({error.strerror}): give the authority's PEM.") from error
    if not text.strip():
        raise BackupRefused(f"{file} is empty: give the authority's PEM.")
    return checked(text)


def file_of(node: Node, target: Target) -> Path | None:
    """Where the engines find the authority of this target; None where it needs none of its own."""
    return node.paths.backup / f"ca-{target.number}.pem" if target.ca_pem else None


def bundle(node: Node) -> Path:
    """What rclone believes, for every target and for the portal's own store."""
    return node.paths.backup / "ca.pem"


def write(node: Node, targets: Iterable[Target]) -> None:
    """Write out those of these targets, and take away those of others."""
    theirs = {file: target.ca_pem for target in targets if (file := file_of(node, target))}
    for file, text in theirs.items():
        write_atomically(file, text, mode=0o644)
    for file in set(node.paths.backup.glob("ca-*.pem")) - theirs.keys():
        file.unlink()
    texts = sorted(set(theirs.values()))
    if own := authority.text_of(node):
        texts.append(own)
    if not texts:
        bundle(node).unlink(missing_ok=True)
        return
    system = [SYSTEM.read_text(encoding="ascii")] if SYSTEM.exists() else []
    write_atomically(bundle(node), "\n".join([*system, *texts]), mode=0o644)
