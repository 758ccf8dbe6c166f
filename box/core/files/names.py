"""What a file may be called, and how its name travels in a header.

A name is kept as its owner gave it. Only where it becomes the name of a file on somebody's disk again is it
made harmless.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

MAX_LENGTH = 255

# Neither UTF-8 nor PostgreSQL can hold these.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# Separators, and what Windows forbids in names.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
# Device names of Windows, whatever follows their first dot.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\.|$)", re.IGNORECASE)


def storable(name: str) -> str:
    """The name with a replacement character for each that no database can hold."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", name)


def harmless(name: str) -> str:
    """The name for somebody's disk: one path segment, without what hides, reorders or has a meaning there.

    Control and format characters go: a right-to-left override makes `gpj.exe` read as `exe.jpg`.
    """
    visible = "".join(" " if c.isspace() else c for c in storable(name) if c.isspace() or not _is_hidden(c))
    plain = _FORBIDDEN.sub("_", visible).strip(" .")
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    return plain or "file"


def _is_hidden(character: str) -> bool:
    # Emoji and Persian words are joined and parted by these two, which hide nothing.
    return unicodedata.category(character) in ("Cc", "Cf") and character not in "\u200c\u200d"


def content_disposition(kind: str, name: str) -> str:
    """The header of RFC 6266: an ASCII name for old clients, the whole one by RFC 5987 for all others."""
    safe = harmless(name)
    letters = (c for c in unicodedata.normalize("NFKD", safe) if not unicodedata.combining(c))
    ascii_name = "".join(letters).encode("ascii", "replace").decode()
    # A quote or a backslash would end the string, and some clients decode a percent sign in it.
    plain = re.sub(r"[^\w !#$&'()+,.;=@\[\]^`{}~-]", "_", ascii_name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='!#$&+^`|')}"
