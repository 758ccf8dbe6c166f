"""What tests of the portal share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from box.bridges.storage.client import Account
from tests.box.bridges.storage.engines import seaweedfs_server


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """A SeaweedFS for this process of the tests. Whoever uses it makes a bucket of their own."""
    with seaweedfs_server(tmp_path_factory.mktemp("seaweedfs")) as account:
        yield account
