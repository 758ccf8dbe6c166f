"""What is decided about the number of nodes: single decisions, what holds for all of them, and a month."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.cluster.scaling import (
    Business,
    History,
    Member,
    Phase,
    Plan,
    Policy,
    PolicyRefused,
    Sample,
    decide,
)

from .month import MINUTE, MONDAY, Month

NOW = MONDAY + timedelta(hours=10)
POLICY = Policy(minimum=1, maximum=4, step=2)


def members(active: int = 2, reserve: int = 2, **phases: Phase) -> tuple[Member, ...]:
    names = [Phase.ACTIVE] * active + [Phase.RESERVE] * reserve
    return (
        *(Member(f"node-{number}", phase, number > 1) for number, phase in enumerate(names, 1)),
        *(Member(name, phase) for name, phase in phases.items()),
    )


def samples(busy: Mapping[str, float], *, minutes: int = 5, until: datetime = NOW) -> tuple[Sample, ...]:
    """One every twenty seconds."""
    return tuple(
        Sample(until - number * MINUTE / 3, name, value)
        for number in range(3 * minutes)
        for name, value in busy.items()
    )


def at(load: float, policy: Policy = POLICY, **history: object) -> Plan:
    """The decision with two of four nodes at work, each as busy as that."""
    known: dict[str, object] = {
        "members": members(),
        "samples": samples({"node-1": load, "node-2": load}),
        **history,
    }
    return decide(History(**known), policy, NOW)  # type: ignore[arg-type]


def test_above_the_upper_threshold_as_many_are_woken_as_the_work_needs() -> None:
    plan = at(0.74)
    assert plan.wake == ("node-3",)
    assert str(plan) == "Mean CPU 74% of 2 nodes over 5 min, above 60%: waking node-3."
    assert at(0.99).wake == ("node-3", "node-4")


def test_at_the_thresholds_themselves_nothing_is_done() -> None:
    for load in (0.60, 0.30):
        assert not at(load).is_change
        assert "between 30% and 60%" in at(load).reason
    assert at(0.601).wake and at(0.299).drain


def test_below_the_lower_threshold_the_last_to_come_sleeps() -> None:
    plan = at(0.12)
    assert plan.drain == ("node-2",)
    assert str(plan) == "Mean CPU 12% of 2 nodes over 5 min, below 30%: draining node-2."


def test_what_would_be_too_much_for_the_others_is_not_drained() -> None:
    policy = Policy(minimum=1, maximum=4, out_above=0.5, in_below=0.4)
    assert at(0.24, policy).drain == ("node-2",)
    plan = at(0.26, policy)
    assert not plan.is_change and "2 nodes are needed" in plan.reason


def test_a_node_that_holds_data_never_sleeps() -> None:
    data = tuple(Member(f"node-{number}", Phase.ACTIVE, can_sleep=False) for number in (1, 2))
    assert "no node may sleep" in at(0.1, members=data).reason


@pytest.mark.parametrize("business", Business)
def test_no_node_sleeps_during_failover_backup_and_upgrade_but_one_is_woken(business: Business) -> None:
    plan = at(0.1, business=business)
    assert not plan.is_change and f"a {business} is running" in str(plan)
    assert at(0.9, business=business).wake


def test_changes_by_load_are_apart_by_the_cool_down() -> None:
    policy = Policy(maximum=4, window=timedelta(minutes=2))
    early = at(0.9, policy, changed_at=NOW - timedelta(minutes=4, seconds=59))
    assert not early.is_change and "the last change was" in early.reason
    assert at(0.9, policy, changed_at=NOW - timedelta(minutes=5)).wake


def test_nobody_sleeps_so_soon_after_a_change_either() -> None:
    policy = Policy(maximum=4, window=timedelta(minutes=2))
    early = at(0.1, policy, changed_at=NOW - timedelta(minutes=4))
    assert not early.is_change and "the last change was" in early.reason


def test_at_the_maximum_and_while_others_wake_it_is_said_why_none_is_woken() -> None:
    full = at(0.9, Policy(minimum=1, maximum=2))
    assert not full.is_change and "the maximum of 2 is reached" in full.reason
    waking = (*members(reserve=0), Member("node-3", Phase.WAKING))
    # Two nodes' work of 90 % each is three nodes' of 60 %: what wakes already is enough.
    enough = at(0.9, members=waking)
    assert not enough.is_change and "node-3 is waking" in enough.reason


def test_while_one_wakes_nobody_sleeps() -> None:
    waking = (*members(reserve=0), Member("node-3", Phase.WAKING))
    plan = at(0.1, members=waking)
    assert not plan.is_change and "not every node has told of itself" in plan.reason


def test_only_what_active_nodes_tell_of_the_window_counts() -> None:
    both = {"node-1": 0.5, "node-2": 0.5}
    others = (
        # Of a node that is asleep, of one that is gone, of before the window and of a clock that is ahead.
        *samples({"node-3": 1, "node-9": 1}),
        Sample(NOW - 5 * MINUTE, "node-1", 1000),
        Sample(NOW + MINUTE, "node-2", 1000),
    )
    assert at(0, samples=(*samples(both), *others)).mean == pytest.approx(0.5)


def test_what_was_measured_before_a_change_does_not_count() -> None:
    policy = Policy(maximum=4, cool_down=timedelta(0))
    assert "Too little is known" in at(0.9, policy, changed_at=NOW - timedelta(minutes=2)).reason


def test_a_dead_node_is_replaced_at_once_whatever_the_load_and_the_cool_down() -> None:
    dead = (Member("node-1", Phase.DEAD), Member("node-2", Phase.ACTIVE), Member("node-3", Phase.RESERVE))
    policy = Policy(minimum=2, maximum=3)
    plan = decide(History(dead, (), NOW), policy, NOW)
    assert str(plan) == "1 node awake, below the minimum of 2: waking node-3."
    # As many as are lacking, and no more.
    assert decide(History((*dead, Member("node-4", Phase.RESERVE)), (), NOW), policy, NOW).wake == ("node-3",)
    one_waking = (*dead[:2], Member("node-3", Phase.WAKING))
    assert not decide(History(one_waking, (), NOW), policy, NOW).is_change


def test_without_a_reserve_the_provider_makes_machines_where_there_is_one() -> None:
    assert "no reserve is left" in at(0.9, members=members(reserve=0)).reason
    policy = Policy(maximum=4, can_create=True)
    plan = at(0.99, policy, members=members(reserve=1))
    assert (plan.wake, plan.create) == (("node-3",), 1)
    assert str(plan) == "Mean CPU 99% of 2 nodes over 5 min, above 60%: waking node-3 and making 1 node."


def test_a_node_that_is_being_drained_stays_before_another_is_woken() -> None:
    assert at(0.99, members=members(2, 1, leaving=Phase.DRAINING)).wake == ("leaving", "node-3")
    assert "still being drained" in at(0.1, members=members(2, 1, leaving=Phase.DRAINING)).reason


def test_those_that_are_waking_are_counted_before_more_are_woken() -> None:
    assert not at(0.8, members=members(2, 1, coming=Phase.WAKING)).is_change
    assert at(0.95, members=members(2, 1, coming=Phase.WAKING)).wake == ("node-3",)


def test_a_node_that_says_nothing_keeps_the_others_awake() -> None:
    silent = at(0.1, samples=samples({"node-1": 0.1}))
    assert not silent.is_change and "not every node has told of itself" in silent.reason
    assert at(0.9, samples=samples({"node-1": 0.9})).wake


def test_of_too_short_a_time_and_of_an_old_one_nothing_follows() -> None:
    busy = {"node-1": 0.9, "node-2": 0.9}
    assert not at(0.9, samples=samples(busy, minutes=4)).is_change
    assert not at(0.9, samples=samples(busy, until=NOW - timedelta(minutes=1, seconds=1))).is_change


def test_what_is_told_at_this_very_moment_counts() -> None:
    """And what was told as the window began does not any more."""
    quiet = samples({"node-1": 0.59, "node-2": 0.59}, until=NOW - MINUTE / 3)
    now = tuple(Sample(NOW, name, 1.0) for name in ("node-1", "node-2"))
    before = tuple(Sample(NOW - POLICY.window, name, 1.0) for name in ("node-1", "node-2"))
    assert at(0, samples=(*quiet, *now)).is_change
    assert not at(0, samples=(*before, *quiet)).is_change


def test_more_than_the_maximum_are_brought_down_to_it() -> None:
    plan = at(0.5, Policy(maximum=1))
    assert str(plan) == "2 nodes awake, above the maximum of 1: draining node-2."
    busy = {f"node-{number}": 0.5 for number in range(1, 5)}
    more = at(0.5, Policy(maximum=3, step=4), members=members(4, 0), samples=samples(busy))
    assert more.drain == ("node-4",), "not one beyond"


@pytest.mark.parametrize(
    "wrong",
    [
        {"minimum": 0},
        {"minimum": 3, "maximum": 2},
        {"in_below": 0.6},
        {"out_above": 1.0},
        {"in_below": 0.0},
        {"step": 0},
        {"window": timedelta(0)},
        {"cool_down": timedelta(minutes=-1)},
    ],
)
def test_a_policy_from_which_nothing_could_follow_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(PolicyRefused):
        Policy(**wrong)  # type: ignore[arg-type]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    minimum = draw(st.integers(1, 3))
    return Policy(
        minimum=minimum,
        maximum=minimum + draw(st.integers(0, 5)),
        out_above=draw(st.floats(0.5, 0.9)),
        in_below=draw(st.floats(0.05, 0.49)),
        step=draw(st.integers(1, 4)),
        window=draw(st.integers(5, 10)) * MINUTE,
        cool_down=draw(st.integers(0, 10)) * MINUTE,
    )


@settings(max_examples=60, deadline=None)
@given(policies(), st.floats(0, 8))
@example(Policy(maximum=4, out_above=0.5, in_below=0.4375, cool_down=timedelta()), 1.5)
def test_under_a_steady_load_the_number_goes_one_way_and_stays(policy: Policy, work: float) -> None:
    """In only after what had to wait for nodes is done, and never out again."""
    month = Month(policy, work=lambda _: work, lost_at=None, minutes=400).run()
    ways = [bool(plan.drain) for _, plan in month.decisions]
    assert ways == sorted(ways), [str(plan) for _, plan in month.decisions]
    assert len(set(month.sizes[-60:])) == 1


@settings(max_examples=60, deadline=None)
@given(policies(), st.lists(st.floats(0, 10), min_size=10, max_size=40), st.integers(20, 100))
def test_the_minimum_is_kept_and_the_maximum_never_passed(
    policy: Policy, hours: list[float], lost: int
) -> None:
    month = Month(
        policy,
        work=lambda now: hours[int((now - MONDAY) / (15 * MINUTE)) % len(hours)],
        lost_at=MONDAY + lost * MINUTE,
        minutes=300,
    ).run()
    assert max(month.sizes) <= policy.maximum
    # A woken node needs its two minutes.
    assert month.minutes_below_minimum <= 2


def test_a_month_costs_less_than_a_fixed_size_and_a_lost_node_is_back_in_minutes() -> None:
    month = Month(Policy(minimum=1, maximum=6)).run()
    fixed = Month(Policy(minimum=max(month.sizes), maximum=max(month.sizes)), lost_at=None).run()
    assert month.node_hours < 0.5 * fixed.node_hours
    # Only what a rise takes to be noticed, every working day, and the spike.
    assert month.minutes_above < 0.02 * month.minutes
    assert month.minutes_below_minimum <= 2
    # A decision is not undone by the next one within the same hour.
    turns = [
        (later[0] - earlier[0])
        for earlier, later in zip(month.decisions, month.decisions[1:], strict=False)
        if bool(earlier[1].wake) and bool(later[1].drain)
    ]
    assert min(turns) > timedelta(minutes=20)
