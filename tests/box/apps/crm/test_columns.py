"""Where a card comes to stand: in which pipeline, stage and place; and what a stage asks for."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from box.apps.crm.actions.records import Demanded, delete_records, move_record
from box.apps.crm.actions.setup import add_pipeline
from box.apps.crm.actions.stages import place_pipeline, place_stage, retire_stage, set_demands
from box.apps.crm.contact_points import Reach
from box.apps.crm.field_rights import give
from box.apps.crm.models import Pipeline, Record, Stage
from box.core.access.actions import employees_role
from box.core.access.field_rights import FieldLevel
from box.core.accounts.models import User
from tests.box.apps.crm.conftest import added, stage_of, type_of

pytestmark = pytest.mark.django_db


def cards(anna: User, titles: str) -> dict[str, Record]:
    """In a column in this order."""
    return {title: added("deal", anna, title) for title in reversed(titles)}


def column() -> str:
    stage = stage_of("deal", "NEW")
    return "".join(one.title for one in Record.objects.there().filter(stage=stage).on_board())


def test_a_card_is_put_right_above_the_one_that_was_named(anna: User) -> None:
    card, new = cards(anna, "abcd"), stage_of("deal", "NEW")
    move_record(card["d"], new, before=card["b"], by=anna)
    assert column() == "adbc"
    move_record(card["a"], new, before=card["c"], by=anna)
    assert column() == "dbac"


def test_what_is_new_stands_above_what_somebody_has_put_on_top(anna: User) -> None:
    card, new = cards(anna, "abc"), stage_of("deal", "NEW")
    move_record(card["b"], new, before=card["a"], by=anna)
    added("deal", anna, "d")
    assert column() == "dbac"


def test_what_is_in_the_trash_is_no_neighbour(anna: User) -> None:
    card = cards(anna, "abc")
    delete_records([card["b"]], by=None)
    move_record(card["c"], stage_of("deal", "NEW"), after=card["b"], by=anna)
    assert column() == "ca"


def test_cards_are_ordered_in_their_column_whatever_it_asks_for_and_who_may_move_them_on(anna: User) -> None:
    card = cards(anna, "ab")
    set_demands(stage_of("deal", "NEW"), ["comment"], by=None)
    give(employees_role(), type_of("deal"), "stage", FieldLevel.SEE, by=None)
    me = User.objects.get(pk=anna.pk)
    move_record(card["b"], stage_of("deal", "NEW"), before=card["a"], by=me)
    assert column() == "ba"


def test_what_is_new_comes_into_the_first_stage_of_the_first_pipeline_that_stand_now(anna: User) -> None:
    wholesale = add_pipeline(type_of("deal"), "Wholesale", by=None)
    work = wholesale.stages.get(code="EXECUTING")
    place_pipeline(wholesale, 0, by=None)
    place_stage(work, 0, by=None)
    assert added("deal", anna).stage == work
    retire_stage(work, into=wholesale.stages.get(code="NEW"), by=None)
    assert added("deal", anna).stage == wholesale.stages.get(code="NEW")
    with pytest.raises(ValidationError, match="no such stage"):
        added("deal", anna, stage=Stage.objects.select_related("pipeline").get(pk=work.pk))
    Pipeline.objects.filter(type__slug="deal").update(retired_at=timezone.now())
    with pytest.raises(ValidationError, match="have no stage yet"):
        added("deal", anna)


def test_to_a_stage_that_asks_a_company_is_no_contact_and_an_address_no_number(anna: User) -> None:
    stage, oak = stage_of("lead", "IN_PROCESS"), added("company", anna, "Oak Ltd")
    set_demands(stage, ["contacts", "phone"], by=None)
    stage.refresh_from_db()
    lead = added("lead", anna, company=oak, reached_by=[Reach("email", "rose@example.com")])
    with pytest.raises(Demanded) as asked:
        move_record(lead, stage, by=anna)
    assert (asked.value.record, asked.value.stage, asked.value.fields) == (lead, stage, ("contacts", "phone"))
    assert list(asked.value.message_dict) == ["contacts", "phone"]
