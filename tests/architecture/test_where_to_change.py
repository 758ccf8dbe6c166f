"""docs/dev/where-to-change.md names files that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/dev/where-to-change.md"
ROOMS = [file.parent.relative_to(ROOT) for file in sorted((ROOT / "box").glob("*/*/apps.py"))]


def _named() -> list[str]:
    """What the first column of its tables names."""
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return sorted({name for row in rows for name in re.findall(r"`([^`]+)`", row)})


def test_it_tells_of_thirteen_changes() -> None:
    assert len(re.findall(r"^## ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)) == 13


@pytest.mark.parametrize("name", _named())
def test_what_it_names_is_there(name: str) -> None:
    """A file of a room where at least one room has it."""
    places = [name.replace("ROOM", str(room)) for room in ROOMS] if "ROOM" in name else [name]
    assert any((ROOT / place).exists() for place in places), name
