"""What tests of archives share: a company with something of every kind, and what an archive says of it.

`Canonical` gives each line with its ids replaced by natural keys: two archives of one company are equal then,
whatever numbers its things have.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Collection, Iterable
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from django.db import transaction

from box.apps.calendar.actions.answers import answer_event
from box.apps.calendar.actions.appointments import VisitorDraft, book_time
from box.apps.calendar.actions.booking_pages import PageDraft, create_page, retire_page, switch_page
from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.events import EventDraft, change_event, create_event, remove_event
from box.apps.calendar.actions.events import Scope as Times
from box.apps.calendar.actions.guests import GuestDraft, answer_as_guest
from box.apps.calendar.models import Event
from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.actions.setup import add_pipeline, add_stage
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Record, RecordType
from box.apps.drive.actions.sharing import share_item
from box.apps.drive.actions.tree import add_files, make_folder, root_of
from box.apps.drive.actions.versions import new_version
from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post
from box.apps.feed.polls import Question as Poll
from box.apps.feed.polls import vote
from box.apps.feed.receipts import confirm_reading
from box.apps.tasks.actions.checklists import add_items, assign_item, check_item, date_item
from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.states import take_over_state
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.apps.tasks.actions.time import add_time
from box.apps.tasks.models import Task
from box.apps.tasks.states import State
from box.core.access.principals import EVERYONE
from box.core.accounts.actions import dismiss_user
from box.core.discussion.actions import add_comment, give_emoji, react
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.kinds import Money
from box.core.fields.models import Field
from box.core.fields.sets import field_sets
from box.core.files.actions import store_whole, take_in
from box.core.groups.actions import NewGroup, create_group, follow, set_role
from box.core.groups.models import Group, Member
from box.core.people.absences import Away, write_absence
from box.core.people.photos import set_photo
from box.core.registry.capabilities import Ref
from box.core.registry.origin import importing
from box.core.relations.actions import relate
from box.core.structure.actions import create_department, place
from box.core.structure.models import Department
from box.lib.plain_text import text_of
from box.lib.questions import Question
from box.transfer import actions, runner
from box.transfer.archive.container import Filters
from box.transfer.archive.export import Scope, write_archive
from box.transfer.models import Migration
from box.transfer.sources import archive_of
from tests.box.core.people.photos import picture
from tests.cast import person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.core.accounts.models import User
    from box.core.files.models import File

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def a_file(by: User, name: str, data: bytes) -> File:
    return take_in(store_whole(io.BytesIO(data)), name, by=by)


def company(by: User) -> None:
    """Everything that an archive knows, made by the actions that people cause."""
    with importing(at=AT):
        _company(by)


def _company(olga: User) -> None:
    top = create_department("Company", parent=None, by=None)
    sales = create_department("Sales", parent=top, by=None)
    create_department("Abroad", parent=sales, by=None)
    anna = person(
        "Anna", position="Head", city="Tver", gender="F", external_id="{0d-17}",
        login="anna.t", language="ru", birthday_on=date(1984, 2, 29), birthday_shown="nobody",
    )  # fmt: skip
    boris, cara = person("Boris"), person("Cara")
    erik = person("Erik", is_extranet=True)
    place(anna, {sales.pk: "head"}, by=None)
    place(boris, {sales.pk: "member", top.pk: "deputy"}, by=None)
    set_photo(anna, picture(), by=None)
    group = create_group(NewGroup("Bridge", "For the new bridge", "closed"), by=anna)
    follow(group, joining=[boris.pk, cara.pk], leaving=())
    set_role(Member.objects.get(group=group, user=boris), "moderator", by=anna)
    guests = create_group(NewGroup("Builders", "", "extranet"), by=boris)
    follow(guests, joining=[erik.pk], leaving=())
    _own_fields(anna)
    _feed(anna, boris, cara, group.pk, sales.pk)
    _tasks(anna, boris, cara, group)
    _drives(anna, boris, group.pk)
    _crm(anna, boris)
    _calendar(anna, boris, cara, group.pk, sales.pk)
    _relations(anna, boris)
    write_absence(boris, Away("vacation", date(2026, 7, 1), date(2026, 7, 14), "At sea", anna), by=boris)
    dismiss_user(cara, by=None)


def _own_fields(anna: User) -> None:
    for key, kind, name, more in (
        ("tasks.task", "text", "Ship", {}),
        ("tasks.task", "file", "Drawing", {}),
        ("tasks.task", "choice", "Hull", {"choices": ("Oak", "Steel")}),
        ("tasks.task", "person", "Pilots", {"is_several": True}),
        ("tasks.task", "money", "Toll", {"currency": "EUR"}),
        ("tasks.task", "yes_no", "Afloat", {}),
        ("crm.deal", "choice", "Colour", {"choices": ("Red", "White"), "is_several": True}),
        ("crm.deal", "money", "Deposit", {"currency": "EUR", "help": "Paid before"}),
        ("crm.deal", "moment", "Loaded at", {}),
        ("crm.deal", "yes_no", "Fragile", {"is_required": True}),
        ("crm.deal", "person", "Lawyer", {}),
        ("crm.deal", "department", "Yard", {}),
        ("crm.deal", "reference", "Shipper", {"target": "crm.company"}),
        ("crm.deal", "file", "Papers", {"is_several": True}),
    ):
        code = f"UF_{name.upper().replace(' ', '_')}"
        add_field(field_sets[key], FieldDraft(name=name, kind=kind, code=code, **more), by=anna)


def _own(key: str, **values: Any) -> dict[Field, tuple[Any, ...]]:
    known = {one.code: one for one in Field.objects.of(key)}
    return {known[f"UF_{name}"]: several for name, several in values.items()}


def _feed(anna: User, boris: User, cara: User, group: int, sales: int) -> None:
    plan = a_file(anna, "plan.png", picture(40, 30, "PNG").getvalue())
    html = f'<p>Look, <span data-mention="{boris.pk}">Boris</span>!</p>'
    html += f'<img src="/files/{plan.pk}/preview" alt="">'
    first = publish_post(Draft(html=html, audience=(f"G{group}", f"DR{sales}"), file_ids=(plan.pk,)), by=anna)
    link = f'<p>As I said <a href="{first.get_absolute_url()}">there</a></p>'
    publish_post(Draft(html=link, audience=(EVERYONE,)), by=boris)
    publish_post(Draft(text="Only between us", audience=(f"U{boris.pk}",)), by=anna)
    publish_post(Draft(text="For us who sell", audience=(f"D{sales}",)), by=boris)
    notes = publish_post(
        Draft(text="Read this", audience=(EVERYONE,), is_announcement=True, read_by_on=date(2026, 4, 1)),
        by=anna,
    )
    confirm_reading(notes, by=boris)
    for is_anonymous in (False, True):
        asked = Poll(("Tea", "Coffee", "Water"), is_multiple=True, is_anonymous=is_anonymous)
        poll = publish_post(Draft(text=f"What? {is_anonymous}", question=asked), by=cara)
        tea, coffee, _water = poll.poll.options.all()
        vote(poll, [tea.pk, coffee.pk], by=anna, now=AT)
        vote(poll, [tea.pk], by=boris, now=AT)
    said = add_comment(first.thread, html="<p>Good <b>work</b></p>", by=boris)
    paper = a_file(anna, "paper.txt", b"Paper")
    add_comment(first.thread, html="<p>Thanks</p>", parent=said, file_ids=[paper.pk], by=anna)
    react(first.thread, 1, by=boris)
    give_emoji(first.thread, "🎉", True, by=cara)


def _tasks(anna: User, boris: User, cara: User, group: Any) -> None:
    brief = a_file(anna, "brief.txt", b"Brief")
    oak = Field.objects.get(code="UF_HULL").options[0].pk
    draft = TaskDraft(
        title="Build", responsible=boris, html="<p>A bridge</p>",
        accomplice_ids=(cara.pk,), observer_ids=(anna.pk,),
        deadline_at=AT + timedelta(days=9), starts_at=AT, ends_at=AT + timedelta(days=5), estimate_minutes=90,
        priority=2, tags=("river",), project=group, needs_acceptance=False, file_ids=(brief.pk,),
        external_id="1c:task-5",
        fields=_own(
            "tasks.task", SHIP=("Ark",), DRAWING=(a_file(anna, "drawing.txt", b"Lines").pk,), HULL=(oak,),
            PILOTS=(anna.pk, boris.pk), TOLL=(Money(Decimal("2.5"), "EUR"),), AFLOAT=(True,),
        ),
    )  # fmt: skip
    build = add_task(draft, by=anna)
    later = add_task(TaskDraft(title="Paint", responsible=cara, parent=build, priority=0), by=anna)
    add_dependency(build, later, lag_minutes=60, by=anna)
    steel, paint = add_items(build, "Steel\nPaint", by=anna)
    assign_item(steel, boris, by=anna)
    date_item(paint, AT.date() + timedelta(days=9), by=anna)
    check_item(steel, True, by=boris)
    add_time(build, 1, on=AT.date(), seconds=4321, note="Digging", by=boris)
    add_comment(build.thread, html="<p>Began</p>", by=boris)
    react(build.thread, 1, by=anna)
    with importing(at=AT + timedelta(days=3)):
        take_over_state(build, State.COMPLETED, by=boris)


def _drives(anna: User, boris: User, group: int) -> None:
    root = root_of(f"G{group}", by=anna)
    folder = make_folder(root, "Drawings", by=anna)
    inner = make_folder(folder, "Old", by=boris)
    item = add_files(inner, [a_file(anna, "bridge.txt", b"one").pk], by=anna).new[0]
    with importing(at=AT + timedelta(days=1)):
        new_version(item, a_file(boris, "bridge.txt", b"two").pk, by=boris)
    own = add_files(root_of(f"U{anna.pk}", by=anna), [a_file(anna, "diary.txt", b"one").pk], by=anna).new[0]
    share_item(own, [f"U{boris.pk}"], can_edit=True, by=anna)
    add_files(root_of(EVERYONE, by=anna), [a_file(anna, "rules.txt", b"Rules").pk], by=anna)


def _crm(anna: User, boris: User) -> None:
    types = {one.slug: one for one in RecordType.objects.all()}
    pipeline = add_pipeline(types["deal"], "Bridges", by=anna)
    stage = add_stage(pipeline, "Measured", kind="open", color="#123456", by=anna)
    firm = add_record(
        NewRecord(
            type=types["company"], responsible=anna, title="Steel Ltd",
            reached_by=[Reach("phone", "+7 916 123-45-67"), Reach("email", "info@steel.example", "home")],
            external_source="1C", external_id="c-5", external_version="7",
        ),
        by=anna,
    )  # fmt: skip
    man = add_record(
        NewRecord(
            type=types["contact"], responsible=boris, first_name="Fred", last_name="Steel", company=firm
        ),
        by=boris,
    )
    deal = add_record(
        NewRecord(
            type=types["deal"], responsible=anna, title="A bridge", stage=stage, company=firm, contact=man,
            contacts=[man], observers=[boris], amount=Decimal("100.50"), expected_on=date(2026, 9, 1),
            external_source="1C", external_id="d-5",
        ),
        by=anna,
    )  # fmt: skip
    lines = [
        LineDraft(name="Beam", price=Decimal("10.25"), quantity=Decimal("3.5"), discount_percent=Decimal(10))
    ]
    set_lines(deal, lines, follows=False, by=anna)
    red = Field.objects.get(code="UF_COLOUR").options[0].pk
    papers = [a_file(anna, name, name.encode()).pk for name in ("one.txt", "two.txt")]
    own = _own(
        "crm.deal", COLOUR=(red,), DEPOSIT=(Money(Decimal("12.5"), "EUR"),), LOADED_AT=(AT,), FRAGILE=(True,),
        LAWYER=(boris.pk,), YARD=(Department.objects.get(name="Sales").pk,), SHIPPER=(firm.pk,),
        PAPERS=tuple(papers),
    )  # fmt: skip
    set_values(deal, own, by=anna)
    add_record(NewRecord(type=types["lead"], responsible=boris, title="Somebody called"), by=boris)
    done = add_activity(
        NewActivity(
            kind="call",
            subject="Called",
            responsible=anna,
            direction="out",
            number="8 (916) 123-45-67",
            at=AT,
            seconds=60,
            external_source="pbx",
            external_id="call-5",
        ),
        [deal],
        by=anna,
    )
    assert done.pk
    planned = NewActivity(kind="meeting", subject="Meet", responsible=boris, deadline=AT + timedelta(days=2))
    meeting = add_activity(planned, [man], by=boris)
    with importing(at=AT + timedelta(days=2)):
        complete_activity(meeting, result="They want it", by=boris)
    add_comment(deal.thread, html="<p>A good one</p>", by=boris)


def _calendar(anna: User, boris: User, cara: User, group: int, sales: int) -> None:
    weekly = EventDraft(
        title="Weekly", starts_at=AT, ends_at=AT + timedelta(hours=1), zone="Europe/Moscow",
        rule="FREQ=WEEKLY;COUNT=6", invited=(f"U{boris.pk}",), place="Room 5",
        guests=(GuestDraft("mason@stone.example", "Max Mason"), GuestDraft("smith@iron.example")),
    )  # fmt: skip
    series = create_event(main_calendar(f"G{group}"), weekly, by=anna)
    answer_event(series, "tentative", by=boris, comment="Perhaps")
    second, third = AT + timedelta(days=7), AT + timedelta(days=14)
    moved = EventDraft(
        title="Weekly, later", starts_at=second + timedelta(hours=3), ends_at=second + timedelta(hours=4),
        zone="Europe/Moscow", invited=(f"U{boris.pk}",), guests=(GuestDraft("smith@iron.example"),),
    )  # fmt: skip
    change_event(series, moved, by=anna, scope=Times.THIS, at=second)
    remove_event(series, by=anna, scope=Times.THIS, at=third)
    day = datetime(2026, 5, 9, tzinfo=UTC)
    own = EventDraft(
        title="Dentist", starts_at=day, ends_at=day + timedelta(days=1), zone="Europe/Moscow",
        is_all_day=True, is_confidential=True,
    )  # fmt: skip
    create_event(main_calendar(f"U{boris.pk}"), own, by=boris)
    morning = EventDraft(
        title="The morning's round", starts_at=AT, ends_at=AT + timedelta(minutes=15), zone="Europe/Moscow"
    )
    create_event(main_calendar(f"DR{sales}"), morning, by=anna)
    answer_as_guest(series.guests.get(email="mason@stone.example"), "declined", comment="No boots")
    _booking(anna, boris, group)


def _booking(anna: User, boris: User, group: int) -> None:
    questions = (Question("firm", "company", "Your firm", is_required=True),)
    page = create_page(
        PageDraft(
            title="See the bridge", zone="Europe/Moscow", questions=questions, consent="We keep it.",
            after_minutes=30,
        ),
        by=anna,
    )  # fmt: skip
    visitor = VisitorDraft(
        name="Vera Visitor", email="vera@visit.example", language="ru", zone="Asia/Omsk",
        answers=(("Your firm", "Bricks"),), consent="We keep it.",
    )  # fmt: skip
    day = AT.replace(hour=0, minute=0) + timedelta(days=2)
    book_time(page, day + timedelta(hours=9), visitor, key="1", now=AT)
    retire_page(create_page(PageDraft(title="Of last year", zone="Europe/Moscow"), by=boris), by=boris)
    of_group = PageDraft(title="All", zone="Europe/Moscow", hosts="all", group=Group.objects.get(pk=group))
    switch_page(create_page(of_group, by=anna), False, by=anna)


def private_things_of(olga: User, anna: User) -> None:
    """What is for nobody but her, and for her and Anna: an administrator sees it, for it is her own."""
    with importing(at=AT):
        post = publish_post(Draft(text="For Olga alone", audience=(f"U{olga.pk}",)), by=anna)
        add_comment(post.thread, html="<p>Thank you, Anna</p>", by=olga)
        add_files(root_of(f"U{olga.pk}", by=olga), [a_file(olga, "plans.txt", b"Plans").pk], by=olga)
        bank = EventDraft(
            title="Bank", starts_at=AT, ends_at=AT + timedelta(hours=1), zone="Europe/Moscow",
            is_confidential=True,
        )  # fmt: skip
        create_event(main_calendar(f"U{olga.pk}"), bank, by=olga)


def _relations(anna: User, boris: User) -> None:
    build, paint = Task.objects.get(title="Build"), Task.objects.get(title="Paint")
    posts = Post.objects.exclude(kind=Post.Kind.SYSTEM).order_by("pk")
    things = [
        posts[0].ref,
        Ref("feed.comment", posts[0].thread.comments.order_by("pk")[0].pk),
        Ref("tasks.comment", build.thread.comments.get().pk),
        Ref("crm.record", Record.objects.get(title="A bridge").pk),
        Ref("org.person", anna.pk),
        Event.objects.get(title="Dentist").ref,
    ]
    relate(build.ref, things, by=boris)
    # Which is for boris alone.
    relate(paint.ref, [build.ref, Post.objects.get(text="Only between us").ref], by=anna)


def archive(scope: Scope | None = None) -> io.BytesIO:
    out = io.BytesIO()
    write_archive(out, scope or Scope(Filters()))
    out.seek(0)
    return out


@contextmanager
def undone() -> Iterator[None]:
    """What is done to the database within is as if it had never been; what lies in the store stays."""
    point = transaction.savepoint_create()
    try:
        yield
    finally:
        transaction.savepoint_rollback(point)


def moved_in(content: bytes, by: User) -> Migration:
    """An archive that comes into this box, to its end."""
    migration = actions.connect_archive(a_file(by, "company.zip", content), by=by)
    looked(migration)
    actions.begin(migration, by=by)
    runner.run(migration)
    migration.refresh_from_db()
    return migration


def looked(migration: Migration) -> None:
    with archive_of(migration) as content:
        actions.look_into(migration, content)
    migration.refresh_from_db()


def lines_of(file: io.BytesIO) -> dict[str, list[dict[str, Any]]]:
    """By kind the lines of an archive, read as anybody would."""
    with ZipFile(file) as content:
        return {
            name.removesuffix(".jsonl"): [json.loads(line) for line in content.read(name).splitlines()]
            for name in content.namelist()
            if name.endswith(".jsonl")
        }


_REFERS = {
    **dict.fromkeys(("author", "person", "owner", "created_by", "responsible", "by", "closed_by"), "people"),
    **dict.fromkeys(("moderators", "members", "voters", "readers", "likes", "dislikes", "done_by"), "people"),
    **dict.fromkeys(("accomplices", "observers", "assignee", "organizer", "substitute"), "people"),
    **dict.fromkeys(("department",), "departments"),
    **dict.fromkeys(("group",), "groups"),
    **dict.fromkeys(("task",), "tasks"),
    **dict.fromkeys(("company", "contact", "contacts", "clients"), "clients"),
    "stage": "stages",
    "series": "events",
    "page": "bookings",
}  # fmt: skip
_NATURAL = {
    "departments": ("name",),
    "people": ("email",),
    "groups": ("name",),
    "fields": ("set", "code"),
    "posts": ("text",),
    "tasks": ("title",),
    "drives": ("name",),
    "pipelines": ("type", "name"),
    "clients": ("type", "title"),
    "activities": ("subject",),
    "comments": (),
    "bookings": ("title",),
    "events": ("title", "starts_at"),
    "absences": ("starts_on",),
    "relations": (),
}
_ENDS = {
    "person": "people",
    "post": "posts",
    "comment": "comments",
    "task": "tasks",
    "client": "clients",
    "event": "events",
}


_UNORDERED = ("shares", "attendees", "guests", "audience")
_CODES = {
    "U": "people",
    "D": "departments",
    "DR": "departments",
    "G": "groups",
    "GM": "groups",
}


class Canonical:
    """An archive's lines in natural keys."""

    def __init__(self, file: io.BytesIO) -> None:
        self.lines = lines_of(file)
        self.names: dict[tuple[str, int], str] = {}
        for kind, rows in self.lines.items():
            for row in rows:
                if kind == "posts":
                    row["text"] = _said(row)
                self.names[kind, row["id"]] = "/".join(str(row.get(name, "")) for name in _NATURAL[kind])
                if kind == "comments":
                    self.names[kind, row["id"]] = _said(row)
        for row in self.lines["pipelines"]:
            for stage in row["stages"]:
                self.names["stages", stage["id"]] = f"{row['type']}/{row.get('name', '')}/{stage['name']}"
        self.files = {
            one["id"]: f"{one['name']}:{one['sha256']}"
            for rows in self.lines.values()
            for row in rows
            for one in row.get("files", ())
        }

    def dump(self) -> dict[str, list[str]]:
        """By kind the lines, sorted."""
        return {
            kind: sorted(
                json.dumps(self._named(row, kind, ""), sort_keys=True, ensure_ascii=False) for row in rows
            )
            for kind, rows in self.lines.items()
        }

    def _named(self, value: Any, kind: str, field: str) -> Any:
        if isinstance(value, dict):
            if kind == "relations":
                ends = sorted(
                    f"{end['kind']}:{self.names[_ENDS[end['kind']], end['id']]}"
                    for end in (value.pop("one"), value.pop("other"))
                )
                value["ends"] = ends
            if field == "emoji":
                return {sign: [self.names["people", pk] for pk in ids] for sign, ids in value.items()}
            found = {}
            for name, one in value.items():
                if name == "id":
                    continue
                of = self._kind_of(name, kind, value)
                found[name] = self._ref(of, one) if of else self._named(one, kind, name)
            return found
        if isinstance(value, list):
            found_list = [self._named(one, kind, field) for one in value]
            return sorted(found_list, key=str) if field in _UNORDERED else found_list
        if isinstance(value, str):
            return self._text(value, field)
        return value

    def _kind_of(self, name: str, kind: str, record: dict[str, Any]) -> str:
        """Of what the number in this field is; nothing where it is none."""
        if name == "parent":
            return kind
        if "field" in record and name in ("people", "departments"):
            # What stands in a field of the company's own.
            return name
        if name == "on":
            return {"post": "posts", "task": "tasks", "crm": "clients"}[record["on_kind"]]
        return _REFERS.get(name, "")

    def _ref(self, of: str, value: Any) -> Any:
        if isinstance(value, list):
            return sorted(self.names[of, one] for one in value)
        return self.names[of, value]

    def _text(self, value: str, field: str) -> str:
        if field in ("audience", "code", "drive", "calendar"):
            letters = value.rstrip("0123456789")
            number = value[len(letters) :]
            of = {"U": "people", "D": "departments", "DR": "departments", "G": "groups", "GM": "groups"}.get(
                letters
            )
            return f"{letters}:{self.names[of, int(number)]}" if of and number else value
        if field == "html":
            return _html(self, value)
        return value


