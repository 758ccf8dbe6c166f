"""A target that is reached by SFTP: the box's own key for it, and the host's, which is pinned.

Nothing is trusted at first sight: the administrator compares the host's fingerprint, and says it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance import quoting, runner, users
from appliance.files import give, write_atomically
from appliance.node import Node
from backup.settings import BackupRefused, Settings, Target, free_name
from backup.targets.kind import Kind

if TYPE_CHECKING:
    import argparse

    from appliance.agent.protocol import AddBackupTarget

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


class Sftp(Kind):
    def asked(self, node: Node, chosen: Settings, asked: AddBackupTarget, number: int) -> Target:
        if not asked.path.startswith("/"):
            raise BackupRefused("The folder there is written from the first slash on, such as /home/backup.")
        _, host, _ = parts(asked.endpoint)
        target = Target(number, free_name(host, chosen), "sftp", asked.path, asked.endpoint)
        key, line = public_key(node, target), scan(asked.endpoint)
        if asked.host_key.strip() != fingerprint(line):
            raise BackupRefused(
                f"Two things first. Put this line into ~/.ssh/authorized_keys there:\n{key}\n"
                f"And compare the fingerprint of the host with what its administrator says:\n"
                f"{fingerprint(line)}\n"
                f"If it is the same, write it into the form, and try again. Where you prove it with "
                f"a code from the machine, leave the proof empty once more: the next code is for this host."
            )
        return _pinned(node, target, line)

    def given(self, given: argparse.Namespace) -> Target:
        if not given.path.startswith("/"):
            raise BackupRefused("Give --path too: the folder there, from the root, such as /home/backup.")
        parts(given.sftp)
        return Target(0, given.name, "sftp", given.path, given.sftp, bandwidth_kib=given.bandwidth)

    def introduced(self, node: Node, target: Target, host_key: str, *, option: str) -> Target:
        line, key = scan(target.endpoint), public_key(node, target)
        seen = fingerprint(line)
        if host_key != seen:
            raise BackupRefused(
                f"Two things first. Put this line into ~/.ssh/authorized_keys there:\n\n    {key}\n\n"
                f"And compare the key of the host with what its administrator says:\n\n    {seen}\n\n"
                f"If it is the same, give it with {option}, and this again."
            )
        return _pinned(node, target, line)

    def database_options(self, node: Node, target: Target) -> Mapping[str, object]:
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

    def remote(self, node: Node, target: Target) -> Mapping[str, str]:
        user, host, port = parts(target.endpoint)
        return {
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

    def inherit(self, node: Node, new: Target, old: Target) -> None:
        self.keep_secret(node, new, self.secret(node, old))
        write_files(node, new)

    def repair(self, node: Node, target: Target) -> None:
        """What came out of a set's configuration belongs to the engines' user again."""
        write_files(node, target)
        give(key_file(node, target), mode=0o400, owner=users.account(users.DATABASE))

    def forget(self, node: Node, target: Target) -> None:
        for file in (key_file(node, target), known_hosts_file(node, target)):
            file.unlink(missing_ok=True)

    def secret(self, node: Node, target: Target) -> str:
        return key_file(node, target).read_text(encoding="ascii")

    def keep_secret(self, node: Node, target: Target, secret: str) -> None:
        write_atomically(key_file(node, target), secret, mode=0o400, owner=users.account(users.DATABASE))


def _pinned(node: Node, target: Target, line: str) -> Target:
    pinned = replace(target, host_key=line)
    write_files(node, pinned)
    return pinned


def write_files(node: Node, target: Target) -> None:
    write_atomically(known_hosts_file(node, target), quoting.trimmed(target.host_key) + "\n", mode=0o644)
    public_key(node, target)
