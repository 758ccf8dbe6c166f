"""Every way to a box, gone to its end: installed, upgraded under load, taken back, kept from going too far
back, removed. On machines with systemd and without; from a clone, an archive, and a bundle without a network.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import pytest

from . import boxes, registries
from .boxes import Installation
from .living import MachineBox
from .machines import CHECKOUT, Kind, Machine
from .trials import HEADER, people, running_release
from .versions import Versions, bundle_of_checkout

type Origin = Literal["clone", "archive", "bundle"]

REACHED: dict[Origin, Callable[[str], bool]] = {
    "clone": registries.anything,
    "archive": registries.debian_only,
    "bundle": lambda _: False,
}
"""Which hosts a machine may speak to, by what it is installed from."""


@dataclass(frozen=True)
class Way:
    kind: Kind
    origin: Origin

    def __str__(self) -> str:
        return f"{self.kind}-{self.origin}"


WAYS = [Way(kind, origin) for kind, origin in product(get_args(Kind), REACHED)]


@pytest.fixture(scope="module")
def versions(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return Versions(archive, tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module", params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    way: Way = request.param
    return way


@pytest.fixture(scope="module")
def machine(way: Way) -> Iterator[Machine]:
    with Machine(way.kind) as machine:
        machine.proxy.allowed = REACHED[way.origin]
        yield machine


@pytest.fixture(scope="module")
def source(way: Way, machine: Machine, archive: Path) -> str:
    """Where install.sh lies on the machine."""
    if way.origin == "clone":
        clone = machine.root / "root/korobka"
        subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(clone)], check=True)
        return "/root/korobka"
    packed = archive if way.origin == "archive" else bundle_of_checkout()
    shutil.copy(packed, machine.root / "root")
    if way.origin == "bundle":
        # Nor is it a kind machine: /tmp runs no programs, and whoever has unpacked it lets nobody else read.
        machine.run(["mount", "-o", "remount,noexec", "/tmp"])
    umask = "077" if way.origin == "bundle" else "022"
    machine.run(["sh", "-c", f"umask {umask}; tar xf {packed.name} --no-same-owner"], cwd="/root")
    return f"/root/{packed.name.removesuffix('.tar.gz').removesuffix('-offline')}"


@pytest.fixture(scope="module")
def installation(machine: Machine, source: str) -> Installation:
    return boxes.install(machine, source=source)


@pytest.fixture(scope="module")
def box(machine: Machine, installation: Installation) -> MachineBox:
    assert installation.code == 0, str(installation)
    return MachineBox(machine)


def test_it_is_installed(
    box: MachineBox, way: Way, installation: Installation, figure: Callable[[str], None]
) -> None:
    figure(f"installed by {way} in {installation.seconds:.0f} s")
    assert [host for host in box.machine.proxy.asked if not REACHED[way.origin](host)] == []
    assert boxes.is_sign_in_page(box.machine)
    boxes.wait_until_well(box.machine)
    assert "Nothing found" in boxes.boxctl(box.machine, "doctor")


def test_it_is_upgraded_while_people_work(
    box: MachineBox, way: Way, versions: Versions, figure: Callable[[str], None]
) -> None:
    old = box.path("opt/korobka/releases") / running_release(box)
    packed = versions.next(old)
    for file in (packed, packed.with_name(f"{packed.name}.sig")):
        shutil.copy(file, box.path("root"))
    box.path("etc/korobka/release-signers").write_text(versions.signers)
    figure(HEADER)
    with people(box, f"{way}", lambda trial: figure(str(trial))) as trial:
        command = ["boxctl", "upgrade", f"/root/{packed.name}", "--yes"]
        done = box.machine.run(command, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert running_release(box).startswith(f"9.{versions.number}.")
    assert (trial.failed_pages, trial.failed_posts) == (0, 0), trial
    boxes.wait_until_well(box.machine)


def test_going_too_far_back_is_refused(box: MachineBox, versions: Versions) -> None:
    now = running_release(box)
    shutil.copytree(versions.long_ago(), box.path("root/long-ago"))
    refused = boxes.install(box.machine, source="/root/long-ago")
    assert refused.code == 1
    assert "The tables are of a newer release" in refused.output
    assert "Nothing was changed." in refused.output
    assert running_release(box) == now


def test_the_release_before_takes_over_again(box: MachineBox) -> None:
    back = boxes.install(box.machine, source="/opt/korobka/previous")
    assert back.code == 0, str(back)
    assert not running_release(box).startswith("9.")
    boxes.wait_until_well(box.machine)
    assert "Nothing found" in boxes.boxctl(box.machine, "doctor")
    assert boxes.is_sign_in_page(box.machine)


def test_nothing_is_left_of_it(box: MachineBox) -> None:
    boxes.boxctl(box.machine, "uninstall", "--purge", "--yes")
    for name in ("etc/korobka", "opt/korobka", "var/lib/korobka", "var/log/korobka", "usr/local/bin/boxctl"):
        assert not box.path(name).exists(), name
    assert list(box.path("etc/systemd/system").glob("korobka*")) == []
    assert "korobka" not in box.path("etc/passwd").read_text()
    assert [process for process in box.everything() if "korobka" in " ".join(process.cmdline())] == []
