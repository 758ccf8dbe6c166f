"""Accounts that may well be one person: by what two people hardly ever have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection
from django.utils.translation import gettext_lazy as _

from box.core.accounts.models import User

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

MOST_FOUND = 50

# Each is what a group of accounts has in common, and none for who has nothing of the kind. What many have in
# common, such as the number of a reception or an address like info@, tells nothing.
_MOST_ALIKE = 3
_WHY: dict[str, tuple[_StrOrPromise, str]] = {
    "email": (
        _("the e-mail before the @"),
        "nullif(split_part(CASE WHEN email <> '' THEN email ELSE login END, '@', 1), '')",
    ),
    "birthday": (
        _("name and birthday"),
        "CASE WHEN last_name <> '' AND birthday_on IS NOT NULL"
        " THEN people_skeleton(concat(last_name, ' ', first_name)) || birthday_on END",
    ),
    "phone": (
        _("last name and phone"),
        "CASE WHEN last_name <> '' AND phone <> ''"
        " THEN people_skeleton(last_name) || right(regexp_replace(phone, '[^0-9]', '', 'g'), 10) END",
    ),
}


_PAIRS = """
    WITH keyed AS (
         SELECT id, key, count(*) OVER (PARTITION BY key) AS times
           FROM (SELECT id, {key} AS key FROM accounts_user
                  WHERE NOT is_extranet AND merged_into_id IS NULL AND login NOT LIKE '/erased/%%') AS own
          WHERE key IS NOT NULL)
    SELECT one.id, other.id
      FROM keyed AS one JOIN keyed AS other ON other.key = one.key AND other.id > one.id
     WHERE one.times BETWEEN 2 AND %(most)s AND (%(of)s::bigint IS NULL OR %(of)s IN (one.id, other.id))
     ORDER BY other.id DESC, one.id DESC LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Alike:
    """Two accounts, the one that should remain first, and what they have in common."""

    kept: User
    gone: User
    why: list[_StrOrPromise]


def alike(of: User | None = None) -> list[Alike]:
    """Pairs of employees' accounts, or those with one of them: four queries, whatever the company's size."""
    found: dict[tuple[int, int], list[_StrOrPromise]] = {}
    with connection.cursor() as cursor:
        for why, key in _WHY.values():
            cursor.execute(
                _PAIRS.format(key=key),
                {"most": _MOST_ALIKE, "of": of.pk if of else None, "limit": MOST_FOUND},
            )
            for one, other in cursor.fetchall():
                found.setdefault((one, other), []).append(why)
    people = User.objects.in_bulk({pk for pair in found for pk in pair})
    return [
        Alike(*in_use_first(people[one], people[other]), why)
        for (one, other), why in list(found.items())[:MOST_FOUND]
    ]


def in_use_first(one: User, other: User) -> tuple[User, User]:
    """Which of the two should remain: who works here, then who has signed in last, then who came first."""

    def rank(person: User) -> tuple[bool, float, int]:
        works = person.status != User.Status.DISMISSED
        return works, person.last_login.timestamp() if person.last_login else 0, -person.pk

    return (one, other) if rank(one) >= rank(other) else (other, one)
