"""What each test reaches, kept between runs: to learn it takes as long as all tests of a room."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Reach:
    """Which lines a test reaches, by file, and what it costs in seconds."""

    lines: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    cpu: float = 0
    wall: float = 0
    trouble: str = ""
    """Why it fails without any mutant."""

    @property
    def passes(self) -> bool:
        return not self.trouble

    def dump(self) -> dict[str, object]:
        lines = {path: sorted(numbers) for path, numbers in self.lines.items()}
        return {"lines": lines, "cpu": self.cpu, "wall": self.wall, "trouble": self.trouble}

    @classmethod
    def load(cls, stored: Mapping[str, Any]) -> Reach:
        lines = defaultdict(set, {path: set(numbers) for path, numbers in stored["lines"].items()})
        return cls(**{**stored, "lines": lines})


class Memory:
    """Of earlier runs, as long as nothing has changed of the code, what tests share, and the test's file.

    `paths`: the files whose lines are watched.
    """

    def __init__(self, file: Path, root: Path, paths: Iterable[str]) -> None:
        self._file, self._root = file, root
        self._ground = _digest(_ground(root), repr(sorted(paths)))
        self._files: dict[Path, str] = {}
        try:
            self._stored: dict[str, dict[str, object]] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._stored = {}

    def reach(self, item: pytest.Item) -> Reach | None:
        stored = self._stored.get(f"{self._state(item)} {item.nodeid}")
        return Reach.load(stored) if stored else None

    def keep(self, found: Mapping[pytest.Item, Reach]) -> None:
        """A test that failed is asked again."""
        passing = {item: reach for item, reach in found.items() if reach.passes}
        self._stored |= {f"{self._state(item)} {item.nodeid}": one.dump() for item, one in passing.items()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._stored), encoding="utf-8")

    def _state(self, item: pytest.Item) -> str:
        if item.path not in self._files:
            self._files[item.path] = _digest([item.path], self._ground)
        return self._files[item.path]


UNASKED = {".toml", ".md", ".css", ".js", ".svg", ".png"}
"""Endings of files that no test of a rule runs through."""


def _ground(root: Path) -> list[Path]:
    """All that is no file of tests: code, pages, texts, and what tests share."""
    folders = (root / name for name in ("box", "appliance", "backup", "installer", "tests"))
    found = (path for folder in folders for path in folder.glob("**/*.*") if path.is_file())
    ours = (path for path in found if not {"__pycache__", "node_modules", "dist", "mutants"} & {*path.parts})
    return sorted(path for path in ours if not path.name.startswith("test_") and path.suffix not in UNASKED)


def _digest(paths: Iterable[Path], more: str) -> str:
    found = sha256(more.encode())
    for path in paths:
        found.update(f"\0{path}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]
