"""Releases as they are handed out: whoever builds one of a commit, and wherever, builds the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from .machines import CHECKOUT


def _built(commit: str, checkout: Path, **environment: str) -> Path:
    """The archive of this commit, as somebody builds it in a checkout of their own."""
    subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(checkout)], check=True)
    subprocess.run(["git", "-C", str(checkout), "checkout", "-q", "--detach", commit], check=True)
    python, output = str(CHECKOUT / ".venv/bin/python"), checkout.with_name(f"{checkout.name}-built")
    subprocess.run(
        [python, "-m", "installer", "release", "--output", str(output)],
        cwd=checkout, env=os.environ | environment, check=True,
    )  # fmt: skip
    (archive,) = output.glob("*.tar.gz")
    return archive


def test_two_builds_of_a_commit_are_equal_byte_by_byte(tmp_path: Path, figure: Callable[[str], None]) -> None:
    head = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    before = os.umask(0o022)
    try:
        one = _built(commit, tmp_path / "one", TZ="UTC", PYTHONHASHSEED="1")
        os.umask(0o077)
        another = _built(commit, tmp_path / "some/where/deeper/another", TZ="Asia/Omsk", PYTHONHASHSEED="2")
    finally:
        os.umask(before)
    digests = {hashlib.sha256(archive.read_bytes()).hexdigest() for archive in (one, another)}
    figure(f"two builds of {commit[:12]}: {' and '.join(sorted(digests))}")
    assert len(digests) == 1
