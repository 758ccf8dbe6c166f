"""Who may do what to posts, and whom one may address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from box.apps.feed.models import Post
from box.core.access.principals import EVERYONE, codes_of
from box.core.accounts.models import User
from box.core.org.models import Department

_CODE = re.compile(r"UA|(U|D|DR)(\d{1,18})")


def can_delete(user: User, post: Post) -> bool:
    return user.pk == post.author_id or (user.is_administrator and not post.is_private)


def unknown_codes(author: User, codes: Iterable[str]) -> set[str]:
    """Those of the codes that this author cannot address: unknown ones, and for a guest all but their own."""
    codes = set(codes)
    if EVERYONE not in codes_of(author):
        # An outside guest addresses only where they belong.
        return codes - codes_of(author)
    ids: dict[str, set[int]] = {"U": set(), "D": set(), "DR": set()}
    unknown = set()
    for code in codes:
        match = _CODE.fullmatch(code)
        if match is None:
            unknown.add(code)
        elif code != EVERYONE:
            ids[match[1]].add(int(match[2]))
    people = (
        set(User.objects.active().filter(pk__in=ids["U"]).values_list("pk", flat=True)) if ids["U"] else set()
    )
    wanted = ids["D"] | ids["DR"]
    departments = (
        set(Department.objects.filter(pk__in=wanted).values_list("pk", flat=True)) if wanted else set()
    )
    unknown |= {f"U{pk}" for pk in ids["U"] - people}
    unknown |= {f"{kind}{pk}" for kind in ("D", "DR") for pk in ids[kind] - departments}
    return unknown
