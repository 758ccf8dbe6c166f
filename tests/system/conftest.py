from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import require

from . import machines
from .boxes import Installation, install, installed
from .machines import CHECKOUT, Machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("system")


_FIGURES: list[str] = []


@pytest.fixture(scope="session")
def figure() -> Callable[[str], None]:
    """Has a measured figure printed below the results."""
    return _FIGURES.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _FIGURES:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def _able_to_make_machines() -> None:
    require.root("Test machines are root's to make")
    for program, package in (
        ("mmdebstrap", "mmdebstrap"),
        ("systemd-nspawn", "systemd-container"),
        ("ip", "iproute2"),
    ):
        require.programs(program, cure=f"apt-get install {package}")


@pytest.fixture(scope="session")
def archive() -> Path:
    """The release archive of this checkout; made once for each content."""
    from installer.release import Source

    folder = machines.BUILD.parent / "archives" / Source(CHECKOUT).content_hash[:12]
    if not list(folder.glob("*.tar.gz")):
        python = str(CHECKOUT / ".venv/bin/python")
        command = [python, "-m", "installer", "release", "--output", str(folder)]
        subprocess.run(command, check=True, cwd=CHECKOUT)
    (found,) = folder.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def fresh_systemd() -> Iterator[Machine]:
    with Machine("systemd") as machine:
        yield machine


@pytest.fixture(scope="module")
def fresh_plain() -> Iterator[Machine]:
    with Machine("plain") as machine:
        yield machine


@pytest.fixture(scope="session")
def kept_systemd_box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A switched-off machine with a box, installed once a session, for tests that need one to begin with.

    KOROBKA_TEST_MACHINE names one that is kept already.
    """
    if there := os.environ.get("KOROBKA_TEST_MACHINE"):
        return Path(there)
    return installed("systemd", tmp_path_factory.mktemp("kept") / "systemd")


@pytest.fixture(scope="session")
def kept_plain_box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed("plain", tmp_path_factory.mktemp("kept") / "plain")


@pytest.fixture(scope="module")
def first_installation(fresh_systemd: Machine) -> Installation:
    return install(fresh_systemd)
