"""Companies made at random, small and with whatever an archive knows: a seed makes the same each time.

Every thing is made by the action that people cause, and called so that it is known by its name: by that
`Canonical` compares two archives.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import TYPE_CHECKING, Any

from box.apps.calendar.actions.answers import answer_event
from box.apps.calendar.actions.calendars import main_calendar
from box.apps.calendar.actions.events import EventDraft, create_event
from box.apps.calendar.actions.guests import GuestDraft
from box.apps.calendar.models import Event
from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.lines import LineDraft, set_lines
from box.apps.crm.actions.records import NewRecord, add_record
from box.apps.crm.actions.setup import add_pipeline, add_stage
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Record, RecordType, Source, Stage
from box.apps.drive.actions.tree import add_files, make_folder, root_of
from box.apps.drive.actions.versions import new_version
from box.apps.feed.actions import Draft, publish_post
from box.apps.feed.models import Post
from box.apps.feed.polls import Question as Poll
from box.apps.feed.polls import vote
from box.apps.tasks.actions.checklists import add_items, check_item, date_item
from box.apps.tasks.actions.dependencies import add_dependency
from box.apps.tasks.actions.states import take_over_state
from box.apps.tasks.actions.tasks import TaskDraft, add_task
from box.apps.tasks.actions.time import add_time
from box.apps.tasks.models import Task
from box.apps.tasks.states import State
from box.core.access.principals import EVERYONE
from box.core.accounts.actions import NewUser, create_user, dismiss_user
from box.core.discussion.actions import add_comment, give_emoji, react
from box.core.fields.actions import FieldDraft, add_field
from box.core.fields.kinds import Money
from box.core.fields.sets import field_sets
from box.core.groups.actions import NewGroup, create_group, follow, set_role
from box.core.groups.models import Member
from box.core.people.absences import Away, write_absence
from box.core.registry.capabilities import Ref
from box.core.registry.origin import importing
from box.core.relations.actions import relate
from box.core.structure.actions import create_department, place
from tests.box.transfer.archived import AT, a_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from box.core.accounts.models import User
    from box.core.discussion.models import Comment, Thread
    from box.core.fields.models import Field
    from box.core.groups.models import Group
    from box.core.structure.models import Department

WORDS = (
    *(
        "stone",
        "Beam & Sons",
        "мост",
        "Überbau",
        "0",
        "a<b",
        "“quoted”",
        "naïve",
        "東京",
        "שלום",
        "🚧",
        "x" * 60,
    ),
    *("100%", "\\n", "'; --", "&amp;", "O'Neill", "ß", "..", "null", "1e5"),
)
NAMES = ("plan", "смета", "a b", "a\\b", "👩\u200d🔧")
RULES = ("", "FREQ=DAILY;COUNT=3", "FREQ=WEEKLY;BYDAY=MO,FR;COUNT=5", "FREQ=MONTHLY;UNTIL=20260901T000000Z")


class Company:
    def __init__(self, seed: int, olga: User) -> None:
        self.random, self.olga = Random(seed), olga
        self.made = 0
        self.people: list[User] = []
        self.hosts: set[int] = set()
        self.departments: list[Department] = []
        self.groups: list[Group] = []

    def make(self) -> None:
        with importing(at=AT):
            self._structure()
            self._own_fields()
            self._feed()
            self._tasks()
            self._drives()
            self._crm()
            self._calendar()
            self._relations()
            for person in self.some(self.employees, most=2):
                first = date(2026, 7, 1) + timedelta(days=self.number(100))
                away = Away("vacation", first, first + timedelta(days=self.number(20)), self.words())
                write_absence(person, away, by=person)
            # Groups and events of those who have left become somebody else's, with a word.
            free = [one for one in self.people[2:] if one.pk not in self.hosts]
            for person in self.some(free, most=1):
                dismiss_user(person, by=None)

    # Chance

    def number(self, below: int) -> int:
        return self.random.randrange(below)

    def chance(self, percent: int = 50) -> bool:
        return self.number(100) < percent

    def some[T](self, things: Sequence[T], *, most: int = 3) -> list[T]:
        return self.random.sample(list(things), self.number(min(most, len(things)) + 1))

    def one[T](self, things: Sequence[T]) -> T:
        return self.random.choice(things)

    def name(self, of: str) -> str:
        """None other is called so."""
        self.made += 1
        return f"{of} {self.made} {self.words()}".strip()

    def words(self) -> str:
        return " ".join(self.one(WORDS) for _turn in range(self.number(4)))

    def moment(self) -> datetime:
        """To the minute, after all of it has begun."""
        return AT + timedelta(minutes=self.number(200_000))

    def external(self) -> dict[str, Any]:
        return self.one(({}, {"external_id": f"x{self.made}", "external_source": self.one(WORDS)}))

    def ids(self, people: Sequence[User]) -> tuple[int, ...]:
        return tuple(one.pk for one in people)

    def html(self) -> str:
        inner = self.name("text").replace("&", "&amp;").replace("<", "&lt;")
        frame = self.one(
            ("<p>{}</p>", "<p><b>{}</b></p>", "<ul><li>{}</li></ul>", "<blockquote>{}</blockquote>")
        )
        who = self.one(self.people)
        mention = f'<p><span data-mention="{who.pk}">{who.name}</span></p>' if self.chance(30) else ""
        return frame.format(inner) + mention

    def file(self, by: User) -> int:
        self.made += 1
        content = self.random.randbytes(self.number(3000))
        return int(a_file(by, f"file {self.made} {self.one(NAMES)}.bin", content).pk)

    # What there is

    def _structure(self) -> None:
        self.departments = [create_department("Company", parent=None, by=None)]
        for _turn in range(self.number(5)):
            above = self.one(self.departments)
            self.departments.append(create_department(self.name("department"), parent=above, by=None))
        for number in range(3 + self.number(5)):
            new = NewUser(
                email=f"p{number}@example.com", first_name=f"P{number}", last_name=self.words()[:100],
                patronymic=self.one(("", "Ивановна")), position=self.words()[:200],
                city=self.one(("", "Тверь")),
                gender=self.one(("", "F", "M")), external_id=self.one(("", f"{{{number}-7f}}")),
                birthday_on=self.one((None, date(1984, 2, 29))), is_extranet=number > 2 and self.chance(20),
            )  # fmt: skip
            person = create_user(new, password=None, by=None)
            self.people.append(person)
            roles = {one.pk: self.one(("member", "deputy", "head")) for one in self.some(self.departments)}
            if roles and not person.is_extranet:
                place(person, roles, by=None)
        self._groups()

    def _groups(self) -> None:
        for _turn in range(self.number(4)):
            kind = self.one(("open", "closed", "secret"))
            owner = self.one(self.employees)
            self.hosts.add(owner.pk)
            group = create_group(NewGroup(self.name("group"), self.words(), kind), by=owner)
            joining = [one for one in self.some(self.employees, most=5) if one != owner]
            follow(group, joining=self.ids(joining), leaving=())
            for person in self.some(joining, most=1):
                set_role(Member.objects.get(group=group, user=person), "moderator", by=owner)
            self.groups.append(group)

    @cached_property
    def employees(self) -> list[User]:
        return [one for one in self.people if not one.is_extranet]

    def _own_fields(self) -> None:
        self.fields: dict[str, list[Field]] = {"tasks.task": [], "crm.deal": [], "crm.company": []}
        for key, known in self.fields.items():
            for kind in self.some(
                ("text", "number", "money", "moment", "yes_no", "choice", "person"), most=4
            ):
                more: dict[str, Any] = {"choice": {"choices": ("Red", "White")}, "money": {"currency": "EUR"}}
                draft = FieldDraft(
                    name=self.name(kind)[:60], kind=kind, code=f"UF_{kind}_{self.made}".upper(),
                    is_several=kind in ("text", "choice", "person") and self.chance(), **more.get(kind, {}),
                )  # fmt: skip
                known.append(add_field(field_sets[key], draft, by=self.olga))

    def own(self, key: str) -> dict[Field, tuple[Any, ...]]:
        def value(field: Field) -> Any:
            number = Decimal(self.number(10**6)) / 100
            ours: dict[str, Any] = {
                "number": number, "money": Money(number, "EUR"), "moment": self.moment(),
                "yes_no": self.chance(), "person": self.one(self.employees).pk,
            }  # fmt: skip
            if field.kind == "choice":
                return self.one(list(field.options)).pk
            return ours[field.kind] if field.kind in ours else f"own {self.number(10**6)}"

        return {field: (value(field),) for field in self.some(self.fields[key], most=4)}

    def _say_below(self, thread: Thread) -> None:
        said: list[Comment] = []
        for _turn in range(self.number(4)):
            by = self.one(self.employees)
            files = [self.file(by)] if self.chance(20) else []
            parent = self.one(said) if said and self.chance() else None
            said.append(add_comment(thread, html=self.html(), parent=parent, file_ids=files, by=by))
        for person in self.some(self.employees, most=2):
            react(thread, 1, by=person)
        for person in self.some(self.employees, most=1):
            give_emoji(thread, "🎉", True, by=person)

    def _feed(self) -> None:
        for _turn in range(2 + self.number(6)):
            by = self.one(self.employees)
            places = [f"G{one.pk}" for one in self.groups if one.members.filter(user=by).exists()]
            audience = self.some([*places, *(f"DR{one.pk}" for one in self.departments)]) or [EVERYONE]
            asked = (
                Poll(("Yes", "No", self.name("perhaps")[:60]), is_multiple=self.chance())
                if self.chance(25)
                else None
            )
            files = tuple(self.file(by) for _file in range(self.number(3)))
            draft = Draft(html=self.html(), audience=tuple(audience), file_ids=files, question=asked)
            post = publish_post(draft, by=by)
            if asked is not None:
                for person in self.some(self.employees, most=2):
                    vote(post, [self.one(list(post.poll.options.all())).pk], by=person, now=AT)
            self._say_below(post.thread)

    def _tasks(self) -> None:
        tasks: list[Task] = []
        for _turn in range(1 + self.number(6)):
            by, group = self.one(self.employees), self.one((None, *self.groups))
            starts = self.one((None, self.moment()))
            draft = TaskDraft(
                title=self.name("task"), responsible=self.one(self.employees), html=self.html(),
                accomplice_ids=self.ids(self.some(self.employees, most=2)),
                deadline_at=self.one((None, self.moment())), starts_at=starts,
                ends_at=starts and starts + timedelta(hours=self.number(90)),
                estimate_minutes=self.one((None, 90)), priority=self.number(3),
                tags=("river",) if self.chance() else (), project=group, parent=self.one((None, *tasks)),
                needs_acceptance=self.chance(), may_move_deadline=self.chance(),
                external_id=self.external().get("external_id", ""),
                file_ids=(self.file(by),) if self.chance(30) else (), fields=self.own("tasks.task"),
            )  # fmt: skip
            task = add_task(draft, by=by)
            if tasks and task.parent_id is None and self.chance(30):
                add_dependency(tasks[0], task, lag_minutes=self.number(500), by=by)
            names = [self.name("item")[:200] for _item in range(self.number(4))]
            for item in add_items(task, "\n".join(names), by=by) if names else ():
                if self.chance(30):
                    date_item(item, self.moment().date(), by=by)
                if self.chance():
                    with importing(at=self.moment()):
                        check_item(item, True, by=self.one(self.employees))
            for _entry in range(self.number(3)):
                note = self.words()[:200]
                add_time(
                    task,
                    1,
                    on=AT.date(),
                    seconds=1 + self.number(20_000),
                    note=note,
                    by=self.one(self.employees),
                )
            self._say_below(task.thread)
            with importing(at=self.moment()):
                take_over_state(task, self.one(list(State)), by=self.one(self.employees))
            tasks.append(task)

    def _relations(self) -> None:
        """Of a task with anything; a comment has no name of its own, and says what another may say."""
        tasks = list(Task.objects.order_by("pk"))
        things = [
            *(one.ref for one in (*tasks, *Post.objects.order_by("pk").exclude(kind=Post.Kind.SYSTEM))),
            *(Ref("crm.record", one.pk) for one in Record.objects.order_by("pk")),
            *(Ref("org.person", one.pk) for one in self.employees),
            *(one.ref for one in Event.objects.filter(series=None).order_by("pk")),
        ]
        for task in self.some(tasks, most=4):
            others = [one for one in self.some(things, most=5) if one != task.ref]
            relate(task.ref, others, by=self.one(self.employees))

    def _drives(self) -> None:
        for code, by in [(EVERYONE, self.olga), *((f"G{one.pk}", self.olga) for one in self.groups)]:
            above = root_of(code, by=by)
            for _depth in range(self.number(3)):
                above = make_folder(above, self.name("folder").replace("/", "_").strip("."), by=by)
            for _file in range(self.number(3)):
                item = add_files(above, [self.file(by)], by=by).new[0]
                for day in range(self.number(3)):
                    with importing(at=AT + timedelta(days=day + 1)):
                        author = self.one(self.employees)
                        new_version(item, a_file(author, item.name, self.random.randbytes(99)).pk, by=author)

    def _crm(self) -> None:
        types = {one.slug: one for one in RecordType.objects.all()}
        stages = list(Stage.objects.filter(pipeline__type=types["deal"], retired_at=None).order_by("pk"))
        if self.chance():
            pipeline = add_pipeline(types["deal"], self.name("pipeline")[:60], by=self.olga)
            stages.append(add_stage(pipeline, "Measured", kind="open", color="#123456", by=self.olga))
        clients: list[Record] = []
        for _turn in range(1 + self.number(3)):
            reached = [
                Reach("email", f"c{self.made}@example.com", "work"),
                Reach("phone", "+7 916 123-45-67"),
            ]
            firm = self._record(types["company"], title=self.name("firm"), reached_by=self.some(reached))
            set_values(firm, self.own("crm.company"), by=firm.responsible)
            man = self._record(
                types["contact"], first_name=self.name("man")[:100], company=self.one((None, firm))
            )
            clients += [firm, man]
            deal = self._record(
                types["deal"], title=self.name("deal"), stage=self.one(stages), company=firm, contact=man,
                contacts=[man], amount=Decimal(self.number(10**9)) / 100,
                observers=self.some(self.employees, most=2), comment=self.words(),
                source=self.one((None, *Source.objects.order_by("pk"))),
            )  # fmt: skip
            self._sell(deal)
            set_values(deal, self.own("crm.deal"), by=deal.responsible)
            self._say_below(deal.thread)
            clients.append(deal)
        self._record(types["lead"], title=self.name("lead"), first_name=self.words()[:100])
        for _turn in range(self.number(5)):
            self._act(self.one(clients))

    def _record(self, kind: RecordType, **fields: Any) -> Record:
        by = self.one(self.employees)
        new = NewRecord(type=kind, responsible=self.one(self.employees), **fields, **self.external())
        return add_record(new, by=by)

    def _sell(self, deal: Record) -> None:
        lines = [
            LineDraft(
                name=self.name("line"), price=Decimal(self.number(10**6)) / 100,
                quantity=Decimal(1 + self.number(10**5)) / 1000, discount_percent=Decimal(self.number(100)),
                vat_percent=self.one((None, Decimal(0), Decimal(20))), is_vat_included=self.chance(),
            )
            for _line in range(self.number(4))
        ]  # fmt: skip
        if lines:
            set_lines(deal, lines, follows=self.chance(), by=deal.responsible)

    def _act(self, client: Record) -> None:
        is_planned = self.chance()
        new = NewActivity(
            kind=self.one(("call", "meeting", "note", "email")), subject=self.name("activity"),
            responsible=self.one(self.employees), direction=self.one(("", "in", "out")), text=self.words(),
            at=self.moment(), seconds=self.one((None, 60)), deadline=self.moment() if is_planned else None,
            **self.external(),
        )  # fmt: skip
        activity = add_activity(new, [client], by=self.one(self.employees))
        if is_planned and self.chance():
            with importing(at=self.moment()):
                complete_activity(activity, result=self.words(), by=self.one(self.employees))

    def _calendar(self) -> None:
        for _turn in range(self.number(5)):
            by = self.one(self.employees)
            starts, is_all_day = self.moment(), self.chance(20)
            if is_all_day:
                starts = starts.replace(hour=0, minute=0)
            invited = [one for one in self.some(self.employees) if one != by]
            draft = EventDraft(
                title=self.name("event")[:200], starts_at=starts, is_all_day=is_all_day, zone="Europe/Moscow",
                ends_at=starts + (timedelta(days=1) if is_all_day else timedelta(minutes=30)),
                rule=self.one(RULES), invited=self.ids_of(invited), place=self.words()[:100],
                guests=(GuestDraft("mason@stone.example", "Max"),) if self.chance(20) else (),
            )  # fmt: skip
            self.hosts.add(by.pk)
            event = create_event(main_calendar(f"U{by.pk}"), draft, by=by)
            for person in invited:
                if self.chance():
                    answer_event(
                        event,
                        self.one(("accepted", "declined", "tentative")),
                        by=person,
                        comment=self.words()[:100],
                    )

    def ids_of(self, people: Sequence[User]) -> tuple[str, ...]:
        return tuple(f"U{one.pk}" for one in people)
