from __future__ import annotations

import pytest

from box.core.fields.sets import field_sets
from box.core.imports.importers import importers
from tests.box.core.fields import THINGS
from tests.box.core.imports import SKILLS


@pytest.fixture(autouse=True)
def _skills(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(field_sets._offers, THINGS.key, THINGS)
    monkeypatch.setitem(importers._offers, SKILLS.key, SKILLS)
