"""Who has worked how long on what, as a list and in sums."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import F, Sum
from django.db.models.functions import TruncWeek
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.tasks.models import TimeEntry
from box.core.accounts.models import User
from box.core.groups.models import KIND as GROUP_KIND
from box.core.lists.definition import Column, Empty, List
from box.core.lists.filters import Dates, Reference, people
from box.core.registry.environment import format_date
from box.core.registry.filtering import Moment, Related
from box.lib.durations import clock

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.functional import _StrOrPromise

MOST_TOTALS = 200
GROUPS: Mapping[str, _StrOrPromise] = {
    "person": gettext_lazy("By person"),
    "project": gettext_lazy("By project"),
    "task": gettext_lazy("By task"),
    "week": gettext_lazy("By week"),
}


def time_list(user: User) -> List[TimeEntry, TimeEntry]:
    """Of the tasks that the reader sees. In files the minutes are numbers, to be added up."""
    return List(
        key="tasks.time",
        title=gettext_lazy("Time spent on tasks"),
        rows=TimeEntry.objects.visible_to(user).over().select_related("user", "task", "task__project"),
        columns=(
            Column("task", gettext_lazy("Task"), lambda entry: entry.task.title),
            Column("person", gettext_lazy("Person"), lambda entry: entry.user.face),
            Column("project", gettext_lazy("Project"), _project),
            Column(
                "day",
                gettext_lazy("Day"),
                lambda entry: timezone.localtime(entry.started_at).date(),
                sort="started_at",
            ),
            Column(
                "time",
                pgettext_lazy("work", "Time"),
                lambda entry: clock(entry.seconds // 60),
                export=lambda entry: entry.seconds // 60,
            ),
            Column("note", gettext_lazy("What was done"), lambda entry: entry.note),
            Column("reason", gettext_lazy("Corrected, because"), lambda entry: entry.reason, is_shown=False),
        ),
        filters=(
            people("person", gettext_lazy("Person"), Related("user"), is_always_set=True),
            Reference("project", gettext_lazy("Project"), Related("task__project"), kind=GROUP_KIND),
            Dates("day", gettext_lazy("Day"), Moment("started_at"), is_always_set=True),
        ),
        order="-day",
        parameters=("by",),
        href=lambda entry: reverse("tasks:time-of-task", args=[entry.task_id]),
        empty=Empty(
            gettext_lazy("No time has been written down yet"),
            gettext_lazy("Start the clock on the page of a task, or write down there how long it took."),
        ),
    )


def _project(entry: TimeEntry) -> str:
    return entry.task.project.name if entry.task.project else ""


@dataclass(frozen=True)
class Total:
    """What belongs together came to so many minutes."""

    name: str
    minutes: int


def totals(entries: QuerySet[TimeEntry, TimeEntry], group: str) -> list[Total]:
    """The greatest first, of weeks the latest; in a query, and one for the names of people."""
    by, order, name = _WAYS[group]
    rows: list[Any] = list(
        entries.order_by().values(**by).annotate(total=Sum("seconds")).order_by(order)[:MOST_TOTALS]
    )
    if group == "person":
        called = {one.pk: one.name for one in User.objects.filter(pk__in=[row["key"] for row in rows])}
        rows = [{**row, "name": called[row["key"]]} for row in rows]
    return [Total(name(row), row["total"] // 60) for row in rows]


type Way = tuple[dict[str, Any], str, Callable[[Mapping[str, Any]], str]]
_WAYS: Mapping[str, Way] = {
    "person": ({"key": F("user")}, "-total", lambda row: row["name"]),
    "project": (
        {"key": F("task__project"), "name": F("task__project__name")},
        "-total",
        lambda row: row["name"] or _("no project"),
    ),
    "task": ({"key": F("task"), "name": F("task__title")}, "-total", lambda row: row["name"]),
    "week": (
        {"key": TruncWeek("started_at")},
        "-key",
        lambda row: _("week of %(day)s") % {"day": format_date(row["key"])},
    ),
}
