"""Authorities that box.toml names by a file, such as a store's or a PBX's, and copies of them in the box.

The named file may be moved, and is not there on the machine that the box is brought back onto: the copy lies
among the configuration, and so in every backup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.files import write_atomically
from appliance.node import Node


@dataclass(frozen=True)
class NamedAuthority:
    """Trusted in place of the system's authorities, for one thing."""

    name: str
    """Of the copy."""
    named: Callable[[Node], str]
    """The path that box.toml gives; empty: the system's authorities are enough."""

    def file_of(self, node: Node) -> Path | None:
        """Where root finds it: the named one while it is there."""
        if not (named := self.named(node)):
            return None
        return Path(named) if Path(named).is_file() else self._copy(node)

    def text_of(self, node: Node) -> str:
        """Its certificates in PEM; empty where there is none."""
        file = self.file_of(node)
        return file.read_text(encoding="ascii") if file else ""

    def keep(self, node: Node) -> None:
        """Renew the copy, or take it away where none is named any more."""
        if text := self.text_of(node):
            write_atomically(self._copy(node), text, mode=0o644)
        else:
            self._copy(node).unlink(missing_ok=True)

    def _copy(self, node: Node) -> Path:
        return node.paths.tls / self.name
