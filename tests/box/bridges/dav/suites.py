"""The tests that public clients bring along, run as they are against a live box.

They are in the sources that the registry has of a client, which are fetched by its pinned hash and kept
beside the tests' other parts; nothing of them is committed. They run in an environment of their own.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from tests.prefixes import scratch_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[4]
REQUIREMENTS = ROOT / "requirements" / "clients.txt"
LONG = 1800  # seconds until a suite is given up; nothing is asserted about speed


@dataclass(frozen=True)
class Outcome:
    """By the name of a test why it has not passed."""

    count: int
    failed: Mapping[str, str]
    skipped: Mapping[str, str]


def sources(client: str, to: Path) -> Path:
    """A copy of its sources, which may be written into."""
    folder = to / client
    with tarfile.open(_parts() / "sources" / f"{client}.tar.gz") as archive:
        archive.extractall(to, filter="data")
    (unpacked,) = (one for one in to.iterdir() if one.name.startswith(f"{client}-"))
    return unpacked.rename(folder)


def run(folder: Path, tests: Sequence[str], *, env: Mapping[str, str]) -> Outcome:
    """In the folder of a client's sources."""
    report = folder / "report.xml"
    command: list[str | Path] = [
        _parts() / "venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
        "-o", "addopts=", "-o", "asyncio_default_fixture_loop_scope=function", f"--junitxml={report}", *tests,
    ]  # fmt: skip
    # What a developer has set for other servers is not for this one.
    kept = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=folder, env={**kept, **env}, capture_output=True, text=True, timeout=LONG, check=False
    )
    assert done.returncode in {0, 1}, done.stdout[-5000:] + done.stderr[-5000:]
    return _outcome(report)


def _outcome(report: Path) -> Outcome:
    failed: dict[str, str] = {}
    skipped: dict[str, str] = {}
    cases = list(ElementTree.parse(report).iter("testcase"))
    for case in cases:
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        for found in case:
            if found.tag in {"failure", "error"}:
                failed[name] = (found.text or "")[-3000:]
            elif found.tag == "skipped":
                skipped[name] = found.get("message", "")
    return Outcome(len(cases), failed, skipped)


@cache
def _parts() -> Path:
    """The environment and the archives of sources: made once, and again when the requirements change."""
    pinned = REQUIREMENTS.read_text()
    folder = scratch_prefix(f"clients-{hashlib.sha256(pinned.encode()).hexdigest()[:12]}")
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            making = folder.with_name(f"{folder.name}.making")
            shutil.rmtree(making, ignore_errors=True)
            _make(making, pinned)
            making.rename(folder)
    return folder


def _make(folder: Path, pinned: str) -> None:
    (folder / "sources").mkdir(parents=True)
    uv, python = Path(sys.executable).with_name("uv"), folder / "venv/bin/python"
    _run(uv, "venv", "--python", sys.executable, "--relocatable", folder / "venv")
    _run(uv, "pip", "sync", "--require-hashes", "--python", python, REQUIREMENTS)
    for client in ("caldav", "vdirsyncer"):
        listed = folder / "sources" / f"{client}.txt"
        found = re.search(rf"^{client}==.*(?:\n .*)+", pinned, re.MULTILINE)
        assert found is not None, f"{REQUIREMENTS} pins no {client}: run `make requirements`."
        listed.write_text(f"{found[0]}\n")
        _run(
            python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes",
            "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", listed.parent,
            "-r", listed,
        )  # fmt: skip
        (archive,) = listed.parent.glob(f"{client}-*.tar.gz")
        archive.rename(listed.with_name(f"{client}.tar.gz"))


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
