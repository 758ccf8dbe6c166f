"""What the tests of this folder share: a PBX that the box knows, whoever listens to it, and bridges to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from box.bridges.telephony.actions import save_pbx
from box.bridges.telephony.models import Pbx
from tests.box.processes import configuration
from tests.telephony.asterisk import SECRET, Asterisk
from tests.telephony.scenarios import Manager, listening


@pytest.fixture
def pbx(asterisk: Asterisk) -> Pbx:
    made = Pbx(
        name="office",
        host=asterisk.address,
        is_on=True,
        lines=["PJSIP/line"],
        logs=Pbx.Logs.CSV,
        cel_path=str(asterisk.cel_file),
        cdr_path=str(asterisk.cdr_file),
    )
    made.secret = SECRET
    save_pbx(made, by=None)
    return made


@pytest.fixture
def manager(asterisk: Asterisk) -> Iterator[Manager]:
    with listening(asterisk) as found:
        yield found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts a bridge, and waits for nothing."""
    running: list[subprocess.Popen[bytes]] = []
    environment = configuration(tmp_path)

    def bridge() -> subprocess.Popen[bytes]:
        command = [sys.executable, "manage.py", "telephony", "run"]
        with (tmp_path / "bridge.log").open("ab") as log:
            running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return running[-1]

    yield bridge
    for one in running:
        one.kill()
        one.wait()
