"""JSON from outside, within bounds.

Python's parser takes any depth that its stack bears, halves of characters, zero bytes, `NaN` and infinity.
What is done with the values later does not: it walks them by calling itself, and PostgreSQL refuses the rest.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

DEEPEST = 20
"""As in a form's names, see `box.lib.php_query`."""
# A zero byte, and half of a character that takes two.
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def parsed(body: bytes | str, *, is_mended: bool = False) -> Any:
    """Raises ValueError, with what is wrong: it is no JSON, nested too deep, or no text could hold it.

    `is_mended`: whoever asks replaces what no text can hold, as in the names of files.
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
    except RecursionError:
        raise _too_deep() from None
    _check(value, is_mended=is_mended)
    return value


def _check(value: Any, *, is_mended: bool) -> None:
    """Level by level: nothing here calls itself."""
    level = [value]
    for _depth in range(DEEPEST + 1):
        inner: list[Any] = []
        for one in level:
            match one:
                case str() if not is_mended and _UNFIT.search(one):
                    raise ValueError("there is a character that no text can hold")
                case float() if math.isinf(one):
                    raise ValueError("there is a number that is too large")
                case dict():
                    inner += one
                    inner += one.values()
                case list():
                    inner += one
        if not inner:
            return
        level = inner
    raise _too_deep()


def _too_deep() -> ValueError:
    return ValueError(f"it is nested deeper than {DEEPEST} levels")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
