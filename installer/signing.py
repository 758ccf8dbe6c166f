"""Signatures of releases, made and looked at by OpenSSH: `ssh-keygen -Y` (its manual, and PROTOCOL.sshsig).

A release carries the public keys that the next one may be signed with; root may add others to the box. So the
first release is trusted by whoever installs it, and every later one by the one before.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from appliance.paths import Paths
from appliance.runner import CommandFailed, run

NAMESPACE, IDENTITY = "korobka-release", "korobka"
SIGNERS = "release-signers"
"""In a release's folder, and in the box's etc: lines as OpenSSH's allowed_signers has them."""
_LONGEST = 1 << 16


class NotSigned(Exception):
    """An archive is not by whom it should be."""


def sign(archive: Path, key: Path) -> Path:
    """Makes the archive's signature beside it. A key may also lie in an agent, or in a token."""
    signature = signature_of(archive)
    signature.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, archive])
    return signature


def signature_of(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sig")


def line_of(public_key: str) -> str:
    """The line that trusts this key, as it stands in a .pub file, for releases and nothing else."""
    kind, key, *_ = public_key.split()
    return f'{IDENTITY} namespaces="{NAMESPACE}" {kind} {key}\n'


def known(paths: Paths) -> str:
    """The keys that this box trusts."""
    files = (paths.current / SIGNERS, paths.etc / SIGNERS)
    return "".join(file.read_text(encoding="utf-8") for file in files if file.exists())


def verify(archive: Path, signers: str, *, named: Path | None = None) -> None:
    """Refuses an archive that none of the signers has signed. It is told of as `named`."""
    named = named or archive
    if not signers.strip():
        raise NotSigned(
            "This box knows no key that releases are signed with: compare the archive's SHA-256 with the "
            "published one, and say --unsigned; or put the key's line into /etc/korobka/release-signers."
        )
    signature = signature_of(archive)
    if not signature.exists() or signature.stat().st_size > _LONGEST:
        raise NotSigned(f"{signature_of(named)} is missing: fetch it too, and put it beside the archive.")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as allowed, archive.open("rb") as content:
        allowed.write(signers)
        allowed.flush()
        try:
            run(
                ["ssh-keygen", "-q", "-Y", "verify", "-f", allowed.name, "-I", IDENTITY, "-n", NAMESPACE,
                 "-s", signature],
                stdin=content,
            )  # fmt: skip
        except CommandFailed:
            raise NotSigned(
                f"{named} is not what was signed, or was signed with a key that this box does not know. "
                f"Do not use it: fetch the archive and its .sig again, from where the release is published."
            ) from None


def lines_of(keys: Iterable[Path]) -> str:
    return "".join(line_of(key.read_text(encoding="utf-8")) for key in keys)
