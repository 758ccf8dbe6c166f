"""A real agent for the console to ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from appliance.client import ListOperations
from appliance.node import Node
from tests.appliance.boxes import agent_of, running_box, wait_until


@pytest.fixture(scope="module")
def box() -> Iterator[Node]:
    workers = {"node__web_workers": 0, "node__web_workers_min": 2, "node__web_workers_max": 3}
    with running_box("agent", "cache", has_tables=False, **workers) as node:
        yield node


@pytest.fixture
def agent(box: Node, settings: Any) -> Iterator[Node]:
    settings.AGENT_SOCKET = box.run("agent") / "agent.sock"
    yield box
    # What a test has begun must not be in the next one's way.
    wait_until(lambda: all(one.state != "running" for one in agent_of(box).ask(ListOperations()).operations))
    for file in (box.paths.backup / "backup.json", box.data("backup") / "state.json"):
        file.unlink(missing_ok=True)
