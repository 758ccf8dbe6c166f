"""The shape of a step, and the machine that steps work on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.files import write_atomically
from appliance.paths import Paths
from installer import release
from installer.options import Options
from installer.progress import Outcome
from installer.release import Source

if TYPE_CHECKING:  # the bare Python of the first stage cannot load these
    from appliance.node import Node
    from appliance.supervise import Supervisor


DUE = "notices-due"
"""A file in the box's etc; it exists while services have yet to take notice of a change."""


class Notice(StrEnum):
    """How a running service learns of a change: it reads its files again, or it must start anew."""

    RELOAD = "reload"
    RESTART = "restart"


@dataclass
class Host:
    """The machine that is being made into a box, and what was asked for."""

    options: Options
    source: Source
    goes_back: bool = False
    """This release ran until an upgrade failed, and takes its place again: the tables are as good as then."""
    outcome: Outcome = field(default_factory=Outcome)
    """Where the step at work may say what it is doing."""
    news: list[str] = field(default_factory=list)
    """What the person must be told at the end."""

    @property
    def paths(self) -> Paths:
        return self.options.paths

    @property
    def release(self) -> Path:
        """The release that is to run; it may not be the running one yet."""
        return release.folder_of(self.source, self.paths)

    @property
    def is_fresh(self) -> bool:
        """No release runs here yet."""
        return not self.paths.current.exists()

    @cached_property
    def node(self) -> Node:
        """The configured box. First asked for when its configuration is complete."""
        from appliance.node import Node

        return Node.load(self.paths)

    @property
    def supervisor(self) -> Supervisor:
        from appliance.supervise import supervisor_for

        return supervisor_for(self.node)

    def start(self, service: str) -> None:
        """Starts a service that other steps need; who has just started knows everything already."""
        stood_still = not any(status.pid for status in self.supervisor.status(service, with_health=False))
        self.outcome.doing("starting")
        self.supervisor.start(service)
        if stood_still:
            self.gave_notice(service)

    @property
    def notices_due(self) -> dict[str, Notice]:
        """Who has yet to take notice of a change, and how; even of an interrupted installation's."""
        lines = self._due.read_text().splitlines() if self._due.exists() else []
        return {name: Notice(notice) for notice, name in (line.split() for line in lines)}

    def owe_notice(self, names: Iterable[str], notice: Notice) -> None:
        """Remembers, before anything changes, which services or instances must take notice of it."""
        due = self.notices_due
        self._write_due(due | {name: notice for name in names if due.get(name) is not Notice.RESTART})

    def gave_notice(self, *names: str) -> None:
        self._write_due({name: notice for name, notice in self.notices_due.items() if name not in names})

    def _write_due(self, due: dict[str, Notice]) -> None:
        if due:
            lines = sorted(f"{notice} {name}\n" for name, notice in due.items())
            write_atomically(self._due, "".join(lines), mode=0o644)
        else:
            self._due.unlink(missing_ok=True)

    @property
    def _due(self) -> Path:
        return self.paths.etc / DUE


@dataclass(frozen=True)
class Step:
    """A pair: `apply` is run where `is_done` says no, and is safe to run again."""

    title: str
    is_done: Callable[[Host], bool]
    apply: Callable[[Host], None]
    needs: str = ""
    """A service without which there is nothing to do: a node of a cluster has those of its roles."""
