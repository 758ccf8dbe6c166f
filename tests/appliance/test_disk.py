"""The guard against a full disk: the decision by its rules, and its deeds on a real small file system."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.agent.disk import MIB, Decision, Guard, Space, State, ballast_size, decide
from appliance.paths import Paths
from tests import require

TOTAL = 100 * 1024 * MIB
BALLAST = ballast_size(TOTAL)
CALM, FULL = State(has_ballast=True, is_read_only=False), State(has_ballast=False, is_read_only=True)


def state_after(decision: Decision) -> State:
    return State(has_ballast=decision.has_ballast, is_read_only=decision.is_read_only)


def test_ballast_is_small_on_a_small_disk_and_bounded_on_a_large_one() -> None:
    assert ballast_size(1024 * MIB) == 1024 * MIB // 50
    assert ballast_size(TOTAL) == 256 * MIB


def test_with_space_nothing_happens() -> None:
    assert state_after(decide(10 * BALLAST, TOTAL, CALM)) == CALM


def test_a_full_disk_frees_the_ballast_and_ends_writing() -> None:
    decision = decide(BALLAST - 1, TOTAL, CALM)
    assert state_after(decision) == FULL
    assert "Free some space" in str(decision)


def test_the_tightest_disk_is_the_one_whose_reserve_is_gone_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small one with less free may have room for its reserve five times."""
    paths = Paths(tmp_path)
    (paths.data / "objects").mkdir(parents=True)
    sizes = {paths.data: (100, 1024), paths.data / "objects": (300, 1024 * 1024)}

    def statvfs(folder: Path) -> SimpleNamespace:
        free, total = sizes[folder]
        return SimpleNamespace(f_bavail=free, f_blocks=total, f_frsize=MIB)

    monkeypatch.setattr("appliance.agent.disk.os.statvfs", statvfs)
    assert Guard(paths).space().free == 300 * MIB


def test_the_freed_ballast_alone_does_not_begin_writing_again() -> None:
    assert state_after(decide(BALLAST - 1 + BALLAST, TOTAL, FULL)) == FULL


def test_with_space_again_both_are_undone() -> None:
    assert state_after(decide(3 * BALLAST, TOTAL, FULL)) == CALM


def test_a_new_box_gets_its_ballast_but_not_at_the_price_of_writing() -> None:
    bare = State(has_ballast=False, is_read_only=False)
    assert decide(3 * BALLAST, TOTAL, bare).has_ballast
    assert not decide(2 * BALLAST, TOTAL, bare).has_ballast


@pytest.mark.parametrize(
    ("free", "before", "has_ballast", "is_read_only"),
    [
        (BALLAST - 1, CALM, False, True),
        (BALLAST, CALM, True, False),
        (2 * BALLAST - 1, replace(CALM, is_read_only=True), True, True),
        (2 * BALLAST, replace(CALM, is_read_only=True), True, False),
        (3 * BALLAST - 1, FULL, False, True),
        (3 * BALLAST, FULL, True, False),
        (3 * BALLAST - 1, replace(FULL, is_read_only=False), False, False),
        (3 * BALLAST, replace(FULL, is_read_only=False), True, False),
    ],
)
def test_the_marks_are_met_to_the_byte(
    free: int, before: State, has_ballast: bool, is_read_only: bool
) -> None:
    assert state_after(decide(free, TOTAL, before)) == State(has_ballast, is_read_only)


def test_a_decision_says_what_is_free_and_with_how_much_writing_begins_again() -> None:
    assert str(decide(300 * MIB, TOTAL, FULL)) == (
        "read-only, ballast given up: The disk is nearly full: 300 of 102400 MiB are free. "
        "Writing begins again with 768 MiB."
    )
    assert "begins again with 512 MiB" in str(decide(300 * MIB, TOTAL, replace(CALM, is_read_only=True)))
    assert str(decide(1024 * MIB, TOTAL, FULL)) == (
        "writable, ballast in place: There is space again: 1024 of 102400 MiB are free."
    )


states = st.builds(State, has_ballast=st.booleans(), is_read_only=st.booleans())
totals = st.integers(min_value=50 * MIB, max_value=1 << 50)


