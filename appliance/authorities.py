"""Authorities that box.toml names by a file, such as a store's or a PBX's, and copies of them in the box.

The named file may be moved, and is not there on the machine that the box is brought back onto: the copy lies
among the configuration, and so in every backup.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from appliance.certificates import certificate_pem
from appliance.config import ConfigError, Problem
from appliance.files import write_atomically
from appliance.node import Node

MOST_BYTES = 1 << 20
"""Of the certificates of one authority; all that Debian trusts are a quarter of that."""


def certificates_in(text: bytes) -> str:
    """The certificates in a PEM, written anew: what else stands there, such as a key, stays there.

    Raises `ValueError` where there are none, or far too many.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"It is longer than {MOST_BYTES} bytes.")
    return "".join(certificate_pem(one).decode("ascii") for one in x509.load_pem_x509_certificates(text))


def certificates_of(file: Path) -> str:
    """The same of a file, whoever has named it; raises `OSError` too."""
    if not file.is_file():
        raise FileNotFoundError(f"{file} is no file.")
    with file.open("rb") as opened:
        return certificates_in(opened.read(MOST_BYTES + 1))


@dataclass(frozen=True)
class NamedAuthority:
    """Trusted in place of the system's authorities, for one thing."""

    name: str
    """Of the copy."""
    key: str
    """Of box.toml."""
    named: Callable[[Node], str]
    """The path that box.toml gives; empty: the system's authorities are enough."""

    def file_of(self, node: Node) -> Path | None:
        """Where root finds it: the named one while it is there."""
        if not (named := self.named(node)):
            return None
        return Path(named) if Path(named).is_file() else self._copy(node)

    def text_of(self, node: Node) -> str:
        """Its certificates in PEM; empty where there is none.

        Services read it, and root reads whatever is named: so nothing but certificates is in it. Raises
        `ConfigError` where the file has none.
        """
        if not (file := self.file_of(node)):
            return ""
        try:
            return certificates_of(file)
        except (OSError, ValueError):
            cure = f"name the authority's PEM with `boxctl config set {self.key} FILE`"
            words = f"{self.key} names {self.named(node)}, and {file} holds no certificate: {cure}."
            raise ConfigError(str(node.paths.box_toml), (Problem(self.key, None, words),)) from None

    def keep(self, node: Node) -> None:
        """Renew the copy, or take it away where none is named any more."""
        if text := self.text_of(node):
            write_atomically(self._copy(node), text, mode=0o644)
        else:
            self._copy(node).unlink(missing_ok=True)

    def _copy(self, node: Node) -> Path:
        return node.paths.tls / self.name
