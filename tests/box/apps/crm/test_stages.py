"""Stages and pipelines in their order, and what becomes of the records in one that is retired."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from box.apps.crm.actions.records import move_record
from box.apps.crm.actions.setup import add_pipeline, add_stage
from box.apps.crm.actions.stages import (
    change_pipeline,
    change_stage,
    place_pipeline,
    place_stage,
    retire_stage,
)
from box.apps.crm.models import Record, Stage, StageVisit
from tests.box.apps.crm.conftest import added, stage_of, type_of

if TYPE_CHECKING:
    from box.apps.crm.models import Pipeline
    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2021, 5, 3, 9, tzinfo=UTC)


def deals() -> Pipeline:
    return stage_of("deal", "NEW").pipeline


def names(kind: Stage.Kind) -> list[str]:
    return [str(stage) for stage in deals().stages.standing().filter(kind=kind).in_order()]


# In order


def test_a_place_is_counted_among_the_stages_of_its_kind_as_they_stand(olga: User) -> None:
    first, second, third, *_rest = names(Stage.Kind.OPEN)
    for name, place, order in (
        (third, 0, [third, first, second]),
        (second, 1, [third, second, first]),
        (third, 1, [second, third, first]),
    ):
        (stage,) = (one for one in deals().stages.all() if str(one) == name)
        place_stage(stage, place, by=olga)
        assert names(Stage.Kind.OPEN)[:3] == order
    dear, late = (
        add_stage(deals(), name, kind=Stage.Kind.LOST, by=olga) for name in ("Too dear", "Too late")
    )
    place_stage(late, 1, by=olga)
    assert names(Stage.Kind.LOST) == ["Deal lost", "Too late", "Too dear"]
    place_stage(dear, 0, by=olga)
    assert names(Stage.Kind.LOST) == ["Too dear", "Deal lost", "Too late"]


def test_a_place_is_counted_among_pipelines_as_they_stand(olga: User) -> None:
    kind = type_of("deal")
    big, small = (add_pipeline(kind, name, by=olga) for name in ("Big", "Small"))
    for pipeline, place, order in (
        (small, 0, ["Small", "Deals", "Big"]),
        (big, 1, ["Small", "Big", "Deals"]),
        (small, 1, ["Big", "Small", "Deals"]),
    ):
        place_pipeline(pipeline, place, by=olga)
        assert [str(one) for one in kind.pipelines.standing().in_order()] == order


# What they are called


def test_a_pipeline_may_be_called_as_it_is_in_other_letters(olga: User) -> None:
    wholesale = add_pipeline(type_of("deal"), "Wholesale", by=olga)
    change_pipeline(wholesale, "WHOLESALE", by=olga)
    wholesale.refresh_from_db()
    assert str(wholesale) == "WHOLESALE"


def test_a_stage_without_a_name_is_called_as_the_box_calls_it_or_not_at_all(olga: User) -> None:
    new, dear = stage_of("deal", "NEW"), add_stage(deals(), "Too dear", kind=Stage.Kind.LOST, by=olga)
    change_stage(new, "First talk", new.color, by=olga)
    change_stage(new, " ", new.color, by=olga)
    assert str(stage_of("deal", "NEW")) == "New"
    with pytest.raises(ValidationError, match="Give the stage a name"):
        change_stage(dear, " ", dear.color, by=olga)
    dear.refresh_from_db()
    assert str(dear) == "Too dear"


# Retired


def test_what_a_stage_held_goes_on_with_its_history_and_nothing_else_is_touched(
    olga: User, anna: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("box.apps.crm.actions.stages.BATCH", 2)
    dear, lost = add_stage(deals(), "Too dear", kind=Stage.Kind.LOST, by=olga), stage_of("deal", "LOSE")
    beside, *held = (added("deal", anna, f"Deal {number}") for number in range(4))
    for deal in held:
        move_record(deal, dear, by=anna)
    Record.objects.filter(stage=dear).update(closed_at=LONG_AGO)
    StageVisit.objects.exclude(left_at=None).update(left_at=LONG_AGO)
    monkeypatch.setattr("box.apps.crm.actions.stages.MOST_MOVED", 2)
    with pytest.raises(ValidationError, match="At most 2"):
        retire_stage(dear, into=lost, by=olga)
    monkeypatch.setattr("box.apps.crm.actions.stages.MOST_MOVED", 3)
    retire_stage(dear, into=lost, by=olga)
    for deal in held:
        deal.refresh_from_db()
        # It was closed when it was, and left its earlier stages when it did.
        assert (deal.stage, deal.closed_at, deal.changed_by) == (lost, LONG_AGO, olga)
        left = list(deal.visits.order_by("pk").values_list("left_at", flat=True))
        assert (left[0], left[1], left[2]) == (LONG_AGO, deal.stage_since, None)
    beside.refresh_from_db()
    assert (beside.stage, beside.closed_at, beside.changed_by) == (stage_of("deal", "NEW"), None, None)
    assert beside.visits.get().left_at is None


def test_nothing_goes_into_a_stage_that_is_retired_itself(olga: User, anna: User) -> None:
    talks, trial = (add_stage(deals(), name, by=olga) for name in ("Talks", "Trial"))
    deal = added("deal", anna, stage=trial)
    retire_stage(talks, by=olga)
    with pytest.raises(ValidationError, match="no such stage"):
        retire_stage(trial, into=talks, by=olga)
    deal.refresh_from_db()
    assert deal.stage == trial
