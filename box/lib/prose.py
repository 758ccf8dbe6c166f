"""Plain text of people, as it is shown."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

# Up to what certainly ends an address; what a sentence puts after it is given back.
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_AFTER = ".,;:!?»”’)]}"


def linked(text: str) -> Markup:
    """The text with its web addresses as links; everything else in it is text."""
    parts: list[Markup] = []
    end = 0
    for match in _ADDRESS.finditer(text):
        address = match[0].rstrip(_AFTER)
        # A bracket that the address itself opened belongs to it: /wiki/Box_(container)
        if address.count("(") > address.count(")") and match[0][len(address) :].startswith(")"):
            address += ")"
        parts += [escape(text[end : match.start()]), _link(address)]
        end = match.start() + len(address)
    return Markup("").join([*parts, escape(text[end:])])


def _link(address: str) -> Markup:
    return Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>').format(address)
