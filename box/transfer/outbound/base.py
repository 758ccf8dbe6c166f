"""What stages of a move into the cloud are made of.

A stage walks our things as the open archive writes them (`box.transfer.archive.export`), says of each which
method of the portal makes it, and how it is found there when nobody knows whether it was made. How that
becomes requests, and survives being killed between any two of them, is `box.transfer.outbound.sender`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from box.core.accounts.models import User
from box.core.files import recall
from box.core.files.models import Blob
from box.core.files.store import NotFound
from box.lib.bbcode.writing import Meanings, as_bbcode, people_in
from box.transfer.archive import records
from box.transfer.archive.container import Filters
from box.transfer.archive.export.base import Scope
from box.transfer.archive.records import Record
from box.transfer.cloud import AT_ONCE, Cloud, CloudAway, Command, Form, Outcome
from box.transfer.ledger import CloudLedger
from box.transfer.models import Identity, Migration
from box.transfer.own_links import readdressed

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from box.transfer.archive.records import Attachment

# What the portal says of a place that is not there any more: so nothing is in it.
_ABSENT = {"ERROR_NOT_FOUND", "NOT_FOUND"}
MOST_FILE = 64 * 2**20
"""Bytes of one file that goes within a request, a third larger, and is held in memory for so long."""
MOST_FILE_OF_A_BOX = 1_400_000
"""The same where a box takes it, whose requests hold 2 MB."""
MOST_UPLOADED = 512 * 2**20
"""Bytes that a box takes in two steps."""


@dataclass(frozen=True)
class Sent:
    """A file that goes with a request, or behind it where it is too large for one."""

    name: str
    content: records.Blob


@dataclass(frozen=True)
class Write:
    """A method of the portal, and what it is told; with `at` one that a portal that takes things over dates
    so, and gives to `by`, whose number here it is."""

    method: str
    parameters: Mapping[str, Any]
    by: int | None = None
    at: datetime | None = None
    file: Sent | None = None


@dataclass(frozen=True)
class There[R: Record]:
    """A thing of ours that is in the portal."""

    record: R
    theirs: str
    is_changed: bool
    """Since all that belongs to it was there."""


def stays(said: str) -> ValidationError:
    """Why a thing cannot be there."""
    return ValidationError(said, code="refused")


class OutboundStage[R: Record](ABC):
    """One kind of things, and how they go."""

    key: ClassVar[str]
    label: ClassVar[_StrOrPromise]
    kind: ClassVar[str]
    scope: ClassVar[str]
    """The permission of the webhook that it needs."""
    needs: ClassVar[tuple[str, ...]] = ()
    at_once: ClassVar[int] = 50
    is_recognised: ClassVar[bool] = False
    """Whether what is there already is the same thing: a person of that e-mail, a department of that name."""
    is_default: ClassVar[bool] = True
    """Whether it is chosen where nobody chooses."""
    is_sought: ClassVar[bool] = False
    """Whether what is in doubt is looked for in a box too: what goes in two steps it does not know again."""
    is_marked: ClassVar[bool] = False
    """Whether the portal tells what came from here from the rest."""

    @abstractmethod
    def things(self, scope: Scope) -> Iterator[R]:
        """All that there are, what others refer to before it."""

    @abstractmethod
    def count(self, scope: Scope) -> int | None:
        """Without reading them; None where only that tells."""

    @abstractmethod
    def write(self, work: OutboundWork, record: R) -> Write | None:
        """What makes it; None where another stage does. Raises ValidationError for what cannot be there."""

    @abstractmethod
    def find(self, work: OutboundWork, sought: Sequence[R]) -> Mapping[int, str]:
        """Their ids of those that are there already, by ours."""

    def comes_after(self, work: OutboundWork, record: R) -> Collection[int]:
        """Ours of those of the same kind that have to be there before it can be told of."""
        return ()

    def id_in(self, result: Any) -> str:
        """Of the answer of the method that has made it."""
        return id_of(result)

    def going(self, record: R) -> R:
        """What of it goes: whatever else changes here is no change of it there."""
        return record

    def settle(self, work: OutboundWork, there: Sequence[There[R]]) -> None:
        """What belongs to things that are there by now, brought to what it is here however often this runs.
        Where no more than the first sending is known, changes stay here, which is said. Raises CloudUnsure:
        then it runs again."""
        for one in there:
            if one.is_changed:
                work.hold_back(self.kind, one.record.id)

    def total(self, mark: str) -> Command | None:
        """What says how many the portal has of the kind; where it is marked, of those that came from here."""
        return None


class OutboundWork(CloudLedger):
    """One run of a move into the cloud."""

    def __init__(self, migration: Migration, cloud: Cloud, *, takes_over: bool | None = None) -> None:
        super().__init__(migration, cloud)
        self.scope = Scope(Filters(is_private_left_out=True), by=migration.by)
        self.host: str = str(migration.inventory.get("person_id") or "")
        """Whose webhook it is: under this name stands whatever is of nobody there."""
        self.on_the_way: set[int] = set()
        """Ours of what the batch at hand makes: others in it may refer to them."""
        self.held_back: set[int] = set()
        """Ours of the page at hand whose changes have not gone, or not whole."""
        self.source: str = settings.KOROBKA["hostname"]
        self.address = f"https://{migration.portal}"
        """Which the portal's pages stand on."""
        self.takes_over = bool(migration.inventory.get("takes_over")) if takes_over is None else takes_over
        """Whether it is another Korobka, which lets us say whose things were and when."""
        self.mark = "" if self.takes_over else self.source
        """By what the portal tells what came from here; a box keeps there what other programs wrote."""

    @property
    def most_file(self) -> int:
        """Bytes of a file within a request."""
        return MOST_FILE_OF_A_BOX if self.takes_over else MOST_FILE

    def told(self, write: Write) -> Mapping[str, Any]:
        """The parameters of a request."""
        if not self.takes_over or write.at is None:
            return write.parameters
        by = self.theirs("person", write.by)
        whose = {"KOROBKA_BY": by} if by else {}
        return {**write.parameters, **whose, "KOROBKA_AT": write.at.isoformat()}

    # What is what there

    def theirs(self, kind: str, ours: int | None) -> str:
        """Nothing where it is not there."""
        return self.all_theirs(kind, [ours]).get(ours, "") if ours else ""

    def all_theirs(self, kind: str, ours: Collection[int | None]) -> dict[int, str]:
        found = Identity.objects.filter(
            migration=self.migration, kind=kind, ours__in={one for one in ours if one}
        )
        return dict(found.values_list("ours", "theirs"))

    def sent(self, kind: str, ours: Collection[int]) -> dict[int, Identity]:
        found = Identity.objects.filter(migration=self.migration, kind=kind, ours__in=ours)
        return {one.ours: one for one in found}

    def user(self, ours: int | None) -> str:
        """Whoever it is there; where it is nobody, whoever made the webhook."""
        return self.theirs("person", ours) or self.host

    def people(self, ours: Iterable[int]) -> list[str]:
        """Those of them who are there, in their order."""
        wanted = list(ours)
        found = self.all_theirs("person", wanted)
        return [found[one] for one in wanted if one in found]

    def refer(self, kind: str, ours: int | None, place: str = "") -> str:
        """Its id there, or where in the answer of the batch at hand it will stand."""
        if ours in self.on_the_way:
            return f"$result[{command_name(ours)}]{place}"
        return self.theirs(kind, ours)

    def unclaimed(
        self, kind: str, candidates: Mapping[int, Sequence[str]], *, also: Collection[str] = ()
    ) -> dict[int, str]:
        """Of each thing's candidates the first that is no other thing's."""
        ids = {one for several in candidates.values() for one in several}
        taken = {*self.all_ours(kind, ids), *also}
        found: dict[int, str] = {}
        for ours, several in candidates.items():
            free = next((one for one in several if one not in taken), None)
            if free is not None:
                found[ours] = free
                taken.add(free)
        return found

    def look_for[R: Record](
        self,
        kind: str,
        records: Sequence[R],
        ask: Callable[[R], Write | None],
        told: Callable[[R, Any], Iterable[str]],
    ) -> dict[int, str]:
        """Asks of each thing, and takes what the answer names of it: `told` says which ids these are. Raises
        CloudRefused, CloudAway."""
        asked = {one.id: write for one in records if (write := ask(one)) is not None}
        commands = [
            Command(command_name(ours), write.method, write.parameters) for ours, write in asked.items()
        ]
        answers = self.asked(commands)
        candidates = {
            one.id: list(told(one, answers[command_name(one.id)].result))
            for one in records
            if one.id in asked
        }
        return self.unclaimed(kind, candidates)

    def asked(self, commands: Sequence[Command]) -> Mapping[str, Outcome]:
        """What is answered where something is looked for. Raises CloudRefused, CloudAway."""
        answers = self.cloud.each(commands) if commands else {}
        for outcome in answers.values():
            # Whoever may not look would send it a second time.
            if outcome.refused is not None and outcome.refused.code not in _ABSENT:
                raise outcome.refused
        return answers

    def write_all(self, kind: str, writes: Sequence[tuple[int, Write]]) -> None:
        """Of things that are there already, which may be written again: fifty a request. What the portal
        refuses is said. Raises CloudUnsure."""
        for some in batched(writes, AT_ONCE, strict=False):
            waiting = {f"w{number}": one for number, one in enumerate(some)}
            for _attempt in range(self.cloud.attempts):
                outcomes = self.cloud.write(
                    [Command(name, one.method, self.told(one)) for name, (_ours, one) in waiting.items()]
                )
                for name, outcome in outcomes.items():
                    if outcome.refused is not None and not outcome.is_stopped:
                        said = _("A part of it was refused: %(why)s") % {"why": outcome.refused}
                        self.hold_back(kind, waiting[name][0], said)
                waiting = {name: waiting[name] for name, one in outcomes.items() if one.is_stopped}
                if not waiting:
                    break
            else:
                raise CloudAway(_("A limit of the portal keeps it from going on."))

    def hold_back(self, kind: str, ours: int, why: str = "") -> None:
        """A change of it has not gone: nobody counts it as sent."""
        self.held_back.add(ours)
        said = _("It has changed here since it was sent, and is there as it was: change it there by hand.")
        self.remark(kind, ours, why or said)

    # Texts

    def text(self, html: str, files: Mapping[int, str] | None = None) -> str:
        people = self.all_theirs("person", people_in(html))
        if self.takes_over:
            # It has the same pages as this one, under other numbers.
            html = readdressed(
                html, self.source, lambda kind, pk: self.theirs(kind, int(pk)), base=self.address
            )
        return as_bbcode(html, Meanings(people, files or {}), base=f"https://{self.source}")

    def signed(self, text: str, author: int | None, at: datetime, *, is_named: bool = False) -> str:
        """With when it was written, which the portal does not let anybody say, and by whom where it stands
        under another name. Where both are said beside the text it stays as it is."""
        if self.takes_over and self.theirs("person", author):
            return text
        day = formats.date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
        is_named = is_named or not self.theirs("person", author)
        head = f"{self.name_of(author)}, {day}" if is_named else day
        return f"[i]{head}[/i]\n{text}".strip()

    def name_of(self, ours: int | None) -> str:
        names: dict[int, str] = self.kept.setdefault("names", {})
        if ours is None:
            return ""
        if ours not in names:
            person = User.objects.filter(pk=ours).first()
            names[ours] = person.name if person else ""
        return names[ours]

    # Bytes

    def content(self, sha256: str, size: int, name: str) -> list[str]:
        """A file as methods take it: its name, and its bytes in Base64. Raises ValidationError."""
        if size > self.most_file:
            raise self._too_large(name, self.most_file)
        return [name, b64encode(b"".join(self.chunks(sha256, name))).decode()]

    def _too_large(self, name: str, most: int) -> ValidationError:
        said = _("“%(name)s” is larger than %(most)s MB: it stays here, to be carried over by hand.")
        return stays(said % {"name": name, "most": most // 10**6})

    def chunks(self, sha256: str, name: str) -> Iterator[bytes]:
        """The bytes of a file. Raises ValidationError."""
        blob = Blob.objects.filter(sha256=sha256).first() or self._unread(sha256)
        try:
            if blob is not None:
                yield from recall.read(blob)
                return
        except NotFound:
            pass
        raise stays(_("The store has lost the bytes of “%(name)s”.") % {"name": name})

    def tell(self, write: Write, *, key: str = "") -> Any:
        """What the method answers: to a file within the request, or, where it is too large for one, to what
        was sent in two steps. Raises ValidationError, CloudRefused, CloudUnsure."""
        parameters = self.told(write)
        if write.file is None:
            return self.cloud.tell(write.method, parameters, key=key)
        name, (sha256, size) = write.file.name, (write.file.content.sha256, write.file.content.size)
        if size <= self.most_file:
            told = {**parameters, "fileContent": self.content(sha256, size, name)}
            return self.cloud.tell(write.method, told, key=key)
        if self.takes_over and size > MOST_UPLOADED:
            raise self._too_large(name, MOST_UPLOADED)
        where = self.cloud.call(write.method, **parameters)
        if not isinstance(where, dict) or not where.get("uploadUrl"):
            raise stays(_("The portal does not say where “%(name)s” is to be sent.") % {"name": name})
        form = Form(str(where.get("field") or "file"), name, size, self.chunks(sha256, name))
        return self.cloud.upload(str(where["uploadUrl"]), form)

    def _unread(self, sha256: str) -> Blob | None:
        pk = next((pk for pk, digest in self.scope.digests.items() if digest == sha256), None)
        return Blob.objects.filter(pk=pk).first() if pk else None

    def contents(self, kind: str, ours: int, files: Iterable[Attachment]) -> list[list[str]]:
        """Of what hangs on a thing; what cannot go is said, and the rest goes."""
        found: list[list[str]] = []
        room = self.most_file
        for one in files:
            try:
                if one.size > room:
                    said = _("“%(name)s” does not fit into one request with the other files: it stays here.")
                    raise stays(said % {"name": one.name})
                found.append(self.content(one.sha256, one.size, one.name))
                room -= one.size
            except ValidationError as error:
                self.remark(kind, ours, " ".join(error.messages))
        return found


def command_name(ours: int | None) -> str:
    return f"c{ours}"


def id_of(result: Any) -> str:
    """An id that a method answers with, itself or within what it has made."""
    while isinstance(result, dict):
        named = next((result[name] for name in ("ID", "id") if name in result), None)
        result = named if named is not None else next(iter(result.values()), None)
    text = str(result) if isinstance(result, int | str) and not isinstance(result, bool) else ""
    return text if text.isascii() and text.isdecimal() and text.strip("0") else ""


def rows_in(result: Any, *path: str) -> list[dict[str, Any]]:
    """Of an answer; none where it is none."""
    for name in path:
        result = result.get(name) if isinstance(result, dict) else None
    listed = result.values() if isinstance(result, dict) else result if isinstance(result, list) else ()
    return [row for row in listed if isinstance(row, dict)]


def same(one: Any, other: Any) -> bool:
    """Texts as people compare them."""
    return " ".join(str(one or "").split()).casefold() == " ".join(str(other or "").split()).casefold()
