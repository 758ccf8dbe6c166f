"""The judge of worst days (`tests.proofs.worst_days`), turned round; and two of them, by this run's seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tests.proofs.worst_days.days import Day, draw
from tests.proofs.worst_days.judge import Found, Lived, Must, Return, Wanted, Write, fate, judge
from tests.proofs.worst_days.living import Standing, live, standing_box
from tests.proofs.worst_days.places import Places
from tests.randomness import seed


def write(number: int, *, is_acknowledged: bool = True) -> Write:
    """Begun at ten times its number, ended a second later."""
    return Write(number, f"hash of {number}", 10.0 * number, 10.0 * number + 1, is_acknowledged)


WRITES = tuple(map(write, range(1, 10)))


def found(*numbers: int, **changes: str | None) -> Found:
    """These rows, each with its bytes, unless they are said to differ."""
    hashes: dict[int, str | None] = {number: f"hash of {number}" for number in numbers}
    return Found(
        numbers, hashes | {int(name[1:]): value for name, value in changes.items()}, frozenset({"set"})
    )


def faults(there: Found, wanted: Wanted, lived: Lived | None = None) -> Sequence[str]:
    return judge(lived or Lived(WRITES, good_sets=frozenset({"set"})), wanted, there)


AT_FIVE = Wanted.moment(55)


def test_what_has_to_be_there_and_is_there_is_well() -> None:
    assert faults(found(1, 2, 3, 4, 5), AT_FIVE) == ()
    assert faults(found(*range(1, 10)), Wanted.end(100, 100)) == ()


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (found(1, 2, 3, 5), "4 was acknowledged at 41.0, and is lost."),
        (found(1, 2, 3, 4, 5, 4), "4 is there 2 times."),
        (found(1, 2, 3, 4, 5, 6), "6 was undone, and is there."),
        (found(1, 2, 3, 4, 5, 77), "Nobody has written 77."),
        (found(1, 2, 3, 4, 5, n3=None), "3 has no bytes."),
        (found(1, 2, 3, 4, 5, n3="others"), "3 has other bytes."),
        (
            replace(found(1, 2, 3, 4, 5), offered=frozenset()),
            "The set set was good, and is not offered any more.",
        ),
    ],
)
def test_each_loss_is_told(there: Found, said: str) -> None:
    assert faults(there, AT_FIVE) == (said,)


def test_a_row_that_came_after_its_moment_may_be_without_its_bytes_and_not_with_others() -> None:
    end = Wanted.end(45, 100)
    assert faults(found(*range(1, 10), n6=None), end) == ()
    assert faults(found(*range(1, 10), n6="others"), end) == ("6 has other bytes.",)
    assert faults(found(*range(1, 10), n4=None), end) == ("4 has no bytes.",)


def test_at_the_boundary_of_a_moment_nothing_is_promised() -> None:
    (one,) = (write(5),)
    lived = Lived((one,))
    assert fate(one, lived, Wanted.moment(51)) is Must.BE
    assert fate(one, lived, Wanted.moment(50.5)) is Must.MAY
    assert fate(one, lived, Wanted.moment(50)) is Must.MAY
    assert fate(one, lived, Wanted.moment(49.9)) is Must.NOT


def test_what_was_not_acknowledged_or_not_handed_over_may_be_there() -> None:
    unheard = write(5, is_acknowledged=False)
    assert fate(unheard, Lived((unheard,)), Wanted.end(90, 90)) is Must.MAY
    late = write(8)
    assert fate(late, Lived((late,)), Wanted.end(70, 90)) is Must.MAY


def test_what_a_return_undid_is_there_again_only_for_who_goes_back_to_before_it() -> None:
    """At 65 the box went back to how it was at 35, which took until 72."""
    lived = Lived(WRITES, (Return(65, 72, Wanted.moment(35)),))
    assert [fate(one, lived, Wanted.end(100, 100)) for one in WRITES] == (
        [Must.BE] * 3 + [Must.NOT] * 3 + [Must.MAY] + [Must.BE] * 2
    )
    assert [fate(one, lived, Wanted.moment(63)) for one in WRITES] == [Must.BE] * 6 + [Must.NOT] * 3
    # What is undone is told, and so is what should not have been.
    assert "6 was undone, and is there." in faults(found(1, 2, 3, 6, 8, 9), Wanted.end(100, 100), lived)
    assert "8 was acknowledged at 81.0, and is lost." in faults(
        found(1, 2, 3, 9), Wanted.end(100, 100), lived
    )


def test_a_return_to_what_another_return_had_undone() -> None:
    lived = Lived(WRITES, (Return(45, 49, Wanted.moment(15)), Return(75, 79, Wanted.moment(44))))
    fates = [fate(one, lived, Wanted.end(100, 100)) for one in WRITES]
    assert fates == [Must.BE] * 4 + [Must.NOT] * 3 + [Must.BE] * 2


def test_a_return_to_the_end_keeps_what_was_handed_over() -> None:
    lived = Lived(WRITES, (Return(65, 72, Wanted.end(45, 65)),))
    fates = [fate(one, lived, Wanted.end(100, 100)) for one in WRITES]
    assert fates == [Must.BE] * 4 + [Must.MAY] * 3 + [Must.BE] * 2


def test_of_what_was_written_while_a_return_was_tried_nothing_is_promised() -> None:
    lived = Lived(WRITES, attempts=((45, 65),))
    fates = [fate(one, lived, Wanted.end(100, 100)) for one in WRITES]
    assert fates == [Must.BE] * 4 + [Must.MAY] * 2 + [Must.BE] * 3


def test_the_same_seed_is_the_same_day() -> None:
    assert draw(7) == draw(7)
    days = [draw(number) for number in range(200)]
    assert {day.second for day in days} == {None, "folder", "s3", "sftp"}
    assert len({type(event) for day in days for event in day.events}) == 8
    assert {day.ending.machine is None for day in days} == {True, False}


@pytest.fixture(scope="module")
def standing() -> Iterator[Standing]:
    with standing_box() as one:
        yield one


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    with Places() as found_:
        yield found_


def days() -> list[Day]:
    return [draw(seed() + number) for number in range(2)]


@pytest.mark.parametrize("number", range(2))
def test_a_day_of_this_runs_seed(standing: Standing, places: Places, number: int) -> None:
    """The same again: `python -m tests.proofs.worst_days --seed` with the number that is printed."""
    day = days()[number]
    with places.prepared(day.second) as second:
        told = live(standing, day, second, lambda _: None)
    assert told.faults == (), f"`python -m tests.proofs.worst_days --seed {day.seed}`: {day}"
