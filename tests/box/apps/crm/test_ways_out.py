"""However far a role reaches, each way out of the CRM reaches just as far: pages, files, the search, sums,
programs, telephones that ring, and what is put back from a backup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.crm import callers, export, totals
from box.apps.crm.actions.activities import NewActivity, add_activity
from box.apps.crm.actions.papers import PaymentDraft, add_paper, note_payment
from box.apps.crm.actions.setup import add_type
from box.apps.crm.contact_points import Reach
from box.apps.crm.models import Record, RecordType
from box.apps.crm.permissions import Level, Operation
from box.core.access.actions import create_role, employees_role, grant_role
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment
from box.core.events.delivery import deliver_all
from box.core.portal.actions import change_settings
from box.core.registry.capabilities import cards_of, finders
from box.core.registry.company import company_day
from box.core.structure.actions import add_member, create_department
from box.rest.settings import BURST
from tests.box.apps.crm.conftest import added, allow, type_of
from tests.box.rest.calling import program_of
from tests.cast import browser, person

if TYPE_CHECKING:
    from django.test import Client

    from box.core.access.models import Role
    from box.core.structure.models import Department
    from tests.box.rest.calling import Program

pytestmark = pytest.mark.django_db

WORDS = ("Bilberry", "Cloudberry", "Juniper", "Rowan")
"""Boris's own, of his department, of one below, and of all others."""
REACHED = {Level.NONE: 0, Level.OWN: 1, Level.DEPARTMENT: 2, Level.BELOW: 3, Level.ALL: 4}
AMOUNTS = (1, 10, 100, 1000)
TYPES = ("lead", "deal", "contact", "company", "own")


@dataclass
class World:
    """A record of each of four people, and boris who looks for them."""

    kind: RecordType
    records: list[Record]
    people: list[User]
    boris: User

    @property
    def reader(self) -> User:
        """As the next request reads him."""
        again: User = User.objects.get(pk=self.boris.pk)
        return again

    @cached_property
    def browser(self) -> Client:
        return browser(self.reader)

    @cached_property
    def program(self) -> Program:
        return program_of(self.reader)

    @property
    def address(self) -> str:
        return f"/crm/{self.kind.slug}/"

    def number(self, place: int) -> str:
        return f"+7916000000{place}"

    def read(self, address: str, **given: str) -> str:
        """What a page says, nothing where there is none."""
        answer = self.browser.get(address, given)
        if answer.status_code != 200:
            assert answer.status_code in (403, 404), answer.status_code
            return ""
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        return str(body.decode())

    def answered(self, method: str, **given: Any) -> str:
        answer = self.program.ask(method, **given)
        assert answer.status_code in (200, 400, 403, 404), answer.content
        return str(answer.content.decode()) if answer.status_code == 200 else ""


@pytest.fixture
def sellers(boris: User) -> Role:
    """Of boris alone; employees as such reach nothing."""
    role = create_role("Sellers", [], by=None)
    grant_role(role, f"U{boris.pk}", by=None)
    return role


@pytest.fixture
def people(anna: User, boris: User, cara: User, sales: Department) -> list[User]:
    dora = person("Dora")
    add_member(create_department("Retail", parent=sales, by=None), dora, by=None)
    return [User.objects.get(pk=one.pk) for one in (boris, anna, dora, cara)]


@pytest.fixture
def world(request: pytest.FixtureRequest, people: list[User]) -> World:
    slug: str = request.param
    # A program asks here as fast as it can.
    change_settings({BURST.key: 10_000}, by=people[0])
    kind = type_of(slug) if slug != "own" else _own_type()
    allow(employees_role(), kind.scope, Level.NONE)
    made = World(kind, [], people, people[0])
    for place, (word, whose) in enumerate(zip(WORDS, people, strict=True)):
        more: dict[str, Any] = {"amount": Decimal(AMOUNTS[place])} if kind.has_amount else {}
        if kind.has_contact_points:
            more["reached_by"] = (Reach("phone", made.number(place)),)
        named = {"first_name": word} if kind.slug == "contact" else {}
        record = added(kind.slug, whose, word, **named, **more)
        note = NewActivity(kind="note", subject=f"About {word}", responsible=people[3])
        add_activity(note, [record], by=None)
        add_comment(record.thread, f"Said of {word}", by=whose)
        if kind.has_amount:
            paid = PaymentDraft(amount=Decimal(AMOUNTS[place]), on=company_day(timezone.now()))
            note_payment(record, paid, by=None)
        made.records.append(record)
    deliver_all()
    return made


