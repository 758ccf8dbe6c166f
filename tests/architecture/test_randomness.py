"""What a run leaves to chance is had again with its seed."""

from __future__ import annotations

import pytest

from tests.randomness import SEED, THOROUGH, chosen, seed

MANY = list(range(100))


@pytest.fixture(autouse=True)
def _everyday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SEED, "7")
    monkeypatch.delenv(THOROUGH, raising=False)


def test_the_same_seed_means_the_same_and_another_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen("a", MANY) == chosen("a", MANY)
    drawn = set[int]()
    for number in range(20):
        monkeypatch.setenv(SEED, str(number))
        drawn.add(*chosen("a", MANY))
    assert len(drawn) > 10


def test_each_place_has_a_chance_of_its_own() -> None:
    assert len({chosen(f"stage {number}", MANY)[0] for number in range(20)}) > 10


def test_without_a_seed_there_is_one_for_all_processes_that_are_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(SEED)
    assert seed() == seed()


def test_thorough_is_all_and_everyday_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(chosen("a", MANY)) == 1
    monkeypatch.setenv(THOROUGH, "1")
    assert chosen("a", MANY) == MANY
