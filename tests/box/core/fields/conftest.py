from __future__ import annotations

import pytest

from box.core.fields.sets import field_sets
from tests.box.core.fields import THINGS


@pytest.fixture(autouse=True)
def _things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(field_sets._offers, THINGS.key, THINGS)
