"""Conditions as data: what they mean, and what is refused before it is kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from box.apps.crm.conditions import DEEPEST, MOST_TESTS, OPERATORS, Field, Type, read

FIELDS = {
    "title": Field("title", Type.TEXT),
    "amount": Field("amount", Type.NUMBER),
    "expected_on": Field("expected", Type.DATE),
    "source": Field("source", Type.CHOICE),
    "is_known": Field("known", Type.YES_NO),
}
DEAL = {
    "title": "Chairs for Rose",
    "amount": Decimal(1000),
    "expected_on": date(2026, 5, 1),
    "source": "WEB",
    "is_known": False,
}


def holds(condition: Any, **changed: Any) -> bool:
    return read(condition, FIELDS).holds({**DEAL, **changed})


@pytest.mark.parametrize(
    ("name", "how", "value", "is_true"),
    [
        ("title", "contains", "ROSE", True),
        ("title", "contains", "oak", False),
        ("title", "begins", "chairs", True),
        ("title", "begins", "rose", False),
        ("amount", "more", "999.99", True),
        ("amount", "more", "1000", False),
        ("amount", "less", 1001, True),
        ("amount", "less", 1000, False),
        ("amount", "equal", "1000.00", True),
        ("expected_on", "less", "2026-05-02", True),
        ("expected_on", "more", "2026-05-01", False),
        ("source", "one_of", ["CALL", "WEB"], True),
        ("source", "one_of", ["CALL"], False),
        ("source", "other", "CALL", True),
        ("is_known", "equal", False, True),
        ("is_known", "equal", True, False),
        ("title", "filled", None, True),
        ("title", "empty", None, False),
    ],
)
def test_a_field_is_compared(name: str, how: str, value: Any, is_true: bool) -> None:
    assert holds({"field": name, "is": how, "value": value}) is is_true


@pytest.mark.parametrize("how", sorted(OPERATORS))
def test_an_empty_field_passes_only_where_emptiness_is_meant(how: str) -> None:
    asked: dict[str, Any] = {"field": "source", "is": how}
    if how in {"contains", "begins"}:
        asked |= {"field": "title", "value": "x"}
    elif how in {"more", "less"}:
        asked |= {"field": "amount", "value": 0}
    elif how == "one_of":
        asked |= {"value": ["WEB"]}
    elif OPERATORS[how].takes_value:
        asked |= {"value": "WEB"}
    for nothing in (None, ""):
        assert holds(asked, **{asked["field"]: nothing}) is (how in {"empty", "other"})


def test_groups_are_all_or_any() -> None:
    yes, no = (
        {"field": "source", "is": "equal", "value": "WEB"},
        {"field": "amount", "is": "less", "value": 0},
    )
    assert holds({"all": [yes, yes]})
    assert not holds({"all": [yes, no]})
    assert holds({"any": [no, yes]})
    assert not holds({"any": [no, no]})
    assert holds({"all": [yes, {"any": [no, yes]}]})
    # Where nothing is asked for everything passes.
    assert holds({"all": []})
    assert holds({"any": []})


@pytest.mark.parametrize(
    "condition",
    [
        None,
        [],
        "amount > 5",
        {"field": "password", "is": "filled"},
        {"field": "amount", "is": "__class__", "value": 1},
        {"field": "amount", "is": "contains", "value": "1"},
        {"field": "amount", "is": "more", "value": "NaN"},
        {"field": "amount", "is": "more", "value": True},
        {"field": "amount", "is": "more", "value": "9" * 31},
        {"field": "amount", "is": ["more"], "value": 1},
        {"field": "expected_on", "is": "less", "value": "tomorrow"},
        {"field": "source", "is": "one_of", "value": "WEB"},
        {"field": "source", "is": "one_of", "value": []},
        {"field": "title", "is": "contains", "value": "x" * 501},
        {"field": "title", "is": "contains", "value": ""},
        {"field": "title", "is": "contains", "value": "x", "then": "y"},
        {"all": "x"},
        {"all": [], "any": []},
        {"all": [{"field": "title", "is": "filled"}] * (MOST_TESTS + 1)},
        {"all": [{"all": [{"field": "title", "is": "filled"}] * 26}] * 2},
    ],
)
def test_what_is_no_condition_is_refused_in_words(condition: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        read(condition, FIELDS)
    assert all(len(said) > 10 for said in refused.value.messages)


def test_depth_is_bounded() -> None:
    condition: dict[str, Any] = {"field": "title", "is": "filled"}
    for _level in range(DEEPEST):
        condition = {"all": [condition]}
    read(condition, FIELDS)
    with pytest.raises(ValidationError, match="deep"):
        read({"all": [condition]}, FIELDS)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=5)
            | st.dictionaries(st.sampled_from(["all", "any", "field", "is", "value", "x"]), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_whatever_is_given_is_read_or_refused(condition: Any) -> None:
    try:
        found = read(condition, FIELDS)
    except ValidationError:
        return
    assert found.holds(DEAL) in {True, False}
