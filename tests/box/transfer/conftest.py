"""A company that has moved in, once a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.box.transfer.moving import Move
from tests.cast import person

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoDbBlocker

    from box.bridges.storage.client import Account


@pytest.fixture(scope="module")
def moved(shared_database: None, account: Account, django_db_blocker: DjangoDbBlocker) -> Iterator[Move]:
    """One move for all tests of a module: what they do with it is taken back behind each."""
    from box.bridges.storage.client import S3Store
    from box.core.files.store import stores

    before = stores._offers.get("files")
    stores._offers["files"] = S3Store(account)
    with django_db_blocker.unblock():
        olga = person("Olga", is_administrator=True)
        move = Move(olga)
        move.bring()
        yield move
    if before is not None:
        stores._offers["files"] = before
