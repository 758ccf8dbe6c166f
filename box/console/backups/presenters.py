"""What the pages about backups show: figures, sentences and drawings, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from box.core.registry.environment import (
    format_date,
    format_month_and_year,
    format_number,
    format_size,
    format_time,
)

if TYPE_CHECKING:
    from appliance.client import (
        BackupCalendar,
        BackupSetState,
        BackupState,
        BackupTargetState,
        BackupWarning,
        KeptMoment,
        OperationState,
    )
    from box.core.files.recall import Progress

KINDS = {
    "backup": gettext_lazy("Backup"),
    "verify": gettext_lazy("Verification"),
    "restore": gettext_lazy("Restore"),
    "set_up": gettext_lazy("Setting up"),
    "drill": gettext_lazy("Drill"),
    "download": gettext_lazy("Download"),
    "find": gettext_lazy("Search"),
    "put-back": gettext_lazy("Putting back"),
    "put-own-back": gettext_lazy("Putting back"),
}
CANCELLABLE = frozenset({"backup", "verify"})
_IS_BACK = "It is back: "

PARTS = {
    "database": gettext_lazy("The database is restored"),
    "rows": gettext_lazy("Its rows are counted"),
    "files": gettext_lazy("Files are opened"),
    "network": gettext_lazy("Nothing reaches the network"),
    "portal": gettext_lazy("The portal starts"),
    "sign-in": gettext_lazy("Somebody signs in"),
}

REASONS = {
    "last": gettext_lazy("one of the last"),
    "day": gettext_lazy("the last of its day"),
    "week": gettext_lazy("the last of its week"),
    "month": gettext_lazy("the last of its month"),
    "newest": gettext_lazy("the newest"),
    "chain": gettext_lazy("others build on it"),
    "no_other": gettext_lazy("there is no good one yet"),
    "locked": gettext_lazy("the target locks it"),
}
# What a set stays for in the first place decides its colour.
_TONES = ("month", "week", "day", "last", "newest", "chain", "locked", "no_other")


def sentence(warning: BackupWarning) -> str:
    """What is wrong, and what to do about it."""
    sentences = {
        "late": _("The newest backup is older than the schedule allows."),
        "failing": _("The last backup failed."),
        "gap": _("The time line has a gap: the box cannot be brought back into it. A full backup ends it."),
        "filling": _(
            "The target is nearly full: %(share)s are free. Keep fewer backups, or give it more room."
        )
        % {"share": warning.about},
        "stale_lock": _("Something was begun and is done by nobody: restart the agent."),
        "jump": _("The newest backup differs much in size from the one before it. Was that meant?"),
        "drill": _("The last drill failed: what is there may not bring the box back."),
        "unconfirmed": _("No recovery key was ever confirmed. Without one nobody can open the backups."),
        "behind": _("New files are not being copied."),
        "log_behind": _("The database's log is not being handed over: what is written now is in no backup."),
        "damaged": _("The backup %(label)s is damaged.") % {"label": warning.about},
        "silent": _("The backup's service has said nothing for a while: look at its log, and restart it."),
    }
    return sentences[warning.kind]


def lasting(seconds: float) -> str:
    """`3 min 20 s`."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return _("%(seconds)s s") % {"seconds": whole}
    if whole < 3600:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": whole // 60, "seconds": whole % 60}
    return _("%(hours)s h %(minutes)s min") % {"hours": whole // 3600, "minutes": whole // 60 % 60}


def to_come(progress: Progress) -> str:
    """What of a restore is still to come, or never will."""
    if not progress.left:
        return ngettext(
            "%(count)s file could not be brought back by the last restore: no backup has it whole.",
            "%(count)s files could not be brought back by the last restore: no backup has them whole.",
            progress.lost,
        ) % {"count": format_number(progress.lost)}
    said = {
        "left": format_number(progress.left),
        "files": format_number(progress.files),
        "size": format_size(progress.left_bytes),
    }
    if progress.problem:
        words = _(
            "The restore goes on: %(left)s of %(files)s files (%(size)s) are still to come, and nothing comes"
            " at the moment. It is tried again by itself."
        )
        return words % said
    if progress.remaining is None:
        words = _("The restore goes on: %(left)s of %(files)s files (%(size)s) are still to come.")
        return words % said
    words = _(
        "The restore goes on: %(left)s of %(files)s files (%(size)s) are still to come, in about %(time)s."
        " Those that somebody opens come first."
    )
    return words % (said | {"time": lasting(progress.remaining.total_seconds())})


def if_it_burned(state: BackupState, now: datetime) -> str:
    """What would be lost if the machine burned now, and what it would cost to bring the rest back."""
    reached = max(
        ((one.restorable_until, one.name) for one in state.targets if one.restorable_until), default=None
    )
    if reached is None:
        return _("If the machine burned now, everything would be lost: there is no good backup yet.")
    until, target = reached
    said = {"lost": lasting((now - until).total_seconds()), "target": target}
    drill = next((one for one in state.drills if one.is_good), None)
    if drill is None:
        words = _(
            "If the machine burned now and %(target)s did not, what was done in the last %(lost)s would be"
            " lost; how long it would take to bring back the rest is not known before a drill went well."
        )
        return words % said
    said |= {"cost": between(drill.began_at, drill.ended_at), "day": format_date(drill.began_at)}
    if drill.is_sample:
        words = _(
            "If the machine burned now and %(target)s did not, what was done in the last %(lost)s would be"
            " lost; to bring back the rest would take more than the %(cost)s of the drill on %(day)s, which"
            " had room for a sample of the files."
        )
    else:
        words = _(
            "If the machine burned now and %(target)s did not, what was done in the last %(lost)s would be"
            " lost; to bring back the rest would take about %(cost)s, as in the drill on %(day)s, once there"
            " is another machine."
        )
    return words % said


def between(begin: datetime | None, end: datetime | None) -> str:
    """How long it took; empty where one of both is not known."""
    return lasting((end - begin).total_seconds()) if begin and end else ""


@dataclass(frozen=True)
class Operation:
    """A long operation on backups, running or over."""

    state: OperationState

    @property
    def title(self) -> str:
        return str(KINDS.get(self.state.kind, self.state.kind))

    @property
    def is_cancellable(self) -> bool:
        return self.state.state == "running" and self.state.kind in CANCELLABLE

    @property
    def lasted(self) -> str:
        return between(self.state.began_at, self.state.ended_at)

    @property
    def address(self) -> str:
        """Of what was put back."""
        _said, _words, address = self.state.progress.text.partition(_IS_BACK)
        return address if address.startswith("/") and not address.startswith("//") else ""

    @property
    def words(self) -> str:
        """How far it is; empty where only the machine's own words say."""
        measure = self.state.progress.measure
        if measure is None:
            return ""
        words = _("Files") if measure.what == "files" else _("Database")
        facts = {
            "what": f"{words} → {measure.target}" if measure.target else words,
            "done": format_size(measure.done),
            "total": format_size(measure.total),
            "rate": format_size(round(measure.rate)),
        }
        said = _("%(what)s: %(done)s of %(total)s, %(rate)s a second") % facts
        if measure.seconds_left is None:
            return said
        return _("%(progress)s, %(left)s left") % {"progress": said, "left": lasting(measure.seconds_left)}


def operations_of(states: Iterable[OperationState]) -> list[Operation]:
    return [Operation(one) for one in states if one.kind in KINDS]


@dataclass(frozen=True)
class SetLine:
    """A set as a line of the history."""

    state: BackupSetState

    @property
    def name(self) -> str:
        """What it is called in an address: labels are of one target."""
        return f"{self.state.label}@{self.state.target}"

    @property
    def took(self) -> str:
        return between(self.state.began_at, self.state.ended_at)

    @property
    def changed(self) -> str:
        """What is different from the one before it."""
        new = _("%(size)s of the database are new") % {"size": format_size(self.state.stored_bytes)}
        if self.state.files_more is None:
            return new
        count, bytes_more = self.state.files_more, self.state.file_bytes_more or 0
        if count == 0:
            return _("%(database)s, the same files") % {"database": new}
        words = ngettext("%(num)s file", "%(num)s files", abs(count)) % {"num": format_number(abs(count))}
        sign = "+" if count > 0 else "−"
        return f"{new}, {sign}{words} ({'+' if bytes_more >= 0 else '−'}{format_size(abs(bytes_more))})"


@dataclass(frozen=True)
class Mark:
    """Something on a time line, in thousandths of its length."""

    at: int
    width: int
    title: str
    tone: str


@dataclass(frozen=True)
class TimeLine:
    """A target from its oldest set to where it can be restored to."""

    begins: datetime
    ends: datetime
    marks: tuple[Mark, ...]
    gaps: tuple[Mark, ...]


def time_line(target: BackupTargetState, sets: Sequence[BackupSetState]) -> TimeLine | None:
    """None where there is no good set yet."""
    good = [one for one in sets if one.target == target.name and not one.problem]
    if not good:
        return None
    begins = min(one.ended_at for one in good)
    ends = max(
        [one.ended_at for one in good] + ([target.restorable_until] if target.restorable_until else [])
    )
    length = max((ends - begins).total_seconds(), 1.0)

    def place(moment: datetime) -> int:
        return round(1000 * min(max((moment - begins).total_seconds() / length, 0.0), 1.0))

    marks = [Mark(place(one.ended_at), 0, shown_moment(one.ended_at), one.kind) for one in good]
    gaps = []
    for gap in target.gaps:
        since, until = place(gap.since), place(gap.until or ends)
        text = _("Gap from %(since)s to %(until)s") % {
            "since": shown_moment(gap.since),
            "until": shown_moment(gap.until or ends),
        }
        if (gap.until or ends) > begins:
            gaps.append(Mark(since, max(until - since, 4), text, "gap"))
    return TimeLine(begins, ends, tuple(marks), tuple(gaps))


def shown_moment(moment: datetime) -> str:
    return f"{format_date(moment)}, {format_time(moment)}"


def from_when(day: date | None) -> str:
    """Which backup somebody asks for."""
    return _("from before %(day)s") % {"day": format_date(day)} if day else _("from the newest backup")


def set_from(state: BackupState, day: date | None) -> BackupSetState | None:
    """The newest good one from before this day, of whichever target; without a day the newest."""
    good = [
        one
        for one in state.sets
        if not one.problem and (day is None or timezone.localtime(one.ended_at).date() < day)
    ]
    return max(good, key=lambda one: one.ended_at, default=None)


@dataclass(frozen=True)
class KeptMonth:
    """A month of the calendar: the days of which a set stays."""

    name: str
    days: int
    kept: tuple[tuple[int, str, str], ...]
    """Day, tone and why."""


@dataclass(frozen=True)
class Calendar:
    """What there will be in a year."""

    made: int
    kept: int
    months: tuple[KeptMonth, ...]
    is_locked: bool
    """Whether anything stays because its target locks it."""


def calendar_of(coming: BackupCalendar) -> Calendar:
    def month_of(one: KeptMoment) -> tuple[int, int]:
        local = timezone.localtime(one.at)
        return local.year, local.month

    months = []
    for (year, month), of_month in groupby(coming.kept, key=month_of):
        first = date(year, month, 1)
        days = ((first + timedelta(days=31)).replace(day=1) - first).days
        by_day = groupby(of_month, key=lambda one: timezone.localtime(one.at).day)
        kept = tuple(_day(first, day, list(of_day)) for day, of_day in by_day)
        months.append(KeptMonth(format_month_and_year(first), days, kept))
    is_locked = any("locked" in one.reasons for one in coming.kept)
    return Calendar(coming.made, len(coming.kept), tuple(months), is_locked)


def _day(first: date, day: int, kept: list[KeptMoment]) -> tuple[int, str, str]:
    reasons = {reason for one in kept for reason in one.reasons}
    tone = next(one for one in _TONES if one in reasons)
    words = ", ".join(str(REASONS[one]) for one in _TONES if one in reasons)
    return day, tone, f"{format_date(first.replace(day=day))}: {words}"


@dataclass(frozen=True)
class Target:
    """A target as its card shows it."""

    state: BackupTargetState
    line: TimeLine | None

    @property
    def own_warnings(self) -> list[BackupWarning]:
        """Without what is about all targets, which the page says once."""
        return [one for one in self.state.warnings if one.target]


def targets_of(state: BackupState) -> list[Target]:
    return [Target(one, time_line(one, state.sets)) for one in state.targets]
