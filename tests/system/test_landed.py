"""A box of an earlier state of main moves over to the present one, with all that its tables lack."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installer import release, signing
from installer.schema import BREAKS, LAST_RELEASE, Schema

from .living import PrefixBox, checked, wait_until
from .machines import CHECKOUT
from .trials import HEADER, people, running_release
from .versions import Versions, packed_at, sealed


def oldest_to_upgrade() -> str:
    """The earliest commit that moves over to the present one: it can work beside its tables, and upgrades."""
    migrations = CHECKOUT.glob("box/**/migrations/[0-9]*.py")
    breaking = [file.relative_to(CHECKOUT) for file in migrations if BREAKS.search(file.read_text())]
    paths = map(str, (*breaking, LAST_RELEASE, "installer/upgrade.py"))
    added = ["git", "-C", str(CHECKOUT), "log", "-1", "--diff-filter=A", "--format=%H", "--", *paths]
    return subprocess.run(added, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def versions(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return Versions(archive, tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module")
def box(versions: Versions) -> Iterator[PrefixBox]:
    commit = oldest_to_upgrade()
    old = release.unpack(packed_at(commit), versions.folder / "landed")
    (old.tree / signing.SIGNERS).write_text(versions.signers)
    with PrefixBox.installed(old.tree / "install.sh") as box:
        yield box


def test_a_box_that_landed_earlier_moves_over_to_the_present_state(
    box: PrefixBox, archive: Path, versions: Versions, figure: Callable[[str], None]
) -> None:
    old = box.path("opt/korobka/releases") / running_release(box)
    present = release.unpack(archive, versions.folder / "present")
    new = Schema.of(present.tree).migrations - Schema.of(old).migrations
    (present.tree / signing.SIGNERS).write_text(versions.signers)
    sealed(present.tree)
    packed = versions.folder / "present.tar.gz"
    release.write_archive(present.tree, packed, present.released_at)
    signing.sign(packed, versions.key)
    figure(f"{len(new)} migrations since {old.name}\n{HEADER}")
    with people(box, "from an earlier state of main", lambda trial: figure(str(trial))) as trial:
        command = [str(box.prefix / "usr/local/bin/boxctl"), "upgrade", str(packed), "--yes"]
        done = checked(command, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert running_release(box) == present.name
    assert (trial.failed_pages, trial.failed_posts) == (0, 0), trial
    wait_until(box.is_healthy, "health afterwards", seconds=60)
    # Whether somebody keeps the clock of the machine where this runs is not the box's merit.
    assert "Nothing found" in box.boxctl("doctor", "--accept", "clock synchronisation").stdout
