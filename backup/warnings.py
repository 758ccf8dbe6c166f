"""What an administrator is to be warned of: a pure function of what is known about one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from appliance.agent.answers import BackupWarning, TimeLineGap
from backup import moments
from backup.progress import size

BEHIND = timedelta(minutes=2)
"""Log and files are promised within a minute; this much later somebody should know."""
NEARLY_FULL = 0.1
_GIB = 1 << 30


@dataclass(frozen=True)
class Size:
    """How much a set holds, whatever of it is stored anew."""

    label: str
    bytes: int


@dataclass(frozen=True)
class Facts:
    """What is known about one target at one moment."""

    target: str
    is_late: bool = False
    failing: str = ""
    """What the last attempt ended with, where it failed."""
    gap: str = ""
    files_problem: str = ""
    files_reached: datetime | None = None
    log_reached: datetime | None = None
    """None while there is no set that log could follow."""
    damaged: Sequence[tuple[str, str]] = ()
    """Labels of sets, with what is wrong."""
    free: int | None = None
    total: int | None = None
    dead_run: str = ""
    """The kind of an operation that was begun and is performed by nobody."""
    sizes: Sequence[Size] = ()
    """Of the good sets, oldest first."""
    drill_problem: str = ""
    is_key_confirmed: bool = True


def warnings(facts: Facts, *, now: datetime) -> tuple[BackupWarning, ...]:
    """What is wrong, the worst first."""
    name, found = facts.target, list[BackupWarning]()
    if facts.failing:
        found.append(BackupWarning("failing", name, details=facts.failing))
    if facts.is_late:
        found.append(BackupWarning("late", name))
    if facts.gap:
        found.append(BackupWarning("gap", name, details=facts.gap))
    found += [BackupWarning("damaged", name, label, words) for label, words in facts.damaged]
    if facts.files_problem or facts.files_reached is None or now - facts.files_reached > BEHIND:
        found.append(BackupWarning("behind", name, details=facts.files_problem))
    if facts.log_reached and now - facts.log_reached > BEHIND:
        found.append(BackupWarning("log_behind", name, moments.shown(facts.log_reached)))
    if facts.dead_run:
        found.append(BackupWarning("stale_lock", name, facts.dead_run))
    if facts.free is not None and facts.total and facts.free < facts.total * NEARLY_FULL:
        found.append(BackupWarning("filling", name, f"{facts.free / facts.total:.0%}"))
    if jump := jumped(facts.sizes):
        found.append(
            BackupWarning("jump", name, jump.label, f"{size(facts.sizes[-2].bytes)} → {size(jump.bytes)}")
        )
    if facts.drill_problem:
        found.append(BackupWarning("drill", name, details=facts.drill_problem))
    if not facts.is_key_confirmed:
        # About all targets: it is the same key.
        found.append(BackupWarning("unconfirmed"))
    return tuple(found)


def jumped(sizes: Sequence[Size]) -> Size | None:
    """The newest set, where it is half as large again as the one before, or less than half of it.

    Small companies grow in leaps: less than a gibibyte more, or a tenth of one less, tells nothing.
    """
    if len(sizes) < 2:
        return None
    before, newest = sizes[-2].bytes, sizes[-1]
    has_grown = newest.bytes > before * 1.5 and newest.bytes - before > _GIB
    has_shrunk = newest.bytes < before * 0.5 and before - newest.bytes > _GIB // 10
    return newest if has_grown or has_shrunk else None


def sentence(warning: BackupWarning) -> str:
    """As the terminal says it. The Console says the same in the reader's language."""
    about, details = warning.about, warning.details
    words = {
        "late": "The newest backup is older than the schedule allows.",
        "failing": f"The last backup failed: {details}",
        "gap": details,
        "filling": f"The target is nearly full: {about} are free.",
        "stale_lock": f"{about.capitalize()} was begun and is performed by nobody: `boxctl start agent`.",
        "jump": f"{about} differs much in size from the one before it ({details}).",
        "drill": f"The last drill failed: {details}",
        "unconfirmed": "No recovery key was ever confirmed: `boxctl backup key confirm`.",
        "behind": details or "Files are not being copied: `boxctl logs backup` says why.",
        "log_behind": f"The database's log is there up to {about} only: `boxctl logs backup` says why.",
        "damaged": f"{about} is damaged: {details}",
        "silent": "The service has noted nothing for a while: `boxctl restart backup`.",
    }
    return words[warning.kind]


def gaps_now(
    known: Sequence[TimeLineGap], *, is_broken: bool, newest_at: datetime | None
) -> tuple[TimeLineGap, ...]:
    """The gaps of a time line, after another look: one opens after the newest set, and ends with the next."""
    last = known[-1] if known else None
    if is_broken and newest_at and (last is None or last.until is not None):
        return (*known, TimeLineGap(newest_at))
    if not is_broken and last is not None and last.until is None:
        has_ended = newest_at is not None and newest_at > last.since
        # Nothing newer was made: what was missing has come after all.
        return (*known[:-1], *((TimeLineGap(last.since, newest_at),) if has_ended else ()))
    return tuple(known)
