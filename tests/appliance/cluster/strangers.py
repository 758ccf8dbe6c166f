"""Somebody on the nodes' network who belongs to nobody: tries every port, and tells what came back."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.certificates import key_pem
from appliance.cluster import identity

from .nodes import BoxNode

WORDS = (
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET /cluster HTTP/1.0\r\n\r\n",
    b"GET /v3/kv/range HTTP/1.0\r\n\r\n",
    b"stats\r\n",
    b"PING\r\n",
)
PROTOCOLS = ("korobka-cache", "korobka-store", "postgresql", "h2", "http/1.1")
"""That routers and databases speak."""
SECONDS = 3.0
MOST = 4096


@dataclass(frozen=True)
class Stranger:
    """Has made an authority and a certificate of their own, with the name and address of a real node."""

    folder: Path

    @classmethod
    def as_if(cls, node: BoxNode, folder: Path) -> Stranger:
        key = identity.new_key()
        own = identity.create_authority()
        now = datetime.now(UTC)
        certificate = identity.issue(
            own, identity.request(node.name, key), name=node.name, address=node.address, now=now
        )
        (folder / "own.crt").write_text(certificate)
        (folder / "own.key").write_bytes(key_pem(key))
        (folder / "own.key").chmod(0o600)
        return cls(folder)

    def answers(self, address: str, port: int, words: bytes) -> Iterator[tuple[str, bytes]]:
        """What is said to these words in the clear, in TLS, and in TLS with the certificate."""
        with suppress(OSError), socket.create_connection((address, port), SECONDS) as plain:
            yield "in the clear", _answer(plain, words)
        for how in ("TLS", "TLS with a certificate of their own"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(list(PROTOCOLS))
            if how != "TLS":
                context.load_cert_chain(self.folder / "own.crt", self.folder / "own.key")
            with (
                suppress(OSError),
                socket.create_connection((address, port), SECONDS) as plain,
                context.wrap_socket(plain) as connection,
            ):
                yield how, _answer(connection, words)

    def psql(self, address: str, port: int, role: str) -> str:
        """Why that role of the database is not let in; empty where it is."""
        given = f"sslcert={self.folder}/own.crt sslkey={self.folder}/own.key sslmode=require"
        done = subprocess.run(
            ["psql", "-XAtc", "select 1", f"host={address} port={port} user={role} dbname=korobka {given}"],
            capture_output=True, text=True, check=False, timeout=20, env={"PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        return done.stderr.strip() if done.returncode else ""


def _answer(connection: socket.socket, words: bytes) -> bytes:
    connection.settimeout(SECONDS)
    with suppress(OSError):
        connection.sendall(words)
        return connection.recv(MOST)
    return b""


def listening(node: BoxNode) -> set[int]:
    """The TCP ports of a node that its network reaches."""
    found = set()
    for line in node.run(["ss", "-Hltn"]).stdout.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        if not address.startswith("127.") and address != "[::1]":
            found.add(int(port))
    return found
