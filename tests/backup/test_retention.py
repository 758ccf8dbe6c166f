"""What retention promises, whatever sets there are and whatever the rule says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from backup.retention import Candidate, Condition, Reason, Rule, kept, removable_blobs, superfluous

ZONE = ZoneInfo("Europe/Moscow")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)

rules = st.builds(
    Rule, st.integers(0, 10), st.integers(0, 10), st.integers(0, 10), st.integers(0, 10)
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn) -> list[Candidate]:
    """Chains as they come about: each set is full or builds on one that was there."""
    sets: list[Candidate] = []
    at = BEGIN
    for number in range(draw(st.integers(0, 30))):
        at += timedelta(hours=draw(st.integers(1, 24 * 20)))
        parent = draw(st.sampled_from([None, *(one.label for one in sets)]))
        condition = draw(st.sampled_from(Condition))
        line, is_extra = draw(st.integers(0, 1)), draw(st.booleans())
        sets.append(Candidate(f"{number:03}", at, parent, condition, line, is_extra))
    return draw(st.permutations(sets))


@given(histories(), rules)
def test_the_newest_whole_set_stays(sets: list[Candidate], rule: Rule) -> None:
    good = [one for one in sets if one.is_whole]
    if good:
        assert max(good, key=lambda one: one.ended_at).label in kept(sets, rule, ZONE)


@given(histories(), rules)
def test_without_a_whole_set_nothing_goes(sets: list[Candidate], rule: Rule) -> None:
    assert superfluous([one for one in sets if not one.is_whole], rule, ZONE) == ()


@given(histories(), rules)
def test_damage_takes_no_set_away_while_nothing_whole_covers_its_time(
    sets: list[Candidate], rule: Rule
) -> None:
    there = [one for one in sets if one.condition is not Condition.UNFINISHED]
    staying = kept(there, rule, ZONE)
    unharmed = kept([replace(one, condition=Condition.WHOLE) for one in there], rule, ZONE)
    for one in there:
        # What is there for others to build on goes with these.
        if one.label in staying or unharmed.get(one.label, frozenset()) <= {Reason.CHAIN}:
            continue
        assert any(
            other.is_whole and other.ended_at <= one.ended_at and other.line == one.line
            for other in there
            if other.label in staying
        )


@given(histories(), rules, st.data())
def test_one_more_damaged_set_takes_no_whole_one_away(
    sets: list[Candidate], rule: Rule, data: st.DataObject
) -> None:
    whole = [one for one in sets if one.is_whole]
    if len(whole) < 2:
        return
    victim = data.draw(st.sampled_from(whole))
    harmed = [replace(one, condition=Condition.FILES_DAMAGED) if one is victim else one for one in sets]
    before, after = kept(sets, rule, ZONE), kept(harmed, rule, ZONE)
    assert {one.label for one in whole if one.label in before} - {victim.label} <= set(after)


def test_the_twice_of_two_that_were_damaged_stay_beside_the_new_one() -> None:
    hours = [BEGIN + timedelta(hours=hour) for hour in range(3)]
    old = [Candidate(f"{number}F", at, None, Condition.FILES_DAMAGED) for number, at in enumerate(hours[:2])]
    assert superfluous([*old, Candidate("2F", hours[2])], Rule(), ZONE) == ()


def test_what_a_restore_makes_pushes_nothing_out() -> None:
    made = [Candidate(f"{number}", BEGIN + timedelta(minutes=number)) for number in range(3)]
    extra = [
        Candidate(f"{number}", BEGIN + timedelta(minutes=number), is_extra=True) for number in range(3, 8)
    ]
    assert superfluous([*made, *extra], Rule(last=3), ZONE) == ()
    later = [Candidate(f"{number}", BEGIN + timedelta(minutes=number)) for number in range(8, 11)]
    # They go as those do that were made when they were.
    assert set(kept([*made, *extra, *later], Rule(last=3), ZONE)) == {one.label for one in later}


def test_a_damaged_set_gives_way_to_a_whole_one_of_its_day_unless_a_gap_lies_between() -> None:
    whole = Candidate("a", BEGIN)
    damaged = Candidate("b", BEGIN + timedelta(hours=3), None, Condition.DAMAGED)
    newest = Candidate("c", BEGIN + timedelta(days=1))
    rule = Rule(last=1, days=7, weeks=0, months=0)
    assert superfluous([whole, damaged, newest], rule, ZONE) == ("b",)
    assert superfluous([whole, replace(damaged, line=1), newest], rule, ZONE) == ()


def test_of_a_day_with_nothing_whole_the_newest_stays_and_whatever_is_better_than_it() -> None:
    noon = BEGIN + timedelta(hours=12)
    conditions = (Condition.FILES_DAMAGED, Condition.FILES_DAMAGED, Condition.DAMAGED, Condition.DAMAGED)
    harmed = [
        Candidate(f"{place}", noon + timedelta(hours=place), condition=condition)
        for place, condition in enumerate(conditions)
    ]
    before = Candidate("whole", BEGIN - timedelta(days=9), line=1)
    rule = Rule(last=0, days=1, weeks=0, months=0)
    assert set(kept([before, *harmed], rule, ZONE)) == {"3", "1", "whole"}


@given(histories(), rules)
def test_no_chain_is_broken(sets: list[Candidate], rule: Rule) -> None:
    staying = kept(sets, rule, ZONE)
    for one in sets:
        if one.label in staying and one.parent is not None:
            assert one.parent in staying


@given(histories(), rules, st.integers(0, 400))
def test_nothing_goes_that_is_locked(sets: list[Candidate], rule: Rule, days: int) -> None:
    since = BEGIN + timedelta(days=days)
    going = superfluous(sets, rule, ZONE, locked_since=since)
    assert not [one for one in sets if one.label in going and one.is_whole and one.ended_at > since]
    # What is older goes, or stays, as if nothing were locked, unless something locked builds on it.
    without = kept(sets, rule, ZONE)
    for label, reasons in kept(sets, rule, ZONE, locked_since=since).items():
        assert label in without or reasons & {Reason.LOCKED, Reason.CHAIN}


@given(histories(), rules)
def test_sets_go_in_an_order_that_never_leaves_one_without_its_parent(
    sets: list[Candidate], rule: Rule
) -> None:
    there = {one.label for one in sets}
    for label in superfluous(sets, rule, ZONE):
        there.remove(label)
        assert not any(one.parent == label for one in sets if one.label in there)


@given(histories(), rules)
def test_what_was_thinned_is_not_thinned_again(sets: list[Candidate], rule: Rule) -> None:
    left = [one for one in sets if one.label in kept(sets, rule, ZONE)]
    assert superfluous(left, rule, ZONE) == ()


@given(histories(), rules)
def test_each_promised_day_has_its_set(sets: list[Candidate], rule: Rule) -> None:
    days = sorted({one.ended_at.astimezone(ZONE).date() for one in sets if one.is_whole}, reverse=True)
    staying = kept(sets, rule, ZONE)
    there = {one.ended_at.astimezone(ZONE).date() for one in sets if one.label in staying and one.is_whole}
    assert set(days[: rule.days]) <= there


@given(
    st.dictionaries(st.text("ab", max_size=4), st.integers(0, 99)),
    st.lists(st.sets(st.text("ab", max_size=4))),
    st.sets(st.text("ab", max_size=4)),
)
def test_no_blob_goes_that_somebody_needs(
    copied: dict[str, int], named: list[set[str]], live: set[str]
) -> None:
    moments = {key: BEGIN + timedelta(hours=hour) for key, hour in copied.items()}
    oldest = BEGIN + timedelta(hours=50)
    going = removable_blobs(moments, named_by_kept=named, live=live, oldest_kept_at=oldest)
    assert going.isdisjoint(live)
    assert all(going.isdisjoint(names) for names in named)
    assert all(moments[key] < oldest for key in going)


NOTHING = Rule(last=0, days=0, weeks=0, months=0)


def at(label: str, day: float, parent: str | None = None, **more: Any) -> Candidate:
    return Candidate(label, BEGIN + timedelta(days=day), parent, **more)


def test_a_target_locks_what_ended_after_its_moment_and_nothing_else() -> None:
    sets = [
        at("before", 0),
        at("then", 1),
        at("after", 1.1),
        at("begun", 1.2, condition=Condition.UNFINISHED),
        at("newest", 2),
    ]
    staying = kept(sets, NOTHING, ZONE, locked_since=BEGIN + timedelta(days=1))
    assert staying == {"after": {Reason.LOCKED}, "newest": {Reason.NEWEST, Reason.LOCKED}}


def test_weeks_and_months_are_those_of_their_year_and_days_those_of_the_zone() -> None:
    # Monday the 5th of January 2026 begins its second week; a year is 52 or 53 of them.
    years = [at("this", 4), at("before", 4 - 364), at("long before", 4 - 364 - 371)]
    assert set(kept(years, replace(NOTHING, weeks=3), ZONE)) == {"this", "before", "long before"}
    assert set(kept(years, replace(NOTHING, months=3), ZONE)) == {"this", "before", "long before"}
    # In Moscow it is midnight three hours before.
    night = [at("evening", 20 / 24), at("night", 22 / 24), at("morning", 1.2)]
    assert set(kept(night, replace(NOTHING, days=2), ZONE)) == {"evening", "morning"}
    week = [at("sunday", 3.8), at("monday", 3.9), at("tuesday", 5)]
    assert set(kept(week, replace(NOTHING, weeks=2), ZONE)) == {"sunday", "tuesday"}


def test_a_chain_that_stays_says_so_and_goes_from_its_end() -> None:
    # Labels say nothing of who builds on whom, and the parent of the first is lost.
    chain = [at("c", 0, "lost"), at("a", 1, "c"), at("b", 2, "a"), at("newest", 3)]
    assert superfluous(chain, NOTHING, ZONE) == ("b", "a", "c")
    assert kept([*chain[:3], at("newest", 3, "b")], NOTHING, ZONE) == {
        "newest": {Reason.NEWEST},
        **{label: {Reason.CHAIN} for label in "abc"},
    }
    assert superfluous([at("x", 0), at("y", 1), at("newest", 2)], NOTHING, ZONE) == ("y", "x")


def test_a_blob_goes_once_it_is_older_than_the_oldest_set_that_stays() -> None:
    copied = {"older": BEGIN - timedelta(seconds=1), "same": BEGIN, "live": BEGIN - timedelta(days=9)}
    going = removable_blobs(copied, named_by_kept=[["named"]], live=["live"], oldest_kept_at=BEGIN)
    assert going == {"older"}


def test_a_rule_in_action() -> None:
    daily = [Candidate(f"{day:03}", BEGIN + timedelta(days=day)) for day in range(100)]
    staying = kept(daily, Rule(last=1, days=3, weeks=2, months=2), ZONE)
    assert sorted(staying) == ["089", "094", "097", "098", "099"]
    assert staying["099"] == {Reason.LAST, Reason.DAY, Reason.WEEK, Reason.MONTH, Reason.NEWEST}
    assert staying["089"] == {Reason.MONTH}
