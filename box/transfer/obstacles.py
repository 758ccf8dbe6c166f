"""What people have put where undoing a migration would lose it: comments, payments, newer contents, edits.

The same questions are asked of all that has come before anything goes, and of each batch while it goes: what
is written meanwhile is kept too. Each is one query, however much has come; whatever the migration has brought
itself is told from it by its identity, or by the moment at which the migration has last written anything:
what is known by that alone is marked before a later pass writes anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import CharField, Count, Exists, F, OuterRef, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from box.apps.calendar.models import Event, Meeting
from box.apps.crm.models import Activity, ActivityBinding, FormAnswer, Link, Paper, Payment, Record
from box.apps.drive.actions.locking import lock_drives
from box.apps.drive.models import Item
from box.apps.feed.models import Post
from box.apps.tasks.models import ChecklistItem, Task, TaskFile, TimeEntry
from box.core.discussion.models import Comment, Thread
from box.core.groups.models import Group
from box.transfer.models import Identity
from box.transfer.stages.base import VERSION
from box.transfer.stages.crm import KINDS, TIMELINE
from box.transfer.stages.drives import FILE, FOLDER
from box.transfer.stages.tasks import COMMENT, TIME

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.utils.functional import _StrOrPromise

    from box.transfer.models import Migration

RECORDS = tuple(KINDS)
_SAID = ("comment", COMMENT, TIMELINE)
_THREAD, _GROUPS_CODE = "thread", "code"
_MODELS: Mapping[str, type[Model]] = {
    "event": Event, "task": Task, "post": Post, "activity": Activity, "group": Group,
    FILE: Item, FOLDER: Item, **dict.fromkeys(RECORDS, Record),
}  # fmt: skip


@dataclass(frozen=True)
class Trace:
    """One kind of rows by which people's work is known: `on` is the column that says on what of these kinds
    it stands, by its id, its thread or its code as `by` says."""

    kinds: tuple[str, ...]
    what: _StrOrPromise
    rows: Callable[[Migration], QuerySet[Any]]
    on: str = "pk"
    by: str = "pk"

    def on_all(self, migration: Migration) -> QuerySet[Any]:
        came = _came(migration, self.kinds)
        handles: QuerySet[Any] = came.values("ours")
        if self.by == _THREAD:
            handles = _MODELS[self.kinds[0]]._default_manager.filter(pk__in=handles).values("thread")
        elif self.by == _GROUPS_CODE:
            code = Concat(Value("G"), Cast("ours", CharField()))
            handles = came.annotate(code=code).values("code")
        return self.rows(migration).filter(**{f"{self.on}__in": handles})

    def on_some(self, migration: Migration, ids: Sequence[int]) -> set[int]:
        """Those of these on which something stands."""
        handles: dict[Any, int] = {pk: pk for pk in ids}
        if self.by == _THREAD:
            held = _MODELS[self.kinds[0]]._default_manager.filter(pk__in=ids)
            handles = dict(held.values_list("thread", "pk"))
        elif self.by == _GROUPS_CODE:
            handles = {f"G{pk}": pk for pk in ids}
        found = self.rows(migration).filter(**{f"{self.on}__in": list(handles)})
        return {handles[one] for one in found.order_by().values_list(self.on, flat=True).distinct()}


def obstacles(migration: Migration) -> str:
    """Why it cannot be undone: people have said or put something where it would be lost. Nothing: it can."""
    found: Counter[str] = Counter()
    for trace in _TRACES:
        if count := trace.on_all(migration).count():
            found[str(trace.what)] += count
    if not found:
        return ""
    counts = (_("%(count)s %(what)s") % {"count": count, "what": what} for what, count in found.items())
    return _("People have worked with what has come. This would be lost: %(what)s.") % {
        "what": ", ".join(counts)
    }


def in_use(migration: Migration, kind: str, ids: Sequence[int]) -> dict[int, str]:
    """Which of these things of a kind people have worked with, and how. Within a transaction: they are held
    until it ends, so that whoever is about to write there waits, and is told that it is gone."""
    traces = [trace for trace in _TRACES if kind in trace.kinds]
    if not traces or not ids:
        return {}
    _hold(kind, ids)
    found: dict[int, list[str]] = defaultdict(list)
    for trace in traces:
        for pk in trace.on_some(migration, ids):
            found[pk].append(str(trace.what))
    return {pk: ", ".join(dict.fromkeys(what)) for pk, what in found.items()}


def is_peoples(items: QuerySet[Item], migration: Migration) -> bool:
    """Whether one of these did not come, or is kept."""
    return _own(migration, items, FILE).exists()


def since(migration: Migration) -> datetime:
    """What is of a later moment, the migration has not written: see `actions.begin_undo`."""
    return migration.finished_at or migration.moved_at


def mark_edited(migration: Migration) -> None:
    """Call before it writes anything anew, while `since` is still the end of what it has written."""
    if migration.is_outbound:
        return
    traces = (*_BY_MOMENT, _HOURS, _LINES) if migration.archive_id else _BY_MOMENT
    for trace in traces:
        edited = trace.rows(migration).values(trace.on)
        _came(migration, trace.kinds).filter(ours__in=edited).update(is_edited=True)


def _hold(kind: str, ids: Sequence[int]) -> None:
    """In the order in which everybody holds them."""
    model = _MODELS[kind]
    if model is Item:
        lock_drives(*Item.objects.filter(pk__in=ids).values_list("drive", flat=True).distinct())
        return
    if model is Activity:
        bound = ActivityBinding.objects.filter(activity__in=ids).values("record")
        list(Record.objects.filter(pk__in=bound).select_for_update(of=("self",)).order_by("pk").values("pk"))
    things: QuerySet[Any] = model._default_manager.filter(pk__in=ids)
    list(things.select_for_update(of=("self",)).order_by("pk").values("pk"))
    if model in (Task, Post, Record):
        threads = Thread.objects.filter(pk__in=things.values("thread"))
        list(threads.select_for_update().order_by("pk").values("pk"))


def _came(migration: Migration, kinds: Collection[str]) -> QuerySet[Identity]:
    return Identity.objects.filter(migration=migration, kind__in=kinds, is_new=True)


def _own[M: Model](migration: Migration, rows: QuerySet[M], *kinds: str, by: str = "pk") -> QuerySet[M]:
    """Those that the migration has not brought, or that were kept and are people's by now."""
    return rows.exclude(Exists(_came(migration, kinds).filter(ours=OuterRef(by))))


