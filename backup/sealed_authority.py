"""The key of the box's own authority within a set: sealed with a key of root's that no set holds.

Employees' browsers believe the authority for ten years. Whoever opens a set, with a recovery key or from a
target of their own, must not be able to speak in its name.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from appliance.files import write_atomically
from appliance.paths import Paths
from backup.keys import NONCE, KeyRefused, RecoveryKey, derived
from backup.settings import alone

KEY, SEALED = "tls/ca.key", "tls/ca.key.sealed"
_PURPOSE = "korobka authority"


def file_of(paths: Paths) -> Path:
    return paths.etc / "root.key"


def root_key(paths: Paths) -> RecoveryKey:
    """Root's own key, printed as a recovery key is; made where there is none."""
    file = file_of(paths)
    # Of two who make one at once, both get the first.
    with alone(paths.etc / ".root.key.lock"):
        if not file.exists():
            write_atomically(file, f"{RecoveryKey.new()}\n", mode=0o600)
    return RecoveryKey.parse(file.read_text(encoding="ascii"))


def sealed(paths: Paths) -> bytes | None:
    """What a set holds in the place of the authority's key; None where it is not here, or was never made."""
    key = paths.etc / KEY
    if not key.exists():
        return None
    salt = secrets.token_bytes(16)
    cipher = ChaCha20Poly1305(derived(root_key(paths).value, salt, _PURPOSE))
    box = cipher.encrypt(NONCE, key.read_bytes(), SEALED.encode())
    return json.dumps({"format": 1, "salt": salt.hex(), "sealed": box.hex()}).encode()


def opened(text: bytes, key: RecoveryKey) -> bytes:
    """The authority's key. Raises KeyRefused where this is not the key it was sealed with."""
    try:
        said = json.loads(text)
        salt, box = bytes.fromhex(said["salt"]), bytes.fromhex(said["sealed"])
    except (ValueError, KeyError, TypeError):
        raise KeyRefused(f"{SEALED} is damaged: go on without the root key; see the documentation.") from None
    try:
        return ChaCha20Poly1305(derived(key.value, salt, _PURPOSE)).decrypt(NONCE, box, SEALED.encode())
    except InvalidTag:
        raise KeyRefused(
            "This root key is not the one of this box: look at the paper, or leave it out."
        ) from None


def is_missing(paths: Paths) -> bool:
    """Whether the authority's key is here, but only sealed."""
    return (paths.etc / SEALED).exists() and not (paths.etc / KEY).exists()


def put_back(paths: Paths, key: RecoveryKey, opened: bytes | None = None) -> None:
    """Have the authority's key again, and go on with the root key that is on paper."""
    found = opened if opened is not None else _opened_here(paths, key)
    write_atomically(file_of(paths), f"{key}\n", mode=0o600)
    write_atomically(paths.etc / KEY, found, mode=0o600)
    (paths.etc / SEALED).unlink(missing_ok=True)


def _opened_here(paths: Paths, key: RecoveryKey) -> bytes:
    if not is_missing(paths):
        raise KeyRefused("The authority's key is not sealed here: there is nothing to open.")
    return opened((paths.etc / SEALED).read_bytes(), key)
