"""People are held before records, whatever is done: merging accounts comes from the same side."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from box.apps.crm.actions.bulk import add_records
from box.apps.crm.actions.conversion import Conversion, convert_lead
from box.apps.crm.actions.locks import locked_records
from box.apps.crm.actions.merging import merge_records, take_back_merger
from box.apps.crm.actions.records import (
    NewRecord,
    add_record,
    change_record,
    delete_records,
    move_record,
)
from box.apps.crm.models import Merger, Record
from tests.box.apps.crm.conftest import added, stage_of, type_of

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

_SHARED = re.compile(r"FROM accounts_user WHERE id = ANY \('?\{?\[?([\d, ]*).* FOR SHARE")


def held_in_order(act: Callable[[], object]) -> tuple[set[int], set[int]]:
    """Whom it holds before the first record, and whom after it."""
    with CaptureQueriesContext(connection) as queries:
        act()
    before: set[int] = set()
    after: set[int] = set()
    has_record = False
    for query in queries.captured_queries:
        sql = query["sql"]
        if found := _SHARED.search(sql):
            (after if has_record else before).update(int(pk) for pk in found[1].split(",") if pk.strip())
        has_record = has_record or ('FROM "crm_record"' in sql and "FOR UPDATE" in sql)
    assert has_record
    return before, after


def test_whoever_is_handed_a_record_is_held_before_it(olga: User, anna: User, boris: User) -> None:
    deal = added("deal", anna)
    before, after = held_in_order(lambda: change_record(deal, {"responsible": boris}, by=olga))
    assert {anna.pk, boris.pk, olga.pk} <= before
    assert after <= before


def test_whoever_has_something_new_or_watches_it_is_held_while_it_is_written(anna: User, boris: User) -> None:
    new = NewRecord(type=type_of("deal"), responsible=anna, title="Chairs", observers=[boris])
    for act in (lambda: add_record(new, by=None), lambda: add_records([new], by=None)):
        with CaptureQueriesContext(connection) as queries:
            act()
        shared = [found[1] for one in queries.captured_queries if (found := _SHARED.search(one["sql"]))]
        assert {str(anna.pk), str(boris.pk)} <= set(re.findall(r"\d+", shared[0]))


def test_other_actions_hold_people_first_too(olga: User, anna: User, boris: User) -> None:
    deal, gone = added("deal", anna), added("deal", boris)
    lead = added("lead", anna, observers=[boris])
    for act in (
        lambda: move_record(deal, stage_of("deal", "WON"), by=olga),
        lambda: change_record(deal, {"observers": [boris]}, by=olga),
        lambda: merge_records(deal, [gone], by=olga),
        lambda: take_back_merger(Merger.objects.get(), by=olga),
        lambda: convert_lead(lead, Conversion(), by=olga),
        lambda: delete_records([deal, gone], by=olga),
    ):
        before, after = held_in_order(act)
        assert anna.pk in before
        assert after <= before


def test_a_record_that_changed_hands_meanwhile_is_held_with_whose_it_is_now(anna: User, boris: User) -> None:
    stale = added("deal", anna)
    Record.objects.filter(pk=stale.pk).update(responsible=boris)
    with CaptureQueriesContext(connection) as queries:
        held = locked_records([stale])
    assert held[stale.pk].responsible_id == boris.pk
    shared = [found[1] for one in queries.captured_queries if (found := _SHARED.search(one["sql"]))]
    assert [str(boris.pk) in re.findall(r"\d+", ids) for ids in shared] == [False, True]
    # What was held without its person was let go.
    assert any("ROLLBACK TO SAVEPOINT" in one["sql"] for one in queries.captured_queries)


def test_a_list_that_hands_over_many_holds_people_first_too(
    as_person: Callable[[User], Client], olga: User, anna: User, boris: User
) -> None:
    deal = added("deal", anna)
    given = {"do": "bulk:responsible", "row": [deal.pk], "responsible": f"U{boris.pk}"}
    before, after = held_in_order(lambda: as_person(olga).post("/crm/deal/", given))
    deal.refresh_from_db()
    assert deal.responsible_id == boris.pk
    assert {anna.pk, boris.pk} <= before
    assert after <= before | {olga.pk}


@pytest.mark.parametrize("what", ["responsible", "stage", "observers", "delete"])
def test_taking_back_what_was_done_with_many_holds_people_first_too(
    as_person: Callable[[User], Client], olga: User, anna: User, boris: User, what: str
) -> None:
    deal, browser = added("deal", anna), as_person(olga)
    given = {"responsible": f"U{boris.pk}", "observers": f"U{boris.pk}", "stage": stage_of("deal", "WON").pk}
    chosen = {"do": f"bulk:{what}", "row": [deal.pk], **given}
    page = browser.post("/crm/deal/", chosen).content.decode()
    note = re.search(r'name="note" value="([^"]+)"', page)
    assert note is not None
    before, after = held_in_order(lambda: browser.post("/crm/deal/", {"do": f"undo:{what}", "note": note[1]}))
    deal.refresh_from_db()
    assert (deal.responsible_id, deal.deleted_at, deal.stage) == (anna.pk, None, stage_of("deal", "NEW"))
    assert not deal.observers.exists()
    assert {anna.pk, boris.pk} <= before if what == "responsible" else anna.pk in before
    assert after <= before | {olga.pk}


def test_what_went_to_the_trash_meanwhile_is_not_taken_back(
    as_person: Callable[[User], Client], olga: User, anna: User, boris: User
) -> None:
    deal, browser = added("deal", anna), as_person(olga)
    chosen = {"do": "bulk:responsible", "row": [deal.pk], "responsible": f"U{boris.pk}"}
    note = re.search(r'name="note" value="([^"]+)"', browser.post("/crm/deal/", chosen).content.decode())
    assert note is not None
    delete_records([deal], by=olga)
    page = browser.post("/crm/deal/", {"do": "undo:responsible", "note": note[1]}).content.decode()
    assert "in the trash by now" in page
    deal.refresh_from_db()
    assert deal.responsible_id == boris.pk
