"""Trees of releases, as small as the installer can tell them apart."""

from __future__ import annotations

import json
from pathlib import Path

from installer import release
from installer.release import Source
from installer.schema import LAST_RELEASE

ONE = "feed.0001_initial"
TWO = "feed.0002_kinds"
THREE = "crm.0001_initial"


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
