"""Who sees a record follows from where it stands, whose it is and who observes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from django.db import connection

from box.apps.crm.actions.locks import locked_people
from box.apps.crm.events import AudiencesChanged
from box.apps.crm.models import Observer, Record, Stage
from box.apps.crm.permissions import PREFIX, audience_in
from box.core.access.principals import memberships_of
from box.core.accounts.models import User
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.apps.crm.models.records import RecordQuerySet

BATCH = 2000


def audience_of(record: Record, responsible: User, observer_ids: Iterable[int]) -> list[str]:
    return audience_in(record.scope, memberships_of(responsible), (f"U{pk}" for pk in observer_ids))


def renew_audience(record: Record) -> None:
    """Within a transaction that holds the record: as its columns are now, unsaved ones too."""
    responsible = locked_people([record.responsible_id])[record.responsible_id]
    observers = Observer.objects.filter(record=record).values_list("user_id", flat=True)
    record.audience = audience_of(record, responsible, observers)


def renew_audiences_of(user: User) -> None:
    """Of everything that the person is responsible for: their memberships have changed."""
    memberships = memberships_of(user)
    for scope, ids in _by_scope(Record.objects.filter(responsible=user)):
        _write(ids, audience_in(scope, memberships))


def renew_audiences_in(stage: Stage) -> None:
    """Of everything in the stage: permissions hold for it apart now, or no more."""
    held = Record.objects.filter(stage=stage)
    people = User.objects.filter(pk__in=held.values("responsible").distinct())
    for person in people:
        for scope, ids in _by_scope(held.filter(responsible=person)):
            _write(ids, audience_in(scope, memberships_of(person)))


def _by_scope(records: RecordQuerySet) -> Iterator[tuple[str, Collection[int]]]:
    by_scope: dict[str, list[int]] = {}
    for record in (
        records.select_related("stage", "type").only("id", "type", "stage").iterator(chunk_size=BATCH)
    ):
        ids = by_scope.setdefault(record.scope, [])
        ids.append(record.pk)
        if len(ids) == BATCH:
            yield record.scope, by_scope.pop(record.scope)
    yield from by_scope.items()


def _write(ids: Collection[int], audience: Collection[str]) -> None:
    """Observers stay. Rows that have it already are not written."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {"ids": sorted(ids), "audience": sorted(audience), "mark": f"{PREFIX}%"})
        changed = tuple(pk for (pk,) in cursor.fetchall())
    if changed:
        emit(AudiencesChanged(record_ids=changed))


_WRITE = """
    UPDATE crm_record AS record SET audience = renewed.audience
      FROM (SELECT one.id, ARRAY(SELECT code FROM unnest(%(audience)s::text[] || ARRAY(
                       SELECT kept FROM unnest(one.audience) AS kept WHERE kept NOT LIKE %(mark)s
                   )) AS code ORDER BY code) AS audience
              FROM crm_record AS one WHERE one.id = ANY (%(ids)s) ORDER BY one.id FOR UPDATE) AS renewed
     WHERE record.id = renewed.id AND record.audience <> renewed.audience
 RETURNING record.id
"""
