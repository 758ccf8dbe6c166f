"""A worst day, drawn from a seed: the same seed is the same day, whatever was told before it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

type Victim = Literal["operation", "pgbackrest", "rclone", "database", "objects", "keeper"]
type Place = Literal["folder", "s3", "sftp"]

OPERATIONS_VICTIMS: tuple[Victim, ...] = (
    "operation",
    "operation",
    "pgbackrest",
    "rclone",
    "database",
    "objects",
)
_MOST_EVENTS = 3


@dataclass(frozen=True)
class Kill:
    """kill -9, so many seconds after the beginning of what is told with it."""

    victim: Victim
    after: float

    def __str__(self) -> str:
        return f", {self.victim} killed after {self.after:.1f} s"


@dataclass(frozen=True)
class Backup:
    """To all targets."""

    kind: Literal["full", "incr"]
    kill: Kill | None

    def __str__(self) -> str:
        return f"{self.kind}{self.kill or ''}"


@dataclass(frozen=True)
class Death:
    """While people write."""

    kill: Kill

    def __str__(self) -> str:
        return f"{self.kill.victim} killed"


@dataclass(frozen=True)
class Away:
    """A target, while a backup is tried."""

    target: int
    seconds: float

    def __str__(self) -> str:
        return f"target {self.target + 1} away for {self.seconds:.0f} s"


@dataclass(frozen=True)
class FullDisk:
    """The second target's, while a backup is tried."""

    def __str__(self) -> str:
        return "disk of target 2 full"


@dataclass(frozen=True)
class Damage:
    """A bit of a file of a repository, or the file. It is looked for, and what the box wants then is done."""

    target: int
    place: Literal["log", "set", "vault", "ring"]
    file: float
    """Which one, as a share of those that there are."""
    byte: float
    bit: int
    is_lost: bool

    def __str__(self) -> str:
        return f"{'file lost' if self.is_lost else 'bit flipped'} in {self.place} of target {self.target + 1}"


@dataclass(frozen=True)
class Restore:
    """In place."""

    target: int
    to: float | None
    """A share of the time that was lived; None: the end."""
    kill: Kill | None
    with_safety: bool
    is_followed: bool
    """Whether the full backup that it asks for is made."""

    def __str__(self) -> str:
        to = "the end" if self.to is None else f"{self.to:.2f} of the day"
        followed = "" if self.is_followed else ", no backup after it"
        return f"restore from target {self.target + 1} to {to}{self.kill or ''}{followed}"


@dataclass(frozen=True)
class FailedRestore:
    """It ends with a file that nobody has, and is taken back."""

    def __str__(self) -> str:
        return "restore taken back"


@dataclass(frozen=True)
class Rotation:
    """A new key for everything."""

    is_followed: bool

    def __str__(self) -> str:
        return "key rotated" if self.is_followed else "key rotated, no backup after it"


type Event = Backup | Death | Away | FullDisk | Damage | Restore | FailedRestore | Rotation


@dataclass(frozen=True)
class Machine:
    """What differs where the box comes back."""

    host_name: str
    time_zone: str
    locale: str
    umask: str
    owner: int | None
    """The user that the files of a folder belong to there."""
    moves_ports: bool
    moves_disk: bool

    def __str__(self) -> str:
        owner = "" if self.owner is None else f", files of user {self.owner}"
        ports, disk = ", other ports" * self.moves_ports, ", disk elsewhere" * self.moves_disk
        return f"{self.host_name}, {self.time_zone}, {self.locale}, umask {self.umask}{owner}{ports}{disk}"


@dataclass(frozen=True)
class Ending:
    """The box burns, or is brought back where it stands."""

    target: int
    to: float | None
    """A share of the time that was lived; None: the end."""
    machine: Machine | None
    """None: in place."""
    kill_after: float | None
    """Who brings it back dies so many seconds after the beginning, and is begun again."""
    is_sudden: bool
    """Nothing more is handed over than was by then."""

    def __str__(self) -> str:
        killed = "" if self.kill_after is None else f", killed after {self.kill_after:.1f} s"
        sudden = ", suddenly" * self.is_sudden
        how = f"burnt{sudden}, onto {self.machine}" if self.machine else "in place"
        return f"{how}, from target {self.target + 1}{killed}"


@dataclass(frozen=True)
class Day:
    """What happens, in this order, to a box with these targets beside its folder."""

    seed: int
    second: Place | None
    events: tuple[Event, ...]
    ending: Ending

    def __str__(self) -> str:
        second = f"folder and {self.second}" if self.second else "folder"
        return f"{second}: {'; '.join(map(str, self.events))}; {self.ending}"


def draw(seed: int) -> Day:
    """The day of this seed."""
    chance = random.Random(seed)
    second: Place | None = chance.choice((None, None, "folder", "s3", "sftp"))
    targets = 2 if second else 1
    events = tuple(_event(chance, second, targets) for _ in range(chance.randint(1, _MOST_EVENTS)))
    return Day(seed, second, events, _ending(chance, targets))


def _event(chance: random.Random, second: Place | None, targets: int) -> Event:
    target = chance.randrange(targets)
    kinds = ["backup", "death", "away", "damage", "restore", "restore", "failed restore", "rotation"]
    if second == "folder":
        kinds.append("full disk")
    event: Event
    match chance.choice(kinds):
        case "backup":
            event = Backup(chance.choice(("full", "incr")), _kill(chance, 0.9))
        case "death":
            event = Death(Kill(chance.choice(("database", "objects", "keeper")), chance.uniform(0.2, 2)))
        case "away":
            event = Away(target, chance.uniform(1, 6))
        case "damage":
            place: Literal["log", "set", "vault", "ring"] = chance.choice(
                ("log", "set", "vault", "vault", "ring")
            )
            # A store keeps its files as it likes.
            at = 0 if target and second == "s3" else target
            event = Damage(
                at, place, chance.random(), chance.random(), chance.randrange(8), chance.random() < 0.3
            )
        case "restore":
            event = Restore(
                target, _share(chance, 0.3), _kill(chance, 0.6), chance.random() < 0.3, chance.random() < 0.6
            )
        case "failed restore":
            event = FailedRestore()
        case "full disk":
            event = FullDisk()
        case _:
            event = Rotation(chance.random() < 0.6)
    return event


def _ending(chance: random.Random, targets: int) -> Ending:
    target, to = chance.randrange(targets), _share(chance, 0.5)
    kill_after = chance.uniform(0.5, 12) if chance.random() < 0.5 else None
    machine = _machine(chance) if chance.random() < 0.75 else None
    return Ending(target, to, machine, kill_after, chance.random() < 0.3)


def _machine(chance: random.Random) -> Machine:
    return Machine(
        host_name=chance.choice(("spare", "localhost", "box-2.company.example", "x" * 60)),
        time_zone=chance.choice(("UTC", "Asia/Kamchatka", "America/Caracas", "Australia/Lord_Howe")),
        locale=chance.choice(("C", "C.UTF-8", "ru_RU.UTF-8", "tr_TR.UTF-8")),
        umask=chance.choice(("022", "027", "077", "000")),
        owner=chance.choice((None, 0, 54321)),
        moves_ports=chance.random() < 0.5,
        moves_disk=chance.random() < 0.5,
    )


def _share(chance: random.Random, of_the_end: float) -> float | None:
    return None if chance.random() < of_the_end else chance.random()


def _kill(chance: random.Random, share: float) -> Kill | None:
    if chance.random() >= share:
        return None
    return Kill(chance.choice(OPERATIONS_VICTIMS), chance.uniform(0.1, 6))
