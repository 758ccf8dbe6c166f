"""Who a node is to the others: a certificate of the cluster's own authority.

It is another authority than that of the portal's certificate, which browsers trust and which vouches for the
portal's name alone. This one is trusted by nobody but the nodes. Their balancers, to which the whole world
speaks, know each other by a third one: who takes a balancer over gets no way into etcd or the database.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.certificates import BACKDATE, builder, certificate_pem, key_pem, key_usage
from appliance.cluster.topology import TopologyRefused, folder
from appliance.files import ensure_folder, write_atomically
from appliance.paths import Paths

AUTHORITY_LIFE = timedelta(days=365 * 20)
NODE_LIFE = timedelta(days=365)
RENEW_BEFORE = timedelta(days=60)


@dataclass(frozen=True)
class Realm:
    """Those who believe in one authority, by the names of its files on each node."""

    title: str
    authority: str
    authority_key: str
    certificate: str
    key: str


NODES = Realm("Korobka cluster authority", "ca.crt", "ca.key", "node.crt", "node.key")
BALANCERS = Realm(
    "Korobka balancer authority", "balancer-ca.crt", "balancer-ca.key", "balancer.crt", "balancer.key"
)
REALMS = (NODES, BALANCERS)
STORE = Realm(NODES.title, NODES.authority, NODES.authority_key, "store.crt", "store.key")
"""A second name of the same authority, by which the database knows the way of a node's store from that of
its portal."""


NEXT = "next.json"
"""Authorities that are to come, with their keys, beside those that hold (`rotation`)."""


def store_name(node: str) -> str:
    """No node is called so: their names have no dots."""
    return f"store.{node}"


class IdentityRefused(Exception):
    """No certificate follows from what was given; the text says why."""


@dataclass(frozen=True)
class Authority:
    """One of the cluster's own."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return certificate_pem(self.certificate).decode()

    def derived_key(self, purpose: str) -> bytes:
        """32 bytes that only root has, for one purpose: what it marks for one says nothing for another."""
        secret = key_pem(self.key)
        return HKDF(hashes.SHA256(), length=32, salt=None, info=f"korobka {purpose}".encode()).derive(secret)


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER."""
    return hashlib.sha256(certificate).hexdigest()


def create_authority(realm: Realm = NODES, *, now: datetime | None = None) -> Authority:
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, realm.title)])
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
    paths: Paths,
    *,
    authority: str,
    certificate: str,
    key: str,
    authority_key: str | None = None,
    realm: Realm = NODES,
) -> None:
    """Put a node's identity in its place. Those that can let others in hold the authority's key too."""
    place = folder(paths)
    ensure_folder(place, mode=0o700)
    kept = {realm.authority: authority, realm.certificate: certificate, realm.key: key}
    if authority_key is not None:
        kept[realm.authority_key] = authority_key
    for name, text in kept.items():
        write_atomically(place / name, text, mode=0o600)


def found(paths: Paths, *, name: str, address: str, now: datetime | None = None) -> Authority:
    """The first node's: authorities, and a certificate of each. Returns that of the nodes."""
    made = {realm: create_authority(realm, now=now) for realm in REALMS}
    for realm, authority in made.items():
        enter(paths, realm, authority, name=name, address=address, now=now)
    enter(paths, STORE, made[NODES], name=store_name(name), address=address, now=now)
    return made[NODES]


def enter(
    paths: Paths,
    realm: Realm,
    authority: Authority,
    *,
    name: str,
    address: str,
    now: datetime | None = None,
) -> None:
    """A certificate for this node, made by itself: it has the authority's key."""
    key = new_key()
    keep(
        paths,
        authority=authority.pem,
        certificate=issue(authority, request(name, key), name=name, address=address, now=now),
        key=key_pem(key).decode(),
        authority_key=key_pem(authority.key).decode(),
        realm=realm,
    )


