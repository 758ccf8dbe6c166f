"""The authority of an external store: a file that is named in box.toml, and a copy of it in the box.

The named one may be moved, and is not there on the machine that the box is brought back onto: the copy lies
among the configuration, and so in every backup.
"""

from __future__ import annotations

from pathlib import Path

from appliance.files import write_atomically
from appliance.node import Node

NAME = "store-ca.crt"


def file_of(node: Node) -> Path | None:
    """Where root finds it: the named one while it is there. None: those of the system are enough."""
    objects = node.box.objects
    if objects.engine != "external" or not objects.ca_file:
        return None
    named = Path(objects.ca_file)
    return named if named.is_file() else _copy(node)


def text_of(node: Node) -> str:
    """Its certificates in PEM; empty where there is none."""
    file = file_of(node)
    return file.read_text(encoding="ascii") if file else ""


def keep(node: Node) -> None:
    """Renew the copy, or take it away where none is named any more."""
    if text := text_of(node):
        write_atomically(_copy(node), text, mode=0o644)
    else:
        _copy(node).unlink(missing_ok=True)


def _copy(node: Node) -> Path:
    return node.paths.tls / NAME
