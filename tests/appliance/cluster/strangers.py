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
from appliance.cluster.membership import ports
from appliance.cluster.topology import MEMBER_PORT

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
    """Has a certificate with the name and address of a real node, of an authority that is not the nodes'."""

    folder: Path

    @classmethod
    def as_if(cls, node: BoxNode, folder: Path) -> Stranger:
        """Of an authority that they have made."""
        return cls.of(identity.create_authority(), node, folder)

    @classmethod
    def who_stole(cls, node: BoxNode, folder: Path) -> Stranger:
        """Of the nodes' own authority: they have all that lies on a node."""
        with node.inside() as paths:
            authority = identity.read_authority(paths)
        assert authority is not None
        return cls.of(authority, node, folder)

    @classmethod
    def of(cls, authority: identity.Authority, node: BoxNode, folder: Path) -> Stranger:
        key, now = identity.new_key(), datetime.now(UTC)
        certificate = identity.issue(
            authority, identity.request(node.name, key), name=node.name, address=node.address, now=now
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

    def gets_from(self, node: BoxNode) -> list[str]:
        """What the nodes' own ports and the database tell them that nobody but a node is told."""
        told = []
        for port in sorted({*ports(node.node), MEMBER_PORT}):
            for words in WORDS:
                for how, said in self.answers(node.address, port, words):
                    is_polite = port == MEMBER_PORT and (b" 404 " in said or b"Bad request" in said)
                    is_plain_text = port in (2379, 2380, 8008, 7443, 7401) and b"400 Bad Request" in said
                    if said and not is_polite and not is_plain_text:
                        told.append(f"{node.name}:{port} {how}: {said!r}")
        for role in ("korobka", "korobka_app", "korobka_replication", "korobka_rewind", "postgres"):
            why = self.psql(node.address, node.node.box.database.port, role)
            if not any(words in why for words in ("no pg_hba.conf entry", "unknown ca")):
                told.append(f"{node.name}, {role}: {why or 'was let in'}")
        return told


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
