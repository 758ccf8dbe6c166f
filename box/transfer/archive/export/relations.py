"""What belongs together: a task and the post, the deal or the person that it came of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db.models import Q, QuerySet

from box.apps.calendar.models import KIND as EVENT
from box.apps.crm.models.types import ANY_RECORD
from box.apps.feed.models import KIND as POST
from box.apps.tasks.models import KIND as TASK
from box.core.accounts.models import User
from box.core.registry.capabilities import Ref
from box.core.relations.belongings import PERSON_KIND
from box.core.relations.models import Relation
from box.transfer.archive import records
from box.transfer.archive.export.base import Scope, walked, word
from box.transfer.archive.export.calendar import events_in
from box.transfer.archive.export.crm import records_in
from box.transfer.archive.export.feed import comments_in, posts_in
from box.transfer.archive.export.tasks import tasks_in


def _people_in(scope: Scope) -> QuerySet[User]:
    found: QuerySet[User] = User.objects.visible_to(scope.by) if scope.by else User.objects.all()
    return found


_ENDS: Mapping[str, tuple[str, str, Callable[[Scope], QuerySet[Any]]]] = {
    PERSON_KIND: ("person", "people", _people_in),
    POST: ("post", "posts", posts_in),
    "feed.comment": ("comment", "comments", comments_in),
    TASK: ("task", "tasks", tasks_in),
    "tasks.comment": ("comment", "comments", comments_in),
    ANY_RECORD: ("client", "clients", records_in),
    EVENT: ("event", "events", events_in),
}
"""By the kind of an object what the format calls it, which file it is in, and which of them are in it."""


def relations(scope: Scope) -> Iterator[records.Relation]:
    """Of things that are both in the archive: whoever reads it learns of no other."""
    of_tasks = tasks_in(scope).order_by().values("pk")
    rows = Relation.objects.filter(
        Q(kind=TASK, object_id__in=of_tasks) | Q(other_kind=TASK, other_id__in=of_tasks)
    )
    for page in walked(rows):
        ends = {row.pk: (Ref(row.kind, row.object_id), Ref(row.other_kind, row.other_id)) for row in page}
        there = _there(scope, {one for both in ends.values() for one in both})
        for row in page:
            if there.issuperset(ends[row.pk]):
                one, other = (records.End(kind=word(_ENDS[end.kind][0]), id=end.id) for end in ends[row.pk])
                scope.name(row.made_by_id, *(end.id for end in ends[row.pk] if end.kind == PERSON_KIND))
                yield records.Relation(
                    id=row.pk, one=one, other=other, created_by=row.made_by_id, created_at=row.made_at
                )


def _there(scope: Scope, refs: set[Ref]) -> set[Ref]:
    """Those that are in the archive: a query a kind."""
    found: set[Ref] = set()
    for kind, (_name, file, rows_in) in _ENDS.items():
        ids = [ref.id for ref in refs if ref.kind == kind]
        if ids and (not scope.filters.kinds or file in scope.filters.kinds):
            there = rows_in(scope).filter(pk__in=ids).order_by().values_list("pk", flat=True)
            found |= {Ref(kind, pk) for pk in there}
    return found
