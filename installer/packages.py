"""Debian's packages that a box stands on. Works on a bare Python: it runs before anything else is there."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance.files import locked
from appliance.runner import run
from installer.dist_packages import BORROWED

NEEDED = (
    "postgresql-17",
    "haproxy",
    "memcached",
    "pgbackrest",
    "rclone",
    "age",  # a backup set as one file
    "openssh-client",  # a look at the host key of a target
    "libmagic1t64",  # a file's real type
    # Quotes and invoices as PDF.
    "libpango-1.0-0",
    "libpangoft2-1.0-0",
    "libharfbuzz-subset0",
    "fonts-dejavu-core",
    "python3-venv",
    *BORROWED,  # sign-in with a directory's password, and with its tickets
    "openssl",  # for the administrator: requests, a look at certificates
)
OF_CLUSTERS = ("patroni", "python3-etcd", "etcd-server")
"""What a node of a cluster needs beside them; a single box has none of it."""
# Debian starts these on installation and at every boot; the box runs its own, elsewhere.
NOT_DEBIANS_OWN = {
    "haproxy": "haproxy",
    "memcached": "memcached",
    "patroni": "patroni",
    "etcd-server": "etcd",
}
"""The units by their packages."""

LOCK = Path("/run/korobka-packages.lock")
"""Of the machine, whichever box is being installed: apt waits for another by itself, update-rc.d stumbles."""
_UNITS = Path("/etc/systemd/system")
_CLUSTER_DEFAULTS = Path("/etc/postgresql-common/createcluster.conf")
QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}


def missing(names: Sequence[str] = NEEDED) -> tuple[str, ...]:
    """Those that are not installed completely."""
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *names]
    known = subprocess.run(query, capture_output=True, text=True, check=False).stdout.splitlines()
    return tuple(name for name in names if f"{name} installed" not in known)


def command(names: Sequence[str] = NEEDED) -> str:
    """What the administrator types where this installer may not install packages."""
    return f"apt-get install --no-install-recommends {' '.join(missing(names))}"


def are_ready() -> bool:
    return not missing() and not _plainly_starting()


def install(bundle: Path, names: Sequence[str] = NEEDED) -> None:
    """Installs what is missing, and lets no service of Debian's start. Finishes what was interrupted.

    Where a bundle is there, everything comes from it, and no mirror is asked.
    """
    wanted = missing(names)
    if "postgresql-17" in wanted:
        _no_default_cluster()
    for package, unit in NOT_DEBIANS_OWN.items():
        if package in wanted:
            _mask(unit)
    if wanted:
        # An interrupted dpkg refuses all until this is done; one that is still at work is waited for below.
        run(["dpkg", "--configure", "-a"], env=QUIET, check=False)
        with _sources(bundle) as sources:
            apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *sources]
            run([*apt, "update"], env=QUIET, timeout=600)
            run([*apt, "install", "-y", "--no-install-recommends", *wanted], env=QUIET, timeout=1800)
    with locked(LOCK):
        for name in _plainly_starting():
            run([f"/etc/init.d/{name}", "stop"], env=QUIET, check=False)
            run(["update-rc.d", name, "disable"], env=QUIET)


@contextmanager
def _sources(bundle: Path) -> Iterator[list[str]]:
    """Options of apt: with a bundle, that alone, and lists of its own; else none."""
    if not bundle.is_dir():
        yield []
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        (folder / "lists/partial").mkdir(parents=True)
        (folder / "sources.list").write_text(f"deb [trusted=yes] file:{bundle} ./\n")
        yield [
            "-o", f"Dir::Etc::sourcelist={folder}/sources.list", "-o", "Dir::Etc::sourceparts=-",
            "-o", f"Dir::State::lists={folder}/lists", "-o", "APT::Sandbox::User=root",
        ]  # fmt: skip


def release_services() -> None:
    """Gives Debian's services back their units, switched off: the last thing of a box to go."""
    for name in NOT_DEBIANS_OWN.values():
        if _is_masked(name):
            (_UNITS / f"{name}.service").unlink()
            for wish in _UNITS.glob(f"*.target.wants/{name}.service"):
                wish.unlink()


def _no_default_cluster() -> None:
    """Debian creates a PostgreSQL cluster with the package unless it is told not to; the box has its own."""
    text = _CLUSTER_DEFAULTS.read_text() if _CLUSTER_DEFAULTS.exists() else ""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("create_main_cluster")]
    _CLUSTER_DEFAULTS.parent.mkdir(parents=True, exist_ok=True)
    _CLUSTER_DEFAULTS.write_text("\n".join([*lines, "create_main_cluster = false"]) + "\n")


def _mask(name: str) -> None:
    """A masked unit can be neither started nor enabled, whatever a package's script wants or how it ends."""
    _UNITS.mkdir(parents=True, exist_ok=True)
    unit = _UNITS / f"{name}.service"
    if not unit.is_symlink() and not unit.exists():
        unit.symlink_to(os.devnull)


def _is_masked(name: str) -> bool:
    unit = _UNITS / f"{name}.service"
    return unit.is_symlink() and unit.readlink() == Path(os.devnull)


def _plainly_starting() -> list[str]:
    """Which of those that we masked start all the same, by an old script, where there is no systemd."""
    if Path("/run/systemd/system").is_dir():
        return []
    started = {link.name[3:] for link in Path("/etc").glob("rc[2-5].d/S*")}
    return [name for name in NOT_DEBIANS_OWN.values() if name in started and _is_masked(name)]
