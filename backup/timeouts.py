"""How long a target is waited for: one figure of the box's, from which all others follow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.node import Node
from appliance.runner import CommandFailed, Standstill, StoodStill
from backup.settings import BackupRefused, Target

# Below this a machine that is merely busy would be taken for one that is gone.
_LEAST = 5
# While one target is away, PostgreSQL pauses for a minute after each few failures. The log that a backup of
# another target waits for comes after that, however impatient the box is.
_LEAST_FOR_LOG = 180
# What pgBackRest says before it waits for a checkpoint, or for the log: nothing moves meanwhile.
_WAITS_FOR_LOG = ("backup start", "backup stop", "check archive for")


@dataclass(frozen=True)
class Patience:
    """All in whole seconds. By default: 5 to connect, 20 and 30 for a read, 180 for the log, and 120 and 300
    in which nothing moves."""

    seconds: int

    @property
    def connecting(self) -> int:
        return max(self.seconds // 24, _LEAST)

    @property
    def reading_files(self) -> int:
        return max(self.seconds // 4, _LEAST)

    @property
    def reading_database(self) -> int:
        """pgBackRest tries several times, so that each may be shorter."""
        return max(self.seconds // 6, _LEAST)

    @property
    def log(self) -> int:
        """Until what is written in the database during a backup is in the repository."""
        return max(self.seconds * 3 // 2, _LEAST_FOR_LOG)

    @property
    def database(self) -> Standstill:
        # A large file is read, and little of it written, before there is a word of it.
        seconds = self.seconds * 5 / 2
        waiting = max(seconds, self.log + self.seconds)
        return Standstill(seconds, after=dict.fromkeys(_WAITS_FOR_LOG, waiting))


def of(node: Node) -> Patience:
    return Patience(node.box.backup.patience_seconds)


@contextmanager
def told_of_standstill(target: Target) -> Iterator[None]:
    """Say whose network it is where a program was ended because nothing moved in it."""
    try:
        yield
    except StoodStill as error:
        raise BackupRefused(
            f"Nothing has moved from or to {target.name} for {error.seconds:g} s: the network may be cut, or"
            f" the target stuck."
        ) from error


@contextmanager
def told_of_full_target(target: Target) -> Iterator[None]:
    """Say it where an engine could not write because there is no room: each says that in its own words."""
    try:
        yield
    except CommandFailed as error:
        if not any(words in str(error).lower() for words in _FULL):
            raise
        raise BackupRefused(
            f"The target {target.name} ({target}) is full: give it more room, or keep fewer backups "
            f"(`boxctl backup schedule`). What is there stays good."
        ) from error


_FULL = (
    "no space left on device",
    # Said before anything is written, by rclone.
    "remaining disk space",
    "disk quota exceeded",
    "quotaexceeded",
    "xminiostoragefull",
    "insufficientstorage",
)
