"""What became of mutants in earlier runs, in a file: a run goes on where another one ended."""

from __future__ import annotations

import json
from pathlib import Path

from tests.mutants.operators import Mutant
from tests.mutants.trial import Fate


class Results:
    """A line of JSON for each fate, of which the last one holds; in memory alone where there is no file."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._fates: dict[tuple[str, ...], Fate] = {}
        if file and file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                *key, fate = json.loads(line)
                self._fates[tuple(key)] = Fate(fate)

    def add(self, mutant: Mutant, fate: Fate) -> None:
        self._fates[mutant.key] = fate
        if self._file:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps([*mutant.key, fate], ensure_ascii=False) + "\n")

    def fate(self, mutant: Mutant) -> Fate | None:
        return self._fates.get(mutant.key)

    def is_caught(self, mutant: Mutant) -> bool:
        fate = self.fate(mutant)
        return fate is not None and fate.is_caught
