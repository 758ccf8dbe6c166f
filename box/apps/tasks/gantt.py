"""Tasks along a line of time: bars, links between them, and the days above.

All positions are computed here, as numbers of an SVG: the page is drawn without a script, which only drags.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from dateutil.relativedelta import relativedelta
from django.utils.translation import pgettext_lazy

from box.apps.tasks.access import movable
from box.apps.tasks.models import Baseline, BaselineBar, Dependency, Task, bar_of
from box.apps.tasks.scheduling import Bar, LinkKind, critical
from box.apps.tasks.states import State
from box.core.portal.calendar import work_calendar
from box.core.registry.environment import format_pattern

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.accounts.models import User

    type Place = Callable[[datetime], float]

MOST_ROWS = 500
ROW, BAR, HEAD = 36, 20, 48
"""Heights, in pixels."""
WIDEST = 24_000
LEAST = 6
"""A bar is at least so wide, in pixels: what lasts an hour is seen among months."""
DAY = timedelta(days=1)
DEEPEST = 4
ELBOW = 9
"""How far a link goes straight before it turns."""


class Zoom(StrEnum):
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    QUARTERS = "quarters"


@dataclass(frozen=True)
class Scale:
    """`day` is the width of a day, in pixels; `snap` are the minutes to which a drag keeps; above stand two
    rows of pieces of time, each with the pattern of CLDR that it is written by."""

    label: _StrOrPromise
    day: float
    snap: int
    upper: tuple[str, str]
    lower: tuple[str, str]


SCALES = {
    Zoom.HOURS: Scale(pgettext_lazy("zoom", "Hours"), 960, 15, ("day", "d MMMM"), ("hour", "H")),
    Zoom.DAYS: Scale(pgettext_lazy("zoom", "Days"), 40, 1440, ("month", "LLLL y"), ("day", "d")),
    Zoom.WEEKS: Scale(pgettext_lazy("zoom", "Weeks"), 14, 1440, ("month", "LLLL y"), ("week", "d")),
    Zoom.MONTHS: Scale(pgettext_lazy("zoom", "Months"), 4, 1440, ("year", "y"), ("month", "LLL")),
    Zoom.QUARTERS: Scale(pgettext_lazy("zoom", "Quarters"), 1.5, 1440, ("year", "y"), ("quarter", "QQQ")),
}
_STEPS: Mapping[str, timedelta | relativedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "month": relativedelta(months=1),
    "quarter": relativedelta(months=3),
    "year": relativedelta(years=1),
}


@dataclass(frozen=True)
class Piece:
    """A piece of time above the chart."""

    x: float
    width: float
    label: str = ""


@dataclass(frozen=True)
class Row:
    """A task on its line. Without a bar nobody has said when it takes place."""

    task: Task
    tone: str
    depth: int
    y: int
    bar: Bar | None = None
    x: float = 0
    width: float = 0
    done: float = 0
    """So much of the width is done."""
    deadline_x: float | None = None
    is_critical: bool = False
    can_move: bool = False
    kept: Kept | None = None
    away_on: date | None = None
    """Where its bar is, of one that lies beside what is drawn."""


@dataclass(frozen=True)
class Kept:
    """When a task was to take place by a baseline, and by how much its end has moved since."""

    bar: Bar
    x: float
    width: float
    slip: timedelta

    @property
    def days(self) -> int:
        """Whole days of the slip, at least one where there is any; later is more than 0."""
        whole = round(self.slip / DAY)
        return whole or (self.slip > timedelta()) - (self.slip < timedelta())


@dataclass(frozen=True)
class Path:
    """A link as a line of the drawing."""

    dependency: Dependency
    d: str
    is_critical: bool
    is_broken: bool
    """What comes after takes place too early for it."""


@dataclass(frozen=True)
class Chart:
    zoom: Zoom
    scale: Scale
    starts: datetime
    width: float
    rows: Sequence[Row]
    paths: Sequence[Path]
    upper: Sequence[Piece]
    lower: Sequence[Piece]
    free_days: Sequence[Piece]
    now_x: float
    center_x: float
    has_more: bool
    on: date | None = None

    @property
    def height(self) -> int:
        return len(self.rows) * ROW


def chart_of(
    found: Sequence[Task], *, reader: User, zoom: Zoom, now: datetime, baseline: Baseline | None = None,
    on: date | None = None,
) -> Chart:  # fmt: skip
    """Of tasks in their order, those without dates last, `now` in the reader's time zone; in a query, however
    many they are, and one more where a baseline stands below. Around the day `on`, by default around today,
    where not everything can be drawn."""
    nested = _nested(sorted(found[:MOST_ROWS], key=lambda task: bar_of(task) is None))
    tasks = [task for task, _depth in nested]
    bars = {task.pk: bar for task in tasks if (bar := bar_of(task)) is not None}
    ids = [task.pk for task in tasks]
    links = list(Dependency.objects.filter(before__in=ids, after__in=ids).order_by("pk")) if ids else []
    scale = SCALES[zoom]
    kept = _kept_bars(baseline, ids)
    center = now if on is None else datetime.combine(on, time(12), now.tzinfo)
    starts, ends = _span([*bars.values(), *kept.values()], now, center, scale)
    chain = critical(bars, [one.link for one in links])
    able = movable(reader, tasks)

    def x(moment: datetime) -> float:
        return round((moment.astimezone(UTC) - starts.astimezone(UTC)) / DAY * scale.day, 1)

    rows = []
    for place, (task, depth) in enumerate(nested):
        row = Row(task, _tone(task, now), depth, place * ROW, can_move=task.pk in able)
        if (bar := bars.get(task.pk)) is not None:
            row = _with_bar(row, bar, x, is_critical=task.pk in chain, was=kept.get(task.pk))
            if bar.ends <= starts or bar.starts >= ends:
                row = replace(row, away_on=bar.starts.astimezone(now.tzinfo).date())
        rows.append(row)
    is_fine = scale.day >= SCALES[Zoom.WEEKS].day
    return Chart(
        zoom=zoom,
        scale=scale,
        starts=starts,
        width=x(ends),
        rows=rows,
        paths=_paths(rows, links, chain),
        upper=list(_pieces(starts, ends, *scale.upper, x)),
        lower=list(_pieces(starts, ends, *scale.lower, x)),
        free_days=list(_free_days(starts, ends, x)) if is_fine else [],
        now_x=x(now),
        center_x=x(center),
        has_more=len(found) > MOST_ROWS,
        on=on,
    )


def _nested(tasks: Sequence[Task]) -> list[tuple[Task, int]]:
    """Parts stand below what they are parts of, where both are among the tasks."""
    ids = {task.pk for task in tasks}
    below: dict[int | None, list[Task]] = defaultdict(list)
    for task in tasks:
        below[task.parent_id if task.parent_id in ids else None].append(task)
    found: list[tuple[Task, int]] = []
    waiting = [(task, 0) for task in reversed(below[None])]
    while waiting:
        task, depth = waiting.pop()
        found.append((task, min(depth, DEEPEST)))
        waiting += [(one, depth + 1) for one in reversed(below[task.pk])]
    return found


def _span(bars: Collection[Bar], now: datetime, center: datetime, scale: Scale) -> tuple[datetime, datetime]:
    """From before the first to after the last, with today. Where that is too wide, a quarter lies before the
    center: what is long over is left out before what is planned."""
    room = timedelta(days=max(0.25, 160 / scale.day))
    first = min([now, *(bar.starts for bar in bars)]) - room
    last = max([now, *(bar.ends for bar in bars)]) + room
    most = timedelta(days=WIDEST / scale.day)
    if last - first > most:
        first = max(first, min(center - most / 4, last - most))
        last = min(last, first + most)
    zone = now.tzinfo
    day = first.astimezone(zone).date()
    if scale.upper[0] != "day":
        day -= timedelta(days=day.weekday())
    return datetime.combine(day, time(), zone), last.astimezone(zone)


def _tone(task: Task, now: datetime) -> str:
    if task.closed_at:
        return "done"
    return "overdue" if task.is_overdue(now) else str(task.state)


def _kept_bars(baseline: Baseline | None, ids: Collection[int]) -> dict[int, Bar]:
    rows = BaselineBar.objects.filter(baseline=baseline, task__in=ids) if baseline is not None else []
    return {one.task_id: Bar(one.starts_at, one.ends_at) for one in rows}


def _with_bar(row: Row, bar: Bar, x: Place, *, is_critical: bool, was: Bar | None) -> Row:
    task, left = row.task, x(bar.starts)
    width = max(round(x(bar.ends) - left, 1), LEAST)
    return Row(
        task,
        row.tone,
        row.depth,
        row.y,
        bar,
        left,
        width,
        round(width * _done(task), 1),
        x(task.deadline_at) if task.deadline_at and task.ends_at else None,
        is_critical,
        row.can_move,
        _kept(was, bar, x) if was is not None else None,
    )


def _kept(was: Bar, now: Bar, x: Place) -> Kept:
    left = x(was.starts)
    return Kept(was, left, max(round(x(was.ends) - left, 1), LEAST), now.ends - was.ends)


def _done(task: Task) -> float:
    """By its checklist, or by the hours that were planned for it."""
    if task.state in (State.COMPLETED, State.IN_REVIEW):
        return 1
    if task.items_count:
        return task.items_done / task.items_count
    if task.estimate_minutes:
        return min(1, task.spent_seconds / 60 / task.estimate_minutes)
    return 0


def _paths(rows: Sequence[Row], links: Sequence[Dependency], chain: Collection[int]) -> list[Path]:
    by_id = {row.task.pk: row for row in rows if row.bar is not None}
    found = []
    for one in links:
        before, after = by_id.get(one.before_id), by_id.get(one.after_id)
        if before is None or after is None or before.bar is None or after.bar is None:
            continue
        is_critical = one.before_id in chain and one.after_id in chain
        is_broken = one.link.room(before.bar, after.bar) < timedelta()
        found.append(Path(one, _line(before, after, one.link.kind), is_critical, is_broken))
    return found


def _line(before: Row, after: Row, kind: LinkKind) -> str:
    """Out of the one, down or up, into the other."""
    x1 = before.x if kind.is_from_start else before.x + before.width
    x2 = after.x if kind.is_to_start else after.x + after.width
    y1, y2 = before.y + ROW / 2, after.y + ROW / 2
    out = x1 - ELBOW if kind.is_from_start else x1 + ELBOW
    into = x2 - ELBOW if kind.is_to_start else x2 + ELBOW
    if kind is LinkKind.FINISH_START and into < out:
        # It begins before the other is over: around, between the lines.
        half = y1 + (ROW / 2 if y2 > y1 else -ROW / 2)
        return f"M{x1:g} {y1:g}H{out:g}V{half:g}H{into:g}V{y2:g}H{x2:g}"
    turn = {
        LinkKind.FINISH_START: out,
        LinkKind.START_START: min(out, into),
        LinkKind.FINISH_FINISH: max(out, into),
        LinkKind.START_FINISH: out,
    }[kind]
    return f"M{x1:g} {y1:g}H{turn:g}V{y2:g}H{x2:g}"


def _pieces(starts: datetime, ends: datetime, unit: str, pattern: str, x: Place) -> Iterator[Piece]:
    step, at = _STEPS[unit], _floor(starts, unit)
    while at < ends:
        following = at + step
        left = max(x(at), 0)
        yield Piece(left, round(x(following) - left, 1), format_pattern(at, pattern))
        at = following


def _floor(moment: datetime, unit: str) -> datetime:
    midnight = datetime.combine(moment.date(), time(), moment.tzinfo)
    match unit:
        case "week":
            return midnight - timedelta(days=midnight.weekday())
        case "month":
            return midnight.replace(day=1)
        case "quarter":
            return midnight.replace(month=midnight.month - (midnight.month - 1) % 3, day=1)
        case "year":
            return midnight.replace(month=1, day=1)
    return midnight


def _free_days(starts: datetime, ends: datetime, x: Place) -> Iterator[Piece]:
    calendar, at = work_calendar(), _floor(starts, "day")
    while at < ends:
        following = at + DAY
        if not calendar.is_working_day(at.date()):
            yield Piece(x(at), round(x(following) - x(at), 1))
        at = following
