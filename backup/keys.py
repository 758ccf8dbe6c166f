"""The recovery key, which people keep on paper, and the box's own key, which it opens.

The repository is encrypted with the master key, which lies on the box (root alone can read it), because
backups run unattended, and in every repository's key ring, sealed once for each holder of a recovery key.
So two people can hold different keys, and one key can be replaced without encrypting anything anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.crockford import ALPHABET, GROUP, plain

_GROUPS = 8
CONFIRMED = (2, 7)
"""The groups, counted from 1, that are typed back to show that the key was printed or written down."""


class KeyRefused(Exception):
    """What was typed is no recovery key, or not one of this repository's; the text says which and where."""


@dataclass(frozen=True)
class RecoveryKey:
    """160 bits, printed as eight groups of five: four symbols and one that checks them and their place."""

    value: bytes

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(20))

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what somebody typed; tells which group is mistyped."""
        typed = plain(text)
        if unknown := sorted(set(typed) - set(ALPHABET)):
            raise KeyRefused(f"A recovery key has no {', '.join(unknown)}.")
        if len(typed) != _GROUPS * GROUP:
            raise KeyRefused(
                f"A recovery key has {_GROUPS} groups of {GROUP}, which are "
                f"{_GROUPS * GROUP} letters and digits; these are {len(typed)}."
            )
        groups = [typed[at : at + GROUP] for at in range(0, len(typed), GROUP)]
        wrong = [n for n, group in enumerate(groups, 1) if _check(n, group[:-1]) != group[-1]]
        if wrong:
            numbers = ", ".join(map(str, wrong))
            raise KeyRefused(f"Group {numbers} is mistyped: compare it with the paper once more.")
        number = 0
        for symbol in "".join(group[:-1] for group in groups):
            number = number * 32 + ALPHABET.index(symbol)
        return cls(number.to_bytes(20))

    @property
    def groups(self) -> tuple[str, ...]:
        number = int.from_bytes(self.value)
        symbols = "".join(ALPHABET[number >> shift & 31] for shift in range(155, -1, -5))
        groups = [symbols[at : at + GROUP - 1] for at in range(0, len(symbols), GROUP - 1)]
        return tuple(group + _check(n, group) for n, group in enumerate(groups, 1))

    def __str__(self) -> str:
        return "-".join(self.groups)

    def __repr__(self) -> str:
        return "RecoveryKey(...)"  # so that no traceback and no log shows one

    @property
    def confirmation(self) -> str:
        """What is kept on the box to compare a confirmation with: it tells nothing of the other groups."""
        return confirmation_of(self.groups[n - 1] for n in CONFIRMED)

    def proofs(self) -> dict[tuple[int, ...], str]:
        """What is asked for later, two groups at a time, of those that confirming did not show yet."""
        left = [n for n in range(1, _GROUPS + 1) if n not in CONFIRMED]
        secrets.SystemRandom().shuffle(left)
        pairs = [(min(pair), max(pair)) for pair in zip(left[::2], left[1::2], strict=True)]
        return {(one, other): self.groups[one - 1] + self.groups[other - 1] for one, other in pairs}


def confirmation_of(typed: Sequence[str] | Any) -> str:
    """The note of two groups as they were typed back."""
    groups = "".join(plain(group) for group in typed)
    return hashlib.scrypt(groups.encode(), salt=b"korobka confirmation", n=1 << 14, r=8, p=1).hex()


def is_confirmed_by(typed: Sequence[str], note: str) -> bool:
    return hmac.compare_digest(confirmation_of(typed), note)


@dataclass(frozen=True)
class MasterKey:
    """32 bytes from which the passwords of the engines are derived."""

    value: bytes

    @classmethod
    def new(cls) -> Self:
        return cls(secrets.token_bytes(32))

    def password(self, purpose: str) -> str:
        """A password for one engine; none of them tells anything about another."""
        return base64.urlsafe_b64encode(derived(self.value, b"", f"korobka {purpose}")).decode()

    def __repr__(self) -> str:
        return "MasterKey(...)"


@dataclass(frozen=True)
class Sealed:
    """The master key, sealed for one holder. `id` tells holders apart; no name is in the repository."""

    id: str
    made_on: date
    salt: bytes
    box: bytes


@dataclass(frozen=True)
class KeyRing:
    """What lies unencrypted in a repository: the master key, sealed for each holder."""

    holders: tuple[Sealed, ...] = ()

    def with_holder(
        self, master: MasterKey, key: RecoveryKey, *, on: date, name: str = ""
    ) -> tuple[KeyRing, str]:
        """The ring with one holder more, and the new holder's id: `name`, or a new one."""
        name, salt = name or secrets.token_hex(4), secrets.token_bytes(16)
        box = ChaCha20Poly1305(derived(key.value, salt, "korobka recovery")).encrypt(
            NONCE, master.value, name.encode()
        )
        return KeyRing((*self.holders, Sealed(name, on, salt, box))), name

    def without(self, holder: str) -> KeyRing:
        """The ring that this holder's key does not open any more; the last one cannot be taken away."""
        left = tuple(one for one in self.holders if one.id != holder)
        if len(left) == len(self.holders):
            raise KeyRefused(f"There is no holder {holder}: `boxctl backup key list` names them.")
        if not left:
            raise KeyRefused("This is the last recovery key: add another one first.")
        return KeyRing(left)

    def of(self, holders: Collection[str]) -> KeyRing:
        """The ring that these alone open."""
        return KeyRing(tuple(one for one in self.holders if one.id in holders))

    def is_damaged_in(self, text: str) -> bool:
        """Whether what lies in a repository is not readable, or says of a holder another thing or none."""
        try:
            there = {one.id: one for one in KeyRing.parse(text).holders}
        except KeyRefused:
            return True
        return any(there.get(one.id) != one for one in self.holders)

    def open(self, key: RecoveryKey) -> MasterKey:
        """The master key, for whoever holds one of the recovery keys."""
        for one in self.holders:
            cipher = ChaCha20Poly1305(derived(key.value, one.salt, "korobka recovery"))
            try:
                return MasterKey(cipher.decrypt(NONCE, one.box, one.id.encode()))
            except InvalidTag:
                continue
        raise KeyRefused("This recovery key does not open this repository: it is another one's, or replaced.")

    def dump(self) -> str:
        """As it lies in the repository."""
        return json.dumps(
            {
                "format": 1,
                "holders": [
                    {
                        "id": one.id,
                        "made_on": one.made_on.isoformat(),
                        "salt": one.salt.hex(),
                        "sealed": one.box.hex(),
                    }
                    for one in self.holders
                ],
            },
            indent=1,
        )

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        try:
            entries = json.loads(text)["holders"]
            return cls(
                tuple(
                    Sealed(
                        str(entry["id"]),
                        date.fromisoformat(entry["made_on"]),
                        bytes.fromhex(entry["salt"]),
                        bytes.fromhex(entry["sealed"]),
                    )
                    for entry in entries
                )
            )
        except (ValueError, KeyError, TypeError):
            raise KeyRefused("The repository's keyring.json is damaged.") from None


# Each box is sealed under a key of its own, by its salt: a nonce is never used twice with one.
NONCE = bytes(12)


def derived(secret: bytes, salt: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt or None, info=purpose.encode()).derive(secret)


def _check(position: int, symbols: str) -> str:
    """A symbol that depends on the others and on where the group stands."""
    return ALPHABET[hashlib.sha256(f"{position} {symbols}".encode()).digest()[0] & 31]
