"""Files that a restore has yet to bring back: the box is open again, and the older ones follow.

What is to come is noted in the portal's own database, so that it is of the box that was brought back: with a
restore that is taken back the note goes, too, and the next one writes its own. Which files those are the
portal's store says, and nothing else: killed anywhere, it is compared once more. The service of backups
(`serve`) brings them, the newest first, and before these what people ask for.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import batched

import psycopg
from psycopg.sql import Literal

from appliance.agent.codec import Malformed, decode, encode
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.database.names import APPLICATION
from appliance.services.database.setup import query
from backup import blobs, packs
from backup.blob import Blob
from backup.blobs import Live
from backup.ledger import ledger_of
from backup.pack_format import MOST
from backup.progress import duration, size
from backup.rclone import Moved, Vault
from backup.settings import BackupRefused, Settings

log = logging.getLogger("backup")

NEWEST, NEWEST_BYTES = 2000, 2 << 30
"""So many files, and no more bytes, are there when the box opens."""
CHANNEL = "files_wanted"
"""On which the portal says a blob's key that somebody waits for: see `box.core.files.recall`."""
MOST_WANTED = 100
"""Keys that are looked for at once; who asked for more of them asks again."""
_KEY = "files.to_come"
_TOLD_SECONDS = 5.0


@dataclass(frozen=True)
class ToCome:
    """What of a restore is still to come, as the portal's database has it."""

    target: str
    """What it was brought back from; the others are tried too."""
    until: int
    """The highest id of a blob that may be missing. 0: all were tried."""
    files: int
    bytes: int
    left: int
    left_bytes: int
    since: datetime
    problem: str = ""
    """Why nothing comes at the moment."""
    lost: int = 0
    """Files that nobody has. Known when all were tried, not before."""

    def __str__(self) -> str:
        if not self.until:
            return f"{self.lost} files of the restore are missing: nobody has them."
        words = f"{self.left} of {self.files} files ({size(self.left_bytes)}) are still to come"
        done = self.files - self.left
        if self.problem:
            return f"{words}. {self.problem}"
        if done:
            seconds = (datetime.now(UTC) - self.since).total_seconds() * self.left / done
            return f"{words}, in about {duration(seconds)}"
        return words


# --- the note


def noted(node: Node) -> ToCome | None:
    """What is to come, or what is missing for good since the last restore; None: nothing."""
    asked = f"select value from public.registry_storedsetting where key = '{_KEY}'"  # noqa: S608
    text = query(node, asked, role=APPLICATION)
    if not text:
        return None
    try:
        return decode(ToCome, json.loads(text), place=_KEY)
    except (Malformed, ValueError):
        # The row of a version to come: what the store lacks is looked for once more.
        return ToCome("", 2**62, 0, 0, 0, 0, datetime.now(UTC))


def under_way(node: Node) -> ToCome | None:
    """What is to come; None: nothing."""
    note = noted(node)
    return note if note and note.until else None


def _note(node: Node, what: ToCome | None, *, is_progress: bool = False) -> None:
    """Note it. The portal's processes read it anew, but for mere progress."""
    statements = [f"delete from public.registry_storedsetting where key = '{_KEY}'"]  # noqa: S608
    if what is not None:
        value = Literal(json.dumps(encode(what))).as_string(None)
        statements = [
            "insert into public.registry_storedsetting (key, value, changed_at)"  # noqa: S608
            f" values ('{_KEY}', {value}, now())"
            " on conflict (key) do update set value = excluded.value, changed_at = excluded.changed_at"
        ]
    if not is_progress:
        statements.append(
            "insert into public.registry_settingsversion as v (id, number) values (1, 1)"
            " on conflict (id) do update set number = v.number + 1"
        )
    query(node, "begin; " + "; ".join((*statements, "commit;")), role=APPLICATION)


# --- opening


@dataclass(frozen=True)
class Begun:
    """How it is when the box may open."""

    count: int
    """Files that were brought back."""
    missing: list[Blob]
    """Files that nobody has."""
    to_come: ToCome | None


