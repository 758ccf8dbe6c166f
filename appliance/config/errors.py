"""What is wrong with a configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the key, the line it stands on (None: it is missing or is not in the file)."""

    key: str
    line: int | None
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


class ConfigError(Exception):
    """The configuration is refused; what runs keeps running. Carries every problem, not only the first."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        self.file = file
        self.problems = problems
        super().__init__("\n".join(f"{file}, {problem}" for problem in problems))


class RootOnly(Exception):
    """The console asked for a key that only root may change."""
