"""What was last decided about the number of web workers here, kept over restarts of agent and machine."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from appliance.agent.answers import WorkersDecision
from appliance.agent.codec import Malformed, decode, encode
from appliance.files import write_atomically
from appliance.paths import Paths


def file_of(paths: Paths) -> Path:
    return paths.operations / "web-workers.json"


def last_decision(paths: Paths) -> WorkersDecision | None:
    """None before the first one, and where it cannot be read: then as many run as there may be."""
    with suppress(OSError, ValueError, Malformed):
        return decode(WorkersDecision, json.loads(file_of(paths).read_bytes()))
    return None


def remember(paths: Paths, decision: WorkersDecision) -> None:
    """It holds from now on."""
    write_atomically(file_of(paths), json.dumps(encode(decision), indent=1) + "\n", mode=0o600)
