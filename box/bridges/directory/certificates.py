"""Certificates of directory servers: which are trusted, and what one that is not says of itself."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

# RFC 4511, 4.14.1: an ExtendedRequest with the name 1.3.6.1.4.1.1466.20037.
_STARTTLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_SEQUENCE, _EXTENDED_RESPONSE, _ENUMERATED = 0x30, 0x78, 0x0A
_MOST_OF_AN_ANSWER = 4096


class NoStartTls(Exception):
    """The server understands LDAP and does not encrypt."""


class NotLdap(Exception):
    """Whatever listens there speaks something else."""


@dataclass(frozen=True)
class Certificate:
    """What a server shows: its own, or an authority's that it brings along."""

    pem: str
    subject: str
    issuer: str
    # SHA-256, in pairs.
    fingerprint: str
    until: datetime
    names: tuple[str, ...]
    is_authority: bool

    @property
    def is_expired(self) -> bool:
        return self.until < datetime.now(UTC)


def certificate(data: bytes) -> Certificate:
    """Of DER or PEM. Raises ValueError."""
    is_pem = data.lstrip().startswith(b"-----")
    found = x509.load_pem_x509_certificate(data) if is_pem else x509.load_der_x509_certificate(data)
    return Certificate(
        pem=found.public_bytes(Encoding.PEM).decode(),
        subject=_called(found.subject),
        issuer=_called(found.issuer),
        fingerprint=found.fingerprint(SHA256()).hex(":").upper(),
        until=found.not_valid_after_utc,
        names=_names(found),
        is_authority=_is_authority(found),
    )


def certificates(pem: str) -> list[Certificate]:
    """All of a text. Raises ValueError where there is none, or one that is damaged."""
    return [
        certificate(one.public_bytes(Encoding.PEM)) for one in x509.load_pem_x509_certificates(pem.encode())
    ]


def trusting(ca_pem: str) -> ssl.SSLContext:
    """Verifies by these certificates alone, or by the system's where there are none.

    One of them may be the server's own. Company authorities are often older than today's strictness about how
    a certificate is written: the signature, the dates and the name are what counts.
    """
    context = ssl.create_default_context(cadata=ca_pem or None)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def shown_by(host: str, address: tuple[str, int], *, begins_open: bool, patience: float) -> list[Certificate]:
    """What the server shows, its own first, whether trusted or not: nothing is sent to it but a greeting."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(address, timeout=patience) as line,
        encrypted(line, context, host, begins_open=begins_open) as secured,
    ):
        return [certificate(der) for der in secured.get_unverified_chain()]


def encrypted(line: socket.socket, context: ssl.SSLContext, host: str, *, begins_open: bool) -> ssl.SSLSocket:
    """Raises ssl.SSLError, OSError, NoStartTls and NotLdap."""
    if begins_open:
        _start_tls(line)
    return context.wrap_socket(line, server_hostname=host)


def to_trust(chain: list[Certificate]) -> Certificate | None:
    """The authority that the server brings along, or a certificate that it has signed itself.

    Only what nobody else has signed: libldap, by which people sign in, begins with nothing less.
    """
    return next((one for one in reversed(chain) if one.subject == one.issuer), None)


def _start_tls(line: socket.socket) -> None:
    line.sendall(_STARTTLS)
    answer = b""
    with suppress(TimeoutError):
        while len(answer) < _MOST_OF_AN_ANSWER and not _is_whole(answer):
            part = line.recv(_MOST_OF_AN_ANSWER)
            if not part:
                break
            answer += part
    if _result_code(answer) != 0:
        raise NoStartTls


def _is_whole(answer: bytes) -> bool:
    if len(answer) < 2:
        return False
    head, length = _length(answer)
    return len(answer) >= head + length


def _length(data: bytes) -> tuple[int, int]:
    """Of a BER value: where its content begins, and how long that is."""
    first = data[1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    return 2 + count, int.from_bytes(data[2 : 2 + count])


def _result_code(answer: bytes) -> int:
    """Of an ExtendedResponse (RFC 4511, 4.12). Raises NotLdap."""
    try:
        if answer[0] != _SEQUENCE:
            raise NotLdap
        rest = answer[_length(answer)[0] :]
        head, length = _length(rest)
        rest = rest[head + length :]
        if rest[0] != _EXTENDED_RESPONSE:
            raise NotLdap
        rest = rest[_length(rest)[0] :]
        if rest[0] != _ENUMERATED:
            raise NotLdap
        return rest[2]
    except IndexError:
        raise NotLdap from None


def _called(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return (_called(found.subject),)
    addresses = map(str, extension.get_values_for_type(x509.IPAddress))
    return (*extension.get_values_for_type(x509.DNSName), *addresses)


def _is_authority(found: x509.Certificate) -> bool:
    try:
        return found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False