def _own_type() -> RecordType:
    return add_type("tender", "Tenders", has_stages=True, has_client=True, has_amount=True, by=None)


def _each(world: World, read: Callable[[int, Record], str]) -> str:
    return "\n".join(read(place, record) for place, record in enumerate(world.records))


def _payments(world: World) -> str:
    return world.read("/crm/payments/") if world.kind.has_amount else _nothing_but_what_is_read(world)


def _nothing_but_what_is_read(world: World) -> str:
    """Where this way tells of other types alone."""
    return world.read(world.address)


def _board(world: World) -> str:
    return world.read(f"{world.address}board/") if world.kind.has_stages else world.read(world.address)


def _sums(world: World) -> str:
    """Whose amounts are in the sums above a board's columns."""
    if not world.kind.has_stages:
        return _nothing_but_what_is_read(world)
    stages = [stage for pipeline in world.kind.pipelines.all() for stage in pipeline.stages.all()]
    added_up = sum(amount for _count, amount in totals.kept_totals(world.reader, stages).values())
    digits = f"{int(added_up):04}"[::-1]
    return " ".join(word for word, digit in zip(WORDS, digits, strict=True) if digit == "1")


def _telephones(world: World) -> str:
    if world.kind.slug not in callers.NEAREST:
        return _nothing_but_what_is_read(world)
    found = callers.cards([world.number(place) for place in range(4)], world.reader)
    return " ".join(card.title for several in found.values() for card in several)


def _duplicates(world: World) -> str:
    if not world.kind.has_contact_points:
        return _nothing_but_what_is_read(world)
    given = {"point-kind": "phone"}
    return _each(
        world,
        lambda place, _one: world.read(
            f"{world.address}alike/", **given, **{"point-value": world.number(place)}
        ),
    )


def _by_number(world: World) -> str:
    if world.kind.slug not in ("lead", "contact", "company"):
        return _nothing_but_what_is_read(world)
    numbers = [world.number(place) for place in range(4)]
    answer = world.program.call("crm.duplicate.findbycomm", type="PHONE", values=numbers)
    ids = {pk for several in (answer or {}).values() for pk in several}
    return " ".join(record.title for record in world.records if record.pk in ids)


def _found(world: World) -> str:
    if world.kind.kind not in finders:
        return _nothing_but_what_is_read(world)
    found = finders[world.kind.kind]
    return " ".join(card.title for word in WORDS for card in found(word, world.reader))


def _searched(world: World) -> str:
    """The page names what was looked for: what it found is what it leads to."""
    led = [
        record.title
        for record in world.records
        for path in ("/search/", "/search/suggestions/")
        if f'href="{record.get_absolute_url()}"' in world.read(path, q=record.title)
    ]
    return " ".join(word for word in WORDS if led.count(word) == 2)


def _calendar(world: World) -> str:
    """What is planned for him stands in his day, and what it is about only as far as he sees that."""
    soon = timezone.now() + timedelta(hours=1)
    for record in world.records:
        step = NewActivity(kind="call", subject="Call", responsible=world.boris, deadline=soon)
        add_activity(step, [record], by=None)
    return world.read("/crm/day/") if world.browser.get("/crm/day/").status_code == 200 else ""


WAYS: Mapping[str, Callable[[World], str]] = {
    "list": lambda world: world.read(world.address),
    "board": _board,
    "sums above a board": _sums,
    "card": lambda world: _each(world, lambda _n, one: world.read(one.get_absolute_url())),
    "time line": lambda world: _each(world, lambda _n, one: world.read(f"{one.get_absolute_url()}history/")),
    "card in a text": lambda world: " ".join(
        card.title for card in cards_of([one.ref for one in world.records], world.reader).values()
    ),
    "search": _searched,
    "finder": _found,
    "payments": _payments,
    "day": _calendar,
    "duplicates while one writes": _duplicates,
    "telephone that rings": _telephones,
    "crm.item.list": lambda world: world.answered("crm.item.list", entityTypeId=world.kind.pk),
    "crm.item.get": lambda world: _each(
        world, lambda _n, one: world.answered("crm.item.get", entityTypeId=world.kind.pk, id=one.pk)
    ),
    "crm.activity.list": lambda world: world.answered("crm.activity.list"),
    "crm.timeline.comment.list": lambda world: _each(
        world,
        lambda _n, one: world.answered(
            "crm.timeline.comment.list", filter={"ENTITY_ID": one.pk, "ENTITY_TYPE": _entity(world.kind)}
        ),
    ),
    "crm.duplicate.findbycomm": _by_number,
    "what is put back": lambda world: " ".join(
        kept.title for word in WORDS for kept in export.find(word, world.reader)
    ),
}


