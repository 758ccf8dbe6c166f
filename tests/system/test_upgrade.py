"""A box moves over to other releases while people write, and goes back when that fails or is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from appliance.agent.journal import Journal
from appliance.paths import Paths
from installer import release, signing
from installer.release import Source
from installer.upgrade import PROVEN
from tests.randomness import chosen

from .living import PrefixBox, checked, wait_until
from .trials import HEADER, Trial, people
from .versions import Versions


@pytest.fixture(scope="module")
def versions(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return Versions(archive, tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module")
def first(archive: Path, versions: Versions) -> Source:
    return release.unpack(archive, versions.folder / "first")


@pytest.fixture(scope="module")
def box(first: Source, versions: Versions) -> Iterator[PrefixBox]:
    (first.tree / signing.SIGNERS).write_text(versions.signers)
    with PrefixBox.installed(first.tree / "install.sh") as box:
        yield box


@pytest.fixture(scope="module")
def table(figure: Callable[[str], None]) -> Iterator[Callable[[Trial], None]]:
    figure(HEADER)
    yield lambda trial: figure(str(trial))


def running(box: PrefixBox) -> Path:
    return Paths(box.prefix).current.resolve()


def upgrade(box: PrefixBox, packed: Path) -> subprocess.CompletedProcess[str]:
    command = [str(box.prefix / "usr/local/bin/boxctl"), "upgrade", str(packed), "--yes"]
    return checked(command, check=False, timeout=1800)


def test_nobody_notices_an_upgrade(
    box: PrefixBox, versions: Versions, table: Callable[[Trial], None]
) -> None:
    old = running(box)
    packed = versions.next(old)
    with people(box, "goes well", table) as trial:
        done = upgrade(box, packed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert running(box).name.startswith("9.1.")
    assert (trial.failed_pages, trial.failed_posts) == (0, 0), trial
    assert release.previous_link(Paths(box.prefix)).resolve() == old
    assert box.query("select count(*) from feed_post where probe_1 <> 7") == [["0"]]


def test_an_archive_of_somebody_else_is_not_taken(box: PrefixBox, versions: Versions) -> None:
    old = running(box)
    packed = versions.next(old)
    with packed.open("ab") as file:
        file.write(b"more")
    refused = upgrade(box, packed)
    assert refused.returncode == 1
    assert "not what was signed" in refused.stderr
    assert running(box) == old


def _cannot_start(tree: Path) -> None:
    wsgi = tree / "box/wsgi.py"
    wsgi.write_text(wsgi.read_text() + 'raise RuntimeError("this release does not start")\n')


def test_a_release_that_does_not_start_goes_back_by_itself(
    box: PrefixBox, versions: Versions, table: Callable[[Trial], None]
) -> None:
    old = running(box)
    packed = versions.next(old, _cannot_start)
    with people(box, "the new release does not start", table):
        failed = upgrade(box, packed)
    assert failed.returncode == 1
    assert f"The box runs {old.name}, as before." in failed.stderr
    assert running(box) == old
    wait_until(box.is_healthy, "health after going back", seconds=60)


MARKS = (
    "copying the source",
    "Tables: done",
    "Running release: done",
    "web@1: starting",
    "Final check: every",
)
"""In the order in which one upgrade says them: each is of the archive that was killed at the mark before."""


def test_an_upgrade_killed_anywhere_and_begun_again_ends_with_the_old_release_or_the_new_one(
    box: PrefixBox, versions: Versions, table: Callable[[Trial], None]
) -> None:
    old = running(box)
    packed = versions.next(old)
    for mark in chosen("kills of an upgrade", MARKS):
        _killed(box, packed, mark, table)
        assert running(box) == old, mark
    _killed(box, packed, f'"entry": "{PROVEN}"', table)
    assert running(box).name == Source(versions.tree_of(packed)).name


def _killed(box: PrefixBox, packed: Path, mark: str, table: Callable[[Trial], None]) -> None:
    """Kills an upgrade as soon as its journal says `mark`, and sees that it comes to an end by itself."""
    with people(box, f"killed at {mark!r}", table) as trial:
        command = [str(box.prefix / "usr/local/bin/boxctl"), "upgrade", str(packed), "--yes"]
        since = time.time()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = _journal(box, since=since)
        wait_until(lambda: mark in journal.path.read_text() or journal.is_over(), mark, seconds=300)
        assert not journal.is_over(), f"it never said {mark!r}: {journal.path.read_text()[-2000:]}"
        begun = time.monotonic()
        _kill(journal, process)
        wait_until(journal.is_over, "the end of the upgrade", seconds=300)
        trial.seconds = time.monotonic() - begun
    wait_until(box.is_healthy, "health afterwards", seconds=60)
    codes = {os.path.realpath(f"/proc/{pid}/cwd") for pid in box.pids()["web"]}
    assert codes == {str(running(box))}
    assert list(running(box).parent.glob(".unpacked-*")) == []


def _journal(box: PrefixBox, *, since: float) -> Journal:
    operations = Paths(box.prefix).operations

    def found() -> list[Journal]:
        return [
            one
            for one in Journal.all(operations)
            if one.kind == "upgrade" and one.path.stat().st_ctime >= since
        ]

    wait_until(found, "the beginning of the upgrade", seconds=120)
    return found()[0]


def _kill(journal: Journal, process: subprocess.Popen[bytes]) -> None:
    """Ends whoever performs it, and who has begun it, at once."""
    for one in psutil.process_iter():
        try:
            performs = one.environ().get("KOROBKA_OPERATION") == str(journal.path)
            if performs and "installer.upgrade" in one.cmdline():
                one.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue
    process.kill()
    process.wait()


def test_many_releases_back_is_refused_before_anything_is_changed(box: PrefixBox, first: Source) -> None:
    now = running(box)
    refused = checked([str(first.tree / "install.sh"), "--prefix", str(box.prefix)], check=False, timeout=300)
    assert refused.returncode == 1
    assert "The tables are of a newer release" in refused.stdout
    assert "Nothing was changed." in refused.stdout
    assert running(box) == now
    box.boxctl("doctor")


def test_one_release_back_is_no_harm(box: PrefixBox) -> None:
    """The tables of the newer one are made for it, and it lies on the machine still."""
    now, before = running(box), release.previous_link(Paths(box.prefix)).resolve()
    assert before != now
    install = [f"{release.previous_link(Paths(box.prefix))}/install.sh", "--prefix", str(box.prefix)]
    back = checked(install, check=False, timeout=300)
    assert back.returncode == 0, back.stdout + back.stderr
    assert running(box) == before
    box.boxctl("doctor")
