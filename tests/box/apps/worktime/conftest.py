from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from box.core.registry.company import TIME_ZONE
from box.core.registry.settings import store
from box.core.structure.actions import add_member
from box.core.structure.models import Membership

if TYPE_CHECKING:
    from box.core.accounts.models import User
    from box.core.structure.models import Department


@pytest.fixture
def in_utc(db: None) -> None:
    """Days of the company begin where those of these tests do."""
    store({TIME_ZONE.key: "UTC"})


@pytest.fixture
def head(boris: User, sales: Department) -> User:
    """Boris, whom everybody in sales answers to."""
    add_member(sales, boris, role=Membership.Role.HEAD, by=None)
    return boris
