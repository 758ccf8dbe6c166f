from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import require
from tests.randomness import chosen

from .boxes import Installation, install, installed
from .images import image_of
from .machines import Machine
from .versions import archive_of_checkout


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ways = set()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("system")
            ways |= {str(way) for way in [_way_of(item)] if way}
    # One way to install in a run, as the seed chooses; a thorough one goes all. Who names one means it.
    if not ways or any("[" in argument for argument in config.args):
        return
    taken = {None, *chosen("ways to install", sorted(ways))}
    left_out = [item for item in items if _way_of(item) not in taken]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _way_of(item) in taken]


def _way_of(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params["way"]) if callspec and "way" in callspec.params else None


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
    return archive_of_checkout()


@pytest.fixture(scope="session")
def image(archive: Path) -> Path:
    """The raw disk, with the other files beside it."""
    return image_of(archive)


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
