"""Who a node is to the others: a certificate of the cluster's own authority.

It is another authority than that of the portal's certificate, which browsers trust and which vouches for the
portal's name alone. This one is trusted by nobody but the nodes.
"""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.certificates import BACKDATE, builder, certificate_pem, key_pem, key_usage
from appliance.cluster.topology import folder
from appliance.files import ensure_folder, write_atomically
from appliance.paths import Paths

AUTHORITY_LIFE = timedelta(days=365 * 20)
NODE_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=60)

AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY = "ca.crt", "ca.key", "node.crt", "node.key"


class IdentityRefused(Exception):
    """No certificate follows from what was given; the text says why."""


@dataclass(frozen=True)
class Authority:
    """The cluster's own."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return certificate_pem(self.certificate).decode()


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER."""
    return hashlib.sha256(certificate).hexdigest()


def create_authority(*, now: datetime | None = None) -> Authority:
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Korobka cluster authority")])
    certificate = (
        builder(name, name, key, not_before=now - BACKDATE, not_after=now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def request(name: str, key: ec.EllipticCurvePrivateKey) -> str:
    """What a joining node asks with: its key never leaves it."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signed = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def issue(
    authority: Authority, request_pem: str, *, name: str, address: str, now: datetime | None = None
) -> str:
    """A certificate for the key of the request. Name and address are what was checked, not what it says."""
    now = now or datetime.now(UTC)
    try:
        asked = x509.load_pem_x509_csr(request_pem.encode())
        is_signed = asked.is_signature_valid
    except ValueError:
        is_signed = False
    if not is_signed:
        raise IdentityRefused("The request for a certificate is not one: join with this version's boxctl.")
    key = asked.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise IdentityRefused("The request for a certificate has a key of another kind than nodes have.")
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + NODE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return certificate_pem(certificate).decode()


def keep(
    paths: Paths, *, authority: str, certificate: str, key: str, authority_key: str | None = None
) -> None:
    """Put a node's identity in its place. Those that can let others in hold the authority's key too."""
    place = folder(paths)
    ensure_folder(place, mode=0o700)
    kept = {AUTHORITY: authority, CERTIFICATE: certificate, KEY: key}
    if authority_key is not None:
        kept[AUTHORITY_KEY] = authority_key
    for name, text in kept.items():
        write_atomically(place / name, text, mode=0o600)


def found(paths: Paths, *, name: str, address: str, now: datetime | None = None) -> Authority:
    """The first node's: an authority, and a certificate of it."""
    authority, key = create_authority(now=now), new_key()
    certificate = issue(authority, request(name, key), name=name, address=address, now=now)
    keep(
        paths,
        authority=authority.pem,
        certificate=certificate,
        key=key_pem(key).decode(),
        authority_key=key_pem(authority.key).decode(),
    )
    return authority


def read_authority(paths: Paths) -> Authority | None:
    """None on a node that lets nobody in."""
    place = folder(paths)
    try:
        key = serialization.load_pem_private_key((place / AUTHORITY_KEY).read_bytes(), password=None)
    except FileNotFoundError:
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityRefused(f"{place / AUTHORITY_KEY} is not the key that the cluster made.")
    return Authority(x509.load_pem_x509_certificate((place / AUTHORITY).read_bytes()), key)


def renew(paths: Paths, *, name: str, address: str, now: datetime | None = None) -> bool:
    """A new certificate for the same key in time before the end; whether there is one."""
    now = now or datetime.now(UTC)
    place = folder(paths)
    certificate = x509.load_pem_x509_certificate((place / CERTIFICATE).read_bytes())
    authority = read_authority(paths)
    if authority is None or certificate.not_valid_after_utc > now + RENEW_BEFORE:
        return False
    key = serialization.load_pem_private_key((place / KEY).read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise IdentityRefused(f"{place / KEY} is not the key that this node made: remove the node, and join.")
    text = issue(authority, request(name, key), name=name, address=address, now=now)
    return write_atomically(place / CERTIFICATE, text, mode=0o600)


def client_context(place: Path) -> ssl.SSLContext:
    """For connections to other nodes: they show a certificate of the cluster, and so does this one."""
    context = ssl.create_default_context(cafile=place / AUTHORITY)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(place / CERTIFICATE, place / KEY)
    return context
