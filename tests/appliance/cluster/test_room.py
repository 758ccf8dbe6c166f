"""Who takes the lead over from a node whose disk is full."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from appliance.cluster import room
from appliance.cluster.patroni import Copy
from appliance.cluster.state import Beat

WELL = Beat(datetime(2026, 6, 1, 12, tzinfo=UTC), "0.1.0", 0.25, 3)
FULL = replace(WELL, full="The disk is full: 3 of 900 MiB are free.")
COPIES = [
    Copy("node-1", "leader", "running", None),
    Copy("node-2", "replica", "streaming", 1 << 20),
    Copy("node-3", "quorum_standby", "streaming", 0),
]
EVERYBODY = {"node-1": FULL, "node-2": WELL, "node-3": WELL}


def test_the_lead_is_given_away_where_somebody_who_confirms_writes_has_room() -> None:
    assert room.has_heir(COPIES, EVERYBODY)


@pytest.mark.parametrize(
    ("copies", "beats"),
    [
        (COPIES, EVERYBODY | {"node-3": FULL}),
        (COPIES, {"node-1": FULL, "node-2": WELL}),
        ([*COPIES[:2], replace(COPIES[2], state="starting")], EVERYBODY),
        (COPIES[:2], EVERYBODY),
    ],
)
def test_nobody_takes_it_who_is_full_as_well_or_away_or_behind(
    copies: list[Copy], beats: dict[str, Beat]
) -> None:
    assert not room.has_heir(copies, beats)
