"""What lists and boards have said once is said again only while it is true, and to whom it is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from box.apps.crm.actions.activities import NewActivity, add_activity, complete_activity
from box.apps.crm.actions.custom_fields import set_values
from box.apps.crm.actions.dictionaries import add_ranked, place_ranked
from box.apps.crm.actions.records import change_record
from box.apps.crm.actions.setup import (
    add_pipeline,
    add_stage,
    add_type,
    change_type,
    retire_type,
    set_own_permissions,
    set_permission,
)
from box.apps.crm.actions.stages import change_stage
from box.apps.crm.custom_fields import SETS
from box.apps.crm.field_rights import give
from box.apps.crm.models import Activity, Record, Source
from box.apps.crm.permissions import Level, Operation
from box.apps.crm.robots.actions import RobotDraft, save_robot
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from box.core.discussion.actions import add_comment, edit_comment
from box.core.fields.actions import FieldDraft, add_field, change_field
from box.core.registry import environment
from box.core.registry.settings import read_version
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

type Browser = Callable[[User], Client]

PAGES = ("/crm/deal/", "/crm/deal/board/")
TRUE_OF_A_ROW: dict[str, tuple[Callable[[Record, User], object], str, str]] = {
    "title": (lambda deal, olga: change_record(deal, {"title": "Tables"}, by=None), "Chairs", "Tables"),
    "amount": (
        lambda deal, olga: change_record(deal, {"amount": Decimal(7100)}, by=None), "1,250\xa0", "7,100\xa0",
    ),
    "client": (
        lambda deal, olga: change_record(Record.objects.get(title="Rose"), {"title": "Lily"}, by=None),
        "Rose", "Lily",
    ),
    "responsible": (
        lambda deal, olga: User.objects.filter(pk=deal.responsible_id).update(first_name="Annette"),
        "Anna Test", "Annette",
    ),
    "stage": (
        lambda deal, olga: change_stage(stage_of("deal", "NEW"), "Just here", "#111111", by=None),
        "New", "Just here",
    ),
}  # fmt: skip


def text(browser: Client, page: str) -> str:
    """Of its first column; twice, so that the second is from memory, and both say the same."""
    first, second = (browser.get(page).content.decode().partition('id="list"')[2] for _ in range(2))
    assert ROWS.findall(first) == ROWS.findall(second) != []
    return second.partition("</section>")[0]


ROWS = re.compile(r"<tr data-row.*?</tr>|<article.*?</article>", re.DOTALL)


@pytest.fixture
def deal(anna: User) -> Record:
    client = added("company", anna, "Rose")
    return added("deal", anna, "Chairs", amount=Decimal(1250), currency="RUB", company=client)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", TRUE_OF_A_ROW)
def test_a_row_that_was_shown_shows_what_was_changed_since(
    as_person: Browser, anna: User, olga: User, deal: Record, name: str, page: str
) -> None:
    change, before, after = TRUE_OF_A_ROW[name]
    assert before in text(as_person(anna), page)
    assert after not in text(as_person(anna), page)
    change(Record.objects.get(pk=deal.pk), olga)
    assert after in text(as_person(User.objects.get(pk=anna.pk)), page)


def test_what_a_role_does_not_see_or_change_is_not_remembered_for_it(
    as_person: Browser, anna: User, boris: User, deal: Record
) -> None:
    allow(employees_role(), deal.scope, Level.DEPARTMENT, "read")
    allow(employees_role(), deal.scope, Level.OWN, "change")
    hers, his = (text(as_person(person), "/crm/deal/") for person in (anna, boris))
    assert f"?edit=amount&row={deal.pk}" in hers.replace("&amp;", "&")
    assert "edit=" not in his
    boards = [text(as_person(person), "/crm/deal/board/") for person in (anna, boris)]
    assert ["data-fixed" in page for page in boards] == [False, True]
    give(employees_role(), type_of("deal"), "amount", FieldLevel.SEE, by=None)
    seen = text(as_person(User.objects.get(pk=anna.pk)), "/crm/deal/").replace("&amp;", "&")
    assert "1,250" in seen
    assert f"?edit=amount&row={deal.pk}" not in seen
    assert f"?edit=responsible&row={deal.pk}" in seen
    give(employees_role(), type_of("deal"), "amount", FieldLevel.HIDDEN, by=None)
    for page in PAGES:
        assert "1,250" not in text(as_person(User.objects.get(pk=anna.pk)), page)


def test_a_row_is_said_in_the_language_and_the_hours_of_each_reader(
    as_person: Browser, anna: User, boris: User, deal: Record
) -> None:
    allow(employees_role(), deal.scope, Level.DEPARTMENT, "read")
    at = timezone.now().replace(hour=9, minute=15, second=0, microsecond=0) + timedelta(days=400)
    add_activity(NewActivity(kind="call", subject="Call", responsible=anna, deadline=at), [deal], by=None)
    for person, language, zone in ((anna, "en", "UTC"), (boris, "ru", "Asia/Vladivostok")):
        person.language, person.time_zone = language, zone
        person.save(update_fields=["language", "time_zone"])
    for page in PAGES:
        hers, his = (text(as_person(person), page) for person in (anna, boris))
        assert ("09:15" in hers, "19:15" in hers) == (True, False)
        assert ("09:15" in his, "19:15" in his) == (False, True)
        assert ("New" in hers, "Новый" in hers) == (True, False)
        assert ("New" in his, "Новый" in his) == (False, True)


def test_a_companys_own_column_is_remembered_and_true(as_person: Browser, anna: User, olga: User) -> None:
    wood = add_field(SETS[2], FieldDraft(name="Wood", kind="text"), by=olga)
    deal = added("deal", anna, "Chairs")
    set_values(deal, {wood: ("oak",)}, by=None)
    browser = as_person(anna)
    browser.post("/crm/deal/", {"do": "columns", "column": ["title", wood.key]})
    assert "oak" in text(browser, "/crm/deal/")
    set_values(deal, {wood: ("ash",)}, by=None)
    assert "ash" in text(browser, "/crm/deal/")
    change_field(wood, FieldDraft(name="Timber", kind="text"), by=olga)
    assert "Timber" in text(browser, "/crm/deal/")


def test_rows_are_rendered_once_for_all_who_see_the_same(
    as_person: Browser, anna: User, boris: User, deal: Record
) -> None:
    allow(employees_role(), deal.scope, Level.DEPARTMENT)
    said: Any = environment._remembered
    for page in PAGES:
        as_person(anna).get(page)
        before = said.cache_info().misses
        as_person(boris).get(page)
        # His menu and his name are not hers; no row is among what is made anew.
        assert said.cache_info().misses - before <= 3


def test_what_a_card_has_told_is_told_as_it_is_now(
    as_person: Browser, anna: User, boris: User, deal: Record
) -> None:
    allow(employees_role(), deal.scope, Level.DEPARTMENT, "read")
    call = NewActivity(kind="call", subject="Call", responsible=anna, deadline=timezone.now())
    done = complete_activity(add_activity(call, [deal], by=anna), result="Agreed", by=anna)
    comment = add_comment(deal.thread, "Red ones", by=anna)
    hers, his = (as_person(person).get(deal.get_absolute_url()).content.decode() for person in (anna, boris))
    for word, is_for_reading in (
        ("Agreed", True), ("Red ones", True), ("Not done after all", False), (">Edit</button>", False),
    ):  # fmt: skip
        assert (word in hers, word in his) == (True, is_for_reading), word
    edit_comment(comment, "Blue ones", by=anna)
    Activity.objects.filter(pk=done.pk).update(result="Refused")
    User.objects.filter(pk=anna.pk).update(first_name="Annette")
    now = as_person(boris).get(deal.get_absolute_url()).content.decode()
    assert ("Red ones" in now, "Blue ones" in now) == (False, True)
    assert ("Agreed" in now, "Refused" in now) == (False, True)
    assert "Annette Test, <time" in now


def test_whatever_is_set_up_is_read_anew_by_every_process(olga: User) -> None:
    halls = add_type("hall", "Halls", has_stages=False, has_client=False, has_amount=False, by=olga)
    fair, new = add_ranked(Source, "Fair", by=olga), stage_of("deal", "NEW")
    role, notices = employees_role(), RobotDraft(name="Reminder", trigger="added", effect="notice")

    def flats() -> object:
        return add_type("flat", "Flats", has_stages=False, has_client=False, has_amount=False, by=olga)

    changes: dict[str, Callable[[], object]] = {
        "a source": lambda: add_ranked(Source, "Club", by=olga),
        "a place in a list": lambda: place_ranked(fair, 0, by=olga),
        "an entity": flats,
        "its name": lambda: change_type(halls, "room", "Rooms", by=olga),
        "that it is out of use": lambda: retire_type(halls, True, by=olga),
        "a pipeline": lambda: add_pipeline(type_of("deal"), "Wholesale", by=olga),
        "a stage": lambda: add_stage(new.pipeline, "Talks", by=olga),
        "a stage apart": lambda: set_own_permissions(new, True, by=olga),
        "a reach": lambda: set_permission(role, "t2", Operation.READ, Level.ALL, by=olga),
        "a robot": lambda: save_robot(None, type_of("deal"), notices, by=olga),
    }
    for name, change in changes.items():
        before = read_version()
        change()
        assert read_version() > before, name
