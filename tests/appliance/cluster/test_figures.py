"""A run writes its own rows of the page of failures, and leaves the others."""

from __future__ import annotations

import pytest

from .figures import with_rows

PAGE = """# What it survives

<!-- written by tests/a.py -->

| what happens | seconds |
|---|---|
| `init` | 2.5 |
| a cut cable | 27.0 |

<!-- until here -->

Words.

<!-- written by tests/b.py -->

| what happens | seconds |
|---|---|
| a cut cable | 1.0 |

<!-- until here -->
"""


def test_a_row_takes_the_place_of_the_one_before_it_and_a_new_one_is_the_last() -> None:
    after = with_rows(PAGE, "tests/a.py", ["| a flood | 9.0 |", "| `init` | 3.0 |"])
    assert after == PAGE.replace("2.5", "3.0").replace(
        "| a cut cable | 27.0 |\n", "| a cut cable | 27.0 |\n| a flood | 9.0 |\n"
    )


def test_a_page_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no table between '<!-- written by tests/c\.py -->'"):
        with_rows(PAGE, "tests/c.py", [])
