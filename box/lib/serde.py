"""What lies in the cache is JSON: never pickle, which whoever can write to the cache could make run code."""

from __future__ import annotations

import json
from typing import Any


class JsonSerde:
    """pymemcache's serialiser interface: bytes and flags out, bytes and flags in."""

    def serialize(self, key: str, value: Any) -> tuple[bytes, int]:
        return json.dumps(value, separators=(",", ":")).encode(), 1

    def deserialize(self, key: str, value: bytes, flags: int) -> Any:
        return json.loads(value)
