"""What doctor says of PBXs, of what the portal's `telephony status --json` tells."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, cast

from installer.telephony_check import of_pbx

if TYPE_CHECKING:
    from appliance.node import Node

WELL: dict[str, Any] = {"name": "office", "trouble": "", "asks_at": None, "asks_port": 4573}


class Alone:
    membership = None


class OfACluster:
    membership = object()


def said(node: object = Alone(), **changes: object) -> list[str]:
    found = list(of_pbx(cast("Node", node), {**WELL, **changes}))
    assert all(one.is_warning and one.cure for one in found)
    return [one.problem for one in found]


def test_a_pbx_that_is_heard_and_does_not_ask_is_well() -> None:
    assert said() == []


def test_a_pbx_that_is_not_heard_is_told_with_its_trouble() -> None:
    (problem,) = said(trouble="10.0.0.7:5038 refuses the user korobka")
    assert "office is not heard: 10.0.0.7:5038 refuses" in problem


def test_where_pbxs_ask_somebody_has_to_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert said(asks_at="127.0.0.1", asks_port=port) == []
    (problem,) = said(asks_at="127.0.0.1", asks_port=port)
    assert f"Nothing answers the PBX office at 127.0.0.1, port {port}" in problem
    # In a cluster another node may be the one that answers.
    assert said(OfACluster(), asks_at="127.0.0.1", asks_port=port) == []
