"""Names in two scripts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from box.lib.sounds import LONGEST, latin, sound_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Вебер", "Weber"),
        ("Weber", "Veber"),
        ("Иванов Пётр", "Petr Ivanov"),
        ("Юлия", "Iuliia"),
        ("Щукин", "Shchukin"),
        ("Хомяков", "Khomyakov"),
        ("Александр", "Alexandr"),
        ("Müller", "Muller"),
        ("Филипп", "Philip"),
        ("Schmidt", "Шмидт"),
        ("  ANNA-maria ", "Мария Анна"),
    ],
)
def test_the_same_name_sounds_the_same(one: str, other: str) -> None:
    assert sound_of(one) == sound_of(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Иванов", "Петров"), ("Анна", "Инна"), ("Rose", "Russe"), ("", "a")]
)
def test_another_name_does_not(one: str, other: str) -> None:
    assert sound_of(one) != sound_of(other)


def test_marks_go_and_other_scripts_stay() -> None:
    assert latin("Ёлка Čapek Łódź") == "elka capek lodz"
    assert latin("王") == "王"


@given(st.text())
def test_any_text_has_a_sound_of_words_in_order(text: str) -> None:
    words = sound_of(text).split(" ")
    assert words == sorted(words)
    assert all(word.isascii() for word in words)
    assert len(sound_of(text)) <= 5 * LONGEST
