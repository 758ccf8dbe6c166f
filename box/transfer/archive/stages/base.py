"""What stages that read an archive share."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, ClassVar, cast, override

from box.core.accounts.models import User
from box.core.discussion.models import Thread
from box.core.files import actions as files
from box.core.files.models import File
from box.core.files.names import MAX_LENGTH
from box.core.registry.origin import moment
from box.transfer.archive.container import Archive, BadArchive
from box.transfer.archive.records import Attachment, Blob, Reactions, Record
from box.transfer.downloads import IN_MEMORY
from box.transfer.ledger import Attachment as Fetched
from box.transfer.ledger import Extra, Ledger, Row, digest_of, file_key
from box.transfer.stages.base import AnyStage, Page, clean, file_name
from box.transfer.stages.reactions import DISLIKE, LIKE, give

if TYPE_CHECKING:
    from box.transfer.models import Migration

AT_ONCE = 50
_KINDS = {
    "U": "person",
    "D": "department",
    "DR": "department",
    "H": "department",
    "G": "group",
    "GM": "group",
}
_CODE = re.compile(r"(UA|U|DR|D|H|GM|G)(\d*)", re.ASCII)
_MENTION = re.compile(r'data-mention="(\d{1,18})"', re.ASCII)
_PICTURE = re.compile(r'src="/files/(\d{1,18})/preview"', re.ASCII)
_INSIDE = re.compile(r'href="/')


class ArchiveWork(Ledger):
    """One run of a migration from an archive."""

    def __init__(self, migration: Migration, archive: Archive) -> None:
        super().__init__(migration)
        self.archive = archive

    def people(self, theirs: Iterable[int]) -> list[int]:
        """Ours of those who have come, in their order."""
        wanted = list(theirs)
        ours = self.all_ours("person", wanted)
        return [ours[str(one)] for one in wanted if str(one) in ours]

    def active(self, theirs: Iterable[int]) -> list[User]:
        """Those of them who work here."""
        ours = self.people(theirs)
        found = User.objects.active().in_bulk(ours)
        return [found[pk] for pk in ours if pk in found]

    def codes(self, theirs: Iterable[str]) -> tuple[str, ...]:
        """Codes of an audience as they are here; whoever has not come is left out."""
        found = []
        for code in theirs:
            if match := _CODE.fullmatch(code):
                letters, number = match.groups()
                ours = self.ours(_KINDS[letters], number) if number else 0
                if letters == "UA" or ours:
                    found.append(code if letters == "UA" else f"{letters}{ours}")
        return tuple(found)

    def html(self, text: str, attached: Mapping[str, File]) -> str:
        """With the people and pictures that it names as they are here; not clean yet."""
        people = self.all_ours("person", set(_MENTION.findall(text)))
        text = _MENTION.sub(lambda found: f'data-mention="{people.get(found[1], 0)}"', text)
        return _PICTURE.sub(
            lambda found: f'src="/files/{attached[found[1]].pk}/preview"' if found[1] in attached else "",
            text,
        )

    @override
    def has_links(self, html: str) -> bool:
        return super().has_links(html) or _INSIDE.search(html) is not None

    def fetch(self, kind: str, theirs: int, wanted: Iterable[tuple[str, str, Blob]], extra: Extra) -> None:
        """Puts bytes into the store: what they are called by, their name, and which they are. What is here
        already is left alone."""
        listed = list(wanted)
        known = self.all_ours("file", [file_key(kind, str(theirs), one) for one, _n, _b in listed])
        for one, name, blob in listed:
            if file_key(kind, str(theirs), one) in known:
                continue
            with SpooledTemporaryFile(max_size=IN_MEMORY) as content:
                try:
                    self.archive.copy_blob(blob, content)
                except BadArchive as error:
                    extra.refused.append((kind, str(theirs), str(error)))
                    continue
                stored = files.store_whole(content)
            extra.files.setdefault((kind, str(theirs)), []).append(Fetched(one, name_in(name), stored))


class ArchiveStage[R: Record](AnyStage[ArchiveWork]):
    """One kind. `key` is the name of its file."""

    id_name: ClassVar[str] = "id"

    @override
    def pages(self, work: ArchiveWork, cursor: Mapping[str, Any]) -> Iterator[Page]:
        after = int(cursor.get("after", 0))
        for some in work.archive.pages(self.file, after=after, most=AT_ONCE):
            yield Page([{"id": one.id, "record": one} for _number, one in some], {"after": some[-1][0]})

    @property
    def file(self) -> str:
        return self.key

    @override
    def fetch(self, work: ArchiveWork, rows: Sequence[Row]) -> Extra:
        extra = Extra()
        for row in rows:
            record: R = row["record"]
            work.fetch(self.kind, record.id, self.files_in(record), extra)
        return extra

    def files_in(self, record: R) -> Iterable[tuple[str, str, Blob]]:
        """Which bytes belong to it: see `ArchiveWork.fetch`."""
        attached: list[Attachment] = getattr(record, "files", [])
        return [(str(one.id), one.name, one) for one in attached]

    @override
    def moment_of(self, row: Row) -> datetime:
        return getattr(row["record"], "created_at", None) or moment()

    @override
    def take(self, work: ArchiveWork, row: Row, extra: Extra) -> int:
        return self.bring(work, cast("R", row["record"]), extra)

    def took(self, work: ArchiveWork, record: R, ours: int, *, is_new: bool = True, html: str = "") -> None:
        """See `Ledger.took`."""
        digest = digest_of({"id": record.id, "record": record})
        work.took(self.kind, record.id, ours, digest=digest, is_new=is_new, html=html)

    @abstractmethod
    def bring(self, work: ArchiveWork, record: R, extra: Extra) -> int:
        """Makes it, and writes down what it is here. Raises ValidationError for what cannot be."""


def bring_reactions(
    work: ArchiveWork, kind: str, theirs: int, told: Reactions | None, thread: Thread
) -> None:
    if told is None:
        return
    by_reaction: list[tuple[int | str, list[int]]] = [
        (LIKE, told.likes),
        (DISLIKE, told.dislikes),
        *told.emoji.items(),
    ]
    given = ((person, reaction) for reaction, ids in by_reaction for person in everybody(work, ids))
    give(work, kind, theirs, given, thread)


def everybody(work: ArchiveWork, theirs: Iterable[int]) -> list[User]:
    """Of these people who has come, in their order."""
    ours = work.people(theirs)
    found = User.objects.in_bulk(ours)
    return [found[pk] for pk in ours if pk in found]


_JOINERS = "\u200c\u200d"
"""By which emoji and Persian words are joined and parted."""


def name_in(text: str) -> str:
    """A name as another box has it: there a backslash is a sign, and a dot may stand in front. What is a path
    all the same is cut down to its last name."""
    name = clean(text).strip()
    is_name = "/" not in name and name.strip(". ") and len(name) <= MAX_LENGTH
    if is_name and all(sign.isprintable() or sign in _JOINERS for sign in name):
        return name
    return file_name(name)
