"""What of an object's history its reader may not read, and what it is called for them: rooms say it of their
kinds.

redactors.add("ideas.idea", redactor)

def redactor(ref: Ref, reader: User, lines: Sequence[Line]) -> Iterable[Mapping[str, Any] | None]: ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from box.core.fields.values import as_read
from box.core.registry.offers import Offers

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.fields.sets import FieldSet
    from box.core.history.models import Line
    from box.core.registry.capabilities import Ref

type Redactor = Callable[[Ref, User, Sequence[Line]], Iterable[Mapping[str, Any] | None]]
"""Of each of these lines of an object the details that are read; None: the line is not for them at all. In
a number of queries that does not depend on theirs."""

CHANGES = "changes"
"""The detail of a line that says of each field what it was and what it became."""

redactors: Offers[Redactor] = Offers("redactors of histories")


def readable(ref: Ref, reader: User, lines: Sequence[Line]) -> list[Line]:
    """These lines of the object, each with the details that this person may read."""
    if ref.kind not in redactors:
        return list(lines)
    found = []
    for line, details in zip(lines, redactors[ref.kind](ref, reader, lines), strict=True):
        if details is not None:
            line.details = dict(details)
            found.append(line)
    return found


def with_own_fields(
    details: Sequence[Mapping[str, Any] | None], of: FieldSet, reader: User
) -> list[Mapping[str, Any] | None]:
    """What fields of the company's own point at, called as this reader sees it: events tell it by
    `values.Change.told`, under the keys of the fields. In a query or two a kind of it."""
    changes = [change for one in details if one for change in one.get(CHANGES, ())]
    called = iter(as_read(changes, {field.key: field for field in of.fields}, reader))
    return [
        {**one, CHANGES: [next(called) for _change in one[CHANGES]]} if one and CHANGES in one else one
        for one in details
    ]
