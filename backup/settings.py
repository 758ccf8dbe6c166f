"""What the administrator chose: targets, schedule, retention, holders of keys. One file, which root reads."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Literal, Self

from appliance.agent.codec import Malformed, decode, encode
from appliance.authorities import certificates_of
from appliance.backup_file import file_of
from appliance.files import open_file, write_atomically
from appliance.paths import Paths
from backup.keys import KeyRing, MasterKey
from backup.retention import Rule
from backup.schedule import Schedule


class BackupRefused(Exception):
    """Not like this; the text says what to do instead."""


@dataclass(frozen=True)
class Closed:
    """What a repository was made with that goes, since there is a newer key."""

    master_key: str = field(repr=False)
    key_ring: str = field(repr=False)
    at: datetime
    """Its time line ends there."""
    is_written: bool = False
    """Whether log and files still go there: until the repository that follows has a set to begin with."""


@dataclass(frozen=True)
class Target:
    """Where one repository lies."""

    number: int
    """pgBackRest's number of the repository. Never given again."""
    name: str
    kind: Literal["folder", "s3", "sftp"]
    path: str
    """The folder; of S3, the prefix within the bucket."""
    endpoint: str = ""
    """Of S3 an address, of SFTP `USER@HOST[:PORT]`."""
    bucket: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    ca_pem: str = field(default="", repr=False)
    """Of S3: the certificates that vouch for it, where those of the system do not."""
    bandwidth_kib: int = 0
    """KiB a second at most for files; 0: as fast as it goes."""
    host_key: str = ""
    """Of SFTP: the line of known_hosts that the host must show."""
    generation: int = 1
    """Which one at this place: each master key has a repository of its own there."""
    closed: Closed | None = None
    locked_days: int = 0
    """For so long the bucket keeps what is written, whatever is deleted: see `backup.object_lock`."""
    renews_locks: bool = False
    """Whether what lies there is locked anew before that ends."""

    @property
    def repository(self) -> str:
        """The name of the repository's folder at this place."""
        return "korobka" if self.generation == 1 else f"korobka-{self.generation}"

    @property
    def prefix(self) -> str:
        """Of S3: where the repository begins within the bucket."""
        return self.path.strip("/") + ("" if self.generation == 1 else f"-{self.generation}")

    @property
    def spot(self) -> tuple[str, ...]:
        """The same for all repositories at one place."""
        return self.kind, self.endpoint, self.bucket, self.path

    def locked_since(self, now: datetime) -> datetime | None:
        """What was written later is locked; None where nothing is."""
        return now - timedelta(days=self.locked_days) if self.locked_days else None

    def __str__(self) -> str:
        if self.kind == "folder":
            return self.path
        if self.kind == "sftp":
            return f"{self.endpoint}:{self.path}"
        return f"{self.endpoint}/{self.bucket}/{self.path}"


@dataclass(frozen=True)
class Holder:
    """Somebody with a recovery key. The name is for people, and only on the box."""

    id: str
    name: str
    made_at: datetime
    confirmation: str = field(repr=False)
    is_confirmed: bool = False


HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
"""Between backups: a day is divided evenly."""


