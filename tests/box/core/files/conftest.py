from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from huey.contrib.djhuey import HUEY

from box.bridges.storage.client import Account, S3Store
from box.core.files.store import stores
from tests.box.bridges.storage.engines import own_bucket
from tests.box.core.files.browser import Sender

if TYPE_CHECKING:
    from django.test import Client

    from box.core.accounts.models import User


@pytest.fixture(scope="session")
def account(seaweedfs: Account) -> Iterator[Account]:
    with own_bucket(seaweedfs) as account:
        yield account


@pytest.fixture(autouse=True)
def store(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """The portal's store, with a bucket of our own that is empty after each test."""
    store = S3Store(account)
    monkeypatch.setitem(stores._offers, "files", store)
    yield store
    for item in store.objects():
        store.delete(item.key)


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
