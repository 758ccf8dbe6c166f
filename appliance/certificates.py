"""Certificates of the portal: the box's own authority, or a pair that the company gives.

The own authority is name-constrained (RFC 5280, 4.2.1.10): employees install its certificate as trusted, so
it must be worthless for every other site even to somebody who steals its key.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.agent.answers import CertificateState
from appliance.files import write_atomically
from appliance.paths import Paths

AUTHORITY_LIFE = timedelta(days=3650)
# Browsers refuse server certificates that live longer than 398 days.
SERVER_LIFE = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
# Clocks of desktops run behind; a certificate from a minute ago must not be "not yet valid" there.
BACKDATE = timedelta(days=1)

type PrivateKey = (
    ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
)
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class CertificateRefused(Exception):
    """The certificate cannot be used here; the text says why and what to do."""


@dataclass(frozen=True)
class Bundle:
    """A server certificate with its key and the intermediates that lead to its root."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    def pem(self) -> bytes:
        """One file as HAProxy reads it: certificate, chain, key."""
        certificates = (self.certificate, *self.chain)
        return b"".join(certificate_pem(certificate) for certificate in certificates) + key_pem(self.key)

    @property
    def names(self) -> tuple[str, ...]:
        """Whom it vouches for: host names, of which one may begin with a star, and addresses."""
        return _names(self.certificate)

    @classmethod
    def read(cls, certificate_file: Path, key_file: Path) -> Self:
        """Read PEM files: the server's certificate and its chain, in whatever order they stand there."""
        certificates, key = _read_certificates(certificate_file), _read_key(key_file)
        first, *chain = _in_order(certificates, key)
        return cls(first, key, tuple(chain))


@dataclass(frozen=True)
class Authority:
    """The box's own authority, able to vouch for the names in its constraints only."""

    certificate: x509.Certificate
    key: PrivateKey

    def permits(self, hostname: str) -> bool:
        """Whether a certificate for `hostname` from this authority would be believed."""
        permitted = _permitted_subtrees(self.certificate)
        return any(_is_within(_general_name(hostname), subtree) for subtree in permitted)

    def ends_before(self, moment: datetime) -> bool:
        return self.certificate.not_valid_after_utc <= moment


def create_authority(
    hostname: str, addresses: Iterable[str] = (), *, now: datetime | None = None
) -> Authority:
    """A new authority that can vouch for `hostname`, what lies below it, `addresses`, and nothing else."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    # Certificate stores tell authorities apart by their names: two boxes must not have the same.
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Korobka"),
            x509.NameAttribute(NameOID.COMMON_NAME, _short(f"Korobka authority of {hostname}")),
        ]
    )
    certificate = (
        builder(name, name, key, not_before=now - BACKDATE, not_after=now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        # Constraints on names say nothing about letters or programs; this confines the authority to servers.
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_constraints(hostname, addresses), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def issue(
    authority: Authority, hostname: str, addresses: Iterable[str] = (), *, now: datetime | None = None
) -> Bundle:
    """A server certificate for `hostname` and `addresses`, signed by the box's own authority."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    # A bare address as the common name would be judged as a host name, and found to be excluded.
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _short(f"Korobka at {hostname}"))])
    not_after = min(now - BACKDATE + SERVER_LIFE, authority.certificate.not_valid_after_utc)
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        builder(subject, authority.certificate.subject, key, not_before=now - BACKDATE, not_after=not_after)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_alternative_names(hostname, addresses), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(_own_key(authority.key), hashes.SHA256())
    )
    return Bundle(certificate, key)


def check(bundle: Bundle, hostname: str, *, now: datetime | None = None) -> None:
    """Refuse a bundle that browsers would refuse for `hostname`: wrong key, name, time or chain."""
    now = now or datetime.now(UTC)
    certificate = bundle.certificate
    if _public_bytes(bundle.key.public_key()) != _public_bytes(certificate.public_key()):
        raise CertificateRefused(
            "The key does not belong to the certificate: give the key that its request was made with."
        )
    if now < certificate.not_valid_before_utc:
        raise CertificateRefused(
            f"The certificate is valid only from {certificate.not_valid_before_utc:%d %b %Y %H:%M} UTC and "
            f"this machine's clock says {now:%d %b %Y %H:%M} UTC: set the clock, or wait."
        )
    if now >= certificate.not_valid_after_utc:
        raise CertificateRefused(
            f"The certificate expired on {certificate.not_valid_after_utc:%d %b %Y}: "
            f"ask its issuer for a new one."
        )
    names = _names(certificate)
    if not any(_matches(hostname, name) for name in names):
        raise CertificateRefused(
            f"The certificate is for {', '.join(names) or 'no name'} and not for {hostname}: ask for one "
            f"with this name among its alternative names (`boxctl certificate csr`), or change the hostname."
        )
    _check_chain(bundle, now)