@dataclass(frozen=True)
class Settings:
    """All of `backup.json`."""

    master_key: str = field(repr=False)
    key_ring: str = field(repr=False)
    holders: tuple[Holder, ...] = ()
    targets: tuple[Target, ...] = ()
    at: str = "02:00"
    every_hours: int = 24
    full_every_days: int = 7
    keep_last: int = 3
    keep_days: int = 7
    keep_weeks: int = 4
    keep_months: int = 6
    drill_every_days: int = 30
    """0: by hand only."""
    closed: tuple[Target, ...] = ()
    """Repositories of older keys: they are read until retention has taken their last set."""

    @property
    def master(self) -> MasterKey:
        return MasterKey(bytes.fromhex(self.master_key))

    @property
    def ring(self) -> KeyRing:
        return KeyRing.parse(self.key_ring)

    @property
    def schedule(self) -> Schedule:
        return Schedule(time.fromisoformat(self.at), self.every_hours, self.full_every_days)

    @property
    def rule(self) -> Rule:
        return Rule(self.keep_last, self.keep_days, self.keep_weeks, self.keep_months)

    def checked(self) -> Self:
        """Itself, if its times and numbers make sense."""
        try:
            _ = self.schedule
        except ValueError:
            raise BackupRefused(f"{self.at} is no time of day: give one such as 02:00.") from None
        if self.every_hours not in HOURS:
            *but_last, last = HOURS
            raise BackupRefused(f"Backups are made every {', '.join(map(str, but_last))} or {last} hours.")
        if self.keep_last < 1 or self.full_every_days < 1:
            raise BackupRefused("At least the last set is kept, and a full one made every so many days.")
        if min(self.keep_days, self.keep_weeks, self.keep_months, self.drill_every_days) < 0:
            raise BackupRefused("Sets are kept, and drills made, for no fewer than 0 days: 0 is never.")
        return self

    @property
    def written(self) -> tuple[Target, ...]:
        """Where log and files go."""
        return (*self.targets, *(one for one in self.closed if one.closed and one.closed.is_written))

    def before(self, target: Target, moment: datetime | None) -> tuple[Target, ...]:
        """What lies at the place of a target of older keys and reaches to a moment, or to the end; the newest
        first."""
        return tuple(
            one
            for one in reversed(self.closed)
            if one.closed
            and one.spot == target.spot
            and (one.closed.is_written or (moment is not None and moment < one.closed.at))
        )

    @property
    def locked_days(self) -> int:
        """Of the target that locks the longest."""
        return max((one.locked_days for one in self.targets), default=0)

    def master_of(self, target: Target) -> MasterKey:
        return MasterKey(bytes.fromhex(target.closed.master_key)) if target.closed else self.master

    def ring_of(self, target: Target) -> KeyRing:
        return KeyRing.parse(target.closed.key_ring) if target.closed else self.ring

    def target(self, name: str) -> Target:
        for one in (*self.targets, *self.closed):
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.targets) or "none yet"
        raise BackupRefused(f"There is no target {name!r}. There are: {known}.")


def load(paths: Paths) -> Settings:
    """Raises `BackupRefused` when backups are not set up."""
    try:
        said = json.loads(file_of(paths).read_text(encoding="utf-8"))
        for target in (*said.get("targets", ()), *said.get("closed", ())):
            _take_in_authority(target)
        return decode(Settings, said, place="backup.json")
    except FileNotFoundError:
        raise BackupRefused("Backups are not set up: `boxctl backup setup --help` shows how.") from None
    except (Malformed, ValueError) as error:
        raise BackupRefused(f"{file_of(paths)} is damaged: {error}") from error


def _take_in_authority(target: dict[str, str]) -> None:
    """Once a target named a file. Where that is gone, or is none of certificates, this target alone is not
    reached any more."""
    file = target.pop("ca_file", "")
    if file and not target.get("ca_pem"):
        with suppress(OSError, ValueError):
            target["ca_pem"] = certificates_of(Path(file))


def save(paths: Paths, settings: Settings) -> None:
    write_atomically(file_of(paths), json.dumps(encode(settings), indent=1) + "\n", mode=0o600)


@contextmanager
def changing(paths: Paths, *, is_patient: bool = True) -> Iterator[bool]:
    """Whether nobody else changes targets or keys meanwhile; without patience it may not be so.

    Read the settings inside.
    """
    with alone(paths.data / "backup/changing.lock", is_patient=is_patient) as is_mine:
        yield is_mine


@contextmanager
def alone(file: Path, *, is_patient: bool = True) -> Iterator[bool]:
    """Whether nobody else holds this lock. The kernel releases it with the process, however that ends."""
    with os.fdopen(open_file(file, os.O_WRONLY | os.O_CREAT), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def confirmed(settings: Settings, holder: str) -> Settings:
    """The settings with this holder's key confirmed."""
    return replace(
        settings,
        holders=tuple(
            replace(one, is_confirmed=True) if one.id == holder else one for one in settings.holders
        ),
    )


def free_name(wanted: str, chosen: Settings) -> str:
    """What the target is called: after its place, with a number where that is taken."""
    taken = {one.name for one in (*chosen.targets, *chosen.closed)}
    names = [wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
