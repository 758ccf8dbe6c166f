"""Two who write at once."""

from __future__ import annotations

from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib import text_merge
from box.lib.text_merge import merged

BASE = "Budget\nRooms\nDates"


@pytest.mark.parametrize(
    ("theirs", "mine", "expected"),
    [
        (BASE, "Budget\nRooms\nDates\nFood", "Budget\nRooms\nDates\nFood"),
        ("Intro\n" + BASE, BASE + "\nFood", "Intro\n" + BASE + "\nFood"),
        ("Budget: 5\nRooms\nDates", "Budget\nRooms\nDates: May", "Budget: 5\nRooms\nDates: May"),
        ("Budget: 5\nRooms\nDates", "Budget: 6\nRooms\nDates", "Budget: 5\nBudget: 6\nRooms\nDates"),
        ("Budget: 5\nRooms\nDates", "Budget: 5\nRooms\nDates", "Budget: 5\nRooms\nDates"),
        ("Budget\nDates", BASE, "Budget\nDates"),
        (BASE + "\nTheirs", BASE + "\nMine", BASE + "\nTheirs\nMine"),
    ],
)
def test_both_are_in_it(theirs: str, mine: str, expected: str) -> None:
    assert merged(BASE, theirs, mine) == expected


def test_from_nothing_both_begin() -> None:
    assert merged("", "Theirs", "Mine") == "Theirs\nMine"


TEXTS = st.lists(st.sampled_from("abcdefgh"), max_size=8).map("\n".join)


def lost(base: str, theirs: str, mine: str) -> set[str]:
    """Lines that somebody has written, and that are not in it."""
    written = {*theirs.split("\n"), *mine.split("\n")} - set(base.split("\n"))
    return written - set(merged(base, theirs, mine).split("\n"))


@given(TEXTS, TEXTS, TEXTS)
def test_no_line_that_either_has_written_is_lost(base: str, theirs: str, mine: str) -> None:
    assert not lost(base, theirs, mine)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(text_merge, "MOST_WORK", -1)
        assert not lost(base, theirs, mine), "not compared line by line"


@given(TEXTS, TEXTS)
def test_what_one_alone_has_changed_is_as_they_have_it(base: str, changed: str) -> None:
    assert merged(base, base, changed) == merged(base, changed, base) == changed


def test_the_same_few_lines_again_and_again_are_one_edit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compared line by line, the ten thousand of these would take more than an hour."""
    base, mine = "a\nb\n" * 5_000, "a\na\nb\nb\n" * 2_500

    def compared(junk: None, old: list[str], new: list[str], *, autojunk: bool) -> SequenceMatcher[str]:
        assert len(old) * len(new) < 1_000
        return SequenceMatcher(junk, old, new, autojunk=autojunk)

    monkeypatch.setattr(text_merge, "SequenceMatcher", compared)
    assert not lost(base, f"Intro\n{base}\nEnd", mine)
