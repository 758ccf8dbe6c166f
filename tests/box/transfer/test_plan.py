"""In which order stages go, and what is said of a portal before anything is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.transfer.gaps import Weight, gaps_of
from box.transfer.plan import ImpossiblePlan, ordered
from box.transfer.stages import NEEDS, STAGES


def test_what_a_stage_needs_comes_before_it_and_comes_along() -> None:
    assert ordered(NEEDS, ["comments"]) == ["departments", "people", "groups", "posts", "comments"]
    assert ordered(NEEDS, ["people", "links"]) == ["departments", "people", "links"]


@given(st.sets(st.sampled_from(sorted(STAGES)), min_size=1))
def test_every_choice_is_a_plan_in_which_links_are_last(chosen: set[str]) -> None:
    plan = ordered(NEEDS, [*chosen, "links"])
    assert len(plan) == len(set(plan)) and chosen <= set(plan)
    assert plan[-1] == "links"
    for number, stage in enumerate(plan):
        assert set(NEEDS[stage]) <= set(plan[:number])


def test_stages_that_need_each_other_are_no_plan() -> None:
    with pytest.raises(ImpossiblePlan, match="need each other"):
        ordered({"a": ("b",), "b": ("a",)}, ["a"])
    with pytest.raises(ImpossiblePlan, match="no stage"):
        ordered(NEEDS, ["chats"])


def test_gaps_say_what_is_missing_the_gravest_first() -> None:
    found = {
        "counts": {"posts": 7, "calls": 3, "tasks": 0},
        "missing_scopes": ["disk", "telephony"],
        "is_administrator": True,
    }
    gaps = gaps_of(found, newcomers=2)
    said = {gap.what: gap.why for gap in gaps}
    assert "“disk”" in said["drives and attached files"]
    assert "“telephony”" in said["calls"]
    assert "2 people are added without a password" in said["passwords"]
    assert "messages of tasks in their chats" not in said
    assert [gap.weight for gap in gaps] == sorted(gap.weight for gap in gaps)


def test_where_everything_can_come_only_the_calendars_of_others_are_a_gap() -> None:
    found = {"counts": {"people": 5}, "missing_scopes": [], "is_administrator": True}
    assert [gap.what for gap in gaps_of(found)] == ["calendars of others, and reminders"]
    assert [gap.what for gap in gaps_of({**found, "missing_scopes": ["calendar"]})] == ["calendars"]
    hidden = gaps_of({"counts": {}, "is_administrator": False})
    assert [gap.weight for gap in hidden] == [Weight.KIND, Weight.PART]
