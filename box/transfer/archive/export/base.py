"""What exporters of all kinds share: what was asked for, pages of rows, files, reactions."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet

from box.core.accounts.models import User
from box.core.discussion.reactions import DISLIKE, LIKE, reactions_to
from box.core.files import recall
from box.core.files.models import Blob, File
from box.core.files.store import NotFound
from box.transfer.archive import records
from box.transfer.archive.container import Filters

if TYPE_CHECKING:
    from django.db.models import Model

PAGE = 500


@dataclass
class Scope:
    """What goes into an archive, and whom and which bytes it has named so far.

    `by` is who sees what is in it; None is whoever holds the machine, who sees everything.
    """

    filters: Filters
    by: User | None = None
    person: User | None = None
    """Whose own things these are."""
    named: set[int] = field(default_factory=set)
    """Ids of people."""
    blobs: array[int] = field(default_factory=lambda: array("q"))
    """Keys of blobs that the kind at hand has named."""
    digests: dict[int, str] = field(default_factory=dict)
    """Of blobs that nobody has read yet, by their keys."""
    lost: list[str] = field(default_factory=list)

    @property
    def is_part(self) -> bool:
        """Some things only: then of people and groups only those that they name."""
        return bool(self.filters.groups or self.person)

    def seen(self, rows: Any) -> Any:
        """Those that whoever exports may see. What is for named people alone is left out of it also where
        they are one of them."""
        if self.filters.is_private_left_out:
            rows = rows.filter(is_private=False)
        return rows if self.by is None else rows.visible_to(self.by)

    def within(self, moment: str) -> Q:
        """The condition on the period."""
        found = Q()
        if self.filters.since:
            found &= Q(**{f"{moment}__gte": self.filters.since})
        if self.filters.before:
            found &= Q(**{f"{moment}__lt": self.filters.before})
        return found

    @property
    def group_codes(self) -> list[str]:
        return [f"G{pk}" for pk in self.filters.groups]

    def name(self, *people: int | None) -> None:
        self.named.update(pk for pk in people if pk is not None)

    # Bytes

    def blob(self, blob: Blob) -> records.Blob:
        return records.Blob(sha256=self._digest(blob), size=blob.size)

    def attachment(self, file: File) -> records.Attachment:
        return records.Attachment(
            id=file.pk, name=file.name, sha256=self._digest(file.blob), size=file.blob.size
        )

    def _digest(self, blob: Blob) -> str:
        self.blobs.append(blob.pk)
        if blob.sha256:
            return blob.sha256
        if blob.pk not in self.digests:
            self.digests[blob.pk] = self._read(blob)
        return self.digests[blob.pk]

    def _read(self, blob: Blob) -> str:
        """The box reads each blob once in the background; this one's turn has not come."""
        digest = sha256()
        try:
            for chunk in recall.read(blob):
                digest.update(chunk)
        except NotFound:
            # It has a name all the same, and is listed as missing.
            return sha256(blob.key.encode()).hexdigest()
        return digest.hexdigest()


def walked[M: Model](rows: QuerySet[M], *, size: int = PAGE) -> Iterator[list[M]]:
    """A page of rows at a time, by key: as many as there are, in bounded memory."""
    after = 0
    while found := list(rows.filter(pk__gt=after).order_by("pk")[:size]):
        yield found
        after = found[-1].pk


def grouped[M](rows: Iterable[M], key: Callable[[M], int]) -> dict[int, list[M]]:
    found: dict[int, list[M]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found


def reactions_of(scope: Scope, threads: Sequence[int]) -> dict[int, records.Reactions]:
    """By thread; nothing where nobody has reacted."""
    found: dict[int, records.Reactions] = defaultdict(records.Reactions)
    for thread, told in reactions_to(threads).items():
        scope.name(*(pk for people in told.values() for pk in people))
        found[thread] = records.Reactions(
            likes=told.pop(LIKE, []), dislikes=told.pop(DISLIKE, []), emoji=told
        )
    return found


def word(value: str | int) -> Any:
    """One of the format's words or levels; a column knows it as any text or number."""
    return value