def begin(
    node: Node, vault: Vault, heard: Callable[[Moved], None] = lambda _: None, *, is_early: bool = True
) -> Begun:
    """Bring back what people look for first, and note the rest; without `is_early` bring back all.

    What nobody has even under its name is missing from the beginning. What is damaged is found as it comes.
    """
    with blobs.reading(node) as connection:
        listed = newest(connection)
        first = _first(listed) if is_early else listed
        count, missing = blobs.bring_back(vault, first, heard)
        left = blobs.bring_back_from_any(vault.others, missing)
        count += len(missing) - len(left)
        found = _look(vault, listed)
        if not found.files:
            _note(node, None)
            return Begun(count, left + found.nowhere, None)
        row = connection.execute("select max(id) from files_blob").fetchone()
    note = ToCome(
        vault.target.name, row[0] if row else 0,
        found.files, found.bytes, found.files, found.bytes, datetime.now(UTC),
    )  # fmt: skip
    _note(node, note)
    return Begun(count, left + found.nowhere, note)


def newest(connection: psycopg.Connection, until: int = 2**62) -> Iterator[Blob]:
    """Every blob up to an id, the newest first, in pages: no transaction lasts."""
    while rows := connection.execute(
        "select id, key, size, sha256 from files_blob where id <= %s order by id desc limit %s",
        (until, MOST),
    ).fetchall():
        yield from (Blob(key, length, digest) for _, key, length, digest in rows)
        until = rows[-1][0] - 1


def _first(listed: Iterator[Blob]) -> Iterator[Blob]:
    """Those that are to be there when the box opens; `listed` goes on behind them."""
    count = filled = 0
    while count < NEWEST and filled < NEWEST_BYTES and (one := next(listed, None)):
        yield one
        count, filled = count + 1, filled + one.size


@dataclass
class _Looked:
    files: int = 0
    bytes: int = 0
    nowhere: list[Blob] = field(default_factory=list)


def _look(vault: Vault, listed: Iterable[Blob]) -> _Looked:
    """Which of these the portal's store lacks, and which of those no repository has either."""
    found = _Looked()
    with packs.known(vault) as ledger, Live(vault) as live:
        for absent in _absent(live, listed):
            held = packs.sizes(vault, ledger, [one.key for one in absent])
            nowhere = [one for one in absent if held.get(one.key) != one.size]
            found.files += len(absent) - len(nowhere)
            found.bytes += sum(one.size for one in absent) - sum(one.size for one in nowhere)
            found.nowhere += nowhere
    for other in vault.others:
        # One that is away may have them: they are not given up.
        there = _sizes_at(other, found.nowhere)
        kept = {one.key: one for one in found.nowhere if there is None or there.get(one.key) == one.size}
        found.files += len(kept)
        found.bytes += sum(one.size for one in kept.values())
        found.nowhere = [one for one in found.nowhere if one.key not in kept]
    return found


def _sizes_at(other: Vault, wanted: Sequence[Blob]) -> dict[str, int] | None:
    if not wanted:
        return {}
    with suppress(BackupRefused, CommandFailed):
        other.require()
        with packs.known(other) as ledger:
            return packs.sizes(other, ledger, [one.key for one in wanted])
    return None


def _absent(live: Live, listed: Iterable[Blob]) -> Iterator[list[Blob]]:
    """Those of these that the portal's store lacks, some at a time."""
    for page in batched(listed, MOST, strict=False):
        there = live.sizes([one.key for one in page])
        if absent := [one for one in page if there.get(one.key) != one.size]:
            yield absent


# --- afterwards


