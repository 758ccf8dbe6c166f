"""Who sees an item follows from where it stands, whose it is and who observes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from django.db import connection

from box.apps.crm.events import AudiencesChanged
from box.apps.crm.models import Item, Observer, Stage
from box.apps.crm.permissions import PREFIX, audience_in
from box.core.access.principals import memberships_of
from box.core.accounts.models import User
from box.core.events.outbox import emit

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 2000


def locked_people(user_ids: Iterable[int]) -> dict[int, User]:
    """These people with their memberships as they are until this transaction ends.

    Whoever changes a membership writes the person's row: so either that waits for us, and its handler finds
    what we write, or we wait for that and read what it wrote.
    """
    ids = sorted(set(user_ids))
    rows = User.objects.filter(pk__in=ids).order_by("pk")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_user WHERE id = ANY (%s) ORDER BY id FOR SHARE", [ids])
    return {user.pk: user for user in rows}


def audience_of(item: Item, responsible: User, observer_ids: Iterable[int]) -> list[str]:
    return audience_in(item.scope, memberships_of(responsible), (f"U{pk}" for pk in observer_ids))


def renew_audience(item: Item) -> None:
    """Within a transaction that holds the item: as its columns are now, unsaved ones too."""
    responsible = locked_people([item.responsible_id])[item.responsible_id]
    observers = Observer.objects.filter(item=item).values_list("user_id", flat=True) if item.pk else ()
    item.audience = audience_of(item, responsible, observers)


def renew_audiences_of(user: User) -> None:
    """Of everything that the person is responsible for: their memberships have changed."""
    memberships = memberships_of(user)
    for scope, ids in _by_scope(Item.objects.filter(responsible=user)):
        _write(ids, audience_in(scope, memberships))


def renew_audiences_in(stage: Stage) -> None:
    """Of everything in the stage: permissions hold for it apart now, or no more."""
    held = Item.objects.filter(stage=stage)
    people = User.objects.filter(pk__in=held.values("responsible").distinct())
    for person in people:
        for scope, ids in _by_scope(held.filter(responsible=person)):
            _write(ids, audience_in(scope, memberships_of(person)))


def _by_scope(items: Iterable[Item]) -> Iterator[tuple[str, Collection[int]]]:
    by_scope: dict[str, list[int]] = {}
    for item in items.select_related("stage", "type").only("id", "type", "stage").iterator(chunk_size=BATCH):  # type: ignore[attr-defined]
        ids = by_scope.setdefault(item.scope, [])
        ids.append(item.pk)
        if len(ids) == BATCH:
            yield item.scope, by_scope.pop(item.scope)
    yield from by_scope.items()


def _write(ids: Collection[int], audience: Collection[str]) -> None:
    """Observers stay. Rows that have it already are not written."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {"ids": sorted(ids), "audience": sorted(audience), "mark": f"{PREFIX}%"})
        changed = tuple(pk for (pk,) in cursor.fetchall())
    if changed:
        emit(AudiencesChanged(item_ids=changed))


_WRITE = """
    UPDATE crm_item AS item SET audience = renewed.audience
      FROM (SELECT one.id, ARRAY(SELECT code FROM unnest(%(audience)s::text[] || ARRAY(
                       SELECT kept FROM unnest(one.audience) AS kept WHERE kept NOT LIKE %(mark)s
                   )) AS code ORDER BY code) AS audience
              FROM crm_item AS one WHERE one.id = ANY (%(ids)s) ORDER BY one.id FOR UPDATE) AS renewed
     WHERE item.id = renewed.id AND item.audience <> renewed.audience
 RETURNING item.id
"""
