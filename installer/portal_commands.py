"""`manage.py` of a release, as the portal's user."""

from __future__ import annotations

from pathlib import Path

from appliance.node import Node
from appliance.runner import Completed
from backup import portal


def manage(
    node: Node,
    release: Path,
    *words: str,
    stdin: str | None = None,
    is_owner: bool = False,
    check: bool = True,
) -> Completed:
    """Runs a command of `release`, however long it takes; `is_owner`: as the owner of the tables, who may
    change them."""
    return portal.manage(
        node, *words, release=release, as_owner=is_owner, check=check, stdin=stdin, timeout=None
    )