def sign_request(key: PrivateKey, hostname: str, addresses: Iterable[str] = ()) -> bytes:
    """A certificate signing request (PEM) to be given to the company's authority."""
    builder = x509.CertificateSigningRequestBuilder(
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _short(hostname))])
    ).add_extension(_alternative_names(hostname, addresses), critical=False)
    # Edwards curves hash by themselves.
    is_edwards = isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(key, None if is_edwards else hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def request_key(paths: Paths) -> Path:
    """Where the key of the latest request waits for its certificate."""
    return paths.tls / "request.key"


def request(paths: Paths, hostname: str) -> bytes:
    """A request for `hostname`, with a key that waits in tls/request.key until its certificate comes.

    The portal's running key is not reused: a company's certificate should not depend on a key that was
    already in use under another authority. Asking again gives a request for the same key, so that the
    certificate that comes back fits whichever of the requests was sent.
    """
    key_file = request_key(paths)
    if not key_file.exists():
        write_atomically(key_file, key_pem(ec.generate_private_key(ec.SECP256R1())), mode=0o600)
    return sign_request(_read_key(key_file), hostname)


def install(paths: Paths, bundle: Bundle) -> bool:
    """Put the bundle in place as tls/portal.pem; False when it already was. Reload the balancer after it."""
    return write_atomically(paths.tls / "portal.pem", bundle.pem(), mode=0o600)


def ensure(
    paths: Paths, hostname: str, addresses: Iterable[str] = (), *, now: datetime | None = None
) -> bool:
    """Make sure that a certificate for `hostname` is in place; whether anything was written.

    A certificate given by the company is left alone, however old: replacing it silently by one that nobody
    trusts would help nobody. The own one is renewed thirty days before its end, and its authority is made
    anew only where its constraints do not cover the hostname.
    """
    now = now or datetime.now(UTC)
    installed = current(paths)
    if installed and (not _is_own(paths, installed) or _is_good(installed, hostname, now)):
        return False
    authority = read_authority(paths)
    if authority is None or not authority.permits(hostname) or authority.ends_before(now + RENEW_BEFORE):
        authority = create_authority(hostname, addresses, now=now)
        write_atomically(paths.tls / "ca.key", key_pem(authority.key), mode=0o600)
        write_atomically(paths.tls / "ca.crt", certificate_pem(authority.certificate), mode=0o644)
    # An address that the authority may not vouch for would spoil the whole certificate.
    permitted = [address for address in addresses if authority.permits(address)]
    return install(paths, issue(authority, hostname, permitted, now=now))


def current(paths: Paths) -> Bundle | None:
    """The bundle that the balancer serves; None before the first one is in place."""
    file = paths.tls / "portal.pem"
    return Bundle.read(file, file) if file.exists() else None


def read_authority(paths: Paths) -> Authority | None:
    """The box's own authority; None where it was never made."""
    certificate, key = paths.tls / "ca.crt", paths.tls / "ca.key"
    if not (certificate.exists() and key.exists()):
        return None
    return Authority(_read_certificates(certificate)[0], _read_key(key))


def info(paths: Paths) -> CertificateState:
    """What the portal's certificate says about itself."""
    bundle = current(paths)
    if bundle is None:
        raise CertificateRefused("The box has no certificate yet: run install.sh again, it makes one.")
    certificate = bundle.certificate
    return CertificateState(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        sha256=certificate.fingerprint(hashes.SHA256()).hex(),
        is_own=_is_own(paths, bundle),
    )


def addresses_of(hostname: str) -> tuple[str, ...]:
    """The IP addresses by which people may call this machine: those of its name and of its default route."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        found.update(str(item[4][0]).split("%")[0] for item in socket.getaddrinfo(hostname, None))
    # Connecting a datagram socket sends nothing; it only asks the kernel which own address the route uses.
    for family, documentation_address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((documentation_address, 9))
            found.add(probe.getsockname()[0])
    return tuple(sorted(found))


# Names


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _general_name(text: str) -> x509.GeneralName:
    address = _address(text)
    return x509.IPAddress(address) if address else x509.DNSName(text.encode("idna").decode("ascii").lower())


def _short(name: str) -> str:
    """A common name may have 64 characters (RFC 5280, appendix A); nothing but people read it."""
    return name[:64]


def _alternative_names(hostname: str, addresses: Iterable[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [_general_name(name) for name in dict.fromkeys((hostname, *addresses))]
    )


def _constraints(hostname: str, addresses: Iterable[str]) -> x509.NameConstraints:
    """Permit what was named. A kind of name that is not mentioned would be unlimited, so it is excluded."""
    permitted: list[x509.GeneralName] = []
    for name in dict.fromkeys((hostname, *addresses)):
        address = _address(name)
        permitted.append(x509.IPAddress(ipaddress.ip_network(address)) if address else _general_name(name))
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(name, x509.IPAddress) for name in permitted):
        excluded += [x509.IPAddress(ipaddress.ip_network(everything)) for everything in ("0.0.0.0/0", "::/0")]
    if not any(isinstance(name, x509.DNSName) for name in permitted):
        excluded.append(x509.DNSName(""))
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)


def _permitted_subtrees(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return []
    return list(constraints.permitted_subtrees or [])


def _is_within(name: x509.GeneralName, subtree: x509.GeneralName) -> bool:
    if isinstance(name, x509.IPAddress) and isinstance(subtree, x509.IPAddress):
        network = subtree.value
        return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and name.value in network
    if isinstance(name, x509.DNSName) and isinstance(subtree, x509.DNSName):
        return f".{name.value}".endswith(f".{subtree.value}")
    return False


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The subject alternative names; browsers look at nothing else."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    )


def _matches(hostname: str, name: str) -> bool:
    """RFC 6125, 6.4.3: a star stands for exactly one whole label on the left."""
    wanted, name = str(_general_name(hostname).value), name.lower()
    if name.startswith("*.") and _address(wanted) is None:
        return wanted.partition(".")[2] == name[2:]
    return wanted == name


# Judgement


def _check_chain(bundle: Bundle, now: datetime) -> None:
    """Each certificate of the file must be signed by the next one. The root may be left out, as usual."""
    for child, parent in itertools.pairwise((bundle.certificate, *bundle.chain)):
        if not _is_issued_by(child, parent):
            raise CertificateRefused(
                f"The chain is broken: {child.subject.rfc4514_string()} was not issued by "
                f"{parent.subject.rfc4514_string()}. Put the server's certificate first in the file, then "
                f"each issuer in turn."
            )
        if not parent.not_valid_before_utc <= now < parent.not_valid_after_utc:
            raise CertificateRefused(
                f"The intermediate certificate {parent.subject.rfc4514_string()} is not valid now (until "
                f"{parent.not_valid_after_utc:%d %b %Y}): ask its issuer for the current chain."
            )


def _in_order(certificates: list[x509.Certificate], key: PrivateKey) -> list[x509.Certificate]:
    """The one that the key belongs to, then each issuer in turn; what leads nowhere stands behind them."""
    own = _public_bytes(key.public_key())
    left = list(certificates)
    ordered = [next((one for one in left if _public_bytes(one.public_key()) == own), left[0])]
    left.remove(ordered[0])
    while issuer := next((one for one in left if _is_issued_by(ordered[-1], one)), None):
        ordered.append(issuer)
        left.remove(issuer)
    return ordered + left


def _is_issued_by(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_good(bundle: Bundle, hostname: str, now: datetime) -> bool:
    try:
        check(bundle, hostname, now=now + RENEW_BEFORE)
    except CertificateRefused:
        return False
    return True


def _is_own(paths: Paths, bundle: Bundle) -> bool:
    authority = paths.tls / "ca.crt"
    return authority.exists() and _is_issued_by(bundle.certificate, _read_certificates(authority)[0])


# Making and reading


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    *,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    """What every certificate has, whatever it is for; to be extended and signed."""
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=not_before,
        not_valid_after=not_after,
    ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_bytes(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CertificateRefused(
            f"{file} cannot be read ({error.strerror}): check the path and its permissions."
        ) from None


def _read_certificates(file: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(_read(file))
    except ValueError:
        raise CertificateRefused(
            f"{file} holds no certificate in PEM form: it must contain '-----BEGIN CERTIFICATE-----'. "
            f"Convert it with `openssl x509 -in FILE -out FILE.pem`."
        ) from None


def _read_key(file: Path) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(file), password=None)
    except TypeError:
        raise CertificateRefused(
            f"The key in {file} is encrypted and the balancer starts unattended: remove the passphrase with "
            f"`openssl pkey -in FILE -out FILE.plain`."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateRefused(
            f"{file} holds no private key in PEM form: it must contain '-----BEGIN PRIVATE KEY-----'."
        ) from None
    if not isinstance(
        key,
        ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey,
    ):
        raise CertificateRefused(
            f"The key in {file} is of a kind that browsers do not use: make an RSA or an elliptic curve key."
        )
    return key


def _own_key(key: PrivateKey) -> ec.EllipticCurvePrivateKey:
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateRefused("tls/ca.key is not the key that the box made: put it back from a backup.")
    return key
