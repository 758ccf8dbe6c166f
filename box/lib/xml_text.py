"""What XML can say."""

from __future__ import annotations

import re

# XML 1.0 has no way to say these at all, not by their numbers either.
_UNSAYABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def sayable(text: str) -> str:
    """The text without what would make a document of it that nobody reads."""
    return _UNSAYABLE.sub("", text)
