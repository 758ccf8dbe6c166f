"""What a value of each kind is: good, bad, at the boundary, and there and back again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from box.core.fields import kinds
from box.core.fields.kinds import (
    LONGEST,
    LONGEST_TEXT,
    MOST_VALUES,
    Money,
    cell,
    read,
    read_each,
    said,
    written,
)
from box.core.fields.models import Choice, Field
from box.core.registry.capabilities import Card, Ref

Kind = Field.Kind


def field(kind: str, **more: Any) -> Field:
    made = Field(set_key="test.thing", name="Field", kind=kind, **more)
    names = ("S", "M", "L")
    made.__dict__["options"] = [Choice(pk=pk, name=name) for pk, name in enumerate(names, start=1)]
    made.__dict__["options"].append(Choice(pk=9, name="XXL", is_retired=True))
    return made


def find(kind: str, text: str) -> int:
    return {("org.person", "anna"): 7, ("org.department", "Sales"): 8, ("crm.deal", "Big"): 9}[kind, text]


def asked(kind: str, text: str) -> int:
    try:
        return find(kind, text)
    except KeyError:
        raise ValueError(text) from None


GOOD: list[tuple[str, str, Any]] = [
    (Kind.TEXT, "  two   words ", "two words"),
    (Kind.TEXT, "x" * LONGEST, "x" * LONGEST),
    (Kind.TEXT, "a\x00b", "ab"),
    (Kind.LONG, "one \n\n two  \n", "one\n\n two"),
    (Kind.LONG, "x" * LONGEST_TEXT, "x" * LONGEST_TEXT),
    (Kind.NUMBER, "1 234,50", Decimal("1234.5")),
    (Kind.NUMBER, "1,234.50", Decimal("1234.5")),
    (Kind.NUMBER, "-1,234,567", Decimal(-1234567)),
    (Kind.NUMBER, "12.345.678", Decimal(12345678)),
    # Of one sign alone nobody knows whether it groups.
    (Kind.NUMBER, "1,234", Decimal("1.234")),
    (Kind.NUMBER, "1.234.567,5", Decimal("1234567.5")),
    (Kind.NUMBER, "−7", Decimal(-7)),
    (Kind.NUMBER, "123456789012345", Decimal(123456789012345)),
    (Kind.MONEY, "1 500,50", Money(Decimal("1500.5"), "RUB")),
    (Kind.MONEY, "1500 usd", Money(Decimal(1500), "USD")),
    (Kind.MONEY, "€ 15", Money(Decimal(15), "EUR")),
    (Kind.MONEY, "15 руб.", Money(Decimal(15), "RUB")),
    (Kind.DATE, "24.11.1990", date(1990, 11, 24)),
    (Kind.DATE, "1990-11-24", date(1990, 11, 24)),
    (Kind.DATE, "01.01.1900", date(1900, 1, 1)),
    (Kind.DATE, "01.01.2200", date(2200, 1, 1)),
    (Kind.MOMENT, "2026-11-24T14:30:00Z", datetime(2026, 11, 24, 14, 30, tzinfo=UTC)),
    (Kind.MOMENT, "24.11.2026 14:30", datetime(2026, 11, 24, 11, 30, tzinfo=UTC)),
    (Kind.MOMENT, "2026-11-24T14:30", datetime(2026, 11, 24, 11, 30, tzinfo=UTC)),
    (Kind.CHOICE, "m", 2),
    (Kind.YES_NO, "Да", True),
    (Kind.YES_NO, "no", False),
    (Kind.PERSON, "anna", 7),
    (Kind.DEPARTMENT, "Sales", 8),
    (Kind.REFERENCE, "Big", 9),
    (Kind.LINK, "example.com/me", "https://example.com/me"),
    (Kind.PHONE, "8 (495) 123-45-67", "+74951234567"),
    (Kind.EMAIL, "Anna@Example.com", "anna@example.com"),
]
BAD = [
    (Kind.TEXT, "x" * (LONGEST + 1)),
    (Kind.LONG, "x" * (LONGEST_TEXT + 1)),
    (Kind.NUMBER, "many"),
    (Kind.NUMBER, "1e5"),
    (Kind.NUMBER, "NaN"),
    (Kind.NUMBER, "1234567890123456"),
    (Kind.MONEY, "ten"),
    (Kind.MONEY, "10 dollars"),
    (Kind.MONEY, "$ 10 RUB"),
    (Kind.DATE, "31.02.2020"),
    (Kind.DATE, "31.12.1899"),
    (Kind.DATE, "02.01.2200"),
    (Kind.MOMENT, "24.11.2026 25:00"),
    (Kind.MOMENT, "soon"),
    (Kind.CHOICE, "XXL"),
    (Kind.CHOICE, "XXXL"),
    (Kind.YES_NO, "maybe"),
    (Kind.PERSON, "nobody"),
    (Kind.LINK, "javascript:alert(1)"),
    (Kind.LINK, "ftp://example.com"),
    (Kind.LINK, "no address"),
    (Kind.PHONE, "call me"),
    (Kind.EMAIL, "anna@"),
]


@pytest.fixture(autouse=True)
def _moscow() -> Any:
    with timezone.override("Europe/Moscow"):
        yield


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "text", "value"), GOOD)
def test_what_is_written_is_kept_in_one_way(kind: str, text: str, value: Any) -> None:
    asked_for = field(kind, currency="RUB", target="crm.deal")
    assert read(asked_for, text, asked) == (value,)


@pytest.mark.django_db
@pytest.mark.parametrize(("kind", "text"), BAD)
def test_what_is_none_of_the_kind_is_refused_by_name(kind: str, text: str) -> None:
    with pytest.raises(ValidationError, match="Field"):
        read(field(kind, currency="RUB"), text, asked)


@pytest.mark.parametrize("kind", Kind.values)
def test_nothing_is_nothing_in_every_kind(kind: str) -> None:
    assert read(field(kind), "  \n ") == ()


def test_several_values_stand_in_lines_or_behind_semicolons_and_each_once() -> None:
    numbers = field(Kind.NUMBER, is_several=True)
    assert read(numbers, "3; 1\n3;") == (Decimal(3), Decimal(1))
    assert written(numbers, (Decimal(3), Decimal(1))) == "3; 1"
    with pytest.raises(ValidationError, match="one value is enough"):
        read_each(field(Kind.NUMBER), ["1", "2"])
    with pytest.raises(ValidationError, match="no semicolon"):
        read_each(field(Kind.TEXT, is_several=True), ["a;b"])


def test_there_are_so_many_values_and_no_more() -> None:
    numbers = field(Kind.NUMBER, is_several=True)
    assert len(read(numbers, "\n".join(map(str, range(MOST_VALUES))))) == MOST_VALUES
    with pytest.raises(ValidationError, match=str(MOST_VALUES)):
        read(numbers, "\n".join(map(str, range(MOST_VALUES + 1))))


def test_what_was_retired_stays_with_whoever_has_it() -> None:
    sizes = field(Kind.CHOICE)
    assert said(sizes, (9,), {}) == "XXL"
    assert read(sizes, "XXL", kept=(9,)) == (9,)


def test_what_one_may_not_see_is_hidden_and_says_not_what_it_is() -> None:
    deal = field(Kind.REFERENCE, target="crm.deal")
    seen = {Ref("crm.deal", 9): Card(Ref("crm.deal", 9), "Big", "/deals/9/")}
    assert said(deal, (9,), seen) == "Big"
    assert said(deal, (9,), {}) == "hidden"


def test_values_are_said_in_the_readers_language() -> None:
    with translation.override("ru"):
        assert said(field(Kind.NUMBER), (Decimal("1234.5"),), {}) == "1\u00a0234,5"
        assert said(field(Kind.MONEY), (Money(Decimal(1500), "RUB"),), {}) == "1\u00a0500\u00a0RUB"
        assert said(field(Kind.YES_NO), (True,), {}) == "да"
        assert said(field(Kind.DATE), (date(1990, 11, 24),), {}) == "24 ноября 1990\u202fг."


def test_cells_hold_what_a_spreadsheet_reckons_with() -> None:
    assert cell(field(Kind.NUMBER), (Decimal(5),), {}) == 5
    assert cell(field(Kind.NUMBER), (Decimal("5.5"),), {}) == 5.5
    assert cell(field(Kind.DATE), (date(2026, 1, 2),), {}) == date(2026, 1, 2)
    assert cell(field(Kind.NUMBER), (Decimal(5), Decimal(6)), {}) == "5; 6"
    assert cell(field(Kind.TEXT), (), {}) is None


_TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters=";"), max_size=50)
_NUMBERS = st.decimals(-(10**9), 10**9, places=4).map(lambda one: one + 0)
_MOMENTS = st.datetimes(
    datetime(1901, 1, 1),  # noqa: DTZ001 - the zone is given beside it
    datetime(2199, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(st.lists(_TEXTS, max_size=5))
def test_texts_come_back_as_they_were_written(texts: list[str]) -> None:
    several = field(Kind.TEXT, is_several=True)
    values = read_each(several, texts)
    assert read(several, written(several, values)) == values


@given(_NUMBERS)
def test_numbers_come_back_as_they_were_written(number: Decimal) -> None:
    assert read(field(Kind.NUMBER), written(field(Kind.NUMBER), (number,))) == (number,)


def test_a_sum_that_is_no_sum_is_bounded_before_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    patterns = SimpleNamespace(fullmatch=lambda _pattern, text: looked_at.append(text))
    monkeypatch.setattr(kinds, "re", patterns)
    # Two megabytes of it took hours.
    with pytest.raises(ValidationError, match="is no sum of money"):
        read(field(Kind.MONEY, currency="RUB"), "1" + "," * 2_000_000 + "x1")
    assert looked_at == []


@given(_NUMBERS, st.sampled_from(["RUB", "USD", "EUR", "KZT"]))
def test_money_comes_back_as_it_was_written(amount: Decimal, currency: str) -> None:
    money = field(Kind.MONEY, currency="RUB")
    assert read(money, written(money, (Money(amount, currency),))) == (Money(amount, currency),)


@given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), _MOMENTS)
def test_days_and_moments_come_back_as_they_were_written(day: date, moment: datetime) -> None:
    assert read(field(Kind.DATE), written(field(Kind.DATE), (day,))) == (day,)
    assert read(field(Kind.MOMENT), written(field(Kind.MOMENT), (moment,))) == (moment,)
