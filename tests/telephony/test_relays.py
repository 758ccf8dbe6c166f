"""A real relay (coturn) believes the credentials that the box makes for phones in browsers, for as long as
they are good."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from box.bridges.telephony.relays import LIVES, relays
from tests import require
from tests.box.processes import until
from tests.ports import hold

SECRET = "a-secret-for-tests-only"


@contextmanager
def relayed(folder: Path, address: str = "127.0.0.1") -> Iterator[str]:
    """The port at which a relay listens."""
    require.programs("turnserver", "turnutils_uclient", cure="apt-get install coturn")
    port = str(hold())
    said = folder / "said.log"
    command = [
        "turnserver", "-n", f"--listening-ip={address}", f"--relay-ip={address}", f"--listening-port={port}",
        "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=example.com",
        "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout", "--simple-log",
        f"--pidfile={folder / 'pid'}", f"--userdb={folder / 'users'}",
    ]  # fmt: skip
    with said.open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as relay:
        try:
            until(lambda: relay.poll() is not None or answers(port, address))
            assert relay.poll() is None, said.read_text()
            yield port
        finally:
            relay.kill()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with relayed(tmp_path_factory.mktemp("relay")) as port:
        yield port


def answers(port: str, address: str) -> bool:
    """Over TCP, as over UDP."""
    try:
        socket.create_connection((address, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def is_relayed(port: str, secret: str, now: datetime) -> bool:
    """Whether packets get through with what the box gives somebody then."""
    (relay,) = relays([f"turn:127.0.0.1:{port}"], secret, user="U7", now=now)
    client = ["turnutils_uclient", "-y", "-c", "-n", "2", "-m", "1", "-p", port]
    login = ["-u", relay.username, "-w", relay.credential]
    return subprocess.run([*client, *login, "127.0.0.1"], capture_output=True, check=False).returncode == 0


def test_a_relay_carries_for_whom_the_box_vouches_and_for_nobody_else(port: str) -> None:
    now = datetime.now(UTC)
    assert is_relayed(port, SECRET, now)
    assert not is_relayed(port, "another-secret", now)
    assert not is_relayed(port, SECRET, now - LIVES - timedelta(minutes=1))


@pytest.fixture(autouse=True)
def _where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The programs leave their logs where they are started.
    monkeypatch.chdir(tmp_path)
