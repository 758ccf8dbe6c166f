"""What became of a record: what was done with the client and what was changed, in one line of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from django.core.exceptions import BadRequest
from django.db.models import BigIntegerField, DateTimeField, Q
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from box.apps.crm.field_rights import sees_numbers
from box.apps.crm.history import redacted
from box.apps.crm.models import Activity, ActivityBinding, FormFile, Record
from box.apps.crm.web_forms import ABOUT
from box.core.accounts.faces import faces_of
from box.core.history.models import Line
from box.core.registry.auditing import sentence_of
from box.core.registry.capabilities import Recorded, Ref, recordings
from box.core.registry.services import is_on
from box.lib.numbers import whole_number
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet

    from box.core.accounts.models import User

PAGE = 30
MOST_OPEN = 20
# As many digits as an address may have.
_ALL = 10**18 - 1


@dataclass(frozen=True)
class Sent:
    """A file that came through a form, and the answer to which question it was."""

    name: str
    url: str
    question: str


@dataclass(frozen=True)
class Done:
    """An activity that is done."""

    pk: int
    kind: str
    kind_label: str
    direction_label: str
    title: str
    text: str
    result: str
    was_planned: bool
    files: tuple[Sent, ...]
    """That came with it."""
    sounds: tuple[Recorded, ...]
    """What was recorded of it, as far as the reader may hear it."""


@dataclass(frozen=True)
class Entry:
    """An activity that is done, or a sentence on a change: a value, so that what is said of it is
    remembered."""

    at: datetime
    name: str
    """Whose doing it was."""
    activity: Done | None = None
    line: int = 0
    sentence: str = ""


class Place(NamedTuple):
    """Below what came later, and below these of the same moment: an import writes many at once."""

    at: datetime = datetime.max.replace(tzinfo=UTC)
    activity: int = _ALL
    line: int = _ALL

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.activity} {self.line}"


TOP = Place()


class Planned(NamedTuple):
    activity: Activity
    name: str
    """Whose step it is."""


@dataclass(frozen=True)
class Timeline:
    """Newest first; `before` is where it goes on. `planned` is what is still to come, the next step first."""

    entries: tuple[Entry, ...]
    before: str
    planned: tuple[Planned, ...] = ()


def timeline_of(record: Record, reader: User, *, before: Place = TOP) -> Timeline:
    """A page of it, in three queries, one more where it tells of calls, and one or two for each kind of what
    changed fields point at. Changes of a field that the reader may not see are left out."""
    bindings = _BINDINGS.rows(record=record.pk, before=before.at, below=before.activity)
    lines = _LINES.rows(kind=record.type.kind, record=record.pk, before=before.at, below=before.line)
    faces = faces_of([*_people_in(one.activity for one in bindings), *_people_told_of(lines)])
    names = {pk: face.name for pk, face in faces.items()}
    sees_number = sees_numbers(reader)
    done = [one.activity for one in bindings if not one.is_open]
    entries = [
        *_of_activities(done[::-1], names, reader, sees_number=sees_number),
        *_of_lines(lines, redacted(lines, reader, record.type_id), names),
    ]
    entries.sort(key=lambda one: one.at, reverse=True)
    page = entries[:PAGE]
    before_text = str(_below(page, before)) if len(entries) > PAGE else ""
    told = tuple(one for one in page if one.activity or one.sentence)
    planned = (one.activity for one in bindings if one.is_open)
    return Timeline(told, before_text, tuple(Planned(one, names[one.responsible_id]) for one in planned))


def _below(page: Sequence[Entry], before: Place) -> Place:
    at = page[-1].at
    told = before if at == before.at else Place(at)
    activities = [one.activity.pk for one in page if one.activity and one.at == at]
    lines = [one.line for one in page if one.line and one.at == at]
    return Place(at, min(activities, default=told.activity), min(lines, default=told.line))


def _bindings() -> QuerySet[ActivityBinding, ActivityBinding]:
    """What is planned, and a page of what is done."""
    of = ActivityBinding.objects.filter(record=Param("record", BigIntegerField()))
    planned = of.filter(is_open=True).order_by("at", "activity_id")
    done = of.filter(_is_below("activity_id"), is_open=False).order_by("-at", "-activity_id")
    ids = planned.values("pk")[:MOST_OPEN].union(done.values("pk")[: PAGE + 1], all=True)
    found = ActivityBinding.objects.filter(pk__in=ids).order_by("at", "activity_id")
    return found.select_related("activity")


def _is_below(number: str) -> Q:
    before, below = Param("before", DateTimeField()), Param("below", BigIntegerField())
    return Q(at__lte=before) & (Q(at__lt=before) | Q(**{f"{number}__lt": below}))


_BINDINGS = PreparedModels(_bindings)
_LINES = PreparedModels(
    lambda: (
        Line.objects.filter(about_kind=Param("kind"), about_id=Param("record", BigIntegerField()))
        .filter(_is_below("id"))
        .newest_first()[: PAGE + 1]
    )
)


def _people_in(activities: Iterable[Activity]) -> Iterator[int]:
    for one in activities:
        yield from (pk for pk in (_who(one), one.responsible_id) if pk)


def _who(activity: Activity) -> int:
    return activity.done_by_id or activity.created_by_id or activity.responsible_id


def place_in(text: str) -> Place:
    """Of an address. Raises BadRequest for what no page gave."""
    if not text:
        return TOP
    moment, _space, below = text.partition(" ")
    numbers = [number for one in below.split(" ") if (number := whole_number(one)) is not None]
    try:
        at = parse_datetime(moment)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or len(numbers) != 2:
        raise BadRequest("This link into a history is broken: open the page anew.")
    return Place(at, *numbers)


def _of_activities(
    activities: Sequence[Activity], names: Mapping[int, str], reader: User, *, sees_number: bool
) -> Iterable[Entry]:
    """With what came through forms and what was recorded, in one query more where something was."""
    answers = [int(one.about.removeprefix(ABOUT)) for one in activities if one.about.startswith(ABOUT)]
    files: dict[str, list[Sent]] = defaultdict(list)
    if answers:
        for kept in FormFile.objects.filter(answer__in=answers).select_related("file").order_by("id"):
            sent = Sent(kept.file.name, kept.file.get_absolute_url(), kept.question)
            files[f"{ABOUT}{kept.answer_id}"].append(sent)
    sounds = _recorded([one.about for one in activities], reader)
    kinds, directions = (
        {key: str(label) for key, label in choices.choices} for choices in (Activity.Kind, Activity.Direction)
    )
    for one in activities:
        direction = directions[one.direction] if one.direction else ""
        done = Done(
            one.pk, one.kind, kinds[one.kind], direction, one.said_to(sees_number), one.text, one.result,
            was_planned=one.deadline is not None, files=tuple(files.get(one.about, ())),
            sounds=tuple(sounds.get(one.about, ())),
        )  # fmt: skip
        yield Entry(one.at, names[_who(one)], done)


def _recorded(abouts: Iterable[str], reader: User) -> Mapping[str, Sequence[Recorded]]:
    """By what an activity is about."""
    told: dict[str, list[int]] = defaultdict(list)
    for about in abouts:
        kind, _colon, number = about.rpartition(":")
        told[kind].append(int(number) if number.isdecimal() else 0)
    found: dict[str, Sequence[Recorded]] = {}
    for kind, heard in recordings.items():
        if told[kind] and is_on(kind.partition(".")[0]):
            sounds = heard(told[kind], reader)
            found |= {str(Ref(kind, pk)): sounds[pk] for pk in sounds}
    return found


def _of_lines(
    lines: Iterable[Line], seen: Iterable[Mapping[str, Any] | None], names: Mapping[int, str]
) -> Iterable[Entry]:
    """What is not for the reader has no sentence: it counts in the page, so that this goes on behind it."""
    for line, details in zip(lines, seen, strict=True):
        said = "" if details is None else sentence_of(line.kind, _named(details, names))
        yield Entry(line.at, names[line.by_id] if line.by_id else _("The box"), line=line.pk, sentence=said)


PEOPLE = ("user_id", "former_id", "user_ids", "former_ids")


def _people_told_of(lines: Iterable[Line]) -> Iterator[int]:
    for line in lines:
        if line.by_id:
            yield line.by_id
        for key in PEOPLE:
            value = line.details.get(key)
            yield from value if isinstance(value, list) else [value] if value else []


def _named(details: Any, names: Mapping[int, str]) -> dict[str, Any]:
    """Ids of people give way to their names, so that no sentence asks by itself."""

    def name(value: Any) -> Any:
        return [name(one) for one in value] if isinstance(value, list) else names.get(value, "…")

    return {key: name(value) if key in PEOPLE and value else value for key, value in details.items()}
