"""What of an object's history its reader may not read: rooms with rights by field say it of their kinds.

redactors.add("ideas.idea", redactor)

def redactor(ref: Ref, reader: User) -> Redact: ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.history.models import Line
    from box.core.registry.capabilities import Ref

type Redact = Callable[[str, Mapping[str, Any]], Mapping[str, Any] | None]
"""Of the kind and the details of a line those that are read; None: the line is not for them at all."""

redactors: Offers[Callable[[Ref, User], Redact]] = Offers("redactors of histories")


def readable(ref: Ref, reader: User, lines: Sequence[Line]) -> list[Line]:
    """These lines of the object, each with the details that this person may read."""
    if ref.kind not in redactors:
        return list(lines)
    redact, found = redactors[ref.kind](ref, reader), []
    for line in lines:
        details = redact(line.kind, line.details)
        if details is not None:
            line.details = dict(details)
            found.append(line)
    return found
