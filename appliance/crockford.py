"""What is printed to be typed from paper: Crockford's base 32, in groups of five."""

from __future__ import annotations

import secrets

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No letter that is taken for a digit or for another letter on paper."""
GROUP = 5
_MISREAD = str.maketrans("OIL", "011")


def plain(text: str) -> str:
    """What was typed, without what is there for the eye, and with what is misread put right."""
    return "".join(text.upper().translate(_MISREAD).replace("-", " ").split())


def new_code(groups: int = 2) -> str:
    """A code to be typed once: 25 bits a group."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(groups))
