"""A blob, as the portal's database knows it."""

from __future__ import annotations

from typing import NamedTuple


class Blob(NamedTuple):
    """What the portal knows of a blob. The hash is empty until the portal has looked at it."""

    key: str
    size: int
    sha256: str
