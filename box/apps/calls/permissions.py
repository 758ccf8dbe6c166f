"""Who sees which calls: one rule for the log, a call's page, recordings, reports and files.

A call's audience holds its participants, and who led them when it was:

    U17         who was called, or called
    H5          whoever leads department 5
    calls:UA    whoever sees all calls

It is of that day: who leads a department later sees the calls from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

from box.core.access.principals import EVERYONE, memberships_of
from box.core.access.rights import has_right
from box.core.accounts.models import User
from box.core.structure.access import heads_over

SEE_ALL = "calls.see_all"
ALL = f"calls:{EVERYONE}"


def audience_of(people: Iterable[int]) -> list[str]:
    """Of a call in which these people took part."""
    ids = set(people)
    return sorted({ALL, *(f"U{pk}" for pk in ids), *heads_over(ids)})


def codes_of_reader(user: User) -> frozenset[str]:
    """What this person answers to: no query in a request, once their codes are known."""
    own = frozenset(code for code in memberships_of(user) if code[0] in "UH" and code != EVERYONE)
    return own | {ALL} if has_right(user, SEE_ALL) else own


def leads_anybody(user: User) -> bool:
    return user.is_administrator or any(code[0] == "H" for code in memberships_of(user))
