"""Tells the person at the terminal how far the work is: a line a step, live where that can be shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from appliance.quoting import on_terminal

if TYPE_CHECKING:
    from rich.console import Console

NOTHING_TO_DO = "nothing to do"


class Progress(Protocol):
    """Steps are counted over the whole installation, which may have begun in another process."""

    def say(self, text: str) -> None:
        """A line of its own."""

    @contextmanager
    def step(self, number: int, total: int, title: str) -> Iterator[Outcome]:
        """Surrounds one step; what the step says of itself goes to the outcome."""


class Outcome:
    """How a step ended, and what it is doing on its way there."""

    def __init__(self, show: object = None) -> None:
        self.text = "done"
        self._show = show

    def doing(self, what: str) -> None:
        if callable(self._show):
            self._show(what)


class PlainProgress:
    """For logs, pipes, and for the time before Rich is installed."""

    def say(self, text: str) -> None:
        print(on_terminal(text), flush=True)  # noqa: T201 - this is what the class is for

    @contextmanager
    def step(self, number: int, total: int, title: str) -> Iterator[Outcome]:
        begun = time.monotonic()
        outcome = Outcome(lambda what: self.say(f"         {what}"))
        try:
            yield outcome
        except BaseException:
            self.say(f"[{number:2}/{total}] {title}: failed")
            raise
        self.say(f"[{number:2}/{total}] {title}: {outcome.text}{_seconds(begun)}")


class RichProgress:
    """A live line for the step at work, and a lasting one for each that is over."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        self._console.print(on_terminal(text), markup=False, highlight=False)

    @contextmanager
    def step(self, number: int, total: int, title: str) -> Iterator[Outcome]:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        begun = time.monotonic()
        columns = (
            SpinnerColumn(), BarColumn(bar_width=20), TextColumn(f"{number}/{total}"), TimeElapsedColumn(),
            TextColumn("{task.description}"),
        )  # fmt: skip
        with Progress(*columns, console=self._console, transient=True) as progress:
            line = progress.add_task(title, total=total, completed=number - 1)
            outcome = Outcome(lambda what: progress.update(line, description=f"{title}: {what}"))
            try:
                yield outcome
            except BaseException:
                self._console.print(f"[red]✗[/] {title}: failed")
                raise
        mark = "[dim]·[/]" if outcome.text == NOTHING_TO_DO else "[green]✓[/]"
        self._console.print(f"{mark} {title}: {outcome.text}{_seconds(begun)}", highlight=False)


def progress_for_terminal() -> Progress:
    """Rich where there is a terminal and Rich is installed, else plain lines."""
    if sys.stdout.isatty():
        try:
            from rich.console import Console
        except ImportError:
            return PlainProgress()
        return RichProgress(Console())
    return PlainProgress()


def _seconds(begun: float) -> str:
    spent = time.monotonic() - begun
    return f" ({spent:.1f} s)" if spent >= 0.5 else ""