@given(total=totals, share=st.floats(min_value=0, max_value=1), state=states)
def test_a_decision_stands_once_it_is_performed(total: int, share: float, state: State) -> None:
    """No switching to and fro: looking again right after, nothing else is decided."""
    free = int(total * share)
    first = decide(free, total, state)
    ballast = ballast_size(total)
    if first.has_ballast != state.has_ballast:
        free += -ballast if first.has_ballast else ballast
    second = decide(free, total, state_after(first))
    assert state_after(second) == state_after(first)


@given(total=totals, share=st.floats(min_value=0, max_value=1), state=states)
def test_whoever_may_write_has_room_to_write(total: int, share: float, state: State) -> None:
    free = int(total * share)
    decision = decide(free, total, state)
    if not decision.is_read_only:
        assert free >= ballast_size(total)
    if decision.has_ballast and not state.has_ballast:
        assert free - ballast_size(total) >= 2 * ballast_size(total)


def test_a_decision_is_performed_without_touching_what_is_as_it_should_be(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    for folder in (paths.data, paths.run):
        folder.mkdir(parents=True)
    guard = Guard(paths)
    made: set[int] = set()
    for has_ballast, is_read_only in ((True, False), (True, False), (True, True), (True, False)):
        guard.perform(Decision(has_ballast, is_read_only, "Why."), 8192)
        assert guard.state() == State(has_ballast, is_read_only)
        assert guard.reason() == ("Why." if is_read_only else "")
        made.add(guard.ballast.stat().st_ino)
    assert len(made) == 1, "ballast that is there is not made again"
    assert (guard.ballast.stat().st_size, guard.ballast.stat().st_mode & 0o777) == (8192, 0o600)
    for _twice in range(2):
        guard.perform(Decision(has_ballast=False, is_read_only=True, reason="Full."), 8192)
        assert (guard.state(), guard.reason()) == (FULL, "Full.")
    guard.perform(Decision(has_ballast=False, is_read_only=False, reason=""), 8192)
    assert guard.state() == State(has_ballast=False, is_read_only=False)


def test_what_was_left_of_making_ballast_makes_it_no_larger(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.data.mkdir(parents=True)
    guard = Guard(paths)
    guard.ballast.with_name(f".{guard.ballast.name}").write_bytes(b"x" * 9000)
    guard.perform(Decision(has_ballast=True, is_read_only=False, reason=""), 8192)
    assert [(one.name, one.stat().st_size) for one in paths.data.iterdir()] == [(guard.ballast.name, 8192)]


def test_ballast_that_finds_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    paths.data.mkdir(parents=True)
    Guard(paths).perform(Decision(has_ballast=True, is_read_only=False, reason=""), 1 << 62)
    assert not list(paths.data.iterdir())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Paths]:
    """A box whose data lies on a file system of 200 MiB."""
    paths = Paths(tmp_path)
    for folder in (paths.data, paths.run):
        folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(paths.data)]
    require.root("Mounting is root's")
    subprocess.run(mount, check=True)
    yield paths
    subprocess.run(["umount", str(paths.data)], check=True)


def test_guard_on_a_disk_that_fills_and_empties(small_disk: Paths) -> None:
    guard = Guard(small_disk)
    guard.tick()
    ballast = ballast_size(guard.space().total)
    assert guard.ballast.stat().st_blocks * 512 >= ballast, "the ballast must take real space"
    assert guard.reason() == ""

    filler = small_disk.data / "filler"
    with filler.open("wb") as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"\0" * MIB)
    assert guard.space().free < MIB
    guard.tick()
    assert not guard.ballast.exists()
    assert guard.space().free >= ballast - MIB, "the engines have room to end their work"
    assert guard.reason().startswith("The disk is full")
    assert oct(guard.flag.stat().st_mode & 0o777) == "0o644", "the portal must be able to read why"

    guard.tick()
    assert guard.reason().startswith("The disk is full"), "the freed ballast is not space, and nothing is new"

    filler.unlink()
    guard.tick()
    assert guard.reason() == ""
    assert guard.ballast.exists()


def test_guard_looks_at_every_disk_of_the_data(small_disk: Paths, tmp_path: Path) -> None:
    guard = Guard(small_disk)
    plenty = guard.space()
    objects = small_disk.data / "objects"
    objects.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(objects)], check=True)
    try:
        with (objects / "filler").open("wb") as file:
            file.write(b"\0" * (10 * MIB - 64 * 1024))
        tight = guard.space()
    finally:
        subprocess.run(["umount", str(objects)], check=True)
    assert isinstance(tight, Space)
    assert (tight.total, plenty.total) == (10 * MIB, 200 * MIB)
