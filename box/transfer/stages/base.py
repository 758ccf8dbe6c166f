"""What stages of a migration are made of.

A stage asks the portal for its rows a page at a time, then for whatever else belongs to these rows, and only
then are they taken, in one transaction with the cursor behind them. So a stage that is killed anywhere goes
on behind the last page that is here whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from box.lib.numbers import whole_number
from box.transfer.cloud import AT_ONCE, CloudAway, CloudRefused, Command, Outcome
from box.transfer.downloads import fetch_each
from box.transfer.ledger import Attachment, CloudLedger, Extra, Ledger, Row, file_key, storable

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.transfer.cloud import Cloud


STRIDE = AT_ONCE - 10
MOST_BELOW = 10_000
MOST_PAGES = 1000
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

    def refers_to(self, row: Row) -> Iterable[tuple[str, Any]]:
        """Kinds and ids of what a row leads to, looked up for a page at once. What is left out here costs a
        query a row, and nothing else."""
        return ()

    @abstractmethod
    def take(self, work: W, row: Row, extra: Extra) -> int:
        """Makes it; the id of what it is here. Raises ValidationError for what cannot be here."""

    def take_all(self, work: W, rows: Sequence[Row], extra: Extra) -> Sequence[Row]:
        """Makes them together, where a kind can, and returns those that it leaves to `take`. What cannot be
        here raises as there; then fewer are taken together, to find out which."""
        return rows

    def change(self, work: W, row: Row, extra: Extra, ours: int) -> None:
        """It has changed since an earlier pass. Of most kinds nothing follows."""
        return

    def complete(self, work: W, row: Row, extra: Extra, ours: int, *, is_edited: bool) -> None:
        """It is there as it was, and something of it that could not be fetched has come by now. `is_edited`:
        people have changed it here since, and what they have written stays."""
        if not is_edited:
            self.change(work, row, extra, ours)

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
                extra.refuse(kind, theirs, said % {"name": name, "why": found})
            else:
                extra.files.setdefault((kind, theirs), []).append(found)

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
                extra.refuse(kind, theirs, _("Attachment %(id)s is not given by the portal.") % {"id": one})
        self.fetch_files(kind, rows, extra)


@contextmanager
def part_of(work: Ledger, kind: str, theirs: object) -> Iterator[None]:
    """A part that cannot be here stays out with a sentence, and the rest comes."""
    try:
        with transaction.atomic():
            yield
    except (ValidationError, PermissionDenied) as error:
        work.forget()
        said = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        work.remark(kind, theirs, said)


def clean(text: Any, most: int = markup.LONGEST) -> str:
    """What the portal gives for a text, as one: without what no database keeps."""
    if not isinstance(text, str):
        return "" if text is None or isinstance(text, bool | list | dict) else str(text)
    return storable(text)[:most]


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


type Further = Callable[[Command, Sequence[Row]], Command]
"""What to ask for behind the rows of a command that have come."""


def behind(asked: Command, rows: Sequence[Row]) -> Command:
    """Of methods that take conditions of an id."""
    last = max(int(row["ID"]) for row in rows)
    return replace(asked, parameters={**asked.parameters, "FILTER": {">ID": last}})


def further_on(asked: Command, rows: Sequence[Row]) -> Command:
    """Of those that know places alone. A page overlaps the one before, so that what is taken away meanwhile
    moves nothing past us."""
    return replace(asked, parameters={**asked.parameters, "start": len(rows) - (AT_ONCE - STRIDE)})


def whole(cloud: Cloud, asked: Sequence[Command], further: Further) -> dict[str, Outcome]:
    """Of commands that list by their ids all that there is, and not its first page alone; of one thing
    MOST_BELOW at most, and what is refused behind a page is refused."""
    found = cloud.each(asked)
    listed = {one.name: rows_in(found[one.name].result) for one in asked}
    waiting = [one for one in asked if len(listed[one.name]) >= AT_ONCE]
    while waiting:
        more = cloud.each([further(one, listed[one.name]) for one in waiting])
        going = []
        for one in waiting:
            rows, page = listed[one.name], rows_in(more[one.name].result)
            known = {str(row["ID"]) for row in rows}
            new = [row for row in page if str(row["ID"]) not in known]
            rows += new
            if more[one.name].refused is not None:
                found[one.name] = more[one.name]
            elif len(rows) > MOST_BELOW:
                refused = CloudRefused("TOO_MANY", _("There are more than %(most)s.") % {"most": MOST_BELOW})
                found[one.name] = Outcome(refused=refused)
            elif new and len(page) >= AT_ONCE:
                going.append(one)
        waiting = going
    return {name: replace(outcome, result=listed[name]) for name, outcome in found.items()}


def rows_in(found: Any) -> list[Row]:
    """Those with a number, whether the portal gives a list or an object of PHP's."""
    rows = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [row for row in rows if isinstance(row, dict) and whole_number(str(row.get("ID", ""))) is not None]


def gathered(pages: Iterable[Sequence[Row]], most: int) -> Iterator[list[Row]]:
    """Pages of so many rows out of smaller ones, of what costs the portal nothing but its pages."""
    rows: list[Row] = []
    for page in pages:
        if rows and len(rows) + len(page) > most:
            yield rows
            rows = []
        rows = [*rows, *page]
    if rows:
        yield rows


def numbered(pages: Iterable[Sequence[Row]], cursor: Mapping[str, Any]) -> Iterator[Page]:
    """Of what has no place to go on from: those behind the pages that have come. What moves to one of these
    meanwhile comes with the next pass."""
    came = int(cursor.get("pages", 0))
    for number, rows in enumerate(pages, 1):
        if number > came:
            yield Page(rows, {"pages": number})


def counted(
    work: CloudLedger, method: str, *, knows_pages: bool = True, **parameters: Any
) -> Iterator[tuple[int, list[Row]]]:
    """Pages of a method that knows neither conditions nor an order by key: by their number, with where to go
    on. Each page overlaps the one before, so that what is taken away meanwhile moves nothing past us.

    Raises CloudRefused beyond MOST_PAGES, and where a page brings nothing new: the portal passes over where
    to begin, and what lies behind nobody knows. Where it may not know pages at all, that is the end.
    """
    start = int(parameters.pop("start", 0))
    seen: set[str] = set()
    for _page in range(MOST_PAGES):
        found = work.cloud.call(method, **parameters, start=start)
        rows = [row for row in found or [] if isinstance(row, dict)]
        new = {str(row.get("ID", row)) for row in rows} - seen
        if not rows or (not new and not knows_pages):
            return
        if not new:
            raise same_page()
        seen |= new
        start += STRIDE
        yield start, rows
        if len(rows) < AT_ONCE:
            return
    raise CloudRefused("TOO_MANY", _("There are more than %(most)s.") % {"most": MOST_PAGES * STRIDE})


def same_page() -> CloudRefused:
    said = _("The portal gives the same page again and again: of what lies behind it nobody knows.")
    return CloudRefused("SAME_PAGE", said)


def refuse(said: str) -> ValidationError:
    return ValidationError(said, code="refused")
