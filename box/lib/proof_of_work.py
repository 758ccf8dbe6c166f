"""Telling people from programs that write rubbish, where no account is asked for.

Against these without any service outside: a field that only programs fill in, so many seconds before an
answer may come back, and a small sum that a browser has to work out (proof of work): a number for which
SHA-256 of `CHALLENGE:NUMBER` begins with `BITS` zero bits. How many answers come from one network, a `Quota`
counts.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.core import signing

# Filled in by programs only: people do not see it.
TRAP = "website"
SOONEST = timedelta(seconds=3)
LATEST = timedelta(hours=12)
BITS = 16
_SALT = "proof-of-work"


class Suspicious(Exception):
    """It looks as if no person had sent this. Its text is for whoever wrote the program."""


def challenge_for(token: str) -> str:
    """Of this form, now, and like no other: two who open it in the same second answer for themselves. Signed,
    so that nothing is kept of it until it comes back."""
    return signing.dumps([token, secrets.token_urlsafe(9)], salt=_SALT)


def check_challenge(token: str, given: Mapping[str, Any]) -> str:
    """The key of the answer: of one challenge one is taken. Raises Suspicious."""
    challenge, work = str(given.get("challenge", ""))[:400], str(given.get("work", ""))[:40]
    if given.get(TRAP):
        raise Suspicious("The field “website” stays empty.")
    try:
        if signing.loads(challenge, salt=_SALT, max_age=LATEST)[0] != token:
            raise Suspicious("The challenge is another form's.")
    except signing.SignatureExpired:
        raise Suspicious("The challenge is too old: ask for a new one.") from None
    except signing.BadSignature:
        raise Suspicious("There is no such challenge: ask for one first.") from None
    try:
        signing.loads(challenge, salt=_SALT, max_age=SOONEST)
    except signing.SignatureExpired:
        pass
    else:
        raise Suspicious(f"Wait {SOONEST.seconds} seconds before you send it.")
    if not is_solved(challenge, work):
        raise Suspicious(f"SHA-256 of CHALLENGE:WORK begins with {BITS} zero bits.")
    return sha256(challenge.encode()).hexdigest()


def is_solved(challenge: str, work: str) -> bool:
    digest = sha256(f"{challenge}:{work}".encode()).digest()
    return int.from_bytes(digest[:4]) >> (32 - BITS) == 0
