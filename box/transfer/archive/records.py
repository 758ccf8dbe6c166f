"""What stands in a line of the open archive, kind by kind: the format itself.

Each structure is one line of a file of JSON lines; its JSON Schema (`schema_of`) lies beside it. What they
mean stands in docs/admin/archive.md. Fields are only added, with defaults: an archive of this version is read
by all later ones. Ids count within their kind, and mean nothing outside of the archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

FORMAT = "korobka-archive"
VERSION = 1

LONGEST_TEXT = 2_000_000
MOST_NAMED = 100_000
MOST_PARTS = 10_000

type Id = Annotated[int, Meta(ge=1, le=2**62)]
type Ids = Annotated[list[Id], Meta(max_length=MOST_NAMED)]
type Line = Annotated[str, Meta(max_length=1000)]
type Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
type Html = Annotated[str, Meta(max_length=LONGEST_TEXT, description="HTML; see “Texts” in the description.")]
type Moment = Annotated[datetime, Meta(tz=True)]
type Digest = Annotated[
    str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256, and so its place in blobs/.")
]
type Audience = Annotated[
    list[Annotated[str, Meta(pattern="^(UA|(U|D|DR|H|G|GM)[1-9][0-9]{0,17})$")]],
    Meta(max_length=1000, description="Codes of those who see it; see “Who sees it” in the description."),
]
type Small = Annotated[int, Meta(ge=0, le=32_767)]
type Number = Annotated[
    str, Meta(pattern=r"^[0-9]{1,16}(\.[0-9]{1,4})?$", description="A number, exact because it is a text.")
]


class Record(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line."""

    id: Id


