"""The configuration that is in force: box.toml as it was when it was last applied.

While somebody edits box.toml, or has made a mistake in it, the box runs on, and can be seen and restarted.
"""

from __future__ import annotations

from pathlib import Path

from appliance import config
from appliance.files import write_atomically
from appliance.node import Node
from appliance.paths import Paths


def file_of(paths: Paths) -> Path:
    return paths.operations / "applied.toml"


def load_node(paths: Paths) -> Node:
    """This machine by box.toml or, when that is wrong, by the configuration in force."""
    try:
        return Node.load(paths)
    except config.ConfigError:
        in_force = previous(paths)
        if in_force is None:
            raise
        return in_force


def previous(paths: Paths) -> Node | None:
    """This machine by the configuration in force; None when none was ever remembered."""
    file = file_of(paths)
    if not file.exists():
        return None
    box = config.parse(file.read_text(encoding="utf-8"), str(file))
    return Node.of(paths, box)


def in_force(paths: Paths) -> Node:
    """This machine by the configuration in force, for what the box does by itself: somebody may be in the
    middle of editing another one."""
    return previous(paths) or load_node(paths)


def remember(paths: Paths) -> None:
    """box.toml, as it is now, is in force."""
    write_atomically(file_of(paths), read_box_toml(paths), mode=0o600)


def write_box_toml(paths: Paths, text: str) -> None:
    """Replace box.toml, with the mode that somebody gave it."""
    mode = paths.box_toml.stat().st_mode & 0o777 if paths.box_toml.exists() else 0o644
    write_atomically(paths.box_toml, text, mode=mode)


def read_box_toml(paths: Paths) -> str:
    """The text of box.toml; a missing file is an empty one."""
    return paths.box_toml.read_text(encoding="utf-8") if paths.box_toml.exists() else ""
