"""A target that is reached by SFTP: the box's own key for it, and the host's, which is pinned.

Nothing is trusted at first sight: the administrator compares the host's fingerprint, and says it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance import quoting, runner, users
from appliance.files import give, write_atomically
from appliance.node import Node
from backup.settings import BackupRefused, Target

_PLACE = re.compile(
    r"(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@(?P<host>[A-Za-z0-9][A-Za-z0-9._-]*)(?::(?P<port>\d+))?"
)
_SECONDS = 20


def parts(place: str) -> tuple[str, str, int]:
    """User, host and port of `USER@HOST[:PORT]`."""
    match = _PLACE.fullmatch(place)
    if match is None:
        raise BackupRefused(f"{place} is no place: give USER@HOST or USER@HOST:PORT.")
    return match["user"], match["host"], int(match["port"] or 22)


def key_file(node: Node, target: Target) -> Path:
    return node.paths.backup / f"sftp-{target.number}.key"


def known_hosts_file(node: Node, target: Target) -> Path:
    return node.paths.backup / f"sftp-{target.number}.hosts"


def public_key(node: Node, target: Target) -> str:
    """The line for `authorized_keys`; the key is made where there is none yet."""
    file = key_file(node, target)
    if not file.exists():
        made = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        write_atomically(file, made.decode(), mode=0o400, owner=users.account(users.DATABASE))
    key = serialization.load_ssh_private_key(file.read_bytes(), password=None)
    line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{line.decode()} korobka@{node.name}"


def scan(place: str) -> str:
    """The host's own key as it shows it now: a line of known_hosts."""
    program = shutil.which("ssh-keyscan", path="/usr/local/bin:/usr/bin:/bin")
    if program is None:
        raise BackupRefused("ssh-keyscan is missing: `apt-get install openssh-client`.")
    _, host, port = parts(place)
    done = runner.run(
        [program, "-T", str(_SECONDS), "-t", "ed25519", "-p", str(port), host], check=False, timeout=60
    )
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    if not lines:
        raise BackupRefused(f"Nobody answers at {host}, port {port}, or it has no key of the kind ed25519.")
    return lines[0]


def fingerprint(known_host: str) -> str:
    """Of a line of known_hosts, as `ssh` shows it."""
    digest = hashlib.sha256(base64.b64decode(known_host.split()[2])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def introduce(node: Node, target: Target, said: str, *, option: str = "--host-key") -> Target:
    """The target with its host's key pinned. Raises with what is to be done first, where it is not done."""
    line, key = scan(target.endpoint), public_key(node, target)
    seen = fingerprint(line)
    if said != seen:
        raise BackupRefused(
            f"Two things first. Put this line into ~/.ssh/authorized_keys there:\n\n    {key}\n\n"
            f"And compare the key of the host with what its administrator says:\n\n    {seen}\n\n"
            f"If it is the same, give it with {option}, and this again."
        )
    pinned = Target(**{**vars(target), "host_key": line})
    write_files(node, pinned)
    return pinned


def write_files(node: Node, target: Target) -> None:
    write_atomically(known_hosts_file(node, target), quoting.trimmed(target.host_key) + "\n", mode=0o644)
    public_key(node, target)


def repair(node: Node, target: Target) -> None:
    """What came out of a set's configuration belongs to the engines' user again."""
    write_files(node, target)
    give(key_file(node, target), mode=0o400, owner=users.account(users.DATABASE))


def inherit(node: Node, new: Target, old: Target) -> None:
    """The next repository at the same place is reached with the same key."""
    text = key_file(node, old).read_text(encoding="ascii")
    write_atomically(key_file(node, new), text, mode=0o400, owner=users.account(users.DATABASE))
    write_files(node, new)


def forget(node: Node, target: Target) -> None:
    for file in (key_file(node, target), known_hosts_file(node, target)):
        file.unlink(missing_ok=True)


def options(node: Node, target: Target) -> dict[str, object]:
    """For pgBackRest."""
    user, host, port = parts(target.endpoint)
    return {
        "type": "sftp",
        "path": f"{target.path.rstrip('/')}/{target.repository}/database",
        "sftp-host": host,
        "sftp-host-port": port,
        "sftp-host-user": user,
        "sftp-private-key-file": key_file(node, target),
        "sftp-host-key-hash-type": "sha256",
        "sftp-host-key-check-type": "strict",
        "sftp-known-host": known_hosts_file(node, target),
    }


def environment(node: Node, target: Target) -> dict[str, str]:
    """For rclone, whose remote is called `away`."""
    user, host, port = parts(target.endpoint)
    values = {
        "TYPE": "sftp",
        "HOST": host,
        "USER": user,
        "PORT": str(port),
        "KEY_FILE": str(key_file(node, target)),
        "KNOWN_HOSTS_FILE": str(known_hosts_file(node, target)),
        # Whoever gives the box a place need not give it a shell.
        "SHELL_TYPE": "none",
        "DISABLE_HASHCHECK": "true",
    }
    return {f"RCLONE_CONFIG_AWAY_{name}": value for name, value in values.items()}
