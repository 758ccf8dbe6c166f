"""What tables a release needs, and beside which it can work: read from its tree, on a bare Python.

A release needs its migrations. Its tables may have more than that, for a while: during an upgrade, and after
going back, an older release works on the tables of a newer one. That says how old it may be: it
must know all migrations of the release before (`box/last_release.json`), and every one that breaks whoever
does not know it. `tests.architecture.migrations` holds new migrations to that promise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.paths import Paths

LAST_RELEASE = "box/last_release.json"
BREAKS = re.compile(r"^BREAKS_THE_RELEASE_BEFORE\b", re.MULTILINE)
"""A line of a migration's module: it takes something away, and is not hidden by any care."""

LABEL = re.compile(r"^    label = \"(\w+)\"", re.MULTILINE)
"""Where a room has moved, its migrations keep their name."""


class SchemaRefused(Exception):
    """The tables are of a release that this one can't work beside."""


@dataclass(frozen=True)
class Schema:
    """Migrations by name, `feed.0001_initial`."""

    migrations: frozenset[str]
    beside: frozenset[str]
    """What a release must know to work on these tables."""

    @classmethod
    def of(cls, tree: Path) -> Schema:
        """The schema of a release's tree, or of a checkout's."""
        # Rooms lie at two depths; what npm has fetched into the front end is not walked through.
        folders = (folder for depth in ("*", "*/*") for folder in (tree / "box").glob(f"{depth}/migrations"))
        found = dict(_migrations(folders))
        file = tree / LAST_RELEASE
        before = json.loads(file.read_text(encoding="utf-8"))["migrations"] if file.exists() else found
        breaking = (name for name, path in found.items() if BREAKS.search(path.read_text(encoding="utf-8")))
        return cls(frozenset(found), frozenset(before) | frozenset(breaking))

    def carries(self, older: Schema) -> bool:
        """Whether `older` can work on these tables."""
        return self.beside <= older.migrations


def of_packages(release: Path) -> frozenset[str]:
    """The migrations that a built release's packages bring: Django's own."""
    folders = (release / "venv/lib").glob("python3*/site-packages/django/contrib/*/migrations")
    return frozenset(name for name, _ in _migrations(folders))


def unknown(applied: Iterable[str], release: Path, others: Iterable[Path]) -> frozenset[str]:
    """Which of the tables' migrations `release` doesn't know and can't work beside: empty where it may run.

    `others` are the releases of the box; one has made these tables, and says who can work beside them.
    """
    own = Schema.of(release)
    newer = frozenset(applied) - own.migrations - of_packages(release)
    if not newer:
        return newer
    makers = (Schema.of(other) for other in others if other != release)
    return frozenset() if any(newer <= one.migrations and one.carries(own) for one in makers) else newer


def going_back(source: Path, paths: Paths) -> str:
    """Why the running release's tables are not for the release in `source`; nothing where they are."""
    if not paths.current.exists():
        return ""
    running, wanted = Schema.of(paths.current.resolve()), Schema.of(source)
    newer = running.migrations - wanted.migrations
    return refusal(newer) if newer and not running.carries(wanted) else ""


def refusal(newer: frozenset[str]) -> str:
    more = f" and {len(newer) - 1} more" if len(newer) > 1 else ""
    return f"The tables are of a newer release: this one does not know {min(newer)}{more}."


CURE = (
    "Use the newer release's install.sh; or go back with the data, to a backup from before the upgrade: "
    "uninstall with --purge, then this install.sh with --restore (docs/admin/upgrade.md, Going back)."
)


def _migrations(folders: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        apps = folder.parent / "apps.py"
        # Without it: what a checkout keeps of a room that is gone.
        if not apps.exists():
            continue
        given = LABEL.search(apps.read_text(encoding="utf-8"))
        label = given[1] if given else folder.parent.name
        for file in folder.glob("[0-9]*.py"):
            yield f"{label}.{file.stem}", file