class Part(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Something within a line."""


class Blob(Part, kw_only=True):
    """Bytes that lie in blobs/, under their SHA-256."""

    sha256: Digest
    size: Annotated[int, Meta(ge=0)]


class Attachment(Blob, kw_only=True):
    """A file under a name. Its id is what texts call it by."""

    id: Id
    name: Line


class Reactions(Part, kw_only=True):
    """Who has reacted how, by the ids of people."""

    likes: Ids = msgspec.field(default_factory=list)
    dislikes: Ids = msgspec.field(default_factory=list)
    emoji: Annotated[dict[Annotated[str, Meta(max_length=16)], Ids], Meta(max_length=MOST_PARTS)] = (
        msgspec.field(default_factory=dict)
    )


class External(Part, kw_only=True):
    """What another program calls it."""

    code: Line = ""
    source: Line = ""
    """Which program."""
    version: Line = ""


class Department(Record, kw_only=True):
    name: Line
    parent: Id | None = None
    """None of the company itself."""


class Place(Part, kw_only=True):
    department: Id
    role: Literal["head", "deputy", "member"] = "member"


class Person(Record, kw_only=True):
    """Without a login it is somebody who is only named: a colleague in what a person takes along."""

    name: Line
    login: Line = ""
    email: Line = ""
    first_name: Line = ""
    last_name: Line = ""
    former_last_name: Line = ""
    patronymic: Line = ""
    position: Line = ""
    phone: Line = ""
    birthday_on: date | None = None
    birthday_shown: Literal["day", "year", "nobody"] = "day"
    language: Annotated[str, Meta(max_length=2)] = ""
    time_zone: Line = ""
    status: Literal["active", "suspended", "dismissed"] = "active"
    is_extranet: bool = False
    city: Line = ""
    gender: Literal["", "F", "M"] = ""
    external_id: Line = ""
    joined_at: Moment | None = None
    photo: Blob | None = None
    departments: Annotated[list[Place], Meta(max_length=MOST_PARTS)] = msgspec.field(default_factory=list)


class Group(Record, kw_only=True):
    name: Line
    description: Text = ""
    kind: Literal["open", "closed", "secret", "extranet"] = "open"
    created_at: Moment
    archived_at: Moment | None = None
    owner: Id | None = None
    moderators: Ids = msgspec.field(default_factory=list)
    members: Ids = msgspec.field(default_factory=list)
    """Those who are neither."""


class OwnField(Record, kw_only=True):
    """A field that the company has added, to things of a kind."""

    set: Line
    """Of which things: `crm.deal`, `tasks.task`."""
    code: Line
    """By which values name it."""
    name: Line
    kind: Line
    help: Line = ""
    choices: Annotated[list[Line], Meta(max_length=1000)] = msgspec.field(default_factory=list)
    is_several: bool = False
    is_required: bool = False
    currency: Annotated[str, Meta(max_length=3)] = ""
    target: Line = ""


class OwnValue(Part, kw_only=True):
    """What stands in such a field: texts, or what they point at."""

    field: Line
    """Its code."""
    texts: Annotated[list[Text], Meta(max_length=100)] = msgspec.field(default_factory=list)
    people: Ids = msgspec.field(default_factory=list)
    departments: Ids = msgspec.field(default_factory=list)
    clients: Ids = msgspec.field(default_factory=list)
    files: Annotated[list[Attachment], Meta(max_length=100)] = msgspec.field(default_factory=list)


type OwnValues = Annotated[list[OwnValue], Meta(max_length=1000)]


class Option(Part, kw_only=True):
    text: Line
    votes: Annotated[int, Meta(ge=0)] = 0
    voters: Ids = msgspec.field(default_factory=list)
    """Nobody where the poll is anonymous."""


class Poll(Part, kw_only=True):
    options: Annotated[list[Option], Meta(min_length=2, max_length=100)]
    is_multiple: bool = False
    is_anonymous: bool = False
    closes_at: Moment | None = None
    voters: Ids = msgspec.field(default_factory=list)


class Post(Record, kw_only=True):
    author: Id
    html: Html = ""
    audience: Audience
    created_at: Moment
    edited_at: Moment | None = None
    is_announcement: bool = False
    read_by_on: date | None = None
    readers: Ids = msgspec.field(default_factory=list)
    """Who has confirmed to have read the announcement."""
    poll: Poll | None = None
    files: Annotated[list[Attachment], Meta(max_length=MOST_PARTS)] = msgspec.field(default_factory=list)
    reactions: Reactions | None = None


class Comment(Record, kw_only=True):
    """What was said below something: `on` is its kind and its id."""

    on_kind: Literal["post", "task", "crm"]
    on: Id
    author: Id
    html: Html = ""
    created_at: Moment
    parent: Id | None = None
    files: Annotated[list[Attachment], Meta(max_length=MOST_PARTS)] = msgspec.field(default_factory=list)


class Item(Part, kw_only=True):
    """A line of a checklist."""

    text: Line
    assignee: Id | None = None
    due_on: date | None = None
    done_by: Id | None = None
    done_at: Moment | None = None


class Spent(Part, kw_only=True):
    """Working time."""

    person: Id
    started_at: Moment
    seconds: Annotated[int, Meta(ge=0, le=366 * 86400)]
    note: Line = ""


class Waits(Part, kw_only=True):
    """What the task waits for, and how: FS, SS, FF or SF, as planners call it."""

    task: Id
    kind: Line
    lag_minutes: int = 0


class Task(Record, kw_only=True):
    title: Line
    html: Html = ""
    state: Line
    state_since: Moment
    priority: Literal[0, 1, 2] = 1
    created_by: Id
    responsible: Id
    accomplices: Ids = msgspec.field(default_factory=list)
    observers: Ids = msgspec.field(default_factory=list)
    group: Id | None = None
    parent: Id | None = None
    deadline_at: Moment | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    estimate_minutes: Annotated[int, Meta(ge=0)] | None = None
    tags: Annotated[list[Line], Meta(max_length=MOST_PARTS)] = msgspec.field(default_factory=list)
    needs_acceptance: bool = False
    may_move_deadline: bool = False
    created_at: Moment
    closed_by: Id | None = None
    external_id: Line = ""
    items: Annotated[list[Item], Meta(max_length=10_000)] = msgspec.field(default_factory=list)
    time: Annotated[list[Spent], Meta(max_length=100_000)] = msgspec.field(default_factory=list)
    waits_for: Annotated[list[Waits], Meta(max_length=MOST_PARTS)] = msgspec.field(default_factory=list)
    files: Annotated[list[Attachment], Meta(max_length=MOST_PARTS)] = msgspec.field(default_factory=list)
    reactions: Reactions | None = None
    own: OwnValues = msgspec.field(default_factory=list)


class Version(Blob, kw_only=True):
    """What a file of a drive was at a time."""

    by: Id
    at: Moment


class Share(Part, kw_only=True):
    code: Line
    can_edit: bool = False


class DriveItem(Record, kw_only=True):
    """A folder, or a file with all that it was: the last of `versions` is what it is."""

    drive: Annotated[str, Meta(pattern="^(UA|(U|G)[1-9][0-9]{0,17})$")]
    """Whose drive: see “Who sees it” in the description."""
    parent: Id | None = None
    """None: at the top of the drive."""
    name: Line
    is_folder: bool = False
    created_by: Id
    created_at: Moment
    versions: Annotated[list[Version], Meta(max_length=10_000)] = msgspec.field(default_factory=list)
    shares: Annotated[list[Share], Meta(max_length=1000)] = msgspec.field(default_factory=list)


class PipelineStage(Part, kw_only=True):
    id: Id
    code: Line
    name: Line
    kind: Literal["open", "won", "lost"] = "open"
    color: Annotated[str, Meta(pattern="^#[0-9a-f]{6}$")] = "#4299e1"


class Pipeline(Record, kw_only=True):
    type: Line
    name: Line = ""
    """Empty of the first one."""
    stages: Annotated[list[PipelineStage], Meta(max_length=200)]


class Point(Part, kw_only=True):
    """A way to reach a client."""

    kind: Literal["phone", "email", "web", "im"]
    value: Line
    use: Literal["work", "mobile", "home", "fax", "other"] = "work"


class LineItem(Part, kw_only=True):
    """A product, as it was agreed."""

    name: Line
    price: Number
    quantity: Number
    unit: Line = ""
    discount_percent: Number = "0"
    vat_percent: Number | None = None
    is_vat_included: bool = True


class Client(Record, kw_only=True):
    """A company, a contact, a lead or a deal: which, `type` says."""

    type: Literal["company", "contact", "lead", "deal"]
    title: Line
    stage: Id | None = None
    first_name: Line = ""
    patronymic: Line = ""
    last_name: Line = ""
    position: Line = ""
    born_on: date | None = None
    tax_number: Line = ""
    address: Line = ""
    comment: Text = ""
    amount: Number = "0"
    currency: Annotated[str, Meta(max_length=3)] = ""
    begins_on: date | None = None
    expected_on: date | None = None
    source: Line = ""
    """By its name."""
    source_note: Line = ""
    company: Id | None = None
    contact: Id | None = None
    contacts: Ids = msgspec.field(default_factory=list)
    responsible: Id
    observers: Ids = msgspec.field(default_factory=list)
    created_by: Id | None = None
    created_at: Moment
    reached_by: Annotated[list[Point], Meta(max_length=100)] = msgspec.field(default_factory=list)
    lines: Annotated[list[LineItem], Meta(max_length=1000)] = msgspec.field(default_factory=list)
    has_own_amount: bool = True
    """Whether somebody wrote the amount, and it is not what the lines come to."""
    external: External | None = None
    own: OwnValues = msgspec.field(default_factory=list)


class Activity(Record, kw_only=True):
    """What was done with clients, or is to be done: then it has a deadline and is not done."""

    clients: Annotated[Ids, Meta(min_length=1)]
    kind: Line
    direction: Literal["", "in", "out"] = ""
    subject: Line
    number: Line = ""
    text: Text = ""
    result: Text = ""
    responsible: Id
    created_by: Id | None = None
    created_at: Moment
    at: Moment
    seconds: Annotated[int, Meta(ge=0)] | None = None
    deadline: Moment | None = None
    done_at: Moment | None = None
    done_by: Id | None = None
    external: External | None = None


class BookingQuestion(Part, kw_only=True):
    name: Line
    kind: Line
    label: Line
    is_required: bool = False
    choices: Annotated[list[Line], Meta(max_length=100)] = msgspec.field(default_factory=list)


class BookingPage(Record, kw_only=True):
    """Times that are offered to people outside, of its owner or of the members of a group."""

    owner: Id
    hosts: Literal["owner", "turn", "all"] = "owner"
    """Who receives: of a group one in turn, or all together."""
    group: Id | None = None
    title: Line
    description: Text = ""
    place: Line = ""
    questions: Annotated[list[BookingQuestion], Meta(max_length=100)] = msgspec.field(default_factory=list)
    consent: Text = ""
    length_minutes: Small
    step_minutes: Small
    before_minutes: Small = 0
    after_minutes: Small = 0
    notice_hours: Small
    horizon_days: Small
    weekdays: Annotated[list[Annotated[int, Meta(ge=0, le=6)]], Meta(max_length=7)]
    """Monday is 0."""
    begins: time
    ends: time
    zone: Line
    kept_days: Small
    """So long after it took place is known who came."""
    is_on: bool = True
    created_at: Moment
    retired_at: Moment | None = None


class Attendee(Part, kw_only=True):
    person: Id
    answer: Literal["waiting", "accepted", "tentative", "declined"] = "waiting"
    comment: Line = ""


class Guest(Part, kw_only=True):
    """Somebody outside who is asked by letter."""

    email: Line
    name: Line = ""
    answer: Literal["waiting", "accepted", "tentative", "declined"] = "waiting"
    comment: Line = ""


class Appointment(Part, kw_only=True):
    """What somebody outside has booked; without name and address, where they have been forgotten."""

    page: Id
    """Of `bookings`."""
    name: Line = ""
    email: Line = ""
    answers: Annotated[list[tuple[Line, Text]], Meta(max_length=100)] = msgspec.field(default_factory=list)
    """What they were asked, and said."""
    consent: Text = ""
    """What they agreed to, word by word."""
    language: Annotated[str, Meta(max_length=7)]
    zone: Line
    made_at: Moment


class Event(Record, kw_only=True):
    """Of a series one line, with its rule; a time that is unlike the others is a line of its own."""

    calendar: Annotated[str, Meta(pattern="^(UA|(U|D|DR|G)[1-9][0-9]{0,17})$")]
    """Whose: a person's, a department's, a group's or the company's."""
    title: Line
    description: Text = ""
    place: Line = ""
    starts_at: Moment
    ends_at: Moment
    is_all_day: bool = False
    zone: Line
    rule: Line = ""
    """As RRULE of RFC 5545 has it."""
    excluded: Annotated[list[Moment], Meta(max_length=MOST_PARTS)] = msgspec.field(default_factory=list)
    """Times of the rule at which it does not take place at all."""
    is_confidential: bool = False
    is_free: bool = False
    organizer: Id
    created_at: Moment
    series: Id | None = None
    original_at: Moment | None = None
    attendees: Annotated[list[Attendee], Meta(max_length=10_000)] = msgspec.field(default_factory=list)
    guests: Annotated[list[Guest], Meta(max_length=1000)] = msgspec.field(default_factory=list)
    appointment: Appointment | None = None


class Absence(Record, kw_only=True):
    person: Id
    kind: Line
    starts_on: date
    ends_on: date
    comment: Line = ""
    substitute: Id | None = None
    by: Id


class End(Part, kw_only=True):
    """Something that is in the archive, by its kind and its number."""

    kind: Literal["person", "post", "comment", "task", "client", "event"]
    id: Id


class Relation(Record, kw_only=True):
    """That these two belong together: neither comes first."""

    one: End
    other: End
    created_by: Id
    created_at: Moment


KINDS: Mapping[str, type[Record]] = {
    "departments": Department,
    "people": Person,
    "groups": Group,
    "fields": OwnField,
    "posts": Post,
    "tasks": Task,
    "drives": DriveItem,
    "pipelines": Pipeline,
    "clients": Client,
    "activities": Activity,
    "comments": Comment,
    "bookings": BookingPage,
    "events": Event,
    "absences": Absence,
    "relations": Relation,
}
"""By the names of their files, in the order in which they are read: what one refers to has come before it."""


def schema_of(kind: str) -> dict[str, Any]:
    """Its JSON Schema, of draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **msgspec.json.schema(KINDS[kind]),
    }
