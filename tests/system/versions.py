"""Releases that come one after the other, made of one archive: signed, each with one more column."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from installer import bundle, release, signing
from installer.release import Source
from installer.schema import LAST_RELEASE, Schema

from . import machines
from .machines import CHECKOUT

type Edit = Callable[[Path], None]

MIGRATIONS = "box/apps/feed/migrations"
_MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("feed", "{after}")]
    operations = [migrations.AddField("post", "probe_{number}", models.IntegerField(db_default=7))]
"""


def archive_of_checkout() -> Path:
    """The release archive of this checkout; made once for each content."""
    folder = _archives()
    if not list(folder.glob("*.tar.gz")):
        python = str(CHECKOUT / ".venv/bin/python")
        command = [python, "-m", "installer", "release", "--output", str(folder)]
        subprocess.run(command, check=True, cwd=CHECKOUT)
    (found,) = folder.glob("*.tar.gz")
    return found


def packed_at(commit: str) -> Path:
    """The release archive of another commit; made once, by that commit's own installer."""
    folder = machines.BUILD.parent / "archives" / commit[:12]
    if not list(folder.glob("*.tar.gz")):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            clone = ["git", "clone", "-q", "--no-checkout", str(CHECKOUT), scratch]
            subprocess.run(clone, check=True)
            subprocess.run(["git", "-C", scratch, "checkout", "-q", "--detach", commit], check=True)
            python = str(CHECKOUT / ".venv/bin/python")
            command = [python, "-m", "installer", "release", "--output", str(folder)]
            subprocess.run(command, check=True, cwd=scratch)
    (found,) = folder.glob("*.tar.gz")
    return found


def bundle_of_checkout() -> Path:
    """The same with Debian's packages in it, as `make bundle` makes it; made once for each content."""
    archive = archive_of_checkout()
    bundled = _archives() / "offline" / archive.name.replace(".tar.gz", "-offline.tar.gz")
    if not bundled.exists():
        bundled.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=bundled.parent) as scratch:
            source = release.unpack(archive, Path(scratch) / "unpacked")
            bundle.gather(source.tree / release.BUNDLE)
            packed = Path(scratch) / bundled.name
            release.write_archive(source.tree, packed, source.released_at)
            packed.rename(bundled)
    return bundled


def _archives() -> Path:
    return machines.BUILD.parent / "archives" / Source(CHECKOUT).content_hash[:12]


class Versions:
    """Makes releases 9.1, 9.2 and so on in `folder`, each with a new column in the table of posts."""

    def __init__(self, archive: Path, folder: Path) -> None:
        self.archive, self.folder = archive, folder
        self.number = 0
        self.key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)

    @property
    def signers(self) -> str:
        """The line that has a box trust them."""
        return signing.lines_of([self.key.with_name("key.pub")])

    def next(self, running: Path, edit: Edit = lambda _: None) -> Path:
        """The archive of the release after the one whose tree is `running`, with its signature beside it."""
        self.number += 1
        tree = release.unpack(self.archive, self.folder / f"unpacked-{self.number}").tree
        named(tree, f"9.{self.number}.")
        # It knows what was done to the tables so far, and does more.
        migrations = tree / MIGRATIONS
        for number in range(1, self.number + 1):
            last = max(file.stem for file in migrations.glob("[0-9]*.py"))
            text = _MIGRATION.format(after=last, number=number)
            (migrations / f"9{number:03}_probe.py").write_text(text)
        before = {"version": "9", "migrations": sorted(Schema.of(running).migrations)}
        (tree / LAST_RELEASE).write_text(json.dumps(before))
        edit(tree)
        (tree / signing.SIGNERS).write_text(self.signers)
        sealed(tree)
        packed = self.folder / f"korobka-9.{self.number}.tar.gz"
        release.write_archive(tree, packed, datetime.now(UTC))
        signing.sign(packed, self.key)
        return packed

    def tree_of(self, packed: Path) -> Path:
        """What `packed` was made of."""
        (tree,) = (self.folder / f"unpacked-{packed.name.split('.')[1]}").iterdir()
        return tree

    def long_ago(self) -> Path:
        """The tree of a release that knows less of the tables than the archive: nobody's release before."""
        folder = self.folder / "long-ago"
        if not folder.exists():
            tree = release.unpack(self.archive, folder).tree
            named(tree, "0.0.")
            max((tree / MIGRATIONS).glob("[0-9]*.py")).unlink()
            sealed(tree)
        (tree,) = folder.iterdir()
        return tree


def named(tree: Path, version: str) -> None:
    """Has the release call itself by a version that begins so."""
    project = tree / "pyproject.toml"
    project.write_text(project.read_text().replace('version = "', f'version = "{version}', 1))


def sealed(tree: Path) -> None:
    """Has the release say that it holds what it does hold."""
    manifest = json.loads((tree / release.MANIFEST).read_text())
    manifest["content"] = Source(tree).content_hash
    (tree / release.MANIFEST).write_text(json.dumps(manifest))
