"""What the portal's door is made of."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance import certificates
from appliance.paths import Paths

from ..living import PrefixBox, wait_until
from ..poster import Person

VERSIONS = {
    ssl.TLSVersion.TLSv1: False,
    ssl.TLSVersion.TLSv1_1: False,
    ssl.TLSVersion.TLSv1_2: True,
    ssl.TLSVersion.TLSv1_3: True,
}


def _verdict(box: PrefixBox, name: str, folder: Path) -> str:
    """What openssl says about a certificate that the box's authority has issued for `name`."""
    authority = certificates.read_authority(Paths(box.root))
    assert authority is not None
    chain = folder / f"{name}.pem"
    chain.write_bytes(certificates.issue(authority, name).pem())
    ca = box.path("etc/korobka/tls/ca.crt")
    command = ["openssl", "verify", "-purpose", "sslserver", "-verify_hostname", name]
    said = subprocess.run(
        [*command, "-CAfile", str(ca), str(chain)], capture_output=True, text=True, check=False
    )
    return said.stdout + said.stderr


def test_the_authority_vouches_for_its_own_name_only(prefix_box: PrefixBox, tmp_path: Path) -> None:
    assert _verdict(prefix_box, "localhost", tmp_path).endswith(": OK\n")
    for foreign in ("portal.example.org", "localhost.example.org", "bank.test"):
        assert "permitted subtree violation" in _verdict(prefix_box, foreign, tmp_path)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_old_versions_are_refused(prefix_box: PrefixBox, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cafile=prefix_box.site.ca_file)
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is not this client which refuses
    context.minimum_version = context.maximum_version = version
    if VERSIONS[version]:
        assert _handshake(prefix_box, context)
    else:
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            _handshake(prefix_box, context)


def _handshake(box: PrefixBox, context: ssl.SSLContext) -> str | None:
    with (
        socket.create_connection((box.site.address, box.site.port)) as plain,
        context.wrap_socket(plain, server_hostname=box.site.hostname) as secured,
    ):
        return secured.version()


def test_browsers_are_made_to_insist_only_on_a_publicly_trusted_certificate(prefix_box: PrefixBox) -> None:
    """A browser that insists could not be let past the box's own authority, should it be lost."""
    places = ("/sign-in/", "/healthz", "/korobka-files/none", "/nowhere/")
    person = Person(prefix_box.site)
    assert [person.get(place).headers.get("Strict-Transport-Security") for place in places] == [None] * 4
    with _publicly_trusted(prefix_box):
        person.hang_up()
        told = [person.get(place).headers.get("Strict-Transport-Security") for place in places]
        assert told == ["max-age=31536000"] * 4


@contextmanager
def _publicly_trusted(box: PrefixBox) -> Iterator[None]:
    box.boxctl("config", "set", "balancer.publicly_trusted", "true")
    try:
        yield
    finally:
        box.boxctl("config", "set", "balancer.publicly_trusted", "false")
        wait_until(box.is_healthy, "the box")


def test_http_leads_to_https(prefix_box: PrefixBox) -> None:
    import http.client
    import json

    settings = json.loads(prefix_box.boxctl("config", "show", "balancer", "--json").stdout)
    for host in ("localhost", "localhost:81"):
        plain = http.client.HTTPConnection("127.0.0.1", settings["balancer.http_port"], timeout=10)
        plain.request("GET", "/feed/?before=7", headers={"Host": host})
        answer = plain.getresponse()
        assert answer.status == 301
        assert answer.headers["Location"] == f"{prefix_box.site.origin}/feed/?before=7"
        plain.close()
