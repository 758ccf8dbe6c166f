"""The Asterisk as fixtures: started once a run, with its phones."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest

from tests import require
from tests.prefixes import scratch_prefix
from tests.telephony import asterisk as server
from tests.telephony.asterisk import Asterisk
from tests.telephony.phones import phones


@pytest.fixture(scope="session")
def _asterisk() -> Iterator[Asterisk]:
    require.programs(*server.TOOLS, cure=server.INSTALL)
    require.root("Asterisk runs in a root of its own")
    folder = scratch_prefix(f"asterisk-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    pbx = Asterisk(folder)
    pbx.start()
    yield pbx
    pbx.remove()


@pytest.fixture(scope="session")
def _phones(_asterisk: Asterisk) -> Iterator[None]:
    with phones(_asterisk):
        yield


@pytest.fixture
def asterisk(_asterisk: Asterisk, _phones: None) -> Iterator[Asterisk]:
    """A running PBX with phones, and no call."""
    if not _asterisk.is_running:
        _asterisk.start()
    yield _asterisk
    if _asterisk.is_running:
        _asterisk.cli("channel request hangup all")
        _asterisk.idle()
