"""Whether everything is here: counts and sums of both sides by kind, and the bytes of files against what was
fetched, with the differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from box.apps.calendar.models import BookingPage, Event
from box.apps.calls.models import LoggedCall
from box.apps.crm.models import Activity, Pipeline, Record
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import Task, TimeEntry
from box.core.accounts.models import User
from box.core.discussion.models import Comment
from box.core.fields.models import Field
from box.core.files.models import File
from box.core.groups.models import Group
from box.core.people.models import Absence
from box.core.structure.models import Department
from box.transfer.inventory import take_stock
from box.transfer.models import Identity, Migration
from box.transfer.rehearsal import rows_of
from box.transfer.stages.drives import FILE
from box.transfer.stages.own_fields import FIELD, TASK_FIELD
from box.transfer.stages.tasks import COMMENT

if TYPE_CHECKING:
    from django.db.models import Model
    from django.utils.functional import _StrOrPromise

    from box.transfer.cloud import Cloud

_KINDS: tuple[tuple[str, str, _StrOrPromise, type[Model]], ...] = (
    ("people", "person", _("People"), User),
    ("departments", "department", _("Departments"), Department),
    ("groups", "group", _("Groups"), Group),
    ("posts", "post", _("Posts of the feed"), Post),
    ("", "comment", _("Comments of the feed"), Comment),
    ("tasks", "task", _("Tasks"), Task),
    ("", COMMENT, _("Comments of tasks"), Comment),
    ("companies", "company", _("Companies"), Record),
    ("contacts", "contact", _("Contacts"), Record),
    ("leads", "lead", _("Leads"), Record),
    ("deals", "deal", _("Deals"), Record),
    ("activities", "activity", _("Activities of the CRM"), Activity),
    ("", FIELD, _("Own fields of the CRM"), Field),
    ("", TASK_FIELD, _("Own fields of tasks"), Field),
    ("", "event", _("Events in calendars"), Event),
    ("calls", "call", _("Calls"), LoggedCall),
    ("", FILE, _("Files and folders of drives"), Item),
)
_OF_ARCHIVES: tuple[tuple[str, str, _StrOrPromise, type[Model]], ...] = (
    ("people", "person", _("People"), User),
    ("departments", "department", _("Departments"), Department),
    ("groups", "group", _("Groups"), Group),
    ("fields", FIELD, _("Own fields"), Field),
    ("posts", "post", _("Posts of the feed"), Post),
    ("tasks", "task", _("Tasks"), Task),
    ("drives", FILE, _("Files and folders of drives"), Item),
    ("pipelines", "pipeline", _("Pipelines and stages"), Pipeline),
    ("clients", "client", _("Clients and deals"), Record),
    ("activities", "activity", _("Activities of the CRM"), Activity),
    ("comments", "comment", _("Comments"), Comment),
    ("bookings", "booking", _("Booking pages"), BookingPage),
    ("events", "event", _("Calendars"), Event),
    ("absences", "absence", _("Absences"), Absence),
)
# Stages whose kinds are counted by no method of the portal.
_STAGES = {
    "comment": "comments",
    FIELD: "fields",
    TASK_FIELD: "taskfields",
    "event": "events",
    FILE: "drives",
}
MOST_NAMED = 20


@dataclass(frozen=True)
class Line:
    """One kind. `theirs` is None where the portal does not say how many it has."""

    label: _StrOrPromise
    theirs: int | None
    came: int
    here: int
    refused: int
    counted: int | None = None
    """In the dry run, where there was one."""
    lost: tuple[str, ...] = ()
    """Ids there of what has come and is not here any more, a few of them."""

    @property
    def is_whole(self) -> bool:
        return self.here == self.came and (self.theirs is None or self.theirs <= self.came + self.refused)


@dataclass(frozen=True)
class Files:
    """Attached files and those of drives, by their bytes."""

    came: int
    size: int
    unread: int
    """Not looked at yet: the box reads each once, in the background."""
    different: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        return not self.different


@dataclass(frozen=True)
class Reconciliation:
    lines: tuple[Line, ...]
    files: Files
    seconds: int
    """Of the working time that was written down for tasks that have come."""

    @property
    def is_whole(self) -> bool:
        return self.files.is_whole and all(line.is_whole for line in self.lines)


def reconcile(migration: Migration, cloud: Cloud | None) -> Reconciliation:
    """Asks the portal once more; an archive is what it was. Raises CloudRefused, CloudAway."""
    if cloud is None:
        theirs: dict[str, int | None] = dict(migration.inventory["counts"])
    else:
        theirs = {one.kind.key: one.count for one in take_stock(cloud).counted}
    tasks = Identity.objects.filter(migration=migration, kind="task").values("ours")
    seconds = TimeEntry.objects.filter(task__in=tasks).aggregate(sum=Sum("seconds"))["sum"] or 0
    return Reconciliation(tuple(_lines(migration, theirs)), _files(migration), seconds)


def _lines(migration: Migration, theirs: dict[str, int | None]) -> Iterator[Line]:
    counted = {} if migration.archive_id else rows_of(migration)
    for key, kind, label, model in _OF_ARCHIVES if migration.archive_id else _KINDS:
        came = Identity.objects.filter(migration=migration, kind=kind)
        gone = came.exclude(ours__in=model._default_manager.values("pk"))
        lost = tuple(gone.order_by("id").values_list("theirs", flat=True)[:MOST_NAMED])
        count = came.count()
        refused = migration.remarks.filter(kind=kind).exclude(
            theirs__in=came.values("theirs")
        ).values("theirs").distinct().count()  # fmt: skip
        there = theirs.get(key) if key else None
        dry = counted.get(_STAGES.get(kind, key))
        yield Line(label, there, count, count - gone.count(), refused, dry, lost)


def _files(migration: Migration) -> Files:
    came = dict(Identity.objects.filter(migration=migration, kind="file").values_list("theirs", "digest"))
    ours = dict(Identity.objects.filter(migration=migration, kind="file").values_list("ours", "theirs"))
    size, unread, different = 0, 0, []
    rows = File.objects.filter(pk__in=ours).values_list(
        "pk", "blob__size", "blob__sha256", "blob__inspected_at"
    )
    found = 0
    for pk, bytes_, digest, read_at in rows.iterator(chunk_size=2000):
        found, size = found + 1, size + bytes_
        if read_at is None:
            unread += 1
        elif digest != came[ours[pk]]:
            different.append(ours[pk])
    return Files(found, size, unread, tuple(different[:MOST_NAMED]))
