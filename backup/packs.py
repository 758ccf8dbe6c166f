"""Small blobs in packs: which there are, how they are written, read and thinned out.

A pack is written as a stream and never again; with its index, which comes last, it exists. So what a kill
leaves is a pack without an index: it is read through, and gets one if it is whole, or goes. What leaves a
pack leaves a hole, and what stays of it is packed anew once that is less than a half. What is found damaged
in a pack and is copied anew lies elsewhere from then on, and is looked for there first.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appliance import as_owner, users
from appliance.runner import CommandFailed
from backup.blob import Blob
from backup.ledger import Ledger, ledger_of
from backup.pack_format import (
    GATHERED,
    INDEX,
    LARGEST_INDEX,
    SMALL,
    Entry,
    Index,
    NotAPack,
    grouped,
    made_at,
    new_name,
    read_index,
    to_be_packed_anew,
)
from backup.pack_job import Part
from backup.rclone import PACKS, Moved, Vault


@dataclass(frozen=True)
class Packed:
    """What came of blobs that were to go into packs."""

    arrived: dict[str, int] = field(default_factory=dict)
    """With the sizes that the portal's store has of them."""
    missing: set[str] = field(default_factory=set)
    """The portal's store does not have them."""


def add(
    vault: Vault, ledger: Ledger, wanted: Iterable[Blob], heard: Callable[[Moved], None] = lambda _: None
) -> Packed:
    """Pack those of these blobs of the portal's store that are small, where they are many. The ledger's lock
    must be held."""
    known = {blob.key: blob for blob in wanted}
    groups = grouped({key: blob.size for key, blob in known.items()})
    if not groups:
        return Packed()
    parts = [Part("pack", _new_name(), blobs=[(key, known[key].sha256) for key in keys]) for keys in groups]
    done, total = Packed(), sum(known[key].size for keys in groups for key in keys)
    for answer in vault.engine(parts, lambda moved: heard(Moved(moved, total, 0))):
        done.missing.update(answer["missing"])
        if index := _index_in(answer):
            _complete(vault, ledger, answer["part"], index)
            done.arrived.update((entry.key, entry.size) for entry in index.entries)
    return done


def _complete(vault: Vault, ledger: Ledger, name: str, index: Index) -> None:
    """Let a pack exist that has been written."""
    vault.sync()
    _write_index(vault, name, index)
    ledger.add_pack(name, index, datetime.now(UTC))


def _write_index(vault: Vault, name: str, index: Index) -> None:
    vault.write(f"{PACKS}/{name}{INDEX}", "".join(index.lines(name)))


def _index_in(answer: Mapping[str, Any]) -> Index | None:
    """What the engine has written or read, which runs as another user, and saw what lies at the target."""
    if answer["index"] is None:
        return None
    size, digest, entries = answer["index"]
    with suppress(NotAPack):
        return Index(size, digest, tuple(Entry(*one) for one in entries)).checked(answer["part"])
    return None


def _new_name() -> str:
    return new_name(datetime.now(UTC), secrets.token_hex(4))


# --- which there are


@contextmanager
def known(vault: Vault) -> Iterator[Ledger]:
    """The ledger of a repository, which knows its packs: for whoever reads."""
    with ledger_of(vault.node, vault.target) as ledger:
        with ledger.alone(is_patient=False) as is_mine:
            _learn(vault, ledger, may_scan=is_mine, may_write=False)
        yield ledger


def learn(vault: Vault, ledger: Ledger) -> None:
    """Learn from the repository which packs there are, and end what was begun there by somebody killed."""
    with ledger.alone():
        _learn(vault, ledger, may_scan=True, may_write=True)
        ledger.write(packs="known")


def learn_once(vault: Vault, ledger: Ledger) -> None:
    """The same for a ledger that was begun anew: what lies in packs would all be packed once more."""
    if not ledger.note("packs"):
        vault.require()
        learn(vault, ledger)


