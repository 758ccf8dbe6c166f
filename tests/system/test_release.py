"""Releases as they are handed out: whoever builds one of a commit, and wherever, builds the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .machines import CHECKOUT


def _built(commit: str, checkout: Path, *, umask: int, **environment: str) -> Path:
    """The archive of this commit, as somebody builds it in a checkout of their own."""
    subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(checkout)], check=True, umask=umask)
    subprocess.run(
        ["git", "-C", str(checkout), "checkout", "-q", "--detach", commit], check=True, umask=umask
    )
    python, output = str(CHECKOUT / ".venv/bin/python"), checkout.with_name(f"{checkout.name}-built")
    subprocess.run(
        [python, "-m", "installer", "release", "--output", str(output)],
        cwd=checkout, env=os.environ | environment, check=True, umask=umask,
    )  # fmt: skip
    (archive,) = output.glob("*.tar.gz")
    return archive


def test_two_builds_of_a_commit_are_equal_byte_by_byte(tmp_path: Path, figure: Callable[[str], None]) -> None:
    head = ["git", "-C", str(CHECKOUT), "rev-parse", "HEAD"]
    commit = subprocess.run(head, capture_output=True, text=True, check=True).stdout.strip()
    with ThreadPoolExecutor() as side_by_side:
        one = side_by_side.submit(_built, commit, tmp_path / "one", umask=0o022, TZ="UTC", PYTHONHASHSEED="1")
        deeper = tmp_path / "some/where/deeper/another"
        another = side_by_side.submit(_built, commit, deeper, umask=0o077, TZ="Asia/Omsk", PYTHONHASHSEED="2")
    digests = {hashlib.sha256(build.result().read_bytes()).hexdigest() for build in (one, another)}
    figure(f"two builds of {commit[:12]}: {' and '.join(sorted(digests))}")
    assert len(digests) == 1