def _entity(kind: RecordType) -> str:
    return kind.slug if kind.is_built_in else f"dynamic_{kind.pk}"


def _told(text: str) -> set[str]:
    return {word for word in WORDS if word in text}


@pytest.mark.parametrize("world", TYPES, indirect=True)
def test_all_ways_out_reach_as_far_as_the_role(world: World, sellers: Role) -> None:
    for level, count in REACHED.items():
        allow(sellers, world.kind.scope, level, "read")
        told = {way: _told(read(world)) for way, read in WAYS.items()}
        assert told == {way: set(WORDS[:count]) for way in WAYS}, level


@pytest.mark.parametrize("world", TYPES, indirect=True)
def test_a_file_and_the_trash_reach_as_far_as_rights_of_their_own(world: World, sellers: Role) -> None:
    allow(sellers, world.kind.scope, Level.ALL, "read")
    for level, count in REACHED.items():
        allow(sellers, world.kind.scope, level, "export")
        assert _told(world.read(world.address, **{"as": "csv"})) == set(WORDS[:count]), level
    Record.objects.filter(type=world.kind).update(deleted_at=timezone.now())
    for level, count in REACHED.items():
        allow(sellers, world.kind.scope, level, "delete")
        assert _told(world.read(f"{world.address}trash/")) == set(WORDS[:count]), level
    assert _told(world.read(world.address)) == set()


@pytest.mark.parametrize("level", REACHED, ids=str)
@pytest.mark.parametrize("world", TYPES, indirect=True)
def test_what_is_done_reaches_as_far_as_the_right_to_do_it(world: World, sellers: Role, level: Level) -> None:
    """Who sees all of it adds, changes and deletes just what the role says."""
    count = REACHED[level]
    allow(sellers, world.kind.scope, Level.ALL, "read")
    allow(sellers, world.kind.scope, level, "add", "change", "delete")

    def done(method: str, each: Iterable[Mapping[str, Any]]) -> int:
        """How many of them, which are the nearest."""
        of = world.kind.pk
        answers = [world.program.ask(method, entityTypeId=of, **given).status_code for given in each]
        assert set(answers) <= {200, 403}
        assert answers == sorted(answers)
        return answers.count(200)

    names = {"name": "Anew", "lastName": "Anew", "title": "Anew"}
    ids = [{"id": one.pk} for one in world.records]
    added_for = ({"fields": {**names, "assignedById": one.pk}} for one in world.people)
    assert done("crm.item.add", added_for) == count
    assert done("crm.item.update", ({**one, "fields": {"comments": "Anew"}} for one in ids)) == count
    assert done("crm.item.delete", ids) == count
    held = Record.objects.filter(pk__in=[one.pk for one in world.records])
    assert held.there().count() == 4 - count
    assert held.exclude(comment="").count() == count


@pytest.mark.parametrize("world", ["deal"], indirect=True)
def test_papers_go_with_their_deal(world: World, sellers: Role, olga: User) -> None:
    """By each way, and whatever the role says of papers."""
    allow(employees_role(), type_of("invoice").scope, Level.NONE)
    for record in world.records:
        add_paper(record, type_of("invoice"), by=olga)
    deliver_all()
    ways: Mapping[str, Callable[[], str]] = {
        "list": lambda: world.read("/crm/invoice/"),
        "crm.item.list": lambda: world.answered("crm.item.list", entityTypeId=type_of("invoice").pk),
        "payments": lambda: world.read("/crm/payments/"),
    }
    papers = list(Record.objects.filter(type=type_of("invoice")).order_by("pk"))
    allow(sellers, type_of("invoice").scope, Level.OWN, "read")
    for level, count in REACHED.items():
        allow(sellers, world.kind.scope, level, "read")
        seen = [world.browser.get(paper.get_absolute_url()).status_code == 200 for paper in papers]
        assert seen == [place < count for place in range(4)], level
        told = {way: _told(read()) for way, read in ways.items()}
        assert told == {way: set(WORDS[:count]) for way in ways}, level


def test_every_operation_has_its_column() -> None:
    """A new one wants a way out of its own above."""
    assert set(Operation) == {"read", "add", "change", "delete", "export"}
