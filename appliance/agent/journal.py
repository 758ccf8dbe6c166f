"""The journal of one long operation: a file of JSON lines, each synced before what follows from it is done.

The process that performs the operation holds a lock on its journal for as long as it lives. So whether an
unfinished operation still runs is known without process ids, which are reused, and without anybody's memory:
the agent may die, the machine may lose power, and the next agent sees from the files what is left to finish.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Self

from appliance.agent.answers import Measure, OperationState, Progress
from appliance.agent.codec import decode, encode

type Entry = dict[str, Any]

# More than what is told at an end.
_TAIL = 1 << 16
# Whoever cancels has seen it running, and may come too late all the same.
_BEHIND_AN_END = frozenset({"cancel"})


class Unknown(Exception):
    """There is no such operation."""


def progress_of(entry: Entry) -> Progress:
    """What an entry of progress says."""
    measure = decode(Measure, entry["measure"], place="measure") if entry.get("measure") else None
    return Progress(entry["text"], entry["done"], entry["total"], measure)


def _latest(entries: list[Entry], name: str) -> Entry | None:
    return next((item for item in reversed(entries) if item["entry"] == name), None)


@dataclass(frozen=True)
class Journal:
    """One operation's file. Reading it needs no lock."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.stem

    @classmethod
    def begin(cls, folder: Path, kind: str, arguments: dict[str, Any], *, by: str) -> Self:
        """Write down what is going to be done, before anything is done."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        now = datetime.now(UTC)
        # Sorted by name is sorted by time.
        path = folder / f"{now:%Y%m%dT%H%M%S%f}-{kind}-{secrets.token_hex(3)}.jsonl"
        # Under its name only with its first line in it: whoever finds a journal can read what it is about.
        new = path.with_suffix(".new")
        new.touch(mode=0o600, exist_ok=False)
        cls(new).append("begin", kind=kind, arguments=arguments, by=by)
        new.rename(path)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return cls(path)

    @classmethod
    def find(cls, folder: Path, identifier: str) -> Self:
        """The journal with this id. The id comes from outside, so it is looked for, not made into a path."""
        for journal in cls.all(folder):
            if journal.id == identifier:
                return journal
        raise Unknown(f"There is no operation {identifier!r}: `boxctl status` names the latest ones.")

    @classmethod
    def all(cls, folder: Path) -> list[Self]:
        """Every journal of the folder, the newest first."""
        return [cls(path) for path in sorted(folder.glob("*.jsonl"), reverse=True)]

    def append(self, entry: str, **data: Any) -> None:
        """Add one line and wait until it is on the disk."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "entry": entry, **data}, ensure_ascii=False)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            # A line torn by a power cut has no end; this one must not be glued to it.
            torn = os.fstat(descriptor).st_size > 0 and not self._ends_whole()
            os.write(descriptor, f"{'\n' if torn else ''}{line}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> list[Entry]:
        """The whole lines in order. A torn one announced something that was not begun: it is left out."""
        found: list[Entry] = []
        for line in self.path.read_bytes().split(b"\n"):
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return found

    def is_over(self) -> bool:
        """Whether it has its end, by its last lines alone: of all journals that is asked often."""
        with self.path.open("rb") as file:
            begin = max(0, file.seek(0, os.SEEK_END) - _TAIL)
            file.seek(begin)
            lines = file.read().split(b"\n")
        # What the tail begins with may be half a line; a torn one is left out, as in `entries`.
        for line in reversed(lines[1:] if begin else lines):
            with contextlib.suppress(ValueError):
                if (entry := json.loads(line)["entry"]) not in _BEHIND_AN_END:
                    return bool(entry == "end")
        return self.noted("end") is not None

    @property
    def named_kind(self) -> str:
        """What its name says of its kind: of all journals that can be asked often."""
        return self.id.partition("-")[2].rpartition("-")[0]

    @property
    def kind(self) -> str:
        return str(self.entries()[0]["kind"])

    @property
    def arguments(self) -> dict[str, Any]:
        """What was asked for."""
        return dict(self.entries()[0]["arguments"])

    @property
    def attempts(self) -> int:
        """How many processes have begun to perform it; more than one means that it was interrupted."""
        return sum(item["entry"] == "attempt" for item in self.entries())

    def noted(self, entry: str) -> Entry | None:
        """The latest entry of this name."""
        return _latest(self.entries(), entry)

    def progress(self, text: str, done: int = 0, total: int = 0, measure: Measure | None = None) -> None:
        """Tell whoever follows how far it is."""
        more = {"measure": encode(measure)} if measure else {}
        self.append("progress", text=text, done=done, total=total, **more)

    def end(self, state: Literal["done", "failed"], text: str) -> None:
        """The last entry."""
        self.append("end", state=state, text=text)

    def state(self) -> OperationState:
        """What the entries amount to."""
        entries = self.entries()
        begin, end = entries[0], _latest(entries, "end")
        latest = _latest(entries, "progress")
        step = progress_of(latest) if latest else Progress("")
        return OperationState(
            id=self.id,
            kind=begin["kind"],
            asked_by=begin["by"],
            state=end["state"] if end else "running",
            began_at=datetime.fromisoformat(begin["at"]),
            ended_at=datetime.fromisoformat(end["at"]) if end else None,
            progress=replace(step, text=end["text"], measure=None) if end else step,
        )

    def take(self, *, patience: float = 1.0) -> int | None:
        """Lock it, and return the descriptor that holds the lock; None when a living process performs it.

        The lock belongs to the open file, not to a process: whoever inherits the descriptor holds it on, so
        between two processes there is no moment without. `patience` outlasts others who merely look.
        """
        descriptor = os.open(self.path, os.O_RDONLY)
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(descriptor)
                    return None
                time.sleep(0.05)

    def is_performed(self) -> bool:
        """Whether a living process performs it now."""
        with self.path.open("rb") as file:
            try:
                # Shared, so that those who look do not take each other for the performer.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"
