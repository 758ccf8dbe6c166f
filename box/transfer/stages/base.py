"""What stages of a migration are made of.

A stage asks the portal for its rows a page at a time, then for whatever else belongs to these rows, and only
then are they taken, in one transaction with the cursor behind them. So a stage that is killed anywhere goes
on behind the last page that is here whole.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.files import actions as files
from box.core.files.models import File
from box.core.registry.origin import moment
from box.transfer import addresses, markup
from box.transfer.cloud import AT_ONCE, Cloud, CloudAway, Command
from box.transfer.models import Identity, Migration, Remark

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.core.files.actions import Stored

type Row = dict[str, Any]

STRIDE = AT_ONCE - 10
VERSION = "file-version"
IN_MEMORY = 4 * 2**20
# Addresses with a token of their own, and who looked when.
_FLEETING = {
    *("DOWNLOAD_URL", "VIEW_URL", "DETAIL_URL", "urlDownload", "urlPreview", "urlShow"),
    *("IS_ONLINE", "LAST_LOGIN", "LAST_ACTIVITY_DATE", "TIMESTAMP_X", "viewedDate"),
}
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


@dataclass(frozen=True)
class Page:
    """Rows, and where to go on behind them."""

    rows: Sequence[Row]
    cursor: Mapping[str, Any]


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
    files: dict[str, list[Attachment]] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Ids of rows, and what of them could not be fetched and why."""


class Stage(ABC):
    """One kind of things, and how they come."""

    key: ClassVar[str]
    label: ClassVar[_StrOrPromise]
    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    id_name: ClassVar[str] = "ID"

    @abstractmethod
    def pages(self, work: Work, cursor: Mapping[str, Any]) -> Iterator[Page]:
        """From behind the cursor on; an empty one is the beginning."""

    def fetch(self, work: Work, rows: Sequence[Row]) -> Extra:
        """What else the portal has of these rows: outside of any transaction, and only of what is new."""
        return Extra()

    @abstractmethod
    def take(self, work: Work, row: Row, extra: Extra) -> int:
        """Makes it; the id of what it is here. Raises ValidationError for what cannot be here."""

    def change(self, work: Work, row: Row, extra: Extra, ours: int) -> None:
        """It has changed since an earlier pass. Of most kinds nothing follows."""
        return

    def moment_of(self, row: Row) -> datetime:
        """When it was made."""
        return moment_in(row.get("DATE_CREATE"))

    def id_of(self, row: Row) -> str:
        return str(row[self.id_name])


class Work:
    """One run of a migration: the portal, and what its things are here."""

    def __init__(self, migration: Migration, cloud: Cloud) -> None:
        self.migration, self.cloud = migration, cloud
        self.by: User = migration.by
        self.kept: dict[str, Any] = {}
        """What a stage has asked once for all its pages."""

    # Who is who

    def ours(self, kind: str, theirs: Any) -> int:
        """Our id of it; 0 where it has not come."""
        return self.all_ours(kind, [theirs]).get(str(theirs), 0)

    def all_ours(self, kind: str, theirs: Collection[Any]) -> dict[str, int]:
        found = Identity.objects.filter(
            migration=self.migration, kind=kind, theirs__in={str(one) for one in theirs}
        )
        return dict(found.values_list("theirs", "ours"))

    def known(self, kind: str, theirs: Collection[str]) -> dict[str, Identity]:
        found = Identity.objects.filter(migration=self.migration, kind=kind, theirs__in=theirs)
        return {one.theirs: one for one in found}

    def person(self, theirs: Any) -> User:
        """Whoever the portal means; where it is nobody who came, whoever has started the migration."""
        ours = self.ours("person", theirs) if theirs else 0
        return User.objects.filter(pk=ours).first() or self.by

    def author(self, kind: str, theirs_of: str, person: Any) -> User:
        """The same, and says so where somebody else's name has to stand there."""
        found = self.person(person)
        if found.pk == self.by.pk and self.ours("person", person) != self.by.pk:
            said = _("Person %(id)s has not come: it stands under the name of %(name)s.")
            self.remark(kind, theirs_of, said % {"id": person or "?", "name": self.by.name})
        return found

    # What is written down

    def took(
        self, kind: str, theirs: Any, ours: int, *, digest: str = "", is_new: bool = True, html: str = ""
    ) -> None:
        """`html` is a text of it as it is kept: whether it leads to the portal."""
        Identity.objects.update_or_create(
            migration=self.migration,
            kind=kind,
            theirs=str(theirs),
            defaults={
                "digest": digest,
                "has_links": addresses.mentions_portal(html, self.migration.portal),
            },
            create_defaults={
                "ours": ours,
                "is_new": is_new,
                "digest": digest,
                "has_links": addresses.mentions_portal(html, self.migration.portal),
            },
        )

    def remark(self, kind: str, theirs: Any, text: str) -> None:
        Remark.objects.bulk_create(
            [Remark(migration=self.migration, kind=kind, theirs=str(theirs)[:100], text=text[:500])],
            ignore_conflicts=True,
        )

    # Texts and files

    def html(self, text: Any, attached: Mapping[str, File] | None = None) -> str:
        """A text of the portal as HTML, with its mentions and pictures; not clean yet."""
        text = clean(text)
        files_ = {theirs: file.pk for theirs, file in (attached or {}).items()}
        pictures = frozenset(
            file.pk for file in (attached or {}).values() if file.name.lower().endswith(_PICTURES)
        )
        people = self.all_ours("person", markup.people_in(text))
        return markup.as_html(text, markup.Meanings(people, files_, pictures))

    def fetch_files(self, kind: str, wanted: Mapping[str, Sequence[Row]], extra: Extra) -> None:
        """Files by the id of the row that they hang on; each a row with its id, name and address. What is
        here already is not fetched again."""
        names = [_file_key(kind, theirs, row["ID"]) for theirs, rows in wanted.items() for row in rows]
        known = {**self.all_ours("file", names), **self.all_ours(VERSION, names)}
        for theirs, rows in wanted.items():
            for row in rows:
                if _file_key(kind, theirs, row["ID"]) in known:
                    continue
                name = file_name(row.get("NAME"))
                with SpooledTemporaryFile(max_size=IN_MEMORY) as content:
                    try:
                        self.cloud.fetch(str(row["DOWNLOAD_URL"]), content)
                    except (CloudAway, KeyError) as error:
                        said = _("The file “%(name)s” could not be fetched: %(why)s")
                        extra.refused.append((theirs, said % {"name": name, "why": error}))
                        continue
                    stored = files.store_whole(content)
                extra.files.setdefault(theirs, []).append(Attachment(str(row["ID"]), name, stored))

    def fetch_attached(self, kind: str, wanted: Mapping[str, Sequence[Any]], extra: Extra) -> None:
        """The same by the ids of attachments, which the portal knows apart from those of its disk."""
        pairs = [(theirs, str(one)) for theirs, ids in wanted.items() for one in ids if str(one).isdecimal()]
        commands = [
            Command(f"a{number}", "disk.attachedObject.get", {"id": one})
            for number, (_theirs, one) in enumerate(pairs)
        ]
        found = self.cloud.each(commands)
        rows: dict[str, list[Row]] = {}
        for number, (theirs, one) in enumerate(pairs):
            outcome = found[f"a{number}"]
            if isinstance(outcome.result, dict):
                row = outcome.result
                rows.setdefault(theirs, []).append({**row, "ID": f"n{row.get('OBJECT_ID')}", "ATTACHED": one})
            else:
                said = _("Attachment %(id)s is not given by the portal.") % {"id": one}
                extra.refused.append((theirs, said))
        self.fetch_files(kind, rows, extra)

    def files_of(self, kind: str, theirs: str, extra: Extra, *, by: User) -> dict[str, File]:
        """Makes files of what was fetched for a row, by their ids; says what was not."""
        for of, text in extra.refused:
            if of == theirs:
                self.remark(kind, theirs, text)
        made: dict[str, File] = {}
        for one in extra.files.get(theirs, ()):
            file = files.take_in(one.stored, one.name, by=by)
            self.took("file", _file_key(kind, theirs, one.theirs), file.pk, digest=one.stored.sha256)
            made[one.theirs] = file
        return made

    def held_files(self, kind: str, theirs: str) -> dict[str, File]:
        """Those that have come with it before, by their ids."""
        begin = _file_key(kind, theirs, "")
        found = Identity.objects.filter(migration=self.migration, kind="file", theirs__startswith=begin)
        ours = dict(found.values_list("ours", "theirs"))
        return {ours[file.pk].removeprefix(begin): file for file in File.objects.filter(pk__in=ours)}


