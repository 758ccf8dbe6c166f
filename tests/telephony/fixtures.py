"""The Asterisk as fixtures: the newest release, or each in a thorough run; started once, with its phones."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from box.bridges.telephony.plan import Release
from tests import require
from tests.prefixes import scratch_prefix
from tests.telephony import asterisk as server
from tests.telephony.asterisk import PLAN, Asterisk, releases
from tests.telephony.phones import phones


@pytest.fixture(scope="session", params=releases(), ids=str)
def _asterisk(request: pytest.FixtureRequest) -> Iterator[Asterisk]:
    release: Release = request.param
    require.programs(*server.TOOLS, cure=server.INSTALL)
    require.root("Asterisk runs in a root of its own")
    folder = scratch_prefix(f"asterisk-{release.major}-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    opus = server.translates_opus(release)
    pbx = Asterisk(folder, replace(PLAN, asterisk=release, transcodes_opus=opus))
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
