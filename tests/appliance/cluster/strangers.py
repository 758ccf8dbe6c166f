"""Somebody on the nodes' network who belongs to nobody: tries every port, and tells what came back."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from appliance.certificates import key_pem
from appliance.cluster import identity
from appliance.cluster.membership import ports
from appliance.cluster.topology import BALANCER_PORT, MEMBER_PORT, ROUTER_PORT
from appliance.cluster.topology import folder as cluster_folder

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
SECONDS, PATIENCE = 3.0, 60.0
MOST = 4096


REFUSALS = ("UNKNOWN_CA", "BAD_CERTIFICATE")
"""TLS alerts of who does not believe in a certificate's authority."""


@dataclass(frozen=True)
class Visitor:
    """Somebody with certificates, one for balancers and one for all else."""

    folder: Path

    @classmethod
    def who_is(cls, node: BoxNode) -> Visitor:
        """That node itself."""
        return cls(cluster_folder(node.node.paths))

    def answered_at(self, node: BoxNode) -> set[int]:
        """The ports of `own_ports` that say anything to who shows the certificate. PostgreSQL's does to
        nobody but `psql`."""
        return {
            port
            for port in own_ports(node)
            if any(self._answer(node.address, port, words) for words in WORDS)
        }

    def _answer(self, address: str, port: int, words: bytes) -> bytes:
        with suppress(OSError), self._in_tls(address, port, _realm(port)) as connection:
            return _answer(connection, words)
        return b""

    def refusal(self, address: str, port: int, *, seconds: float = PATIENCE) -> str:
        """The alert by which TLS with the certificate ends."""
        try:
            with self._in_tls(address, port, _realm(port)) as connection:
                connection.settimeout(seconds)
                # Without a word: who hangs up on words that they have not read may take their alert along.
                return f"said {connection.recv(MOST)!r}"
        except ssl.SSLError as error:
            return error.reason or str(error)
        except OSError as error:
            return str(error)

    def psql(self, address: str, port: int, role: str) -> str:
        """Why that role of the database is not let in; empty where it is."""
        done = subprocess.run(
            self.query(address, port, role),
            capture_output=True, text=True, check=False, timeout=20, env={"PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        return done.stderr.strip() if done.returncode else ""

    def query(self, address: str, port: int, role: str) -> list[str]:
        certificate, key = self.folder / identity.NODES.certificate, self.folder / identity.NODES.key
        given = f"sslcert={certificate} sslkey={key} sslmode=require"
        where = f"host={address} port={port} user={role} dbname=korobka {given}"
        return ["psql", "-XAtc", "select 1", where]

    @contextmanager
    def _in_tls(self, address: str, port: int, realm: identity.Realm | None) -> Iterator[ssl.SSLSocket]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(list(PROTOCOLS))
        if realm:
            context.load_cert_chain(self.folder / realm.certificate, self.folder / realm.key)
        with (
            socket.create_connection((address, port), SECONDS) as plain,
            context.wrap_socket(plain) as connection,
        ):
            yield connection


@dataclass(frozen=True)
class Stranger(Visitor):
    """Has certificates with the name and address of a real node, of authorities that are not the nodes'."""

    @classmethod
    def as_if(cls, node: BoxNode, folder: Path) -> Stranger:
        """Of authorities that they have made."""
        return cls.of({realm: identity.create_authority(realm) for realm in identity.REALMS}, node, folder)

    @classmethod
    def who_stole(cls, node: BoxNode, folder: Path) -> Stranger:
        """Of the nodes' own authorities: they have all that lies on a node."""
        with node.inside() as paths:
            found = {realm: identity.read_authority(paths, realm) for realm in identity.REALMS}
        return cls.of({realm: authority for realm, authority in found.items() if authority}, node, folder)

    @classmethod
    def of(
        cls, authorities: Mapping[identity.Realm, identity.Authority], node: BoxNode, folder: Path
    ) -> Stranger:
        assert set(authorities) == set(identity.REALMS)
        for realm, authority in authorities.items():
            key, now = identity.new_key(), datetime.now(UTC)
            certificate = identity.issue(
                authority, identity.request(node.name, key), name=node.name, address=node.address, now=now
            )
            (folder / realm.certificate).write_text(certificate)
            (folder / realm.key).write_bytes(key_pem(key))
            (folder / realm.key).chmod(0o600)
        return cls(folder)

    def gets_from(self, node: BoxNode) -> list[str]:
        """What the nodes' own ports and the database tell them that nobody but a node is told; and where it
        is not their certificate for which they are refused."""
        refuse_unanswering(node)
        told = []
        for port in sorted(own_ports(node)):
            if not (why := self.refusal(node.address, port)).endswith(REFUSALS):
                told.append(f"{node.name}:{port} has nothing against the certificate: {why}")
            for words in WORDS:
                for how, said in self._answers_without(node.address, port, words):
                    is_polite = port == MEMBER_PORT and (b" 404 " in said or b"Bad request" in said)
                    is_plain_text = port in (2379, 2380, 8008, 7443, 7401) and b"400 Bad Request" in said
                    if said and not is_polite and not is_plain_text:
                        told.append(f"{node.name}:{port} {how}: {said!r}")
        for role in ("korobka", "korobka_app", "korobka_replication", "korobka_rewind", "postgres"):
            why = self.psql(node.address, node.node.box.database.port, role)
            if "unknown ca" not in why:
                told.append(f"{node.name}, {role}: {why or 'was let in'}")
        return told

    def _answers_without(self, address: str, port: int, words: bytes) -> Iterator[tuple[str, bytes]]:
        """What is said to these words in the clear, and in TLS to somebody without a certificate."""
        with suppress(OSError), socket.create_connection((address, port), SECONDS) as plain:
            yield "in the clear", _answer(plain, words)
        with suppress(OSError), self._in_tls(address, port, None) as connection:
            yield "in TLS", _answer(connection, words)


def refuse_unanswering(node: BoxNode) -> None:
    """That somebody else gets nothing from ports of which a node gets nothing either says nothing."""
    rightful, database = Visitor.who_is(node), node.node.box.database.port
    # From its own network: etcd and the database look at the address as well.
    with node.inside():
        silent = own_ports(node) - {database, ROUTER_PORT} - rightful.answered_at(node)
        why = rightful.refusal(node.address, ROUTER_PORT, seconds=SECONDS)
    assert not silent, f"{node.name} does not answer itself at {silent}"
    # What its protocols lead to need not run.
    assert "ALERT" not in why, f"{node.name} refuses itself at {ROUTER_PORT}: {why}"
    assert node.run(rightful.query(node.address, database, "korobka_app")).stdout.strip() == "1"


def own_ports(node: BoxNode) -> set[int]:
    """What nodes reach of each other. A balancer is where the portal is."""
    known, found = set(ports(node.node)), listening(node)
    assert known - found <= {BALANCER_PORT}, f"{node.name} does not listen at {known - found}"
    return known & found


def _realm(port: int) -> identity.Realm:
    return identity.BALANCERS if port == BALANCER_PORT else identity.NODES


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
