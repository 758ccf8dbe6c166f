"""What a migration knows while it runs: what each thing of the source is here, and what did not come.

Sources differ (`box.transfer.stages` reads the cloud, `box.transfer.archive.stages` an archive); this is what
they share.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, override

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError, IntegrityError
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.files import actions as files
from box.core.files.models import File
from box.transfer import addresses
from box.transfer.models import Identity, Migration, Remark

if TYPE_CHECKING:
    from box.core.files.actions import Stored
    from box.transfer.cloud import Cloud

type Row = dict[str, Any]

# Addresses with a token of their own, and who looked when.
_FLEETING = {
    *("DOWNLOAD_URL", "VIEW_URL", "DETAIL_URL", "PERSONAL_PHOTO", "urlDownload", "urlPreview", "urlShow"),
    *("IS_ONLINE", "LAST_LOGIN", "LAST_ACTIVITY_DATE", "TIMESTAMP_X", "viewedDate"),
}


REFUSALS = (ValidationError, PermissionDenied, DataError, IntegrityError)
"""By what the box says that one thing cannot be, or cannot go; none of the others is to wait for it."""

# What a portal gives where there is nothing.
_NOBODY = (None, False, "", 0, "0")


@dataclass(frozen=True)
class Attachment:
    """A file of the portal that is in our store, and is no file here yet."""

    theirs: str
    """Its id on the portal's disk."""
    name: str
    stored: Stored


@dataclass
class Extra:
    """What else belongs to the rows of a page, by their ids."""

    rows: dict[str, Any] = field(default_factory=dict)
    files: dict[tuple[str, str], list[Attachment]] = field(default_factory=dict)
    """By the kind of what they hang on, and its id: parts of a row have numbers of their own."""
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """By the same what could not be fetched, and why."""
    lacking: set[tuple[str, str]] = field(default_factory=set)
    """Those of them of which a later pass may get what this one could not."""
    within: dict[tuple[str, str], str] = field(default_factory=dict)
    """By a part of a row, that row's id."""

    def refuse(self, kind: str, theirs: str, said: str, *, is_passing: bool = True) -> None:
        """`is_passing`: another time it may be given."""
        self.refused.append((kind, theirs, said))
        if is_passing:
            self.lacking.add((kind, theirs))

    def rows_of(self, kind: str, parts: Iterable[tuple[str, str]]) -> set[str]:
        """The ids of rows of this kind that these are, or are within."""
        found = (self.within.get(one, one[1] if one[0] == kind else "") for one in parts)
        return {theirs for theirs in found if theirs}

    def refusals(self, kind: str, theirs: str) -> list[str]:
        return [text for *of, text in self.refused if of == [kind, theirs]]


