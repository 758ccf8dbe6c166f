"""Relays (TURN, RFC 8656) for phones in browsers outside the company's network: where they are, and
credentials for a while.

A relay such as coturn shares a secret with the box (`use-auth-secret`, `static-auth-secret`). A credential is
a name that begins with the moment until which it is good, and an HMAC of it (section 2.2 of
draft-uberti-behave-turn-rest-00), so that the box makes them and the relay checks them without asking.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LIVES = timedelta(hours=12)
"""As long as the longest call: a relay asks again whenever it prolongs what it gives."""
MOST = 8
_ADDRESS = re.compile(
    r"(?:stun|turns?):(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,45}\])(?::[0-9]{1,5})?(?:\?transport=(?:udp|tcp))?"
)
"""RFC 7064 and 7065."""


@dataclass(frozen=True)
class Relay:
    """One of a browser's `iceServers`. A STUN server alone has neither name nor password."""

    urls: Sequence[str]
    username: str = ""
    credential: str = ""


def is_address(text: str) -> bool:
    """Whether it is one like `turn:relay.example.com:3478?transport=udp`."""
    return _ADDRESS.fullmatch(text) is not None


def relays(addresses: Sequence[str], secret: str, *, user: str, now: datetime) -> list[Relay]:
    """For this user's browser. `user` is for the relay's log, and may be any word without a colon."""
    asked = list(addresses[:MOST])
    plain = [one for one in asked if one.startswith("stun:")]
    closed = [one for one in asked if not one.startswith("stun:")]
    found = [Relay(plain)] if plain else []
    if closed and secret:
        name = f"{int((now + LIVES).timestamp())}:{user}"
        # SHA-1 is what relays compute; as an HMAC it is sound.
        digest = hmac.digest(secret.encode(), name.encode(), hashlib.sha1)
        found.append(Relay(closed, name, base64.b64encode(digest).decode()))
    return found
