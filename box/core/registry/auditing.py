"""What the audit log tells of: rooms declare it, and any room may write to it without knowing who keeps it.

    audited.add("org.deleted", Audited(_("deleted the department %(name)s"), event=DepartmentDeleted))
    record("files.fetched", by_id=user.pk, about=About("files.file", file.pk, file.name))

A declared event is written when it is delivered, with the moment and the address at which it was emitted. The
sentence goes on after who it was; it may name `%(about)s` and every detail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from box.core.registry.offers import Offers
from box.core.registry.origin import origin

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise


@dataclass(frozen=True)
class About:
    """An object, with what it was called then."""

    kind: str
    id: int
    name: str


@dataclass(frozen=True)
class Audited:
    """A kind of record. `by` is the event's field that says who did it, `about` finds what it was done to
    (`about_many` that of many events, in their order and by one query), and `told` leaves out what is another
    kind's; the event's other fields are its details. `words` say in the reader's language a detail that is
    kept as a name of the code.

    With `timeline` it is told in the history of the object too, to everybody who sees that: see
    `box.core.history`. Without `is_logged` there alone: what the auditors have no business to know.
    """

    sentence: _StrOrPromise
    event: type[Any] | None = None
    by: str = "by_id"
    about: Callable[[Any], About | None] = lambda event: None
    about_many: Callable[[Sequence[Any]], Sequence[About | None]] | None = None
    told: Callable[[Any], bool] = lambda event: True
    words: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    timeline: bool = False
    is_logged: bool = True

    def find_all(self, events: Sequence[Any]) -> Sequence[About | None]:
        """What each of these was done to."""
        return self.about_many(events) if self.about_many else [self.about(event) for event in events]


@dataclass(frozen=True)
class Entry:
    """What is to be written. `by_id` is a person of the portal, `actor` whoever else."""

    kind: str
    by_id: int | None = None
    actor: str = ""
    address: str = ""
    about: About | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


audited: Offers[Audited] = Offers("audited")
recorders: Offers[Callable[[Entry], object]] = Offers("recorders")


def record(
    kind: str, *, by_id: int | None = None, actor: str = "", about: About | None = None, **details: Any
) -> None:
    """Writes to the audit log at once, in the caller's transaction. Raises NotOffered for an unknown kind."""
    audited[kind]
    source = origin()
    entry = Entry(kind, by_id, actor or ("" if by_id else source.actor), source.address, about, details)
    for recorder in recorders:
        recorder(entry)


class _Details(dict[str, Any]):
    """A sentence may name a detail that records of an earlier version lack."""

    def __missing__(self, key: str) -> str:
        return "…"


def sentence_of(kind: str, details: Mapping[str, Any], about: str = "") -> str:
    """What was done, behind who did it; of a kind that no room has any more only its name."""
    if kind not in audited:
        return kind
    words = audited[kind].words
    said = {name: words.get(name, told)(value) for name, value in details.items()}
    return str(audited[kind].sentence) % _Details(said, about=about or "…")


def told(value: Any) -> str:
    """A detail in the reader's language."""
    match value:
        case None | "" | []:
            return "…"
        case list():
            return ", ".join(
                " → ".join(map(told, one)) if isinstance(one, list) else str(one) for one in value
            )
        case bool():
            return _("yes") if value else _("no")
    return str(value)


def changes_of(
    labels: Mapping[str, _StrOrPromise], words: Mapping[str, Mapping[str, _StrOrPromise]] | None = None
) -> Callable[[Any], str]:
    """For `words`: a detail of (field, before, now) as `Name: Plans → Spring plans`. `words` are the choices
    of fields that have some."""
    choices = words or {}

    def say(changes: Any) -> str:
        return "; ".join(
            f"{labels.get(name, name)}: "
            f"{told(choices.get(name, {}).get(before, before))} → {told(choices.get(name, {}).get(now, now))}"
            for name, before, now in changes
        )

    return say
