"""The bridge without a PBX: what keeps it from one is said where the PBX is set up."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from django.db import DatabaseError

from box.bridges.telephony import bridge
from box.bridges.telephony.bridge import Bridge
from box.bridges.telephony.models import Pbx
from box.bridges.telephony.probe import probe
from tests.directory.authority import TestAuthority

pytestmark = pytest.mark.django_db(transaction=True)


class _Once(threading.Event):
    """Nobody waits: whoever would is stopped."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"secret_sealed": "of another box"}, "another"),
        ({"host": "127.0.0.1", "port": 1}, "Nothing listens"),
        ({"host": "10.0.0..7"}, "10.0.0..7 is no known name"),
    ],
)
def test_what_keeps_it_from_its_pbx_is_told(wrong: dict[str, object], said: str) -> None:
    pbx = Pbx.objects.create(name="office", is_on=True, **{"host": "127.0.0.1", "port": 1} | wrong)
    Bridge(pbx.pk, _Once()).run()
    pbx.refresh_from_db()
    assert said in pbx.trouble


def test_what_nobody_has_thought_of_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    pbx = Pbx.objects.create(name="office", is_on=True, host="127.0.0.1")

    def break_off(error: Exception) -> None:
        def restore(*_: object, **__: object) -> None:
            raise error

        monkeypatch.setattr(bridge, "restore", restore)
        Bridge(pbx.pk, _Once()).run()
        pbx.refresh_from_db()

    # Of the database another word is said, which is to be written there.
    break_off(DatabaseError("away"))
    assert pbx.trouble == ""
    break_off(RuntimeError("a fault"))
    assert "broke off (RuntimeError)" in pbx.trouble


def test_an_address_that_cannot_be_one_is_told_in_words() -> None:
    for wrong in ("10.0.0..7", "a" * 64 + ".test"):
        first, *_ = probe(Pbx(name="office", host=wrong))
        assert (first.state, first.text) == ("bad", f"{wrong} is no known name: write the PBX's address.")


def test_words_around_the_authority_of_a_certificate_may_be_russian(tmp_path: Path) -> None:
    authority = TestAuthority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(tmp_path, "pbx.test", "127.0.0.1"))

    def greet(server: socket.socket) -> None:
        connection, _address = server.accept()
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.sendall(b"No Asterisk\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=greet, args=(server,), daemon=True).start()
        tried = Pbx(name="office", host="127.0.0.1", port=server.getsockname()[1], is_tls=True)
        tried.ca_pem = f"Удостоверяющий центр\n{authority.pem}"
        first, *_further = probe(tried)
    assert "It greets with b'No Asterisk'" in first.text
