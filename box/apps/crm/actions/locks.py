"""Which rows an action holds, in one order everywhere: first people, then records, each by their numbers.

Merging and erasing accounts holds the people when it comes to what they look after. Who held a record and
then asked for a person would wait for that, and be waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, transaction

from box.apps.crm.models import Record
from box.core.accounts.models import User

if TYPE_CHECKING:
    from box.apps.crm.models.records import RecordQuerySet

# A record that changes hands while its person is waited for is held anew with the next one.
TRIES = 5
_PEOPLE = "SELECT * FROM accounts_user WHERE id = ANY (%s) ORDER BY id FOR SHARE"


def locked_people(user_ids: Iterable[int]) -> dict[int, User]:
    """These people with their memberships as they are until this transaction ends.

    Whoever changes a membership writes the person's row: so either that waits for us, and its handler finds
    what we write, or we wait for that and read what it wrote.
    """
    return {user.pk: user for user in _held_people(user_ids)}


def locked_records(
    records: Collection[Record], *, among: RecordQuerySet | None = None, people: Iterable[int] = ()
) -> dict[int, Record]:
    """These records as they are now, by their numbers and until this transaction ends; of those that are not
    `among` these rows any more none. Who is responsible for them, and these people, are held before them."""
    ids = [record.pk for record in records]
    known = {*people, *(record.responsible_id for record in records)}
    rows = Record.objects.all() if among is None else among
    rows = rows.filter(pk__in=ids).select_related("type", "stage").order_by("pk")
    for _try in range(TRIES):
        try:
            with transaction.atomic():
                list(_held_people(known))
                held = {record.pk: record for record in rows.select_for_update(of=("self",))}
                if strange := {record.responsible_id for record in held.values()} - known:
                    raise _HandedOver(strange)
                return held
        except _HandedOver as moved:
            known |= moved.people
    return {record.pk: record for record in rows.select_for_update(of=("self",))}


class _HandedOver(Exception):
    """Meanwhile to these people: what was held is let go."""

    def __init__(self, people: set[int]) -> None:
        super().__init__()
        self.people = people


def _held_people(ids: Iterable[int]) -> Iterable[User]:
    """Whoever reads them holds them: one statement, for every write of the CRM pays for it."""
    held: Iterable[User] = User.objects.raw(_PEOPLE, [sorted(set(ids))], using=DEFAULT_DB_ALIAS)
    return held
