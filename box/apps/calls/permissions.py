"""Who sees which calls: one rule for the log, a call's page, recordings, reports and files.

A call's audience holds its participants, and by department whose call it was:

    U17            who was called, or called
    calls:D5       whoever leads department 5, or one above it
    calls:UA       whoever sees all calls
"""

from __future__ import annotations

from collections.abc import Iterable

from box.core.access.principals import EVERYONE, code_of
from box.core.access.rights import has_right
from box.core.accounts.models import User
from box.core.structure.models import Membership

SEE_ALL = "calls.see_all"
PREFIX = "calls:"
ALL = PREFIX + EVERYONE
LEADING = (Membership.Role.HEAD, Membership.Role.DEPUTY)


def audience_of(people: Iterable[int]) -> list[str]:
    """Of a call in which these people took part."""
    ids = set(people)
    paths = Membership.objects.filter(user__in=ids).values_list("department__path", flat=True)
    departments = {pk for path in paths for pk in path}
    return sorted({ALL, *(f"U{pk}" for pk in ids), *(f"{PREFIX}D{pk}" for pk in departments)})


def codes_of_reader(user: User) -> frozenset[str]:
    """What this person answers to: in a request one query."""
    key = user.access_version
    known: tuple[int, frozenset[str]] | None = vars(user).get("_calls_codes")
    if known is None or known[0] != key:
        headed = Membership.objects.filter(user=user, role__in=LEADING).values_list(
            "department_id", flat=True
        )
        codes = {code_of(user), *(f"{PREFIX}D{pk}" for pk in headed)}
        if has_right(user, SEE_ALL):
            codes.add(ALL)
        known = vars(user)["_calls_codes"] = (key, frozenset(codes))
    return known[1]


def leads_anybody(user: User) -> bool:
    return user.is_administrator or len(codes_of_reader(user)) > 1