def bring_rest(node: Node, chosen: Settings) -> None:
    """Bring what is to come, until all of it was tried. Raises where the target is away: it is noted, and it
    is to be begun again then."""
    note = under_way(node)
    if note is None:
        return
    first, *others = _vaults(node, chosen, note.target)
    try:
        with _wanted_first(node, [first, *others], note.until):
            missing = _bring(node, first, note)
            away = [one for one in others if missing and not _is_there(one)]
            missing = blobs.bring_back_from_any(others, missing)
    except (BackupRefused, CommandFailed, OSError, TimeoutError) as error:
        _note(node, replace(under_way(node) or note, problem=str(error)), is_progress=True)
        raise
    if missing and away:
        names = ", ".join(one.target.name for one in away)
        problem = f"{names} cannot be reached, and may have them. If it is gone for good, remove the target."
        left = sum(one.size for one in missing)
        _note(node, replace(note, left=len(missing), left_bytes=left, problem=problem), is_progress=True)
        return
    for target in chosen.targets:
        # What this one lacked while it was still to come is copied now.
        with ledger_of(node, target) as ledger:
            ledger.write(mark=0, waiting="")
    log.info("The restore has come to its end; %d files are missing, which nobody has.", len(missing))
    over = replace(note, until=0, left=0, left_bytes=0, lost=len(missing), problem="")
    _note(node, over if missing else None)


def _vaults(node: Node, chosen: Settings, name: str) -> list[Vault]:
    """The target's first. It may have gone since, as an older key's does."""
    first = min((*chosen.targets, *chosen.closed), key=lambda one: one.name != name)
    vault = Vault(node, chosen, first)
    return [vault, *vault.others]


def _is_there(vault: Vault) -> bool:
    try:
        vault.require()
    except (BackupRefused, CommandFailed):
        return False
    return True


def _bring(node: Node, vault: Vault, note: ToCome) -> list[Blob]:
    """Bring all that is lacking from one repository; those that are not whole there."""
    vault.require()
    missing, told = list[Blob](), time.monotonic()
    with blobs.reading(node) as connection:
        with Live(vault) as live:
            pages = [
                (len(page), sum(one.size for one in page))
                for page in _absent(live, newest(connection, note.until))
            ]
        left, left_bytes = (sum(column) for column in zip((0, 0), *pages, strict=True))
        _note(node, replace(note, left=left, left_bytes=left_bytes, problem=""), is_progress=True)

        def heard(moved: Moved) -> None:
            nonlocal told
            if time.monotonic() - told > _TOLD_SECONDS:
                told = time.monotonic()
                _note(
                    node,
                    replace(note, left=left, left_bytes=max(left_bytes - moved.done, 0)),
                    is_progress=True,
                )

        with packs.known(vault) as ledger, Live(vault) as live:
            for absent in _absent(live, newest(connection, note.until)):
                missing += blobs.give_back(vault, ledger, absent, heard)
                left -= len(absent)
                left_bytes -= sum(one.size for one in absent)
    return missing


@contextmanager
def _wanted_first(node: Node, vaults: Sequence[Vault], until: int) -> Iterator[None]:
    """Meanwhile bring what people ask for, beside everything else."""
    is_over = threading.Event()

    def listen() -> None:
        try:
            with blobs.reading(node) as connection:
                connection.execute(f"listen {CHANNEL}")
                hopeless = set[str]()
                while not is_over.is_set():
                    if wanted := _wanted(connection, until, hopeless):
                        hopeless |= {one.key for one in blobs.bring_back_from_any(vaults, wanted)}
        except Exception:
            # They come all the same, in their turn.
            log.exception("What people wait for is not brought first.")

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _wanted(connection: psycopg.Connection, until: int, hopeless: set[str]) -> list[Blob]:
    """What was asked for within a second. Anything may be said on the channel: only keys of blobs count."""
    said = {one.payload for one in connection.notifies(timeout=1.0, stop_after=1)}
    said |= {one.payload for one in connection.notifies(timeout=0, stop_after=MOST_WANTED)}
    if not said - hopeless:
        return []
    rows = connection.execute(
        "select key, size, sha256 from files_blob where key = any(%s) and id <= %s",
        ([*(said - hopeless)][:MOST_WANTED], until),
    )
    return [Blob(*row) for row in rows]
