"""The areas of the repository, and what has passed in which state of theirs: decision 0100."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[1]
MAP = ROOT / "tests/areas.toml"
STAMPS = ROOT / "tests/stamps"
ALWAYS, SHARED = "always", "shared"


@dataclass(frozen=True)
class Area:
    name: str
    files: tuple[str, ...]
    """Paths of files and, ending in a slash, of folders; `*` stands for anything."""
    tests: tuple[str, ...] = ()
    """What runs when the area has changed, beside what always runs."""
    alone: tuple[str, ...] = ()
    """Of its tests those that measure pauses: nothing runs beside them."""
    before_release: tuple[str, ...] = ()
    """Of its tests those that take too long for any but a thorough run."""
    journey: str = ""
    """The browser's story that always runs."""


@dataclass(frozen=True)
class Stamp:
    """Says that an area has passed whole."""

    content: str
    """A digest of what the area depended on."""
    seed: int
    minutes: float
    """Of one worker."""
    was_thorough: bool
    """In both languages, at every stage."""

    @classmethod
    def of(cls, area: str) -> Self | None:
        file = STAMPS / f"{area}.json"
        return cls(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else None

    def save(self, area: str) -> None:
        STAMPS.mkdir(exist_ok=True)
        (STAMPS / f"{area}.json").write_text(f"{json.dumps(asdict(self), indent=1)}\n", encoding="utf-8")


@dataclass(frozen=True)
class Areas:
    always: Area
    machines: tuple[str, ...]
    """What always runs in fresh Debian roots."""
    shared: Area
    areas: Mapping[str, Area]

    @classmethod
    def load(cls, text: str | None = None) -> Self:
        read = tomllib.loads(MAP.read_text(encoding="utf-8") if text is None else text)
        machines = tuple(read[ALWAYS].pop("machines"))

        def area(name: str, values: Mapping[str, list[str] | str]) -> Area:
            return Area(name, **{k: v if isinstance(v, str) else tuple(v) for k, v in values.items()})  # type: ignore[arg-type]

        return cls(
            area(ALWAYS, read[ALWAYS]),
            machines,
            area(SHARED, read[SHARED]),
            {name: area(name, values) for name, values in read["areas"].items()},
        )

    @cached_property
    def _patterns(self) -> list[tuple[str, str]]:
        """Of all areas, the longest first: the nearest decides."""
        every = (self.always, self.shared, *self.areas.values())
        found = [(pattern, area.name) for area in every for pattern in area.files]
        return sorted(found, key=lambda one: -len(one[0]))

    def home_of(self, path: str) -> str | None:
        """The area that a file belongs to."""
        for pattern, name in self._patterns:
            if fnmatchcase(path, f"{pattern}*" if pattern.endswith("/") else pattern):
                return name
        return None

    def digest(self, area: str, files: Iterable[str]) -> str:
        """Of the contents of what the area depends on."""
        homes = {area, SHARED}
        state = hashlib.sha256()
        for path in sorted(files):
            # A pass of what always runs is one of everything, but for the passes themselves.
            if self.home_of(path) in homes or (area == ALWAYS and not path.startswith("tests/stamps/")):
                state.update(f"{path}\0".encode() + hashlib.sha256((ROOT / path).read_bytes()).digest())
        return state.hexdigest()[:20]

    def changed(self, files: Iterable[str]) -> list[Area]:
        """The areas that have not passed in this state."""
        files = list(files)
        return [
            area
            for area in self.areas.values()
            if (stamp := Stamp.of(area.name)) is None or stamp.content != self.digest(area.name, files)
        ]


def files_here() -> list[str]:
    """The repository's files as they are in the work tree, new ones among them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
