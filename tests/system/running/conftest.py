"""Installed boxes that the tests of this folder share: each test leaves them as they were."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..living import Box, MachineBox, PrefixBox, wait_until
from ..machines import Machine
from ..poster import Person


@pytest.fixture(scope="session")
def prefix_box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrefixBox]:
    """A box of this machine, under supervisord. KOROBKA_TEST_BOX names one that is there already."""
    if there := os.environ.get("KOROBKA_TEST_BOX"):
        yield PrefixBox(Path(there))
        return
    source = tmp_path_factory.mktemp("release")
    archive: Path = request.getfixturevalue("archive")
    with tarfile.open(archive) as packed:
        packed.extractall(source, filter="data")
    (release,) = source.iterdir()
    with PrefixBox.installed(release / "install.sh") as box:
        yield box


@pytest.fixture(scope="session")
def machine_box(kept_systemd_box: Path) -> Iterator[MachineBox]:
    """A machine with a box to itself, under systemd."""
    with Machine("systemd", based_on=kept_systemd_box) as machine:
        box = MachineBox(machine)
        wait_until(box.is_healthy, "the box of the machine")
        yield box


@pytest.fixture(params=["prefix", "machine"])
def box(request: pytest.FixtureRequest) -> Box:
    """Both kinds, one after the other: the same is promised under supervisord and under systemd."""
    found: Box = request.getfixturevalue(f"{request.param}_box")
    wait_until(found.is_healthy, "the box, which the test before has left ill")
    return found


@pytest.fixture
def olga(box: Box) -> Person:
    return box.administrator()


@pytest.fixture
def measured(request: pytest.FixtureRequest, figure: Callable[[str], None]) -> Callable[[str], None]:
    """Has a figure printed below the results, with the kind of box that it was measured on."""
    kind = "supervisord" if "prefix_box" in request.fixturenames else "systemd"
    if "box" in request.fixturenames:
        kind = "supervisord" if isinstance(request.getfixturevalue("box"), PrefixBox) else "systemd"
    return lambda text: figure(f"under {kind}: {text}")