def _comments(migration: Migration) -> QuerySet[Comment]:
    return _own(migration, Comment.objects.all(), *_SAID)


def _checklists(migration: Migration) -> QuerySet[ChecklistItem]:
    """Out of an archive a line comes without an identity: of these is known what was ticked off since."""
    lines = ChecklistItem.objects.all()
    if migration.archive_id:
        return _edited(lines, migration, "done_at")
    return _own(migration, lines, "checklist")


def _hours(migration: Migration) -> QuerySet[TimeEntry]:
    """Out of an archive they come without an identity, too."""
    entries = TimeEntry.objects.all()
    if migration.archive_id:
        return _edited(entries, migration, "written_at")
    return _own(migration, entries, TIME)


def _newer_contents(migration: Migration) -> QuerySet[Item]:
    """Files that have had more contents than came."""
    came = _came(migration, ("file", VERSION)).filter(ours=OuterRef("file"))
    count = came.order_by().values("ours").annotate(count=Count("pk")).values("count")
    # The first content of what came has always come.
    more = Item.objects.filter(version__gt=1)
    return more.annotate(came=Coalesce(Subquery(count), 0)).filter(version__gt=F("came"))


def _edited[M: Model](rows: QuerySet[M], migration: Migration, at: str = "changed_at") -> QuerySet[M]:
    """What is of a day to come has the portal's word for that, and is nobody's here."""
    return rows.filter(**{f"{at}__gt": since(migration), f"{at}__lte": timezone.now()})


