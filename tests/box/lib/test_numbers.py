from __future__ import annotations

import pytest

from box.lib.numbers import whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", " 1", "-1", "+1", "1_0", "²", "٣", "1.0", "9" * 19, "9" * 5000])
def test_nothing_else_is(text: str) -> None:
    assert whole_number(text) is None


def test_a_bound_may_be_nearer() -> None:
    assert whole_number("1234", digits=4) == 1234
    assert whole_number("12345", digits=4) is None
