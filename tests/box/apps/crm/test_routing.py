"""Who gets a lead that nobody has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from box.apps.crm.conditions import Field, Group, Type, read
from box.apps.crm.routing import Candidate, Decision, Rule, Way, decide

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
FIELDS = {"source": Field("source", Type.CHOICE)}
ALWAYS = Group(())


def people(*candidates: Candidate) -> dict[int, Candidate]:
    return {one.user_id: one for one in candidates}


def test_the_first_rule_that_holds_decides() -> None:
    web = read({"field": "source", "is": "equal", "value": "WEB"}, FIELDS)
    rules = [Rule(1, web, (7,)), Rule(2, ALWAYS, (8,))]
    known = people(Candidate(7), Candidate(8))
    assert decide(rules, {"source": "WEB"}, known) == Decision(7, 1)
    assert decide(rules, {"source": "CALL"}, known) == Decision(8, 2)
    assert decide(rules[:1], {"source": "CALL"}, known) == Decision(None, None)


def test_in_turn_whoever_has_waited_longest_is_next() -> None:
    rule = Rule(1, ALWAYS, (7, 8, 9))
    known = people(*(Candidate(pk) for pk in (9, 8, 7)))
    given_to = []
    for minute in range(7):
        decision = decide([rule], {}, known)
        assert decision.user_id is not None
        given_to.append(decision.user_id)
        known[decision.user_id] = replace(known[decision.user_id], given_at=NOON + timedelta(minutes=minute))
    assert given_to == [7, 8, 9, 7, 8, 9, 7]


def test_the_least_load_wins_and_then_the_turn() -> None:
    rule = Rule(1, ALWAYS, (7, 8, 9), Way.LEAST_LOAD)
    busy, idle = Candidate(7, open_count=3), Candidate(8, open_count=1, given_at=NOON)
    fresh = Candidate(9, open_count=1)
    assert decide([rule], {}, people(busy, idle, fresh)).user_id == 9
    assert decide([rule], {}, people(busy, idle)).user_id == 8


def test_who_has_enough_or_is_not_at_work_is_passed_over() -> None:
    rule = Rule(1, ALWAYS, (7, 8), most_open=5)
    full, almost = Candidate(7, open_count=5), Candidate(8, open_count=4)
    assert decide([rule], {}, people(full, almost)).user_id == 8
    away = replace(almost, is_at_work=False)
    assert decide([rule], {}, people(full, away)).user_id is None
    assert decide([replace(rule, waits_for_work=False)], {}, people(full, away)).user_id == 8


def test_who_has_left_gets_nothing_and_the_next_rule_is_asked() -> None:
    rules = [Rule(1, ALWAYS, (7,)), Rule(2, ALWAYS, (8,))]
    assert decide(rules, {}, people(Candidate(8))) == Decision(8, 2)


@given(
    st.lists(st.builds(Candidate, st.integers(1, 9), st.integers(0, 9), st.booleans()), max_size=9),
    st.lists(st.integers(1, 9), max_size=9, unique=True),
    st.sampled_from(Way),
    st.none() | st.integers(0, 9),
    st.booleans(),
)
def test_whoever_gets_it_could_take_it(
    known: list[Candidate], named: list[int], way: Way, most: int | None, waits: bool
) -> None:
    rule = Rule(1, ALWAYS, tuple(named), way, most, waits)
    chosen = decide([rule], {}, people(*known)).user_id
    able = {
        one.user_id
        for one in people(*known).values()
        if one.user_id in named and (most is None or one.open_count < most) and (one.is_at_work or not waits)
    }
    assert (chosen in able) if able else chosen is None
