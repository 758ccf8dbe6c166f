"""Debian's packages beside a release, for machines that reach no mirror: gathered while packing.

They are all that a box stands on, with what those need, as if nothing were installed: apt on the box takes
what is missing. Debian's own signatures were checked when they were fetched; from then on the archive's
signature, and the sums in the index, stand for them.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from appliance.runner import run
from installer import packages

INDEX = "Packages"
_FIELDS = (
    "Package", "Version", "Architecture", "Multi-Arch", "Essential", "Priority", "Section", "Pre-Depends",
    "Depends", "Conflicts", "Breaks", "Replaces", "Provides", "Installed-Size", "Maintainer", "Description",
)  # fmt: skip


def gather(folder: Path) -> None:
    """Fetches into `folder` from the mirrors that this machine knows, and writes the index."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        state = Path(scratch)
        for name in ("lists/partial", "archives/partial"):
            (state / name).mkdir(parents=True)
        (state / "status").touch()
        apt = [
            "apt-get", "-q", "-o", f"Dir::State={state}", "-o", f"Dir::State::status={state}/status",
            "-o", f"Dir::Cache={state}", "-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User=root",
        ]  # fmt: skip
        run([*apt, "update"], env=packages.QUIET, timeout=600)
        wanted = ["python3", *packages.NEEDED, *packages.OF_CLUSTERS]
        run(
            [*apt, "install", "-y", "--no-install-recommends", "--download-only", *wanted],
            env=packages.QUIET,
            timeout=1800,
        )
        for package in sorted((state / "archives").glob("*.deb")):
            # apt writes the colon of an epoch as %3a, which it would read back as a colon.
            package.rename(folder / package.name.replace("%3a", "_"))
    index(folder)


def index(folder: Path) -> None:
    """Writes what apt wants to know of a folder of packages ("Packages" of Debian's repository format)."""
    entries = []
    for package in sorted(folder.glob("*.deb")):
        fields = run(["dpkg-deb", "--field", package, *_FIELDS]).stdout.strip()
        digest = hashlib.sha256(package.read_bytes()).hexdigest()
        entries.append(
            f"{fields}\nFilename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"
        )
    (folder / INDEX).write_text("\n".join(entries), encoding="utf-8")
