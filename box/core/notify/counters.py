"""Numbers in the menu: what waits for a person in a room, the same on every device.

    set_counter(user, "crm", 3)
    recount(user, "crm", lambda: Deal.objects.without_next_step().of(user)[:MOST].count())

The key is that of the menu's entry. Pages know the numbers with the person's row; open ones are told of what
changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import connection, models, transaction
from django.db.models.expressions import RawSQL

from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.notify.models import Counter
from box.core.push.actions import send

if TYPE_CHECKING:
    from collections.abc import Mapping

# Shown as "99+" beyond.
COUNT_CAP = 99


@transaction.atomic
def set_counter(user: User, key: str, n: int) -> None:
    """Within the transaction of what is counted; the same again tells nobody."""
    value = min(max(n, 0), COUNT_CAP + 1)
    if value:
        is_changed = _write(user, key, value)
    else:
        is_changed = bool(Counter.objects.filter(user=user, key=key).delete()[0])
    if is_changed:
        payload = {"key": key, "shown": shown(value)}
        send("notify", "counter", audience=[code_of(user)], payload=payload)


@transaction.atomic
def recount(user: User, key: str, count: Callable[[], int]) -> None:
    """Counts once nobody else does for this person: of two who count at once each would miss the other's."""
    User.objects.select_for_update(no_key=True).only("pk").get(pk=user.pk)
    set_counter(user, key, count())


def shown(value: int) -> str:
    return f"{COUNT_CAP}+" if value > COUNT_CAP else str(value or "")


def counters_of_person() -> RawSQL:
    """All of a person's, by key, for the query that loads the person."""
    table = Counter._meta.db_table
    rows = f'SELECT jsonb_object_agg(key, value) FROM "{table}" WHERE user_id = accounts_user.id'  # noqa: S608
    return RawSQL(f"({rows})", [], output_field=models.JSONField())  # noqa: S611


def counters_of(user: User) -> tuple[tuple[str, str], ...]:
    """By key, as the menu shows them: a value, so that a menu is rendered once for all who have the same."""
    known: Mapping[str, int] | None = getattr(user, "counters", None)
    if known is None and not hasattr(user, "counters"):
        known = dict(Counter.objects.filter(user=user).values_list("key", "value"))
    return tuple((key, shown(value)) for key, value in sorted((known or {}).items()))


def _write(user: User, key: str, value: int) -> bool:
    """Whether it was another before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notify_counter (user_id, key, value) VALUES (%s, %s, %s)"
            " ON CONFLICT (user_id, key) DO UPDATE SET value = excluded.value"
            " WHERE notify_counter.value <> excluded.value RETURNING id",
            [user.pk, key, value],
        )
        return cursor.fetchone() is not None
