"""The clock of a working day: from the marks a person set to what they worked.

Pure: no database, and "now" is handed in. Durations are between moments, so a change to summer time neither
gives nor takes an hour; a shift over midnight belongs to the day on which it began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import dropwhile

# Whoever hasn't finished by this hour of the next morning has forgotten to ...
MORNING = time(5)
# ... unless it is a night shift: so long a day may last.
LONGEST = timedelta(hours=16)


class Step(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"


class State(StrEnum):
    IDLE = "idle"
    WORKING = "working"
    PAUSED = "paused"
    FINISHED = "finished"


_NEXT = {
    (State.IDLE, Step.START): State.WORKING,
    (State.WORKING, Step.PAUSE): State.PAUSED,
    (State.PAUSED, Step.RESUME): State.WORKING,
    (State.WORKING, Step.FINISH): State.FINISHED,
    (State.PAUSED, Step.FINISH): State.FINISHED,
    # Something came up after all: what lay between counts as a pause.
    (State.FINISHED, Step.RESUME): State.WORKING,
}
_MEANT = {
    Step.START: State.WORKING,
    Step.PAUSE: State.PAUSED,
    Step.RESUME: State.WORKING,
    Step.FINISH: State.FINISHED,
}


class NotNow(Exception):
    """The step doesn't follow from where the day is; `state` says where that is."""

    def __init__(self, step: Step, state: State) -> None:
        super().__init__(f"{step} is no step from {state}")
        self.state = state


@dataclass(frozen=True)
class Mark:
    """A step and the moment at which it was taken."""

    step: Step
    at: datetime


@dataclass(frozen=True)
class Span:
    """A stretch of work; `ends` is None while it lasts."""

    starts: datetime
    ends: datetime | None


@dataclass(frozen=True)
class Tally:
    """A day as it stands at a moment. `paused` is all that wasn't work from its first mark on."""

    state: State
    worked: timedelta
    paused: timedelta
    started_at: datetime | None
    finished_at: datetime | None


def state_of(marks: Sequence[Mark]) -> State:
    """Where marks lead that `stepped` has made."""
    state = State.IDLE
    for mark in marks:
        state = _NEXT[state, mark.step]
    return state


def stepped(marks: Sequence[Mark], step: Step, *, at: datetime) -> tuple[Mark, ...]:
    """The marks with one more; unchanged where the step leads to where the day is already.

    Raises NotNow for a step that doesn't follow. No mark lies before the one before it: clocks of two
    machines may differ.
    """
    state = state_of(marks)
    if (state, step) not in _NEXT:
        if state == _MEANT[step]:
            return tuple(marks)
        raise NotNow(step, state)
    return (*marks, Mark(step, max(at, marks[-1].at) if marks else at))


def spans(marks: Sequence[Mark]) -> Iterator[Span]:
    """The stretches of work, in order; they don't overlap."""
    begun: datetime | None = None
    for mark in marks:
        if mark.step in (Step.START, Step.RESUME):
            begun = mark.at
        elif begun is not None:
            yield Span(begun, mark.at)
            begun = None
    if begun is not None:
        yield Span(begun, None)


def tally(marks: Sequence[Mark], *, now: datetime) -> Tally:
    """What the marks come to. Work that goes on counts up to now, and never less than nothing."""
    state = state_of(marks)
    if not marks:
        return Tally(state, timedelta(), timedelta(), None, None)
    first, last = marks[0].at, marks[-1].at
    until = last if state is State.FINISHED else max(now, last)
    worked = sum(((span.ends or until) - span.starts for span in spans(marks)), timedelta())
    finished_at = last if state is State.FINISHED else None
    return Tally(state, worked, until - first - worked, first, finished_at)


def corrected(starts: datetime, ends: datetime, pause: timedelta) -> tuple[Mark, ...]:
    """Marks of a day known only by its ends and the length of its pause, which is put in the middle."""
    if not pause:
        return (Mark(Step.START, starts), Mark(Step.FINISH, ends))
    begin = starts + (ends - starts - pause) / 2
    return (
        Mark(Step.START, starts),
        Mark(Step.PAUSE, begin),
        Mark(Step.RESUME, begin + pause),
        Mark(Step.FINISH, ends),
    )


def followed(marks: tuple[Mark, ...], pressed: Sequence[Mark], *, since: datetime) -> tuple[Mark, ...]:
    """The marks of a finished day, and work that was begun on it after `since`: it is resumed."""
    later = [mark for mark in pressed if mark.at > since]
    work = dropwhile(lambda mark: mark.step not in (Step.START, Step.RESUME), later)
    return (*marks, *(replace(mark, step=Step.RESUME) if mark.step is Step.START else mark for mark in work))


def local_day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()


def forgotten_at(started_at: datetime, zone: tzinfo) -> datetime:
    """When a day that began then, and isn't finished, was forgotten: the next morning at the earliest."""
    morning = datetime.combine(local_day(started_at, zone) + timedelta(days=1), MORNING, tzinfo=zone)
    # In UTC, for two moments of one zone are compared by what its clocks say.
    return max(morning.astimezone(UTC), started_at.astimezone(UTC) + LONGEST)
