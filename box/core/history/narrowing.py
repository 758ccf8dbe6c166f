"""What of an object's history its reader may not read: rooms with rights by field say it of their kinds.

narrowers.add("ideas.idea", narrower)

def narrower(ref: Ref, reader: User) -> Narrow: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.history.models import Line
    from box.core.registry.capabilities import Ref

type Narrow = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
"""Of the kind and the details of a line those that are read; None: the line is not for them at all."""

narrowers: Offers[Callable[[Ref, User], Narrow]] = Offers("narrowers of histories")


def readable(ref: Ref, reader: User, lines: Sequence[Line]) -> list[Line]:
    """These lines of the object, each with the details that this person may read."""
    if ref.kind not in narrowers:
        return list(lines)
    narrow, found = narrowers[ref.kind](ref, reader), []
    for line in lines:
        details = narrow(line.kind, line.details)
        if details is not None:
            line.details = dict(details)
            found.append(line)
    return found
