"""The image of a release, as its tests build and start it."""

from __future__ import annotations

import os
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from installer.image import build, formats
from tests import require

from . import machines
from .poster import Site
from .virtual import VirtualMachine

CAPACITY = formats.CAPACITY + (8 << 30)
ADDRESS = "10.0.2.15"
"""What QEMU's own DHCP gives to the only machine of its network."""
ADMINISTRATOR = "admin@korobka.internal"
BUILDER = "the-machine-that-builds-it"


@dataclass(frozen=True)
class Forwarded(Site):
    """A portal whose port is another one of this host."""

    here: int

    def connect(self, *, source: str | None = None, preface: bytes = b"") -> socket.socket:
        there = Site(self.hostname, self.here, self.address, self.ca_file)
        return there.connect(source=source, preface=preface)


def image_of(archive: Path) -> Path:
    """The raw disk, with the other files beside it; made once for each content."""
    require.programs(*build.PROGRAMS, cure=f"apt-get install {' '.join(build.PROGRAMS.values())}")
    folder = machines.BUILD.parent / "images" / archive.parent.name
    disk = folder / "korobka.raw"
    if not disk.with_suffix(".ova").exists():
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(_build, archive, disk).result()
    return disk


def root_password(machine: VirtualMachine) -> str:
    """Said when it starts for the first time; it is good once."""
    return machine.wait_for(r"root, password ([a-z0-9-]+);")[1]


def administrator_password(machine: VirtualMachine) -> str:
    """Said as soon as it is a box."""
    machine.wait_for(rf"The portal: +https://{ADDRESS}/\s")
    return machine.wait_for(r"Password: +([a-z0-9-]+) ")[1]


def portal_of(machine: VirtualMachine) -> Forwarded:
    """The portal of a machine on whose console root is logged in."""
    authority = machine.ask("cat /etc/korobka/tls/ca.crt")
    ca_file = machine.folder / "ca.crt"
    (certificate,) = re.findall("-----BEGIN CERT.*END CERTIFICATE-----", authority, re.S)
    ca_file.write_text(certificate + "\n")
    return Forwarded(ADDRESS, 443, "127.0.0.1", ca_file, machine.port)


def _build(archive: Path, disk: Path) -> None:
    """On a machine whose name stands nowhere by chance: a thread has a host name of its own."""
    os.unshare(os.CLONE_NEWUTS)
    socket.sethostname(BUILDER)
    build.build(archive, disk, print)
    formats.write_all(disk, print)
