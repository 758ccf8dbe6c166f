"""The portal's certificates, judged by OpenSSL and by a real TLS handshake, not by our reading of them."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance import certificates
from appliance.certificates import Authority, Bundle, CertificateRefused
from appliance.paths import Paths

HOST = "portal.example.com"


def now() -> datetime:
    """OpenSSL goes by the machine's clock."""
    return datetime.now(UTC)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.tls.mkdir(parents=True)
    return paths


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: certificates.PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def openssl_says(authority: Authority, bundle: Bundle, folder: Path, *options: str) -> str:
    (folder / "root.pem").write_bytes(pem(authority.certificate))
    (folder / "leaf.pem").write_bytes(pem(bundle.certificate))
    done = subprocess.run(
        [
            "openssl",
            "verify",
            "-x509_strict",
            "-purpose",
            "sslserver",
            *options,
            "-CAfile",
            "root.pem",
            "leaf.pem",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def shake_hands(bundle: Bundle, authority: Authority, hostname: str, folder: Path) -> None:
    """A handshake as a browser's, with Python's strict default context; raises what the client would see."""
    (folder / "portal.pem").write_bytes(bundle.pem())
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "portal.pem")
    client = ssl.create_default_context(cadata=pem(authority.certificate).decode())
    here, there = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(there, server_side=True).close()
        except (ssl.SSLError, OSError):
            there.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(here, server_hostname=hostname).close()
    finally:
        here.close()
        thread.join()


def test_own_certificate_is_trusted_for_its_name_and_address(tmp_path: Path) -> None:
    authority = certificates.create_authority(HOST, ["192.0.2.7"])
    bundle = certificates.issue(authority, HOST, ["192.0.2.7"])
    assert openssl_says(authority, bundle, tmp_path, "-verify_hostname", HOST).endswith("leaf.pem: OK\n")
    assert openssl_says(authority, bundle, tmp_path, "-verify_ip", "192.0.2.7").endswith("leaf.pem: OK\n")
    shake_hands(bundle, authority, HOST, tmp_path)
    shake_hands(bundle, authority, "192.0.2.7", tmp_path)


@pytest.mark.parametrize(
    "foreign", ["bank.example.org", "example.com", "xportal.example.com", "192.0.2.8", "2001:db8::1"]
)
@pytest.mark.parametrize("addresses", [(), ("192.0.2.7",)])
def test_own_authority_is_worthless_for_a_foreign_name(
    foreign: str, addresses: tuple[str, ...], tmp_path: Path
) -> None:
    authority = certificates.create_authority(HOST, addresses)
    bundle = certificates.issue(authority, foreign)
    assert "permitted subtree violation" in openssl_says(authority, bundle, tmp_path) or (
        "excluded subtree violation" in openssl_says(authority, bundle, tmp_path)
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(bundle, authority, foreign, tmp_path)


def test_authority_of_an_address_vouches_for_no_name(tmp_path: Path) -> None:
    authority = certificates.create_authority("192.0.2.7")
    shake_hands(certificates.issue(authority, "192.0.2.7"), authority, "192.0.2.7", tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        shake_hands(certificates.issue(authority, HOST), authority, HOST, tmp_path)


def test_constraints_are_critical() -> None:
    certificate = certificates.create_authority(HOST).certificate
    assert certificate.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_a_name_in_cyrillic_is_certified_in_its_wire_form(tmp_path: Path) -> None:
    authority = certificates.create_authority("портал.рф")
    bundle = certificates.issue(authority, "портал.рф")
    certificates.check(bundle, "портал.рф")
    shake_hands(bundle, authority, "портал.рф".encode("idna").decode(), tmp_path)


def test_ensure_does_nothing_the_second_time(paths: Paths) -> None:
    assert certificates.ensure(paths, HOST)
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in paths.tls.iterdir()}
    assert not certificates.ensure(paths, HOST)
    assert before == {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in paths.tls.iterdir()}


def test_keys_are_for_root_alone(paths: Paths) -> None:
    certificates.ensure(paths, HOST)
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in paths.tls.iterdir()} == {
        "ca.key": "0o600",
        "ca.crt": "0o644",
        "portal.pem": "0o600",
    }


def test_own_certificate_is_renewed_in_time_by_the_same_authority(paths: Paths) -> None:
    certificates.ensure(paths, HOST)
    authority, first = (paths.tls / "ca.crt").read_bytes(), certificates.info(paths)
    assert not certificates.ensure(paths, HOST, now=first.not_after - timedelta(days=31))
    assert certificates.ensure(paths, HOST, now=first.not_after - timedelta(days=29))
    assert certificates.info(paths).not_after > first.not_after
    assert (paths.tls / "ca.crt").read_bytes() == authority


def test_a_new_hostname_needs_a_new_authority(paths: Paths) -> None:
    certificates.ensure(paths, HOST)
    authority = (paths.tls / "ca.crt").read_bytes()
    assert certificates.ensure(paths, "intranet.example.org")
    assert (paths.tls / "ca.crt").read_bytes() != authority
    assert certificates.info(paths).names == ("intranet.example.org",)


def test_an_address_that_came_later_is_left_out_rather_than_spoiling_the_certificate(
    paths: Paths, tmp_path: Path
) -> None:
    certificates.ensure(paths, HOST, ["192.0.2.7"])
    (paths.tls / "portal.pem").unlink()
    certificates.ensure(paths, HOST, ["192.0.2.7", "192.0.2.99"])
    authority, bundle = certificates.read_authority(paths), certificates.current(paths)
    assert authority and bundle
    assert certificates.info(paths).names == (HOST, "192.0.2.7")
    shake_hands(bundle, authority, HOST, tmp_path)


def test_a_given_certificate_is_never_replaced_by_the_box(paths: Paths) -> None:
    company = certificates.create_authority(HOST)
    certificates.install(paths, certificates.issue(company, HOST, now=now() - timedelta(days=500)))
    assert not certificates.ensure(paths, HOST)
    assert not certificates.info(paths).is_own


def given(folder: Path, bundle: Bundle) -> tuple[Path, Path]:
    certificate, key = folder / "given.pem", folder / "given.key"
    certificate.write_bytes(b"".join(pem(item) for item in (bundle.certificate, *bundle.chain)))
    key.write_bytes(key_pem(bundle.key))
    return certificate, key


def test_given_pair_with_its_chain_is_served_as_given(paths: Paths, tmp_path: Path) -> None:
    company = certificates.create_authority(HOST)
    leaf = certificates.issue(company, HOST)
    bundle = Bundle.read(*given(tmp_path, Bundle(leaf.certificate, leaf.key, (company.certificate,))))
    certificates.check(bundle, HOST)
    assert certificates.install(paths, bundle)
    assert not certificates.install(paths, bundle)
    installed = certificates.current(paths)
    assert installed and installed.chain == (company.certificate,)


def test_key_of_another_certificate_is_refused() -> None:
    company = certificates.create_authority(HOST)
    one, other = certificates.issue(company, HOST), certificates.issue(company, HOST)
    with pytest.raises(CertificateRefused, match="does not belong to the certificate: give the key"):
        certificates.check(Bundle(one.certificate, other.key), HOST)


def test_expired_and_future_certificates_are_refused_with_the_dates() -> None:
    bundle = certificates.issue(certificates.create_authority(HOST), HOST)
    with pytest.raises(CertificateRefused, match=r"expired on .* ask its issuer"):
        certificates.check(bundle, HOST, now=now() + timedelta(days=400))
    with pytest.raises(CertificateRefused, match="set the clock"):
        certificates.check(bundle, HOST, now=now() - timedelta(days=3))


def test_certificate_for_another_name_is_refused_with_both_names() -> None:
    bundle = certificates.issue(certificates.create_authority(HOST), HOST)
    with pytest.raises(
        CertificateRefused, match=r"is for portal\.example\.com and not for other\.example\.com"
    ):
        certificates.check(bundle, "other.example.com")


def wildcard(name: str) -> Bundle:
    company = certificates.create_authority("example.com")
    return certificates.issue(company, name)


@pytest.mark.parametrize(
    ("host", "is_good"), [(HOST, True), ("a.portal.example.com", False), ("example.com", False)]
)
def test_a_star_stands_for_one_label(host: str, is_good: bool) -> None:
    bundle = wildcard("*.example.com")
    if is_good:
        certificates.check(bundle, host)
    else:
        with pytest.raises(CertificateRefused, match="not for"):
            certificates.check(bundle, host)


def test_broken_chain_is_refused_naming_the_missing_link() -> None:
    company, stranger = certificates.create_authority(HOST), certificates.create_authority(HOST)
    leaf = certificates.issue(company, HOST)
    with pytest.raises(CertificateRefused, match=r"was not issued by .* each issuer in turn"):
        certificates.check(Bundle(leaf.certificate, leaf.key, (stranger.certificate,)), HOST)


def test_expired_intermediate_is_refused() -> None:
    company = certificates.create_authority(HOST, now=now() - timedelta(days=3651))
    leaf = certificates.issue(
        certificates.Authority(company.certificate, company.key), HOST, now=now() - timedelta(days=1)
    )
    live = Bundle(_with_longer_life(leaf, company), leaf.key, (company.certificate,))
    with pytest.raises(CertificateRefused, match=r"intermediate .* is not valid now"):
        certificates.check(live, HOST)


def _with_longer_life(leaf: Bundle, issuer: Authority) -> x509.Certificate:
    """The same certificate, outliving its issuer, as careless authorities make them."""
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    builder = x509.CertificateBuilder(
        issuer_name=issuer.certificate.subject,
        subject_name=leaf.certificate.subject,
        public_key=leaf.certificate.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now() - timedelta(days=1),
        not_valid_after=now() + timedelta(days=30),
    )
    names = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return builder.add_extension(names.value, critical=False).sign(issuer.key, hashes.SHA256())


@pytest.mark.parametrize(
    ("content", "cure"),
    [(b"not a certificate", "openssl x509"), (b"", "openssl x509"), (None, "check the path")],
)
def test_unreadable_certificate_names_its_cure(content: bytes | None, cure: str, tmp_path: Path) -> None:
    file = tmp_path / "given.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CertificateRefused, match=cure):
        Bundle.read(file, file)


def test_encrypted_key_names_its_cure(tmp_path: Path) -> None:
    bundle = certificates.issue(certificates.create_authority(HOST), HOST)
    certificate, key = given(tmp_path, bundle)
    key.write_bytes(
        bundle.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(CertificateRefused, match="openssl pkey"):
        Bundle.read(certificate, key)


def test_request_comes_back_as_a_certificate_for_the_same_key(paths: Paths, tmp_path: Path) -> None:
    first, second = certificates.request(paths, HOST), certificates.request(paths, HOST)
    request = x509.load_pem_x509_csr(first)
    assert request.is_signature_valid
    assert request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == HOST
    key_of = [x509.load_pem_x509_csr(text).public_key().public_numbers() for text in (first, second)]  # type: ignore[union-attr]
    assert key_of[0] == key_of[1]

    # The company's authority signs it, with OpenSSL.
    company = certificates.create_authority(HOST)
    (tmp_path / "request.pem").write_bytes(first)
    (tmp_path / "company.pem").write_bytes(pem(company.certificate))
    (tmp_path / "company.key").write_bytes(key_pem(company.key))
    subprocess.run(
        [
            *("openssl", "x509", "-req", "-in", "request.pem", "-CA", "company.pem", "-CAkey", "company.key"),
            *("-copy_extensions", "copyall", "-days", "90", "-out", "signed.pem"),
        ],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    bundle = Bundle.read(tmp_path / "signed.pem", certificates.request_key(paths))
    certificates.check(bundle, HOST)
