"""Which task waits for which: said once all tasks are there.

Source: https://apidocs.bitrix24.com/api-reference/tasks/task-dependence-add.html. It knows no delay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import override

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from box.apps.tasks.models import Dependency
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope
from box.transfer.archive.export.tasks import tasks_in
from box.transfer.cloud import Command
from box.transfer.outbound.base import OutboundStage, OutboundWork, There, Write, stays

Kind = Dependency.Kind
_LINKS: Mapping[str, int] = {
    Kind.START_START: 0, Kind.START_FINISH: 1, Kind.FINISH_START: 2, Kind.FINISH_FINISH: 3,
}  # fmt: skip


class Link(records.Record, kw_only=True):
    """Of two tasks; `kind` is a word of planners: fs, ss, ff or sf."""

    before: int
    after: int
    kind: str


class Dependencies(OutboundStage[Link]):
    """The portal lists none: one that may be there is taken away first, and is there once then."""

    key = "dependencies"
    label = gettext_lazy("What tasks wait for")
    kind = "dependency"
    scope = "task"
    needs = ("tasks",)
    is_recognised = True

    @override
    def things(self, scope: Scope) -> Iterator[Link]:
        for row in _rows(scope).order_by("pk").iterator():
            yield Link(id=row.pk, before=row.before_id, after=row.after_id, kind=row.kind)

    @override
    def count(self, scope: Scope) -> int:
        return _rows(scope).count()

    @override
    def write(self, work: OutboundWork, record: Link) -> Write | None:
        raise stays(_("One of the two tasks is not there."))

    @override
    def find(self, work: OutboundWork, sought: Sequence[Link]) -> Mapping[int, str]:
        known = work.all_theirs("task", {pk for one in sought for pk in (one.before, one.after)})
        return {
            one.id: f"{known[one.before]}:{known[one.after]}"
            for one in sought
            if one.before in known and one.after in known
        }

    @override
    def settle(self, work: OutboundWork, there: Sequence[There[Link]]) -> None:
        pairs = {one.record.id: one.theirs.split(":") for one in there}
        told = {pk: {"taskIdFrom": before, "taskIdTo": after} for pk, (before, after) in pairs.items()}
        work.cloud.each([Command(f"d{pk}", "task.dependence.delete", pair) for pk, pair in told.items()])
        writes = [
            (one.record.id,
             Write("task.dependence.add", {**told[one.record.id], "linkType": _LINKS[one.record.kind]}))
            for one in there
        ]  # fmt: skip
        work.write_all(self.kind, writes)


def _rows(scope: Scope) -> QuerySet[Dependency]:
    tasks = tasks_in(scope).order_by().values("pk")
    return Dependency.objects.filter(before__in=tasks, after__in=tasks)
