"""The two directories as fixtures: started once a run, empty again for each module."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import require
from tests.directory import samba as samba_server
from tests.directory import slapd as slapd_server
from tests.directory.samba import Samba
from tests.directory.server import Server
from tests.directory.slapd import Slapd
from tests.prefixes import scratch_prefix


@pytest.fixture(scope="session")
def _samba() -> Iterator[Samba]:
    require.programs(*samba_server.TOOLS, cure=samba_server.INSTALL)
    require.root("A domain controller's ports are below 1024")
    server = Samba(_folder("samba"))
    yield server
    server.remove()


@pytest.fixture(scope="session")
def _slapd() -> Iterator[Slapd]:
    require.programs(*slapd_server.TOOLS, cure=slapd_server.INSTALL)
    server = Slapd(_folder("slapd"))
    yield server
    server.remove()


@pytest.fixture(scope="module")
def samba(_samba: Samba) -> Iterator[Samba]:
    """A running Active Directory with nobody in it: a module seeds it in a fixture of its own."""
    yield _empty(_samba)
    _samba.stop()


@pytest.fixture(scope="module")
def slapd(_slapd: Slapd) -> Iterator[Slapd]:
    """A running OpenLDAP with its base and the reader only."""
    yield _empty(_slapd)
    _slapd.stop()
    _slapd.as_usual()


def _empty[S: Server](server: S) -> S:
    server.stop()
    server.restore("empty")
    server.start()
    return server


def _folder(name: str) -> Path:
    """Short, for it holds Unix sockets; of this process, so that parallel ones don't meet."""
    folder = scratch_prefix(f"{name}-{os.getpid()}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
