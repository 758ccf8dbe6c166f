"""What stages of a migration are made of.

A stage asks the portal for its rows a page at a time, then for whatever else belongs to these rows, and only
then are they taken, in one transaction with the cursor behind them. So a stage that is killed anywhere goes
on behind the last page that is here whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from box.core.files import actions as files
from box.core.files.models import File
from box.core.registry.origin import moment
from box.lib.bbcode import reading as markup
from box.lib.egress import Fetched
from box.transfer.cloud import AT_ONCE, CloudAway, Command
from box.transfer.downloads import fetch_each
from box.transfer.ledger import Attachment, CloudLedger, Extra, Ledger, Row, file_key

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


STRIDE = AT_ONCE - 10
VERSION = "file-version"
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")


@dataclass(frozen=True)
class Page:
    """Rows, and where to go on behind them."""

    rows: Sequence[Row]
    cursor: Mapping[str, Any]


class AnyStage[W: Ledger](ABC):
    """One kind of things, and how they come."""

    key: ClassVar[str]
    label: ClassVar[_StrOrPromise]
    kind: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    id_name: ClassVar[str] = "ID"

    @abstractmethod
    def pages(self, work: W, cursor: Mapping[str, Any]) -> Iterator[Page]:
        """From behind the cursor on; an empty one is the beginning."""

    def fetch(self, work: W, rows: Sequence[Row]) -> Extra:
        """What else the portal has of these rows: outside of any transaction, and only of what is new."""
        return Extra()

    @abstractmethod
    def take(self, work: W, row: Row, extra: Extra) -> int:
        """Makes it; the id of what it is here. Raises ValidationError for what cannot be here."""

    def change(self, work: W, row: Row, extra: Extra, ours: int) -> None:
        """It has changed since an earlier pass. Of most kinds nothing follows."""
        return

    def moment_of(self, row: Row) -> datetime:
        """When it was made."""
        return moment_in(row.get("DATE_CREATE"))

    def id_of(self, row: Row) -> str:
        return str(row[self.id_name])


class Stage(AnyStage["Work"]):
    """Of the cloud."""


class Work(CloudLedger):
    """One run of a migration from the cloud: the portal, and what its things are here."""

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
        rows = {
            file_key(kind, theirs, row["ID"]): (theirs, row)
            for theirs, some in wanted.items()
            for row in some
        }
        known = {**self.all_ours("file", rows), **self.all_ours(VERSION, rows)}
        addresses = {
            key: str(row.get("DOWNLOAD_URL") or "")
            for key, (_theirs, row) in rows.items()
            if key not in known
        }

        def keep(key: str, content: IO[bytes], fetched: Fetched) -> Attachment:
            row = rows[key][1]
            return Attachment(
                str(row["ID"]), file_name(row.get("NAME") or fetched.name), files.store_whole(content)
            )

        for key, found in fetch_each(self.cloud, addresses, keep).items():
            theirs, row = rows[key]
            if isinstance(found, CloudAway):
                said = _("The file “%(name)s” could not be fetched: %(why)s")
                name = file_name(row.get("NAME") or row["ID"])
                extra.refused.append((theirs, said % {"name": name, "why": found}))
            else:
                extra.files.setdefault(theirs, []).append(found)

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


@contextmanager
def part_of(work: Ledger, kind: str, theirs: object) -> Iterator[None]:
    """A part that cannot be here stays out with a sentence, and the rest comes."""
    try:
        with transaction.atomic():
            yield
    except ValidationError as error:
        work.remark(kind, theirs, " ".join(error.messages))
    except PermissionDenied as error:
        work.remark(kind, theirs, str(error))


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


def color_in(told: Any) -> str:
    """Six hexadecimal digits after a sign; nothing for anything else."""
    given = str(told or "").lower()
    is_color = len(given) == 7 and given[0] == "#" and all(sign in "0123456789abcdef" for sign in given[1:])
    return given if is_color else ""


def ids_in(value: Any) -> list[str]:
    """A list of ids, whether the portal gives a list, an object of PHP's, one, or `false`."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        value = [value]
    return [text for text in map(str, value) if text.isascii() and text.isdecimal() and text.strip("0")]


def counted(work: CloudLedger, method: str, **parameters: Any) -> Iterator[tuple[int, list[Row]]]:
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