def lines_without(lines: Iterable[str], fields: Collection[str]) -> list[str]:
    """Of a dump, sorted: without fields that differ, wherever they stand."""
    return sorted(json.dumps(_without(json.loads(line), fields), sort_keys=True) for line in lines)


def _without(value: Any, fields: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(one, fields) for name, one in value.items() if name not in fields}
    return [_without(one, fields) for one in value] if isinstance(value, list) else value


def _said(row: dict[str, Any]) -> str:
    """Without where links lead: to numbers. Lines and paragraphs are alike."""
    text = re.sub(r" </(employees|feed|tasks)/\d+/>", "", text_of(row.get("html", "")))
    # A pasted address is its own text.
    return " ".join(re.sub(r"(/tasks/)\d+/", r"\1…/", text).split())


def _html(names: Canonical, html: str) -> str:
    def person(match: re.Match[str]) -> str:
        return f"{match[1]}{names.names['people', int(match[2])]}{match[3]}"

    html = re.sub(r'(data-mention=")(\d+)(")', person, html)
    html = re.sub(r"(/employees/)(\d+)(/)", person, html)

    def thing(match: re.Match[str]) -> str:
        kind = {"feed": "posts"}.get(match[1], match[1])
        return f"/{match[1]}/{names.names.get((kind, int(match[2])))}/"

    html = re.sub(r"/(feed|tasks)/(\d+)/", thing, html)
    return re.sub(r"/files/(\d+)/", lambda match: f"/files/{names.files[int(match[1])]}/", html)
