"""Objects are found and sorted by their fields, through indexes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F, QuerySet

from box.core.fields.kinds import Money
from box.core.fields.lookups import FieldValues, can_sort, filterable, joined, sort_key
from box.core.fields.values import write_many
from box.core.people.models import Skill
from box.core.registry.filtering import condition_of
from tests.box.core.fields import THINGS, thing_field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box.core.accounts.models import User

pytestmark = pytest.mark.django_db
MANY = 100_000


@pytest.fixture(autouse=True)
def _skills_have_fields() -> Iterator[None]:
    """As if their model said so."""
    FieldValues().contribute_to_class(Skill, "custom")
    yield
    Skill._meta.private_fields[:] = [one for one in Skill._meta.private_fields if one.name != "custom"]
    Skill._meta._expire_cache()  # type: ignore[attr-defined]


def made(*names: str) -> list[int]:
    return [one.pk for one in Skill.objects.bulk_create(Skill(name=name, key=name) for name in names)]


def found(*fields: Any, **given: Any) -> list[str]:
    known = {field.name.upper(): filterable(field) for field in fields}
    rows = Skill.objects.filter(condition_of(given, known))
    return list(rows.order_by("name").values_list("name", flat=True))


def test_every_kind_is_filtered_by_as_it_is(olga: User, anna: User) -> None:
    a, b, c = made("a", "b", "c")
    town, budget = thing_field("Town", by=olga), thing_field("Budget", "money", by=olga, currency="RUB")
    since, done = thing_field("Since", "date", by=olga), thing_field("Done", "yes_no", by=olga)
    size = thing_field("Size", "choice", by=olga, choices=("S", "M"), is_several=True)
    head = thing_field("Head", "person", by=olga)
    small, medium = (one.pk for one in size.options)
    write_many(
        THINGS,
        {
            a: {
                town: ("Tver",),
                budget: (Money(Decimal("5.5"), "RUB"),),
                size: (small, medium),
                head: (anna.pk,),
            },
            b: {
                town: ("Oslo",),
                budget: (Money(Decimal(50), "RUB"),),
                since: (date(2026, 1, 2),),
                done: (True,),
            },
        },
    )
    every = (town, budget, since, done, size, head)
    assert found(*every, **{"%TOWN": "ver"}) == ["a"]
    assert found(*every, TOWN="oslo") == ["b"]
    assert found(*every, **{">BUDGET": "5.5"}) == ["b"]
    assert found(*every, **{">=BUDGET": "5.5"}) == ["a", "b"]
    assert found(*every, **{"><SINCE": ["2026-01-02", "2026-02-01"]}) == ["b"]
    assert found(*every, DONE="Y") == ["b"]
    assert found(*every, DONE="N") == ["a", "c"], "what nobody has said is no yes"
    assert found(*every, SIZE=[str(medium)]) == ["a"]
    assert found(*every, HEAD=str(anna.pk)) == ["a"]
    assert found(*every, **{"!TOWN": "Tver"}) == ["b", "c"]
    with pytest.raises(ValidationError):
        found(*every, BUDGET="much")
    assert list(Skill.objects.filter(filterable(since).missing).order_by("name")) == list(  # type: ignore[attr-defined]
        Skill.objects.filter(pk__in=[a, c]).order_by("name")
    )


def test_the_way_to_the_values_is_no_field_of_the_object() -> None:
    (pk,) = made("a")
    skill = Skill.objects.get(pk=pk)
    skill.full_clean()
    skill.refresh_from_db()
    assert "custom" not in {field.name for field in Skill._meta.fields}


def test_rows_are_sorted_by_a_field_and_those_without_it_are_there_too(olga: User) -> None:
    a, b, c = made("a", "b", "c")
    town, budget = thing_field("Town", by=olga), thing_field("Budget", "number", by=olga)
    write_many(
        THINGS, {a: {town: ("tver",), budget: (Decimal(10),)}, b: {town: ("Oslo",), budget: (Decimal(9),)}}
    )
    rows = joined(Skill.objects.all(), [town, budget])
    assert list(rows.order_by(sort_key(town), "id").values_list("pk", flat=True)) == [b, a, c]
    assert list(rows.order_by(sort_key(budget), "id").values_list("pk", flat=True)) == [b, a, c]


def test_several_values_and_what_has_no_order_are_not_sorted_by(olga: User) -> None:
    assert can_sort(thing_field("Town", by=olga))
    assert not can_sort(thing_field("Tags", by=olga, is_several=True))
    assert not can_sort(thing_field("Head", "person", by=olga))


def plan(rows: QuerySet[Any]) -> str:
    return rows.explain()


def test_an_index_answers_at_a_hundred_thousand_objects(olga: User) -> None:
    budget, town = thing_field("Budget", "number", by=olga), thing_field("Town", by=olga)
    size = thing_field("Size", "choice", by=olga, choices=("S", "M"))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_skill (name, key)"
            " SELECT 'Skill ' || n, 'k' || n FROM generate_series(1, %s) AS n",
            [MANY],
        )
        for field, column, value in (
            (budget, "number", "(hashint8(id) %% 1000000)::numeric"),
            (town, "text", "'Town ' || hashint8(id)"),
            (size, "choice_id", f"{size.options[0].pk} + (id %% 1000 = 0)::int"),
        ):
            cursor.execute(
                f"INSERT INTO fields_value (object_id, field_id, place, {column})"
                f" SELECT id, %s, 0, {value} FROM people_skill",
                [field.pk],
            )
        cursor.execute("ANALYZE people_skill, fields_value")
    rows = joined(Skill.objects.all(), [budget, town])
    ranged = plan(rows.filter(filterable(budget).condition("><", ["1000", "1010"])).order_by("-id")[:50])
    assert "value_by_number" in ranged
    rare = plan(rows.filter(filterable(size).condition("", str(size.options[1].pk))).order_by("-id")[:50])
    assert "value_by_choice" in rare
    words = plan(rows.filter(filterable(town).condition("%", "Town 12345")).order_by("-id")[:50])
    assert "value_containing" in words
    for field, index in ((budget, "value_by_number"), (town, "value_by_text")):
        for key in (F("_key").asc(), F("_key").desc()):
            keyed = rows.annotate(_key=sort_key(field)).exclude(_key=None).order_by(key, "id")
            sorted_by = plan(keyed[:50])
            assert index in sorted_by, sorted_by
            assert "Seq Scan" not in sorted_by, sorted_by
            assert "Incremental Sort" in sorted_by or "Sort" not in sorted_by, sorted_by
