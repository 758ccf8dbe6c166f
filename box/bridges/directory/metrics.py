"""How the directories are, in figures."""

from __future__ import annotations

from collections import Counter

from django.utils import timezone

from box.bridges.directory.models import Connection
from box.bridges.directory.troubles import ASKING, CONFLICTS, FAILING, LATE, troubles
from box.core.registry.metrics import Metric


def directory_metrics() -> list[Metric]:
    """Of the directories in use: a handful of queries each, however many people."""
    now = timezone.now()
    found = Counter(trouble.kind for trouble in troubles(now))
    read = [
        ({"directory": name}, (now - at).total_seconds())
        for name, at in Connection.objects.on().exclude(cursor=None).values_list("name", "cursor__read_at")
    ]
    return [
        Metric(
            "korobka_directory_troubles",
            "Directories that fail, that ask, that have conflicts to decide, and whose run is late.",
            tuple(({"kind": kind.removeprefix("dir_")}, found[kind]) for kind in KINDS),
        ),
        Metric("korobka_directory_read_age_seconds", "Since a directory was last read.", tuple(read)),
    ]


KINDS = (FAILING, ASKING, CONFLICTS, LATE)
