"""The company's certificate as it was given, looked at before anything is changed. Works on a bare Python.

Two halves of a TLS handshake are played in memory: what the balancer would show, and what a browser would say
to it. Nothing is decoded by hand, so nothing can be understood otherwise than OpenSSL does.
"""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from installer.findings import Finding

_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_MOST = 1 << 20
"""Bytes: a chain of certificates has some thousands."""
# DER of PKCS #12 (RFC 7292, 4): a sequence that begins with the version, 3.
_PKCS12 = re.compile(rb"\x30[\x80-\x84]?.{0,4}?\x02\x01\x03", re.DOTALL)
# Of X509_V_ERR_*, in OpenSSL's x509_vfy.h.
_NOT_YET, _EXPIRED, _NO_ISSUER, _NO_FIRST_ISSUER = 9, 10, 20, 21
_OTHER_NAME, _OTHER_ADDRESS = 62, 64


def findings(certificate: Path | None, key: Path | None, name: str) -> Iterator[Finding]:
    """What stands against showing this certificate for `name`."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        yield _finding("A certificate needs its key.", "Give both --certificate and --key.")
        return
    for flag, file in (("--certificate", certificate), ("--key", key)):
        if found := _unreadable(flag, file):
            yield found
            return
    try:
        order = _with_key(certificate, key)
    except _Encrypted:
        yield _finding(
            f"{key} has a password; the balancer starts without anybody to type it.",
            f"openssl pkey -in {key} -out plain.key, and give that file with --key.",
        )
        return
    except (ssl.SSLError, _NoCertificate) as error:
        yield _of_pair(error, certificate, key)
        return
    yield from _of_handshake(order, key, certificate, name)


def _unreadable(flag: str, file: Path) -> Finding | None:
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST + 1)
    except OSError as error:
        return _finding(f"{file} cannot be read: {error.strerror}.", f"Give {flag} a readable PEM file.")
    if len(content) > _MOST:
        return _finding(f"{file} is too large for a certificate.", f"Give {flag} a PEM file.")
    if _PKCS12.match(content):
        return _finding(
            f"{file} is a PFX (PKCS #12): certificate and key in one file, with a password.",
            f"openssl pkcs12 -in {file} -nokeys -out portal.crt; "
            f"openssl pkcs12 -in {file} -nocerts -noenc -out portal.key; then give these two.",
        )
    return None


def _with_key(certificate: Path, key: Path) -> list[str]:
    """The certificates of the file, in PEM: first the one that the key belongs to, wherever it stands."""
    blocks = _BLOCK.findall(certificate.read_text(encoding="utf-8", errors="replace"))
    failed: ssl.SSLError | None = None
    for block in blocks:
        order = [block, *(other for other in blocks if other is not block)]
        try:
            _server(order, key)
        except ssl.SSLError as error:
            failed = failed or error
        else:
            return order
    raise failed or _NoCertificate


def _server(order: list[str], key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write("\n".join(order))
        file.flush()
        context.load_cert_chain(file.name, key, password=_no_password)
    return context


def _of_pair(error: Exception, certificate: Path, key: Path) -> Finding:
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return _finding(
            f"{key} is not the key of {certificate}.",
            "Give --key the file that the request for this certificate was made with.",
        )
    return _finding(
        f"{certificate} and {key} are no certificate and key in PEM form.",
        "Convert them: openssl x509 -inform DER -in FILE, openssl pkcs12 -in FILE -noenc.",
    )


def _of_handshake(order: list[str], key: Path, file: Path, name: str) -> Iterator[Finding]:
    server = _server(order, key)
    problem = _verdict(server, name, order, partial=True)
    if problem is None:
        alone = _verdict(server, name, [], partial=False)
        if alone is not None and alone.verify_code in (_NO_ISSUER, _NO_FIRST_ISSUER):
            yield Finding(
                "certificate",
                f"From {file} no way leads to an authority that this machine knows.",
                "If the company's own authority made it, computers that trust that authority take it. Else "
                "put the intermediate certificates, which its issuer gives with it, into the same file.",
                is_warning=True,
            )
    elif problem.verify_code == _EXPIRED:
        yield _finding(f"{file} holds a certificate that has expired.", "Ask its issuer for a new one.")
    elif problem.verify_code == _NOT_YET:
        yield _finding(f"{file} holds a certificate that is not valid yet.", "Set the clock, or wait.")
    elif problem.verify_code in (_OTHER_NAME, _OTHER_ADDRESS):
        yield _finding(
            f"{file} is for another name than {name}.",
            "Ask for one with this name among its alternative names, or give its name with --hostname.",
        )
    else:
        yield _finding(
            f"No browser would take {file}: {problem.verify_message}.", "Ask its issuer for a server's one."
        )


def _verdict(
    server: ssl.SSLContext, name: str, trusted: list[str], *, partial: bool
) -> ssl.SSLCertVerificationError | None:
    """What a browser says: with `partial` it trusts these certificates, else this machine's authorities."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if partial else ssl.create_default_context()
    if partial:
        client.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        client.load_verify_locations(cadata="\n".join(trusted))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    browser = client.wrap_bio(to_client, to_server, server_hostname=name)
    balancer = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        for side in (browser, balancer):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error
            if side is browser:
                return None
    raise ssl.SSLError("the handshake does not end")


def _finding(problem: str, cure: str) -> Finding:
    return Finding("certificate", problem, cure)


class _Encrypted(Exception):
    pass


class _NoCertificate(Exception):
    pass


def _no_password() -> str:
    raise _Encrypted
