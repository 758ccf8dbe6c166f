"""Filters of programs: what they mean, and what one of them may cost whoever else is here."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from box.core.people.models import Skill
from box.core.registry.filtering import (
    MOST_CONDITIONS,
    MOST_PATTERNS,
    MOST_VALUES,
    Number,
    Text,
    condition_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from box.core.registry.filtering import Filterable

KNOWN: Mapping[str, Filterable] = {"ID": Number("id"), "NAME": Text("name")}
NAMES = (
    *("plan", "Plan", "PLAN B", "planes", "a plan", "a.plan", "a_plan", "axplan", "План", "планы", ""),
    *("100%", "100 per cent", "two\nlines", "back\\slash", "(plan)", "[a]", "^a$", "a_b%c"),
)


def rows(**given: Any) -> QuerySet[Skill]:
    return Skill.objects.filter(condition_of(given, KNOWN))


def found(**given: Any) -> list[str]:
    return sorted(rows(**given).values_list("name", flat=True))


@pytest.fixture
def skills(db: None) -> None:
    Skill.objects.bulk_create(Skill(name=name, key=str(number)) for number, name in enumerate(NAMES))


def wanted(pattern: str) -> list[str]:
    """As regular expressions have it: `%` is anything, also nothing and a new line, and nothing else is."""
    is_like = re.compile(".*".join(map(re.escape, pattern.split("%"))), re.DOTALL | re.IGNORECASE)
    return sorted(name for name in NAMES if is_like.fullmatch(name))


PATTERNS = (
    *("plan%", "%plan", "%plan%", "p%n", "%", "%%", "a_plan%", "a.%", "a\\%", "%\\%", "%(%)", "[%]", "^%$"),
    *("пл%", "100%", "%\n%", "%_b%", "%%%s"),
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_per_cent_stands_for_anything_and_nothing_else_does(skills: None, pattern: str) -> None:
    assert found(NAME=pattern) == found(**{"=%NAME": pattern}) == wanted(pattern)
    assert found(**{"!NAME": pattern}) == sorted({*NAMES} - {*wanted(pattern)})


def test_any_pattern_means_the_same(skills: None) -> None:
    choose = random.Random(0).choices
    for _turn in range(60):
        pattern = "".join(choose("pla%_\\. ", k=4))
        assert found(NAME=f"%{pattern}") == wanted(f"%{pattern}")


def test_one_of_several_texts_and_patterns_is_enough(skills: None) -> None:
    assert found(NAME=["PLAN", "планы", "[%"]) == ["Plan", "[a]", "plan", "планы"]
    assert found(**{"!NAME": ["PLAN", "%a%", "%A%"]}) == sorted(
        name for name in NAMES if "a" not in name.lower()
    )
    assert found(NAME=[]) == []


def test_no_pattern_is_compiled_and_texts_are_one_list(skills: None) -> None:
    told = str(rows(**{"NAME": ["a%b", "%c"], "!%NAME": "d", "=%NAME": "e%"}).query)
    assert "~" not in told
    assert str(rows(NAME=["a", "b", "c"]).query).count('"name"::text') == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"!NAME": "a", "!Name": "b"}, "twice"),
        ({"NAME": "a", "name": "a"}, "twice"),
        ({"@ID": [1], "@id": [2]}, "twice"),
        ({"ID": [1] * MOST_VALUES, "!ID": [2]}, "values"),
        ({"ID": [1] * MOST_VALUES, "NAME": {"0": "a"}}, "values"),
        ({"NAME": ["a%"] * (MOST_PATTERNS + 1)}, "patterns"),
        ({"NAME": ["a%"] * (MOST_PATTERNS - 1), "%NAME": "a", "!%NAME": "b"}, "patterns"),
        ({f"NAME{number}": 1 for number in range(MOST_CONDITIONS + 1)}, "conditions"),
    ],
)
def test_what_a_filter_costs_is_bounded_over_all_of_it(given: Mapping[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        condition_of(given, KNOWN)
    assert said in str(refused.value)


def test_what_a_filter_may_hold_it_may(db: None) -> None:
    condition_of({"ID": [1] * MOST_VALUES, "!ID": 2, "NAME": "a", "!NAME": "b"}, KNOWN)
    condition_of({"NAME": ["a%"] * (MOST_PATTERNS - 1), "%NAME": "a"}, KNOWN)
