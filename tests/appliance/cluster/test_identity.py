"""Who nodes are to each other, asked of a real TLS connection."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.certificates import key_pem
from appliance.cluster import identity
from appliance.cluster.identity import IdentityRefused
from appliance.cluster.topology import folder
from appliance.files import write_atomically
from appliance.paths import Paths

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def node_at(place: Path, authority: identity.Authority, *, name: str, address: str) -> Paths:
    paths, key = Paths(place), identity.new_key()
    paths.etc.mkdir(parents=True)
    certificate = identity.issue(authority, identity.request(name, key), name=name, address=address)
    identity.keep(paths, authority=authority.pem, certificate=certificate, key=key_pem(key).decode())
    return paths


def server_context(paths: Paths) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder(paths) / identity.NODES.certificate, folder(paths) / identity.NODES.key)
    context.load_verify_locations(folder(paths) / identity.NODES.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def speak(server: Paths, client: Paths, to: str) -> str:
    """What a server hears from a client that means to speak to `to`."""
    heard: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            plain, _ = listener.accept()
            try:
                with server_context(server).wrap_socket(plain, server_side=True) as connection:
                    heard.append(connection.recv(100).decode())
                    connection.sendall(b"heard")
            except OSError:
                plain.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname(), 5) as plain,
                identity.client_context(folder(client)).wrap_socket(plain, server_hostname=to) as connection,
            ):
                connection.sendall(b"hello")
                assert connection.recv(100) == b"heard"
        finally:
            thread.join(5)
    return heard[0]


def test_two_nodes_of_one_cluster_speak_to_each_other(tmp_path: Path) -> None:
    authority = identity.create_authority()
    one = node_at(tmp_path / "1", authority, name="node-1", address="127.0.0.1")
    two = node_at(tmp_path / "2", authority, name="node-2", address="10.0.0.2")
    assert speak(one, two, "127.0.0.1") == speak(one, two, "node-1") == "hello"


def test_a_node_of_another_cluster_and_one_at_another_address_are_refused(tmp_path: Path) -> None:
    authority = identity.create_authority()
    one = node_at(tmp_path / "1", authority, name="node-1", address="127.0.0.1")
    two = node_at(tmp_path / "2", authority, name="node-2", address="10.0.0.2")
    stranger = node_at(tmp_path / "3", identity.create_authority(), name="node-2", address="10.0.0.2")
    with pytest.raises(OSError, match=r"self-signed|unknown ca|UNKNOWN_CA|certificate verify failed"):
        speak(one, stranger, "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        speak(two, one, "127.0.0.1")


def test_the_certificate_says_what_was_checked_and_not_what_was_asked_for() -> None:
    authority = identity.create_authority()
    text = identity.issue(
        authority, identity.request("node-1", identity.new_key()), name="node-7", address="10.0.0.7"
    )
    certificate = x509.load_pem_x509_certificate(text.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert certificate.subject.rfc4514_string() == "CN=node-7"
    assert names.get_values_for_type(x509.DNSName) == ["node-7"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.7"]


@pytest.mark.parametrize(
    "wrong", ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"]
)
def test_what_is_no_request_is_refused(wrong: str) -> None:
    with pytest.raises(IdentityRefused, match="not one"):
        identity.issue(identity.create_authority(), wrong, name="node-2", address="10.0.0.2")


def test_a_certificate_is_renewed_sixty_days_before_its_end_and_keeps_its_key(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    identity.found(paths, name="node-1", address="10.0.0.1", now=NOW)
    certificate, key = (
        folder(paths) / identity.NODES.certificate,
        (folder(paths) / identity.NODES.key).read_bytes(),
    )
    before = certificate.read_bytes()
    due = NOW + identity.NODE_LIFE - identity.RENEW_BEFORE
    assert not identity.renew(paths, name="node-1", address="10.0.0.1", now=due - timedelta(seconds=2))
    assert certificate.read_bytes() == before
    assert identity.renew(paths, name="node-1", address="10.0.0.1", now=due)
    assert certificate.read_bytes() != before
    assert (folder(paths) / identity.NODES.key).read_bytes() == key
    assert certificate.stat().st_mode & 0o777 == 0o600
    renewed = x509.load_pem_x509_certificate(certificate.read_bytes())
    assert renewed.not_valid_after_utc >= due + identity.NODE_LIFE - timedelta(seconds=1)
    assert isinstance(renewed.public_key(), ec.EllipticCurvePublicKey)


class Killed(BaseException):
    """Nothing of it runs any more."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do it, and die with that many certificates written."""
    written: list[Path] = []

    def write(path: Path, *given: object, **how: object) -> None:
        if len(written) == step:
            raise Killed
        written.append(path)
        write_atomically(path, *given, **how)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(identity, "write_atomically", write)
        do()
    assert len(written) == step


@pytest.mark.parametrize("step", range(4))
def test_every_certificate_is_renewed_wherever_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    paths = Paths(tmp_path)
    paths.etc.mkdir(parents=True)
    identity.found(paths, name="node-1", address="10.0.0.1", now=NOW)
    due = NOW + identity.NODE_LIFE - identity.RENEW_BEFORE

    def renew() -> bool:
        return identity.renew(paths, name="node-1", address="10.0.0.1", now=due)

    killed_at(step, monkeypatch, renew)
    assert renew() is (step < 3)
    for realm in (*identity.REALMS, identity.STORE):
        renewed = x509.load_pem_x509_certificate((folder(paths) / realm.certificate).read_bytes())
        assert renewed.not_valid_after_utc > due + identity.RENEW_BEFORE
