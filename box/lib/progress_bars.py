"""How far a long command is: bars in a terminal; in a file or a pipe a line for each thing that begins."""

from __future__ import annotations

import sys
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Bars:
    """Each has a key, and is there from its first `show` on. Standard output is left to the command."""

    def __init__(self) -> None:
        console = Console(file=sys.stderr)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._is_drawn = console.is_terminal
        self._progress = Progress(*columns, console=console, transient=True, disable=not self._is_drawn)
        self._tasks: dict[str, TaskID] = {}
        self._texts: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def show(self, key: str, text: str = "", *, done: int | None = None, total: int | None = None) -> None:
        """An empty text leaves what is said, and None what is counted."""
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(text, total=total)
        self._progress.update(self._tasks[key], description=text or None, completed=done, total=total)
        if text and not self._is_drawn and self._texts.get(key) != text:
            sys.stderr.write(f"{text}\n")
            self._texts[key] = text
