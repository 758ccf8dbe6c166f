"""Who asked for which change, and when: `operations.log`, one JSON line each."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime

from appliance.agent.codec import encode
from appliance.agent.protocol import Acting, Operation
from appliance.paths import Paths

MAX_BYTES = 5 << 20


@dataclass(frozen=True)
class Asker:
    """Whoever asks: `by` is what the peer says, `uid` and `pid` are what the kernel says about the peer."""

    by: str
    acting: Acting
    uid: int
    pid: int

    @classmethod
    def here(cls) -> Asker:
        """The person in front of this terminal, behind sudo or not."""
        return cls(by=os.environ.get("SUDO_USER", "root"), acting="root", uid=os.geteuid(), pid=os.getpid())

    def __str__(self) -> str:
        return self.by or f"uid {self.uid}"


def note(paths: Paths, asker: Asker, what: str | Operation[object]) -> None:
    """Append one line. The log is bounded: what is older lies beside it as `operations.log.1`, or is gone."""
    line = {"at": datetime.now(UTC).isoformat(), **encode(asker)}
    if isinstance(what, str):
        line["operation"] = what
    else:
        line |= {"operation": type(what).__name__, "arguments": encode(what)}
    target = paths.log / "operations.log"
    descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, json.dumps(line, ensure_ascii=False).encode() + b"\n")
        if os.fstat(descriptor).st_size > MAX_BYTES:
            target.replace(target.with_name("operations.log.1"))
    finally:
        os.close(descriptor)