def _marked(kinds: Collection[str], migration: Migration) -> QuerySet[Identity]:
    return _came(migration, kinds).filter(is_edited=True)


_COMMENTS, _TASKS, _EDITS = gettext_lazy("comments"), gettext_lazy("tasks"), gettext_lazy("edits")
_FILES, _EVENTS = gettext_lazy("files"), gettext_lazy("events")

_BY_MOMENT: Sequence[Trace] = (
    Trace(("post",), _EDITS, lambda of: _edited(Post.objects.all(), of, "edited_at")),
    Trace(("task",), _EDITS, lambda of: _edited(Task.objects.all(), of)),
    Trace(RECORDS, _EDITS, lambda of: _edited(Record.objects.exclude(changed_by=None), of)),
    # What was planned there, and done here.
    Trace(("activity",), _EDITS, lambda of: _edited(Activity.objects.all(), of, "done_at")),
    Trace(("event",), _EDITS, lambda of: _edited(Event.objects.all(), of)),
)
_HOURS = Trace(("task",), gettext_lazy("hours of work"), _hours, "task")
_LINES = Trace(("task",), gettext_lazy("lines of checklists"), _checklists, "task")

_TRACES: Sequence[Trace] = (
    *_BY_MOMENT,
    *(replace(trace, rows=partial(_marked, trace.kinds), on="ours") for trace in _BY_MOMENT),
    Trace(("post",), _COMMENTS, _comments, "thread", _THREAD),
    Trace(("task",), _COMMENTS, _comments, "thread", _THREAD),
    Trace(("task",), _TASKS, lambda of: _own(of, Task.objects.all(), "task"), "parent"),
    Trace(("task",), _FILES, lambda of: _own(of, TaskFile.objects.all(), "file", by="file"), "task"),
    _HOURS,
    _LINES,
    Trace(RECORDS, _COMMENTS, _comments, "thread", _THREAD),
    Trace(
        RECORDS,
        gettext_lazy("activities"),
        lambda of: _own(of, ActivityBinding.objects.all(), "activity", by="activity"),
        "record",
    ),
    Trace(RECORDS, gettext_lazy("payments"), lambda of: Payment.objects.all(), "record"),
    Trace(RECORDS, gettext_lazy("quotes and invoices"), lambda of: Paper.objects.all(), "deal"),
    Trace(
        RECORDS,
        gettext_lazy("links of other clients and deals"),
        lambda of: _own(of, Link.objects.all(), *RECORDS, by="record"),
        "to",
    ),
    Trace(
        RECORDS,
        gettext_lazy("clients and deals that were merged into others"),
        lambda of: _own(of, Record.objects.all(), *RECORDS),
        "merged_into",
    ),
    Trace(RECORDS, gettext_lazy("answers of web forms"), lambda of: FormAnswer.objects.all(), "record"),
    Trace((FOLDER,), _FILES, lambda of: _own(of, Item.objects.all(), FILE), "parent"),
    Trace((FILE,), gettext_lazy("newer contents of files"), _newer_contents),
    Trace(("event",), pgettext_lazy("of meetings", "minutes"), lambda of: Meeting.objects.all(), "event"),
    Trace(("event",), _EVENTS, lambda of: _own(of, Event.objects.all(), "event"), "series"),
    Trace(("group",), _TASKS, lambda of: _own(of, Task.objects.all(), "task"), "project"),
    Trace(
        ("group",),
        _FILES,
        lambda of: _own(of, Item.objects.exclude(parent=None), FILE),
        "drive__code",
        _GROUPS_CODE,
    ),
    Trace(
        ("group",), _EVENTS, lambda of: _own(of, Event.objects.all(), "event"), "calendar__code", _GROUPS_CODE
    ),
)
