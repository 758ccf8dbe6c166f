"""Pipelines and stages that somebody adds: where they come to stand, and what cannot be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.actions.setup import add_pipeline, add_stage
from box.apps.crm.actions.stages import place_pipeline, place_stage
from box.apps.crm.models import Pipeline, Stage
from tests.box.apps.crm.conftest import stage_of, type_of

if TYPE_CHECKING:
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db


def open_stages(pipeline: Pipeline) -> list[str]:
    return [str(one) for one in pipeline.stages.standing().in_order() if one.is_open]


def test_what_is_added_comes_last_however_the_others_were_moved(olga: User) -> None:
    deal, first = type_of("deal"), stage_of("deal", "NEW").pipeline
    add_pipeline(deal, "Wholesale", by=olga)
    place_pipeline(add_pipeline(deal, "Partners", by=olga), 0, by=olga)
    add_pipeline(deal, "Export", by=olga)
    assert [str(one) for one in deal.pipelines.standing().in_order()] == [
        "Partners", "Deals", "Wholesale", "Export"
    ]  # fmt: skip
    before = open_stages(first)
    place_stage(add_stage(first, " Talks ", by=olga), 0, by=olga)
    add_stage(first, "Trial", by=olga)
    assert open_stages(first) == ["Talks", *before, "Trial"]


def test_a_stage_is_of_a_kind_and_a_colour_that_there_are(olga: User) -> None:
    pipeline = stage_of("deal", "NEW").pipeline
    before = pipeline.stages.count()
    for wrong in ({"kind": "odd"}, {"color": "#1234567"}):
        with pytest.raises(ValidationError) as refused:
            add_stage(pipeline, "Talks", **wrong, by=olga)
        assert set(refused.value.message_dict) == set(wrong)
    assert pipeline.stages.count() == before


def test_a_pipeline_that_is_not_won_yet_gets_the_one_stage_in_which_it_is(olga: User) -> None:
    bare = Pipeline.objects.create(type=type_of("deal"), name="Bare", rank="x")
    add_stage(bare, "Begun", by=olga)
    add_stage(bare, "Won", kind=Stage.Kind.WON, by=olga)
    with pytest.raises(ValidationError, match="won in one stage"):
        add_stage(bare, "Won again", kind=Stage.Kind.WON, by=olga)
