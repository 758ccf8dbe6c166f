"""An authority of the tests' own, for directories that speak TLS: valid, expired and foreign certificates."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.certificates import builder, certificate_pem, key_pem

DAY = timedelta(days=1)


class TestAuthority:
    __test__ = False

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        certificate = (
            builder(self._name, self._name, self._key, not_before=now - DAY, not_after=now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pem = certificate_pem(certificate).decode()
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "ca.pem"
        self.file.write_text(self.pem, encoding="utf-8")

    def issue(self, folder: Path, host: str, address: str, *, days: int = 30) -> tuple[Path, Path]:
        """Files of a certificate for the host and the address, and of its key; `days` below 0: expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName(
            [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address(address))]
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = (
            builder(subject, self._name, key, not_before=now - 60 * DAY, not_after=now + days * DAY)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        paths = folder / "server.pem", folder / "server.key"
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_bytes(certificate_pem(certificate))
        paths[1].touch(mode=0o600)
        paths[1].write_bytes(key_pem(key))
        return paths