def _learn(vault: Vault, ledger: Ledger, *, may_scan: bool, may_write: bool) -> None:
    there = vault.packs()
    packs = {name for name in there if made_at(name)}
    indexed = {name.removesuffix(INDEX) for name in there if name.endswith(INDEX)}
    readable = {name for name in packs & indexed if there[f"{name}{INDEX}"] <= LARGEST_INDEX}
    before = {one.name for one in ledger.packs()}
    if before - packs:
        # Where nothing is, nothing has gone: the disk may not be mounted.
        vault.require()
    for name in before - packs:
        ledger.forget_pack(name)
    found, left = _indexes(vault, readable - before), packs - indexed - before
    unreadable = (packs & indexed) - before - found.keys()
    if may_scan and (left or unreadable):
        found |= _scanned(vault, left | unreadable)
    # The newest first: what was packed anew, or copied anew, lies there.
    for name, index in sorted(found.items(), reverse=True):
        ledger.add_pack(name, index, made_at(name) or datetime.now(UTC), is_news=False)
    if may_write:
        for name in (before & packs) - indexed:
            _write_index(vault, name, ledger.index_of(name))
        for name in (left | unreadable) & found.keys():
            _write_index(vault, name, found[name])
        _remove(vault, left - found.keys())
        vault.forget([f"{name}{INDEX}" for name in indexed - packs], PACKS)


def _indexes(vault: Vault, names: set[str]) -> dict[str, Index]:
    """Of the packs of these names, as far as they can be read."""
    if not names:
        return {}
    found, owner = dict[str, Index](), users.account(users.DATABASE)
    tmp = vault.node.data("backup") / "tmp"
    folder = tmp / secrets.token_hex(8)
    as_owner.make_folder(folder, owner)
    try:
        # One that is damaged costs itself alone.
        with suppress(CommandFailed):
            vault.fetch([f"{name}{INDEX}" for name in sorted(names)], folder, PACKS)
        for name in sorted(names):
            with (
                suppress(FileNotFoundError, NotAPack, UnicodeDecodeError),
                as_owner.reading(folder / f"{name}{INDEX}", within=tmp) as file,
            ):
                found[name] = read_index((line.decode() for line in file), name)
    finally:
        as_owner.remove(folder, owner)
    return found


def _scanned(vault: Vault, names: set[str]) -> dict[str, Index]:
    found = dict[str, Index]()
    for name in sorted(names):
        try:
            (answer,) = vault.engine([Part("scan", name)])
        except CommandFailed:
            # With the target away nothing can be read: no damage, and no reason to remove anything.
            vault.require()
            continue
        if index := _index_in(answer):
            found[name] = index
    return found


def _remove(vault: Vault, names: Iterable[str]) -> None:
    """The index goes first: without it there is no pack."""
    gone = sorted(names)
    if gone:
        vault.forget([f"{name}{INDEX}" for name in gone], PACKS)
        vault.forget(gone, PACKS)


# --- out of packs, and else by themselves


def sizes(vault: Vault, ledger: Ledger, keys: Iterable[str]) -> dict[str, int]:
    """Which of these blobs are there, with the sizes they have decrypted."""
    wanted, there = [*keys], {one.name: one.size for one in ledger.packs()}
    found = {
        entry.key: entry.size
        for pack, entries in ledger.places(wanted).items()
        for entry in entries
        if entry.end <= there.get(pack, 0)
    }
    single = [key for key in wanted if key not in found]
    return found | (vault.sizes(single) if single else {})


def hashes(vault: Vault, ledger: Ledger, keys: Iterable[str]) -> dict[str, str]:
    """SHA-256 of these blobs, read and decrypted in full; one that cannot be is not among them."""
    wanted = [*keys]
    places = ledger.places(wanted)
    known_as = {entry.key: entry.sha256 for entries in places.values() for entry in entries}
    # What was read is what its index says of it.
    found = {key: known_as[key] for key in _out_of(vault, places, "read")}
    single = [key for key in wanted if key not in found]
    return found | (vault.hashes(single) if single else {})


def fetch(vault: Vault, ledger: Ledger, keys: Iterable[str], into: Path) -> None:
    """Copy blobs from the repository into a folder of the engines' user."""
    wanted = [*keys]
    done = _out_of(vault, ledger.places(wanted), "fetch", folder=str(into))
    if single := [key for key in wanted if key not in done]:
        vault.fetch(single, into)


