"""What the plan is made from, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from box.bridges.directory.plan.clashes import Clash
from box.bridges.directory.plan.names import Holder, Wish

ACTIVE, SUSPENDED, DISMISSED = "active", "suspended", "dismissed"
GONE, EXPIRED, LEAVER = "gone", "expired", "leavers"
# The actions by which somebody works here no more.
LOSING = frozenset(("suspend", "dismiss"))


@dataclass(frozen=True, slots=True)
class LinkNow:
    """What is known of an entry since the last run."""

    object_id: int
    dn: str = ""
    base: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    photo_fingerprint: str = ""
    status: str = ""
    leaving_since: datetime | None = None
    leaving_why: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LocalPerson:
    """A person of the portal, as far as a directory is concerned."""

    id: int
    fields: Mapping[str, str]
    status: str = ACTIVE
    is_extranet: bool = False
    holds_console: bool = False
    departments: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        names = (self.fields.get("first_name", ""), self.fields.get("last_name", ""))
        return " ".join(filter(None, names)) or self.fields.get("login", "")


@dataclass(frozen=True)
class UnitNow:
    """A department of the directory as it is here; without an id it is about to be made."""

    id: int | None
    name: str
    parent: int | None = None
    # The directory had it no more, and the portal kept it.
    is_left: bool = False


@dataclass
class Claims:
    """What this run has given away, over all its batches: of names the hashes, which are small."""

    people: set[int] = field(default_factory=set)
    names: set[int] = field(default_factory=set)
    # Names that are given up in exchange: who gets them is decided when all have been read.
    moving: list[Wish] = field(default_factory=list)
    contested: set[int] = field(default_factory=set)
    # Entries that are gone and have found their person again under another id.
    relinked: set[int] = field(default_factory=set)
    # Those who may be somebody whose entry is gone: nobody dismisses them meanwhile.
    asked_about: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Known:
    """What is here, as far as these entries are concerned."""

    links: Mapping[str, LinkNow] = field(default_factory=dict)
    people: Mapping[int, LocalPerson] = field(default_factory=dict)
    by_login: Mapping[str, int] = field(default_factory=dict)
    by_email: Mapping[str, int] = field(default_factory=dict)
    # The field of employee numbers, while it is one to go by, and by such a number who has it here.
    number_field: str = ""
    by_number: Mapping[str, frozenset[int]] = field(default_factory=dict)
    # People who are an entry already, of this directory or another.
    linked: frozenset[int] = frozenset()
    # By key; the empty key is the department that all stand under.
    units: Mapping[str, UnitNow] = field(default_factory=dict)
    # By the key of a name whose it is.
    managers: Mapping[str, str] = field(default_factory=dict)
    # The fields that a rule maps: what they hold is the directory's.
    mapped: frozenset[str] = frozenset()
    has_units: bool = False
    # By the id of an entry that is new whose entry, that is gone, was like it, and by what; and how that was.
    again: Mapping[str, Clash] = field(default_factory=dict)
    former: Mapping[int, LinkNow] = field(default_factory=dict)
    # What the standing list has, by the entry's id.
    standing: Mapping[str, frozenset[Clash]] = field(default_factory=dict)
    # Entries that an administrator has told to be somebody new.
    separate: frozenset[str] = frozenset()

    def is_taken(self, name: str, *, by_others_than: int | None = None) -> bool:
        """Whether somebody signs in with it, be it their login or their e-mail."""
        return any(person != by_others_than for person, _field in self.holders(name))

    def holders(self, name: str) -> frozenset[Holder]:
        held = ((self.by_login.get(name), "login"), (self.by_email.get(name), "email"))
        return frozenset((person, field) for person, field in held if person is not None)

    def holder(self, name: str, *, besides: int | None = None) -> int | None:
        return next((person for person, _field in sorted(self.holders(name)) if person != besides), None)


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the log: see `models.Change`."""

    action: str
    field: str = ""
    old: str = ""
    new: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PersonStep:
    """All that happens to one person, in one piece: it is done wholly or not at all."""

    stable_id: str
    dn: str
    base: str = ""
    name: str = ""
    object_id: int | None = None
    # Whose the entry was when this was planned.
    linked_to: int | None = None
    # Nothing is done, and the notes say why.
    is_skipped: bool = False
    is_new: bool = False
    # The person is the entry's from now on, and not that one's any more that they were before.
    is_relinked: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    # The department to belong to; None leaves it as it is.
    unit: str | None = None
    # The status to give; empty leaves it.
    status: str = ""
    link_status: str = ""
    leaving_since: str = ""
    leaving_why: str = ""
    expires_at: str = ""
    fingerprint: str = ""
    # Where its bytes wait, and how many; none: it stays.
    photo: tuple[int, int] | None = None
    takes_photo_away: bool = False
    photo_fingerprint: str = ""
    # Still in the directory.
    is_seen: bool = True
    notes: tuple[Note, ...] = ()
    # What of it stays undone until somebody does something: what the standing list says from now on.
    clashes: tuple[Clash, ...] = ()

    def __str__(self) -> str:
        """`create Anna Smirnova; suspend (disabled)`."""
        told = [
            f"{note.action} {note.field}".strip() + (f" ({note.reason})" if note.reason else "")
            for note in self.notes
        ]
        return f"{self.name}: {'; '.join(told) or 'nothing'}"

    @property
    def actions(self) -> frozenset[str]:
        return frozenset(note.action for note in self.notes)

    @property
    def is_leaving(self) -> bool:
        return not self.is_new and not self.actions.isdisjoint(LOSING)

    @property
    def losses(self) -> tuple[Note, ...]:
        """What the directory had told of the person and does not tell any more."""
        lost = tuple(note for note in self.notes if note.action == "change" and note.old and not note.new)
        return (*lost, photo_gone()) if self.takes_photo_away else lost


@dataclass(frozen=True, slots=True)
class UnitStep:
    """A department to be made, renamed or put elsewhere. `parent` is a key, empty for the one above all."""

    key: str
    name: str
    parent: str
    dn: str = ""
    object_id: int | None = None
    notes: tuple[Note, ...] = ()


def photo_gone() -> Note:
    return Note("change", "photo", old=_("a picture"))


def with_photo(step: PersonStep, place: tuple[int, int] | None) -> PersonStep:
    return replace(step, photo=place)
