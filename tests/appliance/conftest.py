"""One scratch box a test worker, with the parts that keep data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import service_files
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.supervise.supervisord import Supervisord
from tests import require
from tests.appliance.boxes import running_box

_PARTS = {
    "/usr/lib/postgresql/17/bin/postgres": "apt-get install postgresql-17",
    "/usr/bin/memcached": "apt-get install memcached",
    "/usr/sbin/haproxy": "apt-get install haproxy",
}


def _require_parts() -> None:
    for program, cure in _PARTS.items():
        require.programs(program, cure=cure)


@pytest.fixture(scope="session")
def box() -> Iterator[Node]:
    """Database, object store and cache. A test may kill them; it may not leave them stopped."""
    _require_parts()
    with running_box() as node:
        yield node


@pytest.fixture(scope="module")
def balanced(box: Node) -> Iterator[Node]:
    """The box with its balancer."""
    service_files.apply(box, only=(BALANCER,))
    supervisor = Supervisord(box)
    supervisor.start("balancer")
    yield box
    supervisor.stop("balancer")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Of a machine that has nothing yet but the folder of its logs."""
    paths = Paths(tmp_path)
    paths.log.mkdir(parents=True)
    return paths


@pytest.fixture
def as_root() -> None:
    require.root("Users are only separated as root")