def give_back(
    vault: Vault,
    ledger: Ledger,
    sizes: Mapping[str, int],
    heard: Callable[[Moved], None],
    *,
    hashes: Mapping[str, str],
) -> set[str]:
    """Copy blobs from the repository into the portal's store; those that have surely arrived.

    `hashes` are what the portal knows of some of them: other bytes are not given to it under their keys.
    """
    total = sum(sizes.values())
    places = {
        pack: [one for one in entries if hashes.get(one.key, one.sha256) == one.sha256]
        for pack, entries in ledger.places(sizes).items()
    }
    done = _out_of(vault, places, "give", heard=lambda moved: heard(Moved(moved, total, 0)))
    if single := [key for key in sizes if key not in done]:
        vault.give_back(single, heard)
    return done


def _out_of(
    vault: Vault,
    places: Mapping[str, list[Entry]],
    do: str,
    *,
    folder: str = "",
    heard: Callable[[int], None] = lambda _: None,
) -> set[str]:
    """Read these, and do so with them; the keys of those that could be."""
    if not places:
        return set()
    parts = [Part(do, pack, entries=places[pack], folder=folder) for pack in sorted(places)]
    return {key for answer in vault.engine(parts, heard) for key in answer["done"]}


# --- what goes


def forget(vault: Vault, ledger: Ledger, keys: Iterable[str]) -> None:
    """Take blobs out of the repository: those of packs leave holes. The ledger's lock must be held."""
    gone = {*keys}
    packed = {entry.key for entries in ledger.places(gone).values() for entry in entries}
    # Forgotten first: a blob that the ledger does not know is copied again where it is needed.
    ledger.remove(gone)
    if single := sorted(gone - packed):
        vault.forget(single)
    compact(vault, ledger)


def compact(vault: Vault, ledger: Ledger) -> None:
    """Remove packs of which nothing is left, and pack anew what stays of those with more holes than blobs."""
    target, damaged = vault.target, ledger.damaged()
    holed = to_be_packed_anew(
        ledger.packs(),
        locked_since=target.locked_since(datetime.now(UTC)),
        is_renewed=bool(target.locked_days) and target.renews_locks,
    )
    place: dict[str, tuple[str, Entry]] = {}
    for pack in holed:
        entries = ledger.entries(pack)
        # What nobody can read stays where it is, to be healed.
        if not any(entry.key in damaged for entry in entries):
            place |= {entry.key: (pack, entry) for entry in entries}
    for keys in grouped({key: entry.size for key, (_, entry) in place.items()}, fewest=1):
        sources: dict[str, list[Entry]] = {}
        for key in keys:
            pack, entry = place[key]
            sources.setdefault(pack, []).append(entry)
        (answer,) = vault.engine([Part("repack", _new_name(), sources=[*sources.items()])])
        moved = _index_in(answer)
        if moved:
            _complete(vault, ledger, answer["part"], moved)
        if lost := {*keys} - {entry.key for entry in (moved.entries if moved else ())}:
            # With the target away nothing can be read, which is no damage.
            vault.require()
            ledger.found(damaged=lost)
    empty = [one.name for one in ledger.packs() if not one.live]
    for name in empty:
        ledger.forget_pack(name)
    _remove(vault, empty)


def gather(vault: Vault, ledger: Ledger, listed: Mapping[str, Blob], *, fewest: int = GATHERED) -> None:
    """Pack what is small and came one by one, as far as the portal's store still has it, where it is much."""
    if vault.target.locked_days:
        # What lies there by itself would stay there all the same.
        return
    with ledger.alone():
        single, damaged = ledger.single(), ledger.damaged()
        wanted = [
            blob._replace(size=size)
            for key, blob in listed.items()
            if (size := single.get(key, SMALL)) < SMALL and key not in damaged
        ]
        if len(wanted) < fewest:
            return
        if done := add(vault, ledger, wanted).arrived:
            vault.forget(sorted(done))
