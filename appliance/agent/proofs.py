"""What the portal must bring to what gives secrets away or takes work away: a proof that it has not itself.

A proof is two groups of five, whichever it is: the code that the installer has shown, for the first target;
a code for exactly one thing, which `boxctl backup code` shows to root beside what it is for; or two groups
of somebody's recovery key, which are asked for once and never again. Root proves itself by being root.

All of it is one file, root's alone, that no backup holds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from appliance.agent import operations_log
from appliance.agent.codec import Malformed, decode, encode
from appliance.agent.operations_log import Asker
from appliance.agent.protocol import AddBackupTarget, Operation
from appliance.backup_file import holders, is_set_up
from appliance.crockford import ALPHABET, GROUP, new_code, plain
from appliance.files import locked, write_atomically
from appliance.paths import Paths

SYMBOLS = 2 * GROUP
LONGEST, LONGEST_SUBJECT = 100, 1000
WRONG_IN_A_ROW = 5
SHUT_FOR = timedelta(minutes=15)
CODE_LASTS = timedelta(hours=1)
WORDS_LAST = timedelta(minutes=15)
"""From when they were right for the first time: what was asked with them may be refused, and asked again."""
MOST_WANTED = 8


class Unproven(Exception):
    """No proof, or a wrong one; the text names the cure."""


class ProofsShut(Unproven):
    """Too many wrong ones: nothing is looked at for a while."""


@dataclass(frozen=True)
class Words:
    """Two groups of a recovery key, as a note that tells nothing of them."""

    holder: str
    """The holder's id."""
    groups: tuple[int, ...]
    """Counted from 1."""
    salt: str
    note: str = field(repr=False)
    until: datetime | None = None
    """When they are done with; None: they were never typed."""
    is_spent: bool = False


@dataclass(frozen=True)
class Wanted:
    """Something that was asked for without a proof, and the code for exactly that."""

    subject: str
    by: str
    at: datetime
    code: str = field(repr=False)
    is_spent: bool = False


