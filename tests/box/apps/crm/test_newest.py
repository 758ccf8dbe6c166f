"""What is composed once finds what the rule of visibility finds, for everybody, and nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from box.apps.crm.boards import record_board
from box.apps.crm.catalog import catalog
from box.apps.crm.lists import record_list
from box.apps.crm.models import Record, StageTotal
from box.apps.crm.permissions import Level
from box.apps.crm.presenters import seen_by_id
from box.apps.crm.totals import kept_totals
from box.core.access.actions import create_role, grant_role
from box.core.access.principals import code_of
from box.core.accounts.models import User
from box.core.boards.definition import PAGE
from box.core.lists.filters import Context
from box.core.lists.query import Query
from box.core.registry.company import company_day
from tests.box.apps.crm.conftest import added, allow, stage_of, type_of

pytestmark = pytest.mark.django_db

type World = dict[str, User]


@pytest.fixture
def world(anna: User, boris: User, cara: User, erik: User, olga: User) -> World:
    """Anna sees her own, Boris his department's, Cara everything, Erik what he observes."""
    deals = type_of("deal")
    for person, level in ((boris, Level.DEPARTMENT), (cara, Level.ALL)):
        role = create_role(f"Role of {person.pk}", [], by=None)
        grant_role(role, code_of(person), by=None)
        allow(role, deals.scope, level)
    for number, person in enumerate((anna, boris, cara, olga) * 2):
        stage = stage_of("deal", ("NEW", "EXECUTING", "WON")[number % 3])
        added("deal", person, f"D{number}", stage=stage, amount=Decimal(number))
    added("deal", cara, "Observed", observers=[erik])
    gone = added("deal", anna, "Gone")
    Record.objects.filter(pk=gone.pk).update(deleted_at=gone.created_at)
    return {"anna": anna, "boris": boris, "cara": cara, "erik": erik, "olga": olga}


@pytest.mark.parametrize("name", ["anna", "boris", "cara", "erik", "olga"])
def test_both_ways_find_the_same(world: World, name: str) -> None:
    reader = User.objects.get(pk=world[name].pk)
    kind = type_of("deal")
    (pipeline,) = catalog().pipelines_of(kind)
    stages = catalog().stages_of(pipeline)
    seen = Record.objects.visible_to(reader).there().of_type(kind.pk)
    wanted = [one.pk for one in seen.newest_first()]
    listed = record_list(reader, kind)
    # Administrators have the long way only, where what they read of others is written down.
    assert (listed.usual is None) is (name == "olga")
    if listed.usual is not None:
        assert [one.pk for one in listed.usual().rows] == wanted
    board = record_board(reader, kind, pipeline)
    nothing = Query(Context(reader, company_day()))
    cards = board.usual(board.columns(listed.rows, nothing), nothing)
    if cards is not None:
        assert {one.pk for one in cards} == set(wanted)
    ids = [one.pk for one in Record.objects.all()]
    assert set(seen_by_id(ids, reader)) == set(wanted)
    totals = StageTotal.objects.visible_to(reader).filter(count__gt=0, stage__in=[one.pk for one in stages])
    kept = {stage: count for stage, (count, _sum) in kept_totals(reader, stages).items() if count}
    assert sum(kept.values()) == sum(totals.values_list("count", flat=True))


@pytest.mark.parametrize("name", ["anna", "cara"])
def test_a_column_begins_with_what_stands_first(world: World, name: str) -> None:
    reader, kind, new = User.objects.get(pk=world[name].pk), type_of("deal"), stage_of("deal", "NEW")
    for number in range(PAGE + 3):
        deal = added("deal", world["anna"], f"A{number}", stage=new)
        # Later ones further up, and some at the same place.
        Record.objects.filter(pk=deal.pk).update(rank=f"h{(PAGE - number) // 2 + 20}i")
    (pipeline,) = catalog().pipelines_of(kind)
    board, nothing = record_board(reader, kind, pipeline), Query(Context(reader, company_day()))
    cards = board.usual(board.columns(board.listed.rows, nothing), nothing) or ()
    first = Record.objects.visible_to(reader).there().filter(stage=new).on_board()[: PAGE + 1]
    assert {one.pk for one in cards if one.stage_id == new.pk} == {one.pk for one in first}


def test_a_choice_goes_the_long_way(world: World) -> None:
    reader = User.objects.get(pk=world["cara"].pk)
    kind = type_of("deal")
    (pipeline,) = catalog().pipelines_of(kind)
    board = record_board(reader, kind, pipeline)
    chosen = Query(Context(reader, company_day()), text="D1")
    assert board.usual(board.columns(board.listed.rows, chosen), chosen) is None
