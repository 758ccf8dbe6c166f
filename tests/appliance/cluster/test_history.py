"""The judge of histories is judged: by hand, and against one that tries every order."""

from __future__ import annotations

import itertools
import math
import random
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .history import ADD, READ, WRITE, Counter, History, Kind, Model, Operation, Register, violation


def is_right(model: Model, *operations: Operation) -> bool:
    return violation("it", list(operations), model) is None


def test_what_was_acknowledged_and_is_read_as_older_is_found() -> None:
    history = History()
    history.note("text", WRITE, "new", begun_at=0, ended_at=1)
    history.note("text", READ, "old", begun_at=2, ended_at=3)
    (found,) = history.violations({"text": Register("old")})
    assert str(found) == "text: read 'old' from 2.000 to 3.000, where it was 'new'"


def test_who_reads_while_it_is_written_may_see_either() -> None:
    write = Operation(WRITE, "new", 0, 2)
    for read in ("old", "new"):
        assert is_right(Register("old"), write, Operation(READ, read, 1, 3))


def test_what_was_seen_once_does_not_go_again() -> None:
    write = Operation(WRITE, "new", 0, 9)
    assert is_right(Register("old"), write, Operation(READ, "old", 1, 2), Operation(READ, "new", 3, 4))
    assert not is_right(Register("old"), write, Operation(READ, "new", 1, 2), Operation(READ, "old", 3, 4))


def test_a_write_without_an_answer_may_come_late_or_never_but_once() -> None:
    lost = Operation(WRITE, "new", 0)
    assert is_right(Register("old"), lost, Operation(READ, "old", 5, 6))
    assert is_right(Register("old"), lost, Operation(READ, "old", 5, 6), Operation(READ, "new", 7, 8))
    assert not is_right(
        Register("old"),
        *(lost, Operation(READ, "new", 1, 2), Operation(WRITE, "old", 3, 4), Operation(READ, "new", 5, 6)),
    ), "it had happened before, and does not happen again"


def test_a_counter_counts_each_once() -> None:
    adds = [Operation(ADD, 1, number, number + 0.5) for number in range(3)]
    assert is_right(Counter(), *adds, Operation(READ, 3, 5, 6))
    for wrong in (2, 4):
        assert not is_right(Counter(), *adds, Operation(READ, wrong, 5, 6))
    lost = Operation(ADD, 1, 4)
    for possible in (3, 4):
        assert is_right(Counter(), *adds, lost, Operation(READ, possible, 5, 6))


@pytest.mark.parametrize("touch", [0.0, 0.001])
def test_the_boundary_between_before_and_beside(touch: float) -> None:
    """Where one begins at the moment at which the other ends, either may have been first."""
    read = Operation(READ, "old", 1 + touch, 2)
    assert is_right(Register("old"), Operation(WRITE, "new", 0, 1), read) is (touch == 0)


def test_a_long_history_takes_no_long_time() -> None:
    writes = [Operation(WRITE, number, number, number + 1.5) for number in range(2000)]
    reads = [Operation(READ, number, number + 0.5, number + 1.0) for number in range(2000)]
    assert is_right(Register(-1), *writes, *reads)


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    found = []
    for _ in range(draw(st.integers(1, 5))):
        begun = draw(st.integers(0, 6))
        kind = draw(st.sampled_from([READ, WRITE]))
        lasts = (
            draw(st.one_of(st.integers(0, 4), st.just(math.inf)))
            if kind is WRITE
            else draw(st.integers(0, 4))
        )
        found.append(Operation(kind, draw(st.integers(0, 2)), begun, begun + lasts))
    return found


def by_every_order(operations: list[Operation], model: Model) -> bool:
    unknown = [one for one in operations if math.isinf(one.ended_at)]
    for count in range(len(unknown) + 1):
        for never in itertools.combinations(unknown, count):
            happened = [one for one in operations if not any(one is other for other in never)]
            if any(_fits(order, model) for order in itertools.permutations(happened)):
                return True
    return False


def _fits(order: tuple[Operation, ...], model: Model) -> bool:
    state = model.initial
    for place, one in enumerate(order):
        if any(later.ended_at < one.begun_at for later in order[place + 1 :]):
            return False
        after = model.after(state, one)
        if after is None:
            return False
        state = after
    return True


@settings(max_examples=300, deadline=None)
@given(histories())
def test_it_says_what_trying_every_order_says(operations: list[Operation]) -> None:
    assert is_right(Register(0), *operations) is by_every_order(operations, Register(0))


@pytest.mark.parametrize("is_broken", [False, True])
def test_threads_at_a_real_object(is_broken: bool) -> None:
    """One that forgets what it has acknowledged, once in a while, is found; one that does not is not."""
    history, lock, kept = History(), threading.Lock(), [0]
    chance = random.Random(7)

    def at_work(number: int) -> None:
        for step in range(60):
            begun, value = time.monotonic(), number * 1000 + step
            kind: Kind = WRITE if step % 3 == 0 else READ
            with lock:
                if kind is READ:
                    value = kept[0]
                elif not is_broken or chance.random() < 0.7:
                    kept[0] = value
            history.note("it", kind, value, begun_at=begun, ended_at=time.monotonic())

    workers = [threading.Thread(target=at_work, args=(number,)) for number in range(1, 4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert bool(history.violations({"it": Register(0)})) is is_broken
