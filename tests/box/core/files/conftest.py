from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from huey.contrib.djhuey import HUEY

from box.bridges.storage.client import Account, S3Store
from tests.box.core.files.browser import Sender

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User


@pytest.fixture(autouse=True)
def _with_a_store(store: S3Store) -> None:
    """Every test of this folder has one."""


@pytest.fixture(autouse=True)
def _jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Huey runs a job where it is enqueued: its queue is in the portal's own database, not in the tests'."""
    monkeypatch.setattr(HUEY, "immediate", True)


@pytest.fixture
def sender(anna: User, as_person: Callable[[User], Client], account: Account) -> Sender:
    """Anna's browser."""
    return Sender(as_person(anna), account)


@pytest.fixture
def boris_sender(boris: User, as_person: Callable[[User], Client], account: Account) -> Sender:
    return Sender(as_person(boris), account)
