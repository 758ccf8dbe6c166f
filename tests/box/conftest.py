"""What tests of the portal share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from box.bridges.storage.client import Account, S3Store
from box.core.files.store import stores
from tests.box.bridges.storage.engines import own_bucket, seaweedfs_server
from tests.conftest import begin_anew


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A SeaweedFS for this process of the tests. Whoever uses it makes a bucket of their own."""
    with seaweedfs_server(tmp_path_factory.mktemp("seaweedfs")) as account:
        yield account


@pytest.fixture(scope="session")
def account(seaweedfs: Account) -> Iterator[Account]:
    with own_bucket(seaweedfs) as account:
        yield account


@pytest.fixture
def store(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """The portal's store, with a bucket of our own that is empty after each test."""
    store = S3Store(account)
    monkeypatch.setitem(stores._offers, "files", store)
    yield store
    for item in store.objects():
        store.delete(item.key)


@pytest.fixture(scope="module")
def shared_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """For a world that the tests of a module share, where making it takes longer than a test runs.

    Everything happens in one transaction, which is rolled back after the last of them; the tests are marked
    with `django_db`, and so each takes back what it changes.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        begin_anew()
        yield
        transaction.set_rollback(True)