def read_authority(paths: Paths, realm: Realm = NODES) -> Authority | None:
    """None on a node that lets nobody in."""
    place = folder(paths)
    try:
        key = (place / realm.authority_key).read_bytes()
    except FileNotFoundError:
        return None
    return authority_of((place / realm.authority).read_bytes(), key)


def authority_of(certificate: bytes, key: bytes) -> Authority:
    """From both in PEM."""
    read = serialization.load_pem_private_key(key, password=None)
    if not isinstance(read, ec.EllipticCurvePrivateKey):
        raise IdentityRefused("The authority's key is not the one that the cluster made.")
    return Authority(x509.load_pem_x509_certificate(certificate), read)


def renew(paths: Paths, *, name: str, address: str, now: datetime | None = None) -> bool:
    """New certificates for the same keys in time before the end; whether there are any."""
    now = now or datetime.now(UTC)
    place, due = folder(paths), dict[Realm, Authority]()
    for realm in REALMS:
        authority = read_authority(paths, realm)
        certificate = x509.load_pem_x509_certificate((place / realm.certificate).read_bytes())
        if authority is not None and certificate.not_valid_after_utc <= now + RENEW_BEFORE:
            due[realm] = authority
    reissue(paths, due, name=name, address=address, now=now)
    return bool(due)


def reissue(
    paths: Paths,
    authorities: Mapping[Realm, Authority],
    *,
    name: str,
    address: str,
    now: datetime | None = None,
) -> None:
    """Certificates of these authorities for the keys that this node has."""
    shown = (
        (BALANCERS, BALANCERS, name),
        (NODES, STORE, store_name(name)),
        # The last one: that it is new says that all are (`renew`, `rotation`).
        (NODES, NODES, name),
    )
    for by, realm, called in shown:
        if (authority := authorities.get(by)) is None:
            continue
        key = serialization.load_pem_private_key((folder(paths) / realm.key).read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise IdentityRefused(
                f"{folder(paths) / realm.key} is no key that a node makes: remove this one, and join."
            )
        text = issue(authority, request(called, key), name=called, address=address, now=now)
        write_atomically(folder(paths) / realm.certificate, text, mode=0o600)


def is_issued_by(place: Path, authority: Authority) -> bool:
    """Whether the node whose folder this is shows a certificate of that authority."""
    certificate = x509.load_pem_x509_certificate((place / NODES.certificate).read_bytes())
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, InvalidSignature):
        return False
    return True


def trusted(place: Path, realm: Realm = NODES) -> str:
    """In PEM, the authorities whose certificates count: two while one takes the other's place."""
    holds = (place / realm.authority).read_text(encoding="ascii")
    return holds + _next(place).get(realm.authority, "")


def read_authorities(paths: Paths) -> list[Authority]:
    """Those of the nodes whose word counts, the one that holds first."""
    holds = read_authority(paths)
    if holds is None:
        raise TopologyRefused(
            "This node has not the cluster's authority, which every node is given: join it again."
        )
    to_come = _next(folder(paths))
    if not to_come:
        return [holds]
    return [holds, authority_of(to_come[NODES.authority].encode(), to_come[NODES.authority_key].encode())]


def _next(place: Path) -> dict[str, str]:
    """Texts by the names of files; nothing where no authorities are to come."""
    try:
        found: dict[str, str] = json.loads((place / NEXT).read_text(encoding="ascii"))
    except FileNotFoundError:
        return {}
    return found


def client_context(place: Path) -> ssl.SSLContext:
    """For connections to other nodes: they show a certificate of the cluster, and so does this one. The same
    one for as long as the files are the same."""
    names = NODES.authority, NEXT, NODES.certificate, NODES.key
    return _client_context(place, tuple(_state(place / name) for name in names))


def _state(file: Path) -> tuple[int, int] | None:
    """Changes with each new text: files here are put in place of each other."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


@lru_cache(maxsize=4)
def _client_context(place: Path, _states: tuple[tuple[int, int] | None, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=trusted(place))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(place / NODES.certificate, place / NODES.key)
    return context
