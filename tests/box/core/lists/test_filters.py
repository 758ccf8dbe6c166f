"""What each kind of filter reads, finds and says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict

from box.core.accounts.models import User
from box.core.audit.models import AuditRecord
from box.core.lists.filters import (
    LONGEST_TEXT,
    MOST_VALUES,
    Choice,
    Context,
    Dates,
    Filter,
    Numbers,
    Presence,
    Range,
    Text,
    YesNo,
    people,
)
from box.core.lists.query import Query
from box.core.registry.company import TIME_ZONE
from box.core.registry.filtering import Amount, Day, Filterable, Flag, Keyword, Moment, Number, Related
from box.core.registry.filtering import Text as TextField
from box.core.registry.settings import store

pytestmark = pytest.mark.django_db

NAME = Text("name", "Name", TextField("about_name"))
KIND = Choice("kind", "Kind", Keyword("kind", ("a", "b", "c")), choices=(("a", "A"), ("b", "B"), ("c", "C")))
BY = people("by", "By", Related("by_id"))
AT = Dates("at", "When", Moment("at"))
BORN = Dates("born", "Born", Day("birthday_on"))
PLACE = Numbers("place", "Place", Number("position"))
SUM = Numbers("sum", "Sum", Amount("position"))
KNOWN = YesNo("known", "Known", Flag(~Q(actor="")))
FILTERS: tuple[Filter[Any], ...] = (NAME, KIND, BY, AT, PLACE, KNOWN)
TODAY = date(2026, 11, 26)


def query(address: str, reader: User, *filters: Filter[Any]) -> Query:
    return Query.read(QueryDict(address), filters or FILTERS, Context(reader, TODAY))


def record(**fields: Any) -> AuditRecord:
    return AuditRecord.objects.create(kind=fields.pop("kind", "a"), **fields)


def found(address: str, reader: User, *filters: Filter[Any]) -> list[AuditRecord]:
    chosen = query(address, reader, *filters)
    assert chosen.problems == ()
    return list(chosen.apply(AuditRecord.objects.order_by("id")))


def test_a_text_is_found_anywhere_in_any_case(anna: User) -> None:
    one = record(about_name="The Big Deal")
    record(about_name="small")
    assert found("name=big", anna) == [one]
    assert found("name=%25", anna) == []
    assert query("name=+big+", anna).address() == "name=big"


def test_of_a_choice_any_is_found_and_its_address_is_always_the_same(anna: User) -> None:
    a, b, _c = (record(kind=kind) for kind in "abc")
    assert found("kind=b&kind=a", anna) == [a, b]
    assert query("kind=b&kind=a", anna).address() == query("kind=a&kind=b&kind=a", anna).address()
    assert query("kind=b&kind=a", anna).chips[0].words == "A or B"


def test_me_is_whoever_reads(anna: User, boris: User) -> None:
    hers, his = record(by_id=anna.pk), record(by_id=boris.pk)
    assert found("by=me", anna) == [hers]
    assert found("by=me", boris) == [his]
    assert found(f"by=me&by=U{boris.pk}", anna) == [hers, his]
    chosen = query(f"by=me&by=U{boris.pk}", anna)
    assert chosen.chips[0].words == "me or Boris Test"
    assert chosen.address() == f"by=me&by=U{boris.pk}"


def test_a_day_ends_where_the_company_is_at_home(anna: User) -> None:
    store({TIME_ZONE.key: "Asia/Vladivostok"})
    # Ten hours ahead: there it is the 26th already.
    before, after = (record(at=datetime(2026, 11, 25, hour, 59, tzinfo=UTC)) for hour in (13, 14))
    assert found("at=today", anna) == [after]
    assert found("at=yesterday", anna) == [before]
    assert found("at.from=2026-11-25&at.to=2026-11-25", anna) == [before]
    assert found("at.from=2026-11-26", anna) == [after]
    assert found("at.to=2026-11-25", anna) == [before]


def test_a_column_of_days_holds_both_ends(anna: User) -> None:
    for day in (1, 2, 3):
        User.objects.create(login=f"x{day}", birthday_on=date(1990, 1, day))
    chosen = query("born.from=1990-01-01&born.to=1990-01-02", anna, BORN)
    assert [one.login for one in chosen.apply(User.objects.order_by("id"))] == ["x1", "x2"]


def test_numbers_hold_both_ends(anna: User) -> None:
    rows = [record(position=number) for number in (1, 2, 3)]
    assert found("place.from=2", anna) == rows[1:]
    assert found("place.to=2", anna) == rows[:2]
    assert found("place.from=2&place.to=2", anna) == rows[1:2]
    assert found("sum.from=2&sum.to=2,0", anna, SUM) == rows[1:2]
    assert query("sum.from=1.50", anna, SUM).value_of("sum") == Range(Decimal("1.50"), None)


def test_yes_and_no_are_two_halves(anna: User) -> None:
    named, nameless = record(actor="x"), record()
    assert found("known=yes", anna) == [named]
    assert found("known=no", anna) == [nameless]
    assert found("known=", anna) == [named, nameless]


def test_what_is_missing_can_be_asked_for(anna: User) -> None:
    full, empty = record(position=1, about_name="x"), record()
    for name in ("place", "name"):
        assert found(f"{name}.is=empty", anna) == [empty]
        assert found(f"{name}.is=set", anna) == [full]
        assert query(f"{name}.is=empty", anna).address() == f"{name}.is=empty"
    assert query("name.is=empty", anna).value_of("name") is Presence.EMPTY
    # But not of what every row has.
    whole = Text("name", "Name", TextField("about_name"), is_always_set=True)
    assert query("name.is=empty", anna, whole).problems


@pytest.mark.parametrize(
    "address",
    [
        f"name={'a' * (LONGEST_TEXT + 1)}",
        f"q={'a' * (LONGEST_TEXT + 1)}",
        "kind=d",
        "kind=a&kind=d",
        "&".join(["by=U1"] * (MOST_VALUES + 1)),
        "by=7",
        "by=U0",
        "by=U",
        "by=U1x",
        "by=U9999999999999999999",
        "by=you",
        "at=someday",
        "at.from=26.11.2026",
        "at.from=2026-02-30",
        "at.to=1899-12-31",
        "at.to=3000-01-01",
        "at.from=2026-11-02&at.to=2026-11-01",
        "place.from=one",
        "place.from=1e5",
        "place.from=9999999999999999",
        "place.from=٣",
        "place.from=2&place.to=1",
        "known=1",
        "known.is=empty",
        "name.is=maybe",
        "nothing=1",
        "kind.from=1",
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_found(address: str, anna: User) -> None:
    record()
    chosen = query(address, anna)
    assert len(chosen.problems) == 1
    assert chosen.problems[0].text
    assert list(chosen.apply(AuditRecord.objects.all())) == []
    assert bool(chosen)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("name=x", "contains “x”"),
        ("kind=c", "C"),
        ("at=this-week", "this week"),
        ("at.from=2026-11-01&at.to=2026-11-02", "1 November to 2 November"),
        ("at.from=2026-11-01&at.to=2026-11-01", "1 November"),
        ("at.from=2026-11-01", "since 1 November"),
        ("at.to=2026-11-01", "until and including 1 November"),
        ("place.to=1500", "up to 1,500"),
        ("known=no", "no"),
        ("place.is=empty", "empty"),
        ("by=U999999", "unknown"),
    ],
)
def test_a_chip_says_what_is_chosen_and_takes_it_back(
    address: str, words: str, anna: User, frozen_day: None
) -> None:
    chosen = query(f"{address}&q=z", anna)
    text, chip = chosen.chips
    assert (text.words, text.query) == ("“z”", address.replace("%", "%25"))
    assert (chip.words, chip.query) == (words, "q=z")


@pytest.fixture
def frozen_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("box.core.registry.environment.timezone.localdate", lambda *_: TODAY)


def test_every_chosen_filter_narrows(anna: User) -> None:
    one = record(kind="a", about_name="x")
    record(kind="b", about_name="x")
    record(kind="a", about_name="y")
    assert found("kind=a&name=x", anna) == [one]


@pytest.mark.parametrize(
    ("field", "sign", "value"),
    [(KIND.field, "=", "d"), (KIND.field, ">", "a"), (BY.field, ">", 1), (Amount("x"), "=", "1,5")],
)
def test_a_field_refuses_what_it_cannot_compare(field: Filterable, sign: str, value: object) -> None:
    with pytest.raises(ValidationError):
        field.condition(sign, value)