def _file_key(kind: str, theirs: str, file: Any) -> str:
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


def clean(text: Any, most: int = markup.LONGEST) -> str:
    """What the portal gives for a text, as one: without what no database keeps."""
    if not isinstance(text, str):
        return "" if text is None or isinstance(text, bool | list | dict) else str(text)
    return text.replace("\x00", "").encode(errors="ignore").decode()[:most]


def line(text: Any, most: int) -> str:
    """A name: one line, not longer than there is room."""
    return " ".join(clean(text).split())[:most].strip()


def file_name(text: Any) -> str:
    """Of the portal's name nothing but a name: no folders, no ways up."""
    name = clean(text).replace("\\", "/").rpartition("/")[2].strip().strip(".")
    kept = "".join(letter for letter in name if letter.isprintable())
    stem, dot, ending = kept.rpartition(".")
    return (kept if len(kept) <= 200 else f"{stem[: 199 - len(ending)]}{dot}{ending}"[:200]) or _("unnamed")


def moment_in(text: Any) -> datetime:
    """A moment of the portal, in ISO 8601 or as its people write it; now, where there is none."""
    return optional_moment(text) or moment()


def optional_moment(text: Any) -> datetime | None:
    if not isinstance(text, str) or not text.strip():
        return None
    try:
        found = parse_datetime(text.strip())
    except ValueError:
        found = None
    for form in ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y", "%Y-%m-%d"):
        if found is None:
            try:
                found = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - made aware below
            except ValueError:
                continue
    if found is None or not 1970 <= found.year <= 2200:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def is_yes(value: Any) -> bool:
    return value is True or str(value).upper() in ("Y", "1", "TRUE")


def ids_in(value: Any) -> list[str]:
    """A list of ids, whether the portal gives a list, an object of PHP's, one, or `false`."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        value = [value]
    return [text for text in map(str, value) if text.isascii() and text.isdecimal() and text.strip("0")]


def counted(work: Work, method: str, **parameters: Any) -> Iterator[tuple[int, list[Row]]]:
    """Pages of a method that knows neither conditions nor an order by key: by their number, with where to go
    on. Each page overlaps the one before, so that what is taken away meanwhile moves nothing past us."""
    start = int(parameters.pop("start", 0))
    while True:
        found = work.cloud.call(method, **parameters, start=start)
        rows = [row for row in found or [] if isinstance(row, dict)]
        if not rows:
            return
        start += STRIDE
        yield start, rows
        if len(rows) < AT_ONCE:
            return


def refuse(said: str) -> ValidationError:
    return ValidationError(said, code="refused")
