"""What follows what, as pure plans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.apps.tasks.scheduling import Bar, Link, LinkKind, critical, push, would_circle

ZERO = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bar(starts: float, ends: float) -> Bar:
    return Bar(ZERO + starts * HOUR, ZERO + ends * HOUR)


def hours(found: dict[int, Bar]) -> dict[int, tuple[float, float]]:
    return {pk: ((one.starts - ZERO) / HOUR, (one.ends - ZERO) / HOUR) for pk, one in found.items()}


@pytest.mark.parametrize(
    ("kind", "lag", "expected"),
    [
        (LinkKind.FINISH_START, 0, (12, 15)),
        (LinkKind.FINISH_START, 2, (14, 17)),
        (LinkKind.START_START, 0, (8, 11)),
        (LinkKind.FINISH_FINISH, 0, (9, 12)),
        (LinkKind.START_FINISH, 1, (6, 9)),
        (LinkKind.FINISH_START, -1, (11, 14)),
    ],
)
def test_what_follows_is_pushed_as_its_link_says(kind: LinkKind, lag: int, expected: tuple[int, int]) -> None:
    links = [Link(1, 2, kind, lag * HOUR)]
    moved = push({1: bar(0, 4), 2: bar(4, 7)}, links, {1: bar(8, 12)})
    assert hours(moved) == {1: (8, 12), 2: expected}


def test_a_gap_takes_up_what_it_can_and_nothing_is_pulled_earlier() -> None:
    bars = {1: bar(0, 4), 2: bar(6, 8), 3: bar(8, 9)}
    links = [Link(1, 2), Link(2, 3)]
    assert hours(push(bars, links, {1: bar(2, 6)})) == {1: (2, 6)}
    assert hours(push(bars, links, {1: bar(2, 6.5)})) == {1: (2, 6.5), 2: (6.5, 8.5), 3: (8.5, 9.5)}
    assert hours(push(bars, links, {1: bar(-2, 2)})) == {1: (-2, 2)}


def test_of_two_that_push_the_later_counts() -> None:
    bars = {1: bar(0, 2), 2: bar(0, 2), 3: bar(2, 3), 4: bar(2, 4), 5: bar(4, 5)}
    links = [Link(1, 3), Link(1, 4), Link(3, 5), Link(4, 5)]
    assert hours(push(bars, links, {1: bar(1, 3)}))[5] == (5, 6)


def test_what_has_no_time_is_passed_over() -> None:
    assert hours(push({1: bar(0, 2), 3: bar(2, 3)}, [Link(1, 2), Link(2, 3)], {1: bar(5, 7)})) == {1: (5, 7)}


def test_the_critical_path_is_what_leaves_no_room() -> None:
    bars = {1: bar(0, 4), 2: bar(4, 8), 3: bar(4, 6), 4: bar(8, 9), 5: bar(0, 20)}
    links = [Link(1, 2), Link(1, 3), Link(2, 4), Link(3, 4)]
    assert critical(bars, links) == {1, 2, 4}
    assert critical({5: bar(0, 20)}, []) == set()


def test_a_circle_is_seen_by_whatever_way() -> None:
    links = [Link(1, 2), Link(2, 3)]
    assert would_circle(links, 3, 1)
    assert would_circle(links, 2, 1)
    assert not would_circle(links, 1, 3)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=2, max_size=8),
    st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7))),
    st.sampled_from(LinkKind),
    st.integers(-30, 60),
)
def test_whatever_is_moved_links_that_held_hold_afterwards_and_lengths_stay(
    times: list[tuple[int, int]], pairs: set[tuple[int, int]], kind: LinkKind, shift: int
) -> None:
    bars = {pk: bar(start, start + length) for pk, (start, length) in enumerate(times)}
    links = [Link(a, b, kind) for a, b in pairs if a < b < len(bars)]
    held = [link for link in links if link.room(bars[link.before], bars[link.after]) >= timedelta()]
    moved = push(bars, links, {0: bars[0].shifted(shift * HOUR)})
    after = {**bars, **moved}
    assert all(link.room(after[link.before], after[link.after]) >= timedelta() for link in held)
    assert all(one.ends - one.starts == bars[pk].ends - bars[pk].starts for pk, one in moved.items())
    assert all(one.starts > bars[pk].starts for pk, one in moved.items() if pk != 0)
