"""A box moves over to other releases while people write, and goes back when that fails or is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from appliance.agent.journal import Journal
from appliance.paths import Paths
from installer import release, signing
from installer.release import Source
from installer.schema import LAST_RELEASE, Schema
from installer.upgrade import PROVEN
from tests.randomness import chosen

from .living import PrefixBox, checked, wait_until
from .poster import Poster, Reader

type Edit = Callable[[Path], None]

_MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("feed", "{after}")]
    operations = [migrations.AddField("post", "probe_{number}", models.IntegerField(db_default=7))]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("releases")


@pytest.fixture(scope="module")
def key(folder: Path) -> Path:
    made = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(made)], check=True)
    return made


@pytest.fixture(scope="module")
def first(archive: Path, folder: Path) -> Source:
    return release.unpack(archive, folder / "first")


@pytest.fixture(scope="module")
def box(first: Source, key: Path) -> Iterator[PrefixBox]:
    (first.tree / signing.SIGNERS).write_text(signing.lines_of([key.with_name("key.pub")]))
    with PrefixBox.installed(first.tree / "install.sh") as box:
        yield box


class Versions:
    """Makes releases that come one after the other, each with a new column in the table of posts."""

    def __init__(self, archive: Path, folder: Path, key: Path) -> None:
        self.archive, self.folder, self.key = archive, folder, key
        self.number = 0

    def next(self, running: Path, edit: Edit = lambda _: None) -> Path:
        self.number += 1
        source = release.unpack(self.archive, self.folder / f"unpacked-{self.number}")
        tree = source.tree
        project = tree / "pyproject.toml"
        project.write_text(project.read_text().replace('version = "', f'version = "9.{self.number}.', 1))
        # It knows what was done to the tables so far, and does more.
        migrations = tree / "box/apps/feed/migrations"
        for number in range(1, self.number + 1):
            last = max(file.stem for file in migrations.glob("[0-9]*.py"))
            text = _MIGRATION.format(after=last, number=number)
            (migrations / f"9{number:03}_probe.py").write_text(text)
        before = {"version": "9", "migrations": sorted(Schema.of(running).migrations)}
        (tree / LAST_RELEASE).write_text(json.dumps(before))
        edit(tree)
        manifest = json.loads((tree / release.MANIFEST).read_text())
        manifest["content"] = Source(tree).content_hash
        (tree / release.MANIFEST).write_text(json.dumps(manifest))
        (tree / signing.SIGNERS).write_text(signing.lines_of([self.key.with_name("key.pub")]))
        packed = self.folder / f"korobka-9.{self.number}.tar.gz"
        release.write_archive(tree, packed, datetime.now(UTC))
        signing.sign(packed, self.key)
        return packed


@pytest.fixture(scope="module")
def versions(archive: Path, folder: Path, key: Path) -> Versions:
    return Versions(archive, folder, key)


def running(box: PrefixBox) -> Path:
    return Paths(box.prefix).current.resolve()


def upgrade(box: PrefixBox, packed: Path) -> subprocess.CompletedProcess[str]:
    command = [str(box.prefix / "usr/local/bin/boxctl"), "upgrade", str(packed), "--yes"]
    return checked(command, check=False, timeout=600)


def posts(box: PrefixBox, run: str) -> set[str]:
    return {row[0] for row in box.query(f"select text from feed_post where text like '{run}%'")}


def test_nobody_notices_an_upgrade(box: PrefixBox, versions: Versions, figure: Callable[[str], None]) -> None:
    olga, old = box.administrator(), running(box)
    packed = versions.next(old)
    with Reader(olga) as reader, Poster(olga, retries=False) as poster:
        begun = time.monotonic()
        done = upgrade(box, packed)
        spent = time.monotonic() - begun
        poster.go_on()
    assert done.returncode == 0, done.stdout + done.stderr
    assert running(box).name.startswith("9.1.")
    assert set(reader.outcomes) == {"200"}
    assert set(poster.outcomes) == {"302"}
    assert posts(box, poster.run) == {post.text for post in poster.acknowledged}
    assert release.previous_link(Paths(box.prefix)).resolve() == old
    assert box.query("select count(*) from feed_post where probe_1 <> 7") == [["0"]]
    figure(
        f"upgrade under load: {spent:.0f} s, {len(poster.acknowledged)} posts, "
        f"{reader.outcomes['200']} pages, none failed; the slowest post took {poster.longest:.1f} s"
    )


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


def test_a_release_that_does_not_start_goes_back_by_itself(box: PrefixBox, versions: Versions) -> None:
    olga, old = box.administrator(), running(box)
    packed = versions.next(old, _cannot_start)
    with Poster(olga) as poster:
        failed = upgrade(box, packed)
        poster.go_on()
    assert failed.returncode == 1
    assert f"The box runs {old.name}, as before." in failed.stderr
    assert running(box) == old
    assert posts(box, poster.run) == {post.text for post in poster.acknowledged}
    wait_until(box.is_healthy, "health after going back", seconds=60)


MARKS = (
    "copying the source",
    "Tables: done",
    "Running release: done",
    "web@1: starting",
    "Final check: every",
)


def test_an_upgrade_killed_anywhere_ends_with_the_old_release(
    box: PrefixBox, versions: Versions, figure: Callable[[str], None]
) -> None:
    for mark in chosen("kills of an upgrade", MARKS):
        old = running(box)
        _killed(box, versions.next(old), mark, figure)
        assert running(box) == old, mark


def test_an_upgrade_killed_once_it_is_proven_ends_with_the_new_release(
    box: PrefixBox, versions: Versions, figure: Callable[[str], None]
) -> None:
    packed = versions.next(running(box))
    _killed(box, packed, f'"entry": "{PROVEN}"', figure)
    assert running(box).name == Source(_tree(packed)).name


def _killed(box: PrefixBox, packed: Path, mark: str, figure: Callable[[str], None]) -> None:
    """Kills an upgrade as soon as its journal says `mark`, and sees that it comes to an end by itself."""
    with Poster(box.administrator()) as poster:
        command = [str(box.prefix / "usr/local/bin/boxctl"), "upgrade", str(packed), "--yes"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        journal = _journal(box, since=time.time())
        wait_until(lambda: mark in journal.path.read_text() or journal.is_over(), mark, seconds=300)
        begun = time.monotonic()
        _kill(journal, process)
        wait_until(journal.is_over, "the end of the upgrade", seconds=300)
        spent = time.monotonic() - begun
        poster.go_on()
    assert posts(box, poster.run) == {post.text for post in poster.acknowledged}
    wait_until(box.is_healthy, "health afterwards", seconds=60)
    codes = {os.path.realpath(f"/proc/{pid}/cwd") for pid in box.pids()["web"]}
    assert codes == {str(running(box))}
    assert list(running(box).parent.glob(".unpacked-*")) == []
    figure(
        f"upgrade killed at {mark!r}: {running(box).name} runs after {spent:.0f} s, "
        f"{len(poster.acknowledged)} posts, none lost; the slowest took {poster.longest:.1f} s"
    )


def _tree(packed: Path) -> Path:
    (tree,) = (packed.parent / f"unpacked-{packed.name.split('.')[1]}").iterdir()
    return tree


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
    mark = f"KOROBKA_OPERATION={journal.path}"
    for one in psutil.process_iter():
        try:
            performs = mark.split("=")[1] == one.environ().get("KOROBKA_OPERATION")
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
