"""Secrets at rest: encrypted with the box's own key, so that a copy of the database does not tell them."""

from __future__ import annotations

import base64
from functools import cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class SealBroken(Exception):
    """It was sealed with another key, or changed since."""


def seal(text: str, key: str) -> str:
    return _cipher(key).encrypt(text.encode()).decode()


def unseal(sealed: str, key: str) -> str:
    """The text as it was sealed; nothing for nothing. Raises SealBroken."""
    if not sealed:
        return ""
    try:
        return _cipher(key).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealBroken(
            "A secret of the settings was sealed with the key of another box: write it anew in the settings."
        ) from None


@cache
def _cipher(key: str) -> Fernet:
    # The box's key is a text of any length, and serves other ends as well: this one gets a key of its own.
    derived = HKDF(SHA256(), length=32, salt=None, info=b"korobka sealing").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
