"""What became of a record: what was done with the client and what was changed, in one line of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.core.exceptions import BadRequest
from django.db.models import BigIntegerField, DateTimeField
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from box.apps.crm.history import redaction_for
from box.apps.crm.models import Activity, ActivityBinding, FormFile, Record
from box.apps.crm.web_forms import ABOUT
from box.core.accounts.models import User
from box.core.history.models import Line
from box.core.registry.auditing import sentence_of
from box.lib.prepared import Param, PreparedModels

if TYPE_CHECKING:
    from typing import Any

    from django.db.models import QuerySet

    from box.core.history.redaction import Redact

PAGE = 30
MOST_OPEN = 20
_ALWAYS = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """An activity that is done, or a sentence on a change."""

    at: datetime
    who: User | None
    activity: Activity | None = None
    sentence: str = ""
    files: tuple[FormFile, ...] = ()
    """That came with what is told of."""

    @property
    def name(self) -> str:
        return self.who.name if self.who else _("The box")


@dataclass(frozen=True)
class Timeline:
    """Newest first; `before` is where it goes on. `planned` is what is still to come, the next step first."""

    entries: tuple[Entry, ...]
    before: str
    planned: tuple[Activity, ...] = ()


def timeline_of(record: Record, reader: User, *, before: datetime | None = None) -> Timeline:
    """A page of it, in three queries. Changes of a field that the reader may not see are left out."""
    until = before or _ALWAYS
    bindings = _BINDINGS.rows(record=record.pk, before=until)
    lines = _LINES.rows(kind=record.type.kind, record=record.pk, before=until)
    redact = redaction_for(reader, record.type_id)
    done = [one.activity for one in bindings if not one.is_open]
    entries = [*_of_activities(done[::-1]), *_of_lines(lines, redact)]
    entries.sort(key=lambda one: one.at, reverse=True)
    page = entries[:PAGE]
    before_text = page[-1].at.isoformat() if len(entries) > PAGE else ""
    told = tuple(one for one in page if one.activity or one.sentence)
    return Timeline(told, before_text, tuple(one.activity for one in bindings if one.is_open))


def _bindings() -> QuerySet[ActivityBinding, ActivityBinding]:
    """What is planned, and a page of what is done."""
    of = ActivityBinding.objects.filter(record=Param("record", BigIntegerField()))
    planned = of.filter(is_open=True).order_by("at", "activity_id")
    done = of.filter(is_open=False, at__lt=Param("before", DateTimeField())).order_by("-at", "-activity_id")
    ids = planned.values("pk")[:MOST_OPEN].union(done.values("pk")[: PAGE + 1], all=True)
    found = ActivityBinding.objects.filter(pk__in=ids).order_by("at", "activity_id")
    return found.select_related("activity__responsible", "activity__done_by", "activity__created_by")


_BINDINGS = PreparedModels(_bindings)
_LINES = PreparedModels(
    lambda: (
        Line.objects.filter(about_kind=Param("kind"), about_id=Param("record", BigIntegerField()))
        .filter(at__lt=Param("before", DateTimeField()))
        .newest_first()
        .select_related("by")[: PAGE + 1]
    )
)


def moment_in(text: str) -> datetime | None:
    """Of an address. Raises BadRequest for what no page gave."""
    if not text:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadRequest("This link into a history is broken: open the page anew.")
    return found


def _of_activities(activities: Sequence[Activity]) -> Iterable[Entry]:
    """With what came through forms, in one query more where something did."""
    answers = [int(one.about.removeprefix(ABOUT)) for one in activities if one.about.startswith(ABOUT)]
    files: dict[str, list[FormFile]] = defaultdict(list)
    if answers:
        for one in FormFile.objects.filter(answer__in=answers).select_related("file").order_by("id"):
            files[f"{ABOUT}{one.answer_id}"].append(one)
    for activity in activities:
        who = activity.done_by or activity.created_by or activity.responsible
        yield Entry(activity.at, who, activity, files=tuple(files.get(activity.about, ())))


def _of_lines(lines: Iterable[Line], redact: Redact) -> list[Entry]:
    """What is not for the reader has no sentence: it counts in the page, so that this goes on behind it."""
    found = list(lines)
    names = _names(found)
    entries = []
    for line in found:
        details = redact(line.kind, line.details)
        said = "" if details is None else sentence_of(line.kind, _named(details, names))
        entries.append(Entry(line.at, line.by, sentence=said))
    return entries


PEOPLE = ("user_id", "former_id", "user_ids", "former_ids")


def _names(lines: Iterable[Line]) -> dict[int, str]:
    ids: set[int] = set()
    for line in lines:
        for key in PEOPLE:
            value = line.details.get(key)
            ids.update(value if isinstance(value, list) else [value] if value else [])
    return {pk: person.name for pk, person in User.objects.in_bulk(ids).items()} if ids else {}


def _named(details: Any, names: dict[int, str]) -> dict[str, Any]:
    """Ids of people give way to their names, so that no sentence asks by itself."""

    def name(value: Any) -> Any:
        return [name(one) for one in value] if isinstance(value, list) else names.get(value, "…")

    return {key: name(value) if key in PEOPLE and value else value for key, value in details.items()}
