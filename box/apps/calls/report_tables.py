"""The parts of a report as tables to save."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.apps.calls.reports import Figures, Report
    from box.lib.tables import Cell


@dataclass(frozen=True)
class ReportTable:
    """Times are in seconds, shares in percent; a share of nothing is empty."""

    head: Sequence[_StrOrPromise]
    rows: Callable[[Report], Iterator[Sequence[Cell]]]


_FIGURES = (
    _("Incoming"),
    _("Answered"),
    _("Missed"),
    _("Answered in time, %"),
    _("Gave up, %"),
    _("Mean wait, s"),
    _("Longest wait, s"),
    _("Outgoing"),
    _("Reached"),
    _("In conversation, s"),
)


def _cells(of: Figures) -> tuple[Cell, ...]:
    return (
        of.incoming,
        of.answered,
        of.missed,
        of.service_level,
        of.abandonment,
        of.mean_wait,
        of.longest_wait,
        of.outgoing,
        of.reached,
        of.talk_seconds,
    )


def _days(report: Report) -> Iterator[Sequence[Cell]]:
    return ((day, *_cells(figures)) for day, figures in report.days)


def _queues(report: Report) -> Iterator[Sequence[Cell]]:
    return ((name, *_cells(figures)) for name, figures in report.queues)


def _hours(report: Report) -> Iterator[Sequence[Cell]]:
    return ((one.hour, one.answered, one.missed) for one in report.hours)


def _people(report: Report) -> Iterator[Sequence[Cell]]:
    return (
        (one.person.name, one.answered, one.not_answered, one.outgoing, one.talk_seconds)
        for one in report.people
    )


TABLES: Mapping[str, ReportTable] = {
    "days": ReportTable((_("Day"), *_FIGURES), _days),
    "queues": ReportTable((pgettext_lazy("telephone", "Queue"), *_FIGURES), _queues),
    "hours": ReportTable((_("Hour"), _("Answered"), _("Missed")), _hours),
    "people": ReportTable(
        (_("Employee"), _("Answered"), _("Did not answer"), _("Outgoing"), _("In conversation, s")), _people
    ),
}
