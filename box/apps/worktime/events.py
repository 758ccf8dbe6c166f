"""What happened in people's working days."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DayStepped:
    """The person started, paused, resumed or finished; `step` says which."""

    day_id: int
    by_id: int
    step: str


@dataclass(frozen=True)
class DayForgotten:
    """The next morning came, and nobody had finished the day."""

    day_id: int
    user_id: int


@dataclass(frozen=True)
class CorrectionAsked:
    correction_id: int
    by_id: int


@dataclass(frozen=True)
class CorrectionDecided:
    correction_id: int
    by_id: int
    is_approved: bool


@dataclass(frozen=True)
class ReportSent:
    report_id: int
    by_id: int


@dataclass(frozen=True)
class ReportConfirmed:
    report_id: int
    by_id: int


@dataclass(frozen=True)
class ScheduleChanged:
    """Made, changed, given to somebody, or deleted."""

    schedule_id: int
    by_id: int
