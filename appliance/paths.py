"""Where everything of a box lies. All of it moves together under one prefix."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The folders of the box under `prefix` (`/` unless it is a scratch box)."""

    prefix: Path = Path("/")

    @classmethod
    def from_environment(cls) -> Paths:
        """The box that this program belongs to, named by KOROBKA_PREFIX."""
        return cls(Path(os.environ.get("KOROBKA_PREFIX", "/")))

    @property
    def etc(self) -> Path:
        return self.prefix / "etc/korobka"

    @property
    def releases(self) -> Path:
        return self.prefix / "opt/korobka/releases"

    @property
    def current(self) -> Path:
        """The link to the release that runs."""
        return self.prefix / "opt/korobka/current"

    @property
    def data(self) -> Path:
        return self.prefix / "var/lib/korobka"

    @property
    def log(self) -> Path:
        return self.prefix / "var/log/korobka"

    @property
    def run(self) -> Path:
        return self.prefix / "run/korobka"

    @property
    def boxctl(self) -> Path:
        return self.prefix / "usr/local/bin/boxctl"

    @property
    def box_toml(self) -> Path:
        return self.etc / "box.toml"

    @property
    def secrets_toml(self) -> Path:
        return self.etc / "secrets.toml"

    @property
    def tls(self) -> Path:
        """ca.crt and ca.key of the box's own authority; portal.pem (certificate, chain, key) to serve."""
        return self.etc / "tls"

    @property
    def backup(self) -> Path:
        """What the engines of the backup are told. There once backups are set up; never edited by hand."""
        return self.etc / "backup"

    @property
    def generated(self) -> Path:
        """One folder a service with the files written for it; never edited by hand."""
        return self.etc / "generated"

    @property
    def offered(self) -> Path:
        """Archives of releases that root has put there, for the console to upgrade to."""
        return self.data / "releases"

    @property
    def operations(self) -> Path:
        """Journals of long operations."""
        return self.data / "operations"
