"""Whether everything is here: counts and sums of both sides by kind, and the bytes of files against what was
fetched, with the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, Max, Sum
from django.db.models.functions import Cast
from django.urls import reverse
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
from box.lib.numbers import whole_number
from box.transfer.cloud import CAPITALS, PLAIN, WORDS, Command, Shape
from box.transfer.inventory import take_stock
from box.transfer.models import MOST_ID, Identity, Migration
from box.transfer.rehearsal import rows_of
from box.transfer.stages import calls, feed
from box.transfer.stages.base import line
from box.transfer.stages.drives import FILE
from box.transfer.stages.links import PAGES
from box.transfer.stages.own_fields import FIELD, TASK_FIELD
from box.transfer.stages.tasks import COMMENT

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
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
MOST_NAMED = 50
_MOST_ROWS = 200
"""Of an answer, whatever the portal calls a page."""
# What has a name that whoever moves a company may read. Of the rest numbers are said, and links lead to what
# their reader may see.
_NAMED = frozenset({"person", "department", "group", "company", "contact", "lead", "deal", FIELD, TASK_FIELD})


@dataclass(frozen=True)
class _Newer:
    """How a portal lists those of a kind behind a number."""

    method: str
    shape: Shape = PLAIN
    of: str = ""
    id_name: str = "ID"
    parameters: Mapping[str, Any] = field(default_factory=dict)


_RECORD = {"select": ["ID", "TITLE", "NAME", "LAST_NAME"]}
_NEWER: Mapping[str, _Newer] = {
    "people": _Newer("user.get", WORDS, parameters={"ADMIN_MODE": True}),
    "groups": _Newer("sonet_group.get", CAPITALS, parameters={"IS_ADMIN": "Y"}),
    "tasks": _Newer("tasks.task.list", of="tasks", id_name="id", parameters={"select": ["ID"]}),
    **{
        key: _Newer(f"crm.{slug}.list", parameters=_RECORD)
        for key, slug in (
            ("companies", "company"), ("contacts", "contact"), ("leads", "lead"), ("deals", "deal"),
        )
    },
    "activities": _Newer("crm.activity.list", parameters={"select": ["ID"]}),
    "calls": _Newer("voximplant.statistic.get", calls.SHAPE),
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """One thing of the portal, by its number there; with its name, and where it is here."""

    theirs: str
    name: str = ""
    address: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.theirs})" if self.name else self.theirs


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
    gone: int = 0
    """So many are here, and the last pass has not seen them there any more."""
    gone_named: tuple[Named, ...] = ()
    missing: tuple[Named, ...] = ()
    """A few of what is there, and was added since the last pass."""
    is_asked: bool = True
    """What it has was asked for just now; else it is what was counted before anything came."""

    @property
    def is_whole(self) -> bool:
        return self.here == self.came and not self.is_missing

    @property
    def is_missing(self) -> bool:
        """There is more there than was looked at."""
        gone = self.gone if self.is_asked else 0
        return self.theirs is not None and self.theirs > self.came - gone + self.refused


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
    lines = tuple(replace(one, is_asked=cloud is not None) for one in _lines(migration, theirs))
    if cloud is not None:
        lines = _with_missing(migration, cloud, lines)
    return Reconciliation(lines, _files(migration), seconds)


def _lines(migration: Migration, theirs: dict[str, int | None]) -> Iterator[Line]:
    counted = {} if migration.archive_id else rows_of(migration)
    read = set(migration.progress.filter(is_done=True, is_partial=False).values_list("stage", flat=True))
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
        unseen = came.none()
        if migration.passes > 1 and not migration.archive_id and _STAGES.get(kind, key) in read:
            unseen = came.filter(seen__lt=migration.passes, ours__in=model._default_manager.values("pk"))
        yield Line(
            label, there, count, count - gone.count(), refused, dry, lost,
            unseen.count(), _named(unseen, kind, model),
        )  # fmt: skip


def _named(unseen: QuerySet[Identity], kind: str, model: type[Model]) -> tuple[Named, ...]:
    rows = dict(unseen.order_by("id").values_list("theirs", "ours")[:MOST_NAMED])
    found = model._default_manager.in_bulk(rows.values()) if kind in _NAMED else {}
    page, *before = PAGES.get(kind, ("",))
    return tuple(
        Named(
            theirs,
            str(found[ours]) if ours in found else "",
            reverse(page, args=[*before, ours]) if page else "",
        )
        for theirs, ours in rows.items()
    )


def _with_missing(migration: Migration, cloud: Cloud, lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Asks of each kind of which there is more, in one request, what has come behind the last one that is
    known. Of posts nobody can ask so: they are listed the newest first."""
    kinds = [(key, kind) for key, kind, _label, _model in _KINDS]
    asked: dict[str, Command] = {}
    for (key, kind), one in zip(kinds, lines, strict=True):
        if one.is_missing and key == "posts":
            asked[key] = Command(key, feed.METHOD, {"start": 0})
        elif one.is_missing and key in _NEWER:
            asked[key] = _command(migration, key, kind)
    found = cloud.each(list(asked.values())) if asked else {}
    return tuple(
        replace(one, missing=_new_ones(migration, key, kind, found[key].result)) if key in found else one
        for (key, kind), one in zip(kinds, lines, strict=True)
    )


def _command(migration: Migration, key: str, kind: str) -> Command:
    newer = _NEWER[key]
    came = Identity.objects.filter(migration=migration, kind=kind, theirs__regex=r"^[0-9]{1,18}$")
    last = came.aggregate(last=Max(Cast("theirs", BigIntegerField())))["last"] or 0
    return Command(
        key, newer.method, {**newer.parameters, **newer.shape.of("ID", {">ID": last}), "start": -1}
    )


def _new_ones(migration: Migration, key: str, kind: str, told: Any) -> tuple[Named, ...]:
    newer = _NEWER.get(key, _Newer(""))
    within = told.get(newer.of) if newer.of and isinstance(told, dict) else told
    rows = {
        str(row[newer.id_name])[:MOST_ID]: row
        for row in (within[:_MOST_ROWS] if isinstance(within, list) else ())
        if isinstance(row, dict) and whole_number(str(row.get(newer.id_name))) is not None
    }
    known = {
        *Identity.objects.filter(migration=migration, kind=kind, theirs__in=rows).values_list(
            "theirs", flat=True
        ),
        *migration.remarks.filter(kind=kind, theirs__in=rows).values_list("theirs", flat=True),
    }
    new = [(theirs, row) for theirs, row in rows.items() if theirs not in known]
    return tuple(Named(theirs, _name(kind, row)) for theirs, row in new[:MOST_NAMED])


def _name(kind: str, row: Mapping[str, Any]) -> str:
    if kind not in _NAMED:
        return ""
    person = line(" ".join(line(row.get(name), 100) for name in ("NAME", "LAST_NAME")), 200)
    return line(row.get("TITLE"), 200) or person


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
