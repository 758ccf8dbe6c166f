from __future__ import annotations

from collections.abc import Iterator

import pytest

from box.bridges.storage.client import Account, S3Store
from tests.box.bridges.storage.engines import ENGINES, minio_server, own_bucket


@pytest.fixture(scope="session", params=ENGINES)
def account(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A SeaweedFS, and a MinIO where there is one; in each a bucket of our own."""
    if request.param == "seaweedfs":
        with own_bucket(request.getfixturevalue("seaweedfs")) as account:
            yield account
    else:
        with minio_server(tmp_path_factory.mktemp("minio")) as server, own_bucket(server) as account:
            yield account


@pytest.fixture
def store(account: Account) -> S3Store:
    return S3Store(account)
