"""By what an entry is known however it is called: links are written by it, and found again at sign-in."""

from __future__ import annotations

import uuid


def is_guid(attribute: str) -> bool:
    """Whether its values are 16 bytes, and no text."""
    return attribute.lower() == "objectguid"


def of(attribute: str, raw: bytes) -> str:
    """The value of this attribute as links have it; empty where it is none."""
    if is_guid(attribute):
        # Its first three parts are little-endian (MS-DTYP 2.3.4.2).
        return str(uuid.UUID(bytes_le=raw)) if len(raw) == 16 else ""
    # Directories take a zero byte in a text, and PostgreSQL none.
    return raw.decode(errors="replace").replace("\0", "").lower()
