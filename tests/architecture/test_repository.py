"""What the repository promises about itself."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _tracked(*patterns: str) -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_every_pinned_package_has_its_hashes_and_no_address() -> None:
    files = _tracked("requirements/*.txt")
    assert files
    for file in files:
        text = file.read_text()
        pins = re.findall(r"^[a-z0-9][\w.\[\],-]*==", text, re.MULTILINE)
        assert pins
        assert len(re.findall(r"^[a-z0-9][\w.\[\],-]*==[^\n]* \\\n    --hash=", text, re.MULTILINE)) == len(
            pins
        )
        assert "://" not in text
        assert "index-url" not in text


def test_the_front_ends_lock_file_holds_no_address() -> None:
    lock = json.loads((ROOT / "box/frontend/package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert not name or package["integrity"], name


def test_names_that_are_ours_are_nobody_elses() -> None:
    """The PyPI packages `python-box` and `installer` would import as `box` and `installer`."""
    for file in _tracked("requirements/*.in", "requirements/*.txt"):
        assert not re.search(r"^(python-box|installer)\b", file.read_text(), re.MULTILINE), file


def test_the_installer_begins_with_little_shell() -> None:
    assert len((ROOT / "install.sh").read_text().splitlines()) <= 60


def test_nothing_minified_or_vendored_is_committed() -> None:
    for file in _tracked("*.js", "*.css", "*.html"):
        assert ".min." not in file.name, file
        assert all(len(line) < 1000 for line in file.read_text().splitlines()), file


def test_no_page_names_another_host() -> None:
    """The content security policy would stop it, and nothing phones home."""
    for file in _tracked("box/**/*.html", "box/**/*.js", "box/**/*.css"):
        addresses = re.findall(
            r"""(?:src|href|url|fetch|import)\s*[=(]?\s*["'(]https?://[^"')]+""", file.read_text()
        )
        assert not addresses, (file, addresses)
