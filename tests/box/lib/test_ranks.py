"""Ranks: room between any two, whoever has moved before."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.ranks import between, spread


def test_the_first_rank_leaves_room_on_both_sides() -> None:
    only = between(None, None)
    assert between(None, only) < only < between(only, None)


@given(st.lists(st.integers(min_value=0), min_size=1, max_size=200))
def test_whatever_is_put_anywhere_stands_where_it_was_put(places: list[int]) -> None:
    ranks: list[str] = []
    for place in places:
        at = place % (len(ranks) + 1)
        before = ranks[at - 1] if at else None
        after = ranks[at] if at < len(ranks) else None
        ranks.insert(at, between(before, after))
    assert ranks == sorted(set(ranks))
    assert not any(rank.endswith("0") for rank in ranks)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_rank_stays_short_where_everything_is_put_at_one_end(is_first: bool) -> None:
    """As new deals come into a stage: a column holds 200 characters."""
    ranks: list[str | None] = [None]
    for _card in range(20_000):
        last = ranks[-1]
        ranks.append(between(None, last) if is_first else between(last, None))
    given = [rank for rank in ranks if rank is not None]
    assert given == sorted(set(given), reverse=is_first)
    assert max(map(len, given)) <= 8


@pytest.mark.parametrize("end", ["00000001", "0000000001", "zzzzzzzz", "zzzzzzzzzz5"])
def test_there_is_room_beyond_the_last_whole_step(end: str) -> None:
    assert between(None, end) < end < between(end, None)


def test_two_cards_in_one_gap_are_parted_by_the_next_move() -> None:
    first, last = spread(2)
    same = between(first, last)
    third = between(same, same)
    assert same < third
    # And a pair that stands the wrong way round breaks nothing.
    assert between(last, first) > last


@given(st.integers(min_value=0, max_value=5000))
def test_many_at_once_stand_in_order_with_room_between_them(count: int) -> None:
    ranks = list(spread(count))
    assert ranks == sorted(set(ranks))
    assert len(ranks) == count
    for low, high in pairwise(ranks):
        assert low < between(low, high) < high


@pytest.mark.parametrize("bad", ["", "a0", "Ж", "A", "a b", "0"])
def test_what_is_no_rank_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="is no rank"):
        between(bad, None)