class Ledger:
    """One run of a migration, whatever it reads from."""

    def __init__(self, migration: Migration) -> None:
        self.migration = migration
        self.by: User = migration.by
        self.kept: dict[str, Any] = {}
        """What a stage has asked once for all its pages."""
        self._ours: dict[tuple[str, str], int] = {}
        self._people: dict[int, User] = {}

    @property
    def requests(self) -> int:
        """So many the source was asked."""
        return 0

    # Who is who

    def ours(self, kind: str, theirs: Any) -> int:
        """Our id of it; 0 where it has not come."""
        return self.all_ours(kind, [theirs]).get(str(theirs), 0)

    def all_ours(self, kind: str, theirs: Collection[Any]) -> dict[str, int]:
        """Those that have come, in this order."""
        given = (str(one) for one in theirs if one not in _NOBODY)
        # What no column holds has not come.
        wanted = dict.fromkeys(one for one in given if storable(one) == one)
        # What has not come may come with the next row.
        if unknown := [one for one in wanted if (kind, one) not in self._ours]:
            found = Identity.objects.filter(migration=self.migration, kind=kind, theirs__in=unknown)
            self._ours |= {(kind, one): ours for one, ours in found.values_list("theirs", "ours")}
        return {one: self._ours[kind, one] for one in wanted if (kind, one) in self._ours}

    def forget(self) -> None:
        """Who is who is remembered for the page that is being taken. Call with each page, and when something
        was undone that may have been asked for."""
        self._ours.clear()
        self._people.clear()

    def prefetch(self, kind: str, theirs: Collection[Any]) -> None:
        """Asks for all of them at once, and not for each when it is needed."""
        found = self.all_ours(kind, theirs)
        if kind == "person":
            self._people |= User.objects.in_bulk(set(found.values()) - self._people.keys())

    def listed(self, kind: str) -> list[tuple[str, int]]:
        """All of a kind that have come: their ids and ours, in the order in which they came."""
        found = Identity.objects.filter(migration=self.migration, kind=kind).order_by("id")
        return list(found.values_list("theirs", "ours"))

    def known(self, kind: str, theirs: Collection[str]) -> dict[str, Identity]:
        if not theirs:
            return {}
        found = Identity.objects.filter(migration=self.migration, kind=kind, theirs__in=theirs)
        return {one.theirs: one for one in found}

    def person(self, theirs: Any) -> User:
        """Whoever the portal means; where it is nobody who came, whoever has started the migration."""
        ours = self.ours("person", theirs) if theirs else 0
        if ours and ours not in self._people:
            self._people |= User.objects.in_bulk([ours])
        return self._people.get(ours, self.by)

    def author(self, kind: str, theirs_of: str, person: Any) -> User:
        """The same, and says so where somebody else's name has to stand there."""
        found = self.person(person)
        if found.pk == self.by.pk and self.ours("person", person) != self.by.pk:
            said = _("Person %(id)s has not come: it stands under the name of %(name)s.")
            self.remark(kind, theirs_of, said % {"id": person or "?", "name": self.by.name})
        return found

    # What is written down

    def has_links(self, html: str) -> bool:
        """Whether a text as it is kept leads to pages of the source."""
        return addresses.mentions_portal(html, self.migration.portal)

    def took(
        self,
        kind: str,
        theirs: Any,
        ours: int,
        *,
        digest: str = "",
        is_new: bool = True,
        html: str = "",
        parts: Iterable[tuple[str, str, int]] = (),
    ) -> None:
        """`html` is a text of it as it is kept: whether it leads to the portal. `parts` of it are known by
        their kinds, ids and ours, and go with it."""
        made = Identity(
            migration=self.migration, kind=kind, theirs=str(theirs), ours=ours, is_new=is_new,
            digest=digest, has_links=self.has_links(html),
        )  # fmt: skip
        self._keep([made, *self._parts(parts)])

    def took_parts(self, parts: Iterable[tuple[str, str, int]]) -> None:
        """Those that come to a thing that has come before."""
        self._keep(list(self._parts(parts)))

    def _parts(self, parts: Iterable[tuple[str, str, int]]) -> Iterator[Identity]:
        for kind, theirs, ours in parts:
            yield Identity(migration=self.migration, kind=kind, theirs=theirs, ours=ours, is_new=False)

    def took_all(self, kind: str, rows: Iterable[tuple[str, int, str]]) -> None:
        """Those that are new, by their ids, ours and digests; none has a text that may lead to the portal."""
        self._keep(
            [
                Identity(migration=self.migration, kind=kind, theirs=theirs, ours=ours, digest=digest)
                for theirs, ours, digest in rows
            ]
        )

    def _keep(self, made: Sequence[Identity]) -> None:
        # What it is here stays what it was.
        Identity.objects.bulk_create(
            made,
            update_conflicts=True,
            unique_fields=["migration", "kind", "theirs"],
            update_fields=["digest", "has_links"],
        )

    def remark(self, kind: str, theirs: Any, text: str) -> None:
        Remark.objects.bulk_create(
            [
                Remark(
                    migration=self.migration,
                    kind=kind,
                    theirs=storable(str(theirs))[:100],
                    text=storable(text)[:500],
                )
            ],
            ignore_conflicts=True,
        )

    def hide(self, stage: str, kind: str, theirs: Any, text: str) -> None:
        """The portal does not show all things of a stage: of what this pass has not seen nobody knows whether
        it is there."""
        self.remark(kind, theirs, text)
        self.migration.progress.filter(stage=stage).update(is_partial=True)

    def files_of(self, kind: str, theirs: str, extra: Extra, *, by: User) -> dict[str, File]:
        """Makes files of what was fetched for a row, by their ids; says what was not."""
        for text in extra.refusals(kind, theirs):
            self.remark(kind, theirs, text)
        made: dict[str, File] = {}
        for one in extra.files.get((kind, theirs), ()):
            file = files.take_in(one.stored, one.name, by=by)
            self.took("file", file_key(kind, theirs, one.theirs), file.pk, digest=one.stored.sha256)
            made[one.theirs] = file
        return made

    def held_files(self, kind: str, theirs: str) -> dict[str, File]:
        """Those that have come with it before, by their ids."""
        begin = file_key(kind, theirs, "")
        found = Identity.objects.filter(migration=self.migration, kind="file", theirs__startswith=begin)
        ours = dict(found.values_list("ours", "theirs"))
        return {ours[file.pk].removeprefix(begin): file for file in File.objects.filter(pk__in=ours)}


class CloudLedger(Ledger):
    """One run of a migration that has a portal of the cloud at its other end."""

    def __init__(self, migration: Migration, cloud: Cloud) -> None:
        super().__init__(migration)
        self.cloud = cloud

    @property
    @override
    def requests(self) -> int:
        return self.cloud.requests


def reason_of(refusal: Exception) -> str:
    """Of one of `REFUSALS`, for people; nothing where it has words for programs alone."""
    if isinstance(refusal, ValidationError):
        return " ".join(refusal.messages)
    return str(refusal) if isinstance(refusal, PermissionDenied | DataError) else ""


def storable(text: str) -> str:
    """Without what no column of PostgreSQL holds: NUL, and halves of pairs, which JSON may hold."""
    return text.replace("\x00", "").encode(errors="ignore").decode()


def file_key(kind: str, theirs: str, file: Any) -> str:
    """A file is another one in each place that it hangs in: so it is here."""
    return f"{kind}:{theirs}:{file}"


def digest_of(row: Any) -> str:
    """Of what the portal says of a thing, without what it says otherwise each time."""
    return sha256(json.dumps(_lasting(row), sort_keys=True, default=str).encode()).hexdigest()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _lasting(one)
            for name, one in value.items()
            if name not in _FLEETING and not name.startswith("_")
        }
    return [_lasting(one) for one in value] if isinstance(value, list) else value
