"""Trees of releases, as small as the installer can tell them apart."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from appliance.paths import Paths
from installer import release, signing
from installer.release import Source
from installer.schema import LAST_RELEASE

ONE = "feed.0001_initial"
TWO = "feed.0002_kinds"
THREE = "crm.0001_initial"
ARCHIVE = "korobka-2.tar.gz"


def tree(folder: Path, *migrations: str, before: tuple[str, ...] | None = None, breaks: str = "") -> Path:
    """A release with these migrations; `before` are those of the release before it."""
    for name in migrations:
        label, _, stem = name.partition(".")
        room = folder / "box/apps" / label
        (room / "migrations").mkdir(parents=True, exist_ok=True)
        (room / "apps.py").touch()
        text = 'BREAKS_THE_RELEASE_BEFORE = "why"\n' if name == breaks else ""
        (room / f"migrations/{stem}.py").write_text(text)
    if before is not None:
        (folder / LAST_RELEASE).write_text(json.dumps({"version": "1", "migrations": before}))
    return folder


def made(folder: Path, version: str, *migrations: str, before: tuple[str, ...] | None = None) -> Source:
    """The same as an archive has it: with a version, and with what it says of itself."""
    tree(folder, *migrations, before=before)
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    content = Source(folder).content_hash
    said = {"version": version, "released_at": "2026-11-24T10:00:00+00:00", "content": content}
    (folder / release.MANIFEST).write_text(json.dumps(said))
    return Source(folder)


def offer(paths: Paths, folder: Path) -> Path:
    """An archive of a release newer than `made(..., ONE)`, where root puts it, signed with a key
    that the box knows."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (paths.etc / signing.SIGNERS).write_text(signing.lines_of([key.with_name("key.pub")]))
    paths.offered.mkdir(parents=True, exist_ok=True)
    tree = made(folder / "korobka-2", "2", ONE, TWO, before=(ONE,)).tree
    archive = paths.offered / ARCHIVE
    release.write_archive(tree, archive, datetime.now(UTC))
    signing.sign(archive, key)
    return archive
