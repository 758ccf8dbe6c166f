"""Sums of money in words: kopecks and cases."""

from __future__ import annotations

from decimal import Decimal

import pytest

from box.lib.sums_in_words import in_words


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("0", "Ноль рублей 00 копеек"),
        ("1", "Один рубль 00 копеек"),
        ("2.02", "Два рубля 02 копейки"),
        ("5.05", "Пять рублей 05 копеек"),
        ("11.11", "Одиннадцать рублей 11 копеек"),
        ("21.21", "Двадцать один рубль 21 копейка"),
        ("1234.56", "Одна тысяча двести тридцать четыре рубля 56 копеек"),
        ("2000000.01", "Два миллиона рублей 01 копейка"),
    ],
)
def test_roubles_and_kopecks_stand_in_their_cases(amount: str, said: str) -> None:
    assert in_words(Decimal(amount), "RUB", "ru") == said


def test_other_currencies_and_languages_are_said_too() -> None:
    assert in_words(Decimal("21.5"), "USD", "en") == "Twenty-one dollars and 50 cents"
    assert in_words(Decimal(3), "EUR", "ru") == "Три евро 00 центов"
    assert in_words(Decimal("7.09"), "CNY", "ru") == "Семь CNY 09/100"