@dataclass(frozen=True)
class Proofs:
    """All of the file."""

    first_code: str = field(default="", repr=False)
    """For the first target; empty once it was used."""
    words: tuple[Words, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    wrong: int = 0
    """In a row."""
    wrong_at: datetime | None = None

    def at(self, now: datetime) -> Proofs:
        """Without what is done with."""
        is_over = self.wrong_at is not None and abs(now - self.wrong_at) >= SHUT_FOR
        return replace(
            self,
            words=tuple(one for one in self.words if one.until is None or now < one.until),
            wanted=tuple(one for one in self.wanted if abs(now - one.at) < CODE_LASTS),
            wrong=0 if is_over else self.wrong,
            wrong_at=None if is_over else self.wrong_at,
        )

    @property
    def is_shut(self) -> bool:
        return self.wrong >= WRONG_IN_A_ROW

    def asked_of(self, holder: str) -> Words | None:
        """Those that are asked for next. One after the other, so that nobody chooses which."""
        return next((one for one in self.words if one.holder == holder and not one.is_spent), None)


type _Found = Words | Wanted | str


@contextmanager
def proven(paths: Paths, operation: Operation[Any], asker: Asker, proof: str) -> Iterator[None]:
    """The operation is performed in the block. Raises `Unproven` before it.

    The proof is spent before anything is done, and given back where nothing was; killed in between, it is
    gone.
    """
    if not operation.needs_proof or asker.acting == "root":
        yield
        return
    found = _spend(paths, operation, asker, proof)
    try:
        yield
    except BaseException:
        _give_back(paths, found)
        raise


def _spend(paths: Paths, operation: Operation[Any], asker: Asker, proof: str) -> _Found:
    subject = operation.subject
    if len(proof) > LONGEST or len(subject) > LONGEST_SUBJECT:
        raise Unproven("That is longer than it can be: shorten it.")
    typed, now = plain(proof), datetime.now(UTC)
    with _changing(paths) as file:
        known = file.read().at(now)
        if known.is_shut:
            raise ProofsShut(
                f"{known.wrong} wrong proofs were given: none is looked at for {SHUT_FOR.seconds // 60} "
                f"minutes. `sudo boxctl backup code` on the machine ends that at once."
            )
        # What cannot be one, tells nothing of what is one.
        if is_counted := len(typed) == SYMBOLS and not set(typed) - set(ALPHABET):
            # Noted before it is looked at: who is killed for it has tried all the same.
            file.write(replace(known, wrong=known.wrong + 1, wrong_at=now))
        found = _found(known, operation, subject, typed, paths) if is_counted else None
        if found is None:
            known = replace(
                known, wrong=known.wrong + is_counted, wrong_at=now if is_counted else known.wrong_at
            )
            file.write(_with_wanted(known, Wanted(subject, str(asker), now, new_code())))
            if is_counted:
                operations_log.note(paths, asker, f"wrong proof to {subject}")
            raise Unproven(_cure(known, operation, paths, is_given=bool(typed)))
        file.write(_spent(replace(known, wrong=0, wrong_at=None), found, now))
    return found


def _found(known: Proofs, operation: Operation[Any], subject: str, typed: str, paths: Paths) -> _Found | None:
    """What was typed. All are compared, whichever it is."""
    right: list[_Found] = []
    if is_first(paths, operation) and known.first_code and _same(typed, plain(known.first_code)):
        right.append(known.first_code)
    for wanted in known.wanted:
        if wanted.subject == subject and not wanted.is_spent and _same(typed, plain(wanted.code)):
            right.append(wanted)
    for holder in holders(paths):
        words = known.asked_of(holder)
        if words is not None and _same(_note(typed, words.salt), words.note):
            right.append(words)
    return right[0] if right else None


def _spent(known: Proofs, found: _Found, now: datetime) -> Proofs:
    match found:
        case Words():
            spent = replace(found, is_spent=True, until=found.until or now + WORDS_LAST)
            return replace(known, words=tuple(spent if one == found else one for one in known.words))
        case Wanted():
            return replace(
                known,
                wanted=tuple(replace(one, is_spent=True) if one == found else one for one in known.wanted),
            )
        case _:
            return replace(known, first_code="")


def _give_back(paths: Paths, found: _Found) -> None:
    with _changing(paths) as file:
        known = file.read()
        match found:
            case Words():
                same = (found.holder, found.groups)
                known = replace(
                    known,
                    words=tuple(
                        replace(one, is_spent=False) if (one.holder, one.groups) == same else one
                        for one in known.words
                    ),
                )
            case Wanted():
                known = replace(
                    known, wanted=tuple(found if one.code == found.code else one for one in known.wanted)
                )
            case _:
                known = replace(known, first_code=known.first_code or found)
        file.write(known)


def _with_wanted(known: Proofs, wanted: Wanted) -> Proofs:
    """With its code, unless there is one for the same; of many, the latest."""
    if any(one.subject == wanted.subject and not one.is_spent for one in known.wanted):
        return known
    return replace(known, wanted=(*known.wanted, wanted)[-MOST_WANTED:])


def _cure(known: Proofs, operation: Operation[Any], paths: Paths, *, is_given: bool) -> str:
    begin = "That proves nothing." if is_given else "A proof is needed."
    if is_first(paths, operation):
        return (
            f"{begin} Type the code that the installer has shown: `sudo boxctl backup code` shows it again."
        )
    asked = [
        f"groups {words.groups[0]} and {words.groups[1]} of the recovery key of {name}"
        for holder, name in holders(paths).items()
        if (words := known.asked_of(holder))
    ]
    code = "the code for exactly this, which `sudo boxctl backup code` shows on the machine"
    return f"{begin} Type {', or '.join([*asked, code])}."


# --- what others do with it


def first_code(paths: Paths) -> str:
    """The code for the first target, made where there is none."""
    with _changing(paths) as file:
        known = file.read()
        if not known.first_code:
            known = replace(known, first_code=new_code())
            file.write(known)
        return known.first_code


def wanted(paths: Paths) -> tuple[Wanted, ...]:
    """What waits for a proof, with its codes: for root's eyes."""
    with _changing(paths) as file:
        return tuple(one for one in file.read().at(datetime.now(UTC)).wanted if not one.is_spent)


def open_again(paths: Paths) -> int:
    """Proofs are looked at again, whatever was typed. How many were wrong in a row."""
    with _changing(paths) as file:
        known = file.read().at(datetime.now(UTC))
        if known.wrong:
            file.write(replace(known, wrong=0, wrong_at=None))
        return known.wrong


def admit(paths: Paths, holder: str, words: Mapping[tuple[int, ...], str]) -> None:
    """These groups of a new key, as they are printed, prove something from now on, each once."""
    noted = []
    for groups, text in words.items():
        salt = secrets.token_hex(16)
        noted.append(Words(holder, groups, salt, _note(plain(text), salt)))
    there = holders(paths)
    with _changing(paths) as file:
        known = file.read()
        left = [one for one in known.words if one.holder in there and one.holder != holder]
        file.write(replace(known, words=(*left, *noted)))


def asked(paths: Paths) -> dict[str, tuple[int, ...]]:
    """By the name of a holder the groups of their key that are asked for next."""
    with _changing(paths) as file:
        known = file.read().at(datetime.now(UTC))
    return {
        name: words.groups for holder, name in holders(paths).items() if (words := known.asked_of(holder))
    }


def is_first(paths: Paths, operation: Operation[Any]) -> bool:
    """Whether backups are set up with it: then nobody has a key yet."""
    return isinstance(operation, AddBackupTarget) and not is_set_up(paths)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _note(typed: str, salt: str) -> str:
    return hashlib.scrypt(typed.encode(), salt=bytes.fromhex(salt), n=1 << 14, r=8, p=1).hex()


@dataclass(frozen=True)
class _File:
    paths: Paths

    def read(self) -> Proofs:
        try:
            text = (self.paths.operations / "proofs.json").read_text(encoding="utf-8")
            return decode(Proofs, json.loads(text), place="proofs.json")
        except FileNotFoundError:
            return Proofs()
        except (Malformed, ValueError):
            # Nobody can prove anything with it: root goes on, and new codes are made.
            return Proofs()

    def write(self, known: Proofs) -> None:
        text = json.dumps(encode(known), indent=1) + "\n"
        write_atomically(self.paths.operations / "proofs.json", text, mode=0o600)


@contextmanager
def _changing(paths: Paths) -> Iterator[_File]:
    """Between the look and the note nobody else tries."""
    with locked(paths.operations / "proofs.lock"):
        yield _File(paths)
