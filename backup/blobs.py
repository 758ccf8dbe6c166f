"""Which blobs there are, which of them a repository has, and how the rest gets there."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import batched

import psycopg

from appliance import as_owner, users
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.database import setup
from appliance.services.database.names import BACKUP, NAME
from backup import packs
from backup.blob import Blob
from backup.ledger import PAGE, Ledger
from backup.pack_format import FULL, MOST, SMALL
from backup.pack_job import Part
from backup.rclone import Moved, Vault
from backup.settings import BackupRefused

PORTION, PORTION_BYTES = 1000, 256 << 20
_PACKS_AT_A_TIME = 4


@contextmanager
def reading(node: Node) -> Iterator[psycopg.Connection]:
    """The portal's database, as the role that may read the table of blobs and nothing else."""
    with psycopg.connect(
        host=str(node.run("database")),
        port=node.box.database.port,
        dbname=NAME,
        user=BACKUP,
        autocommit=True,
        connect_timeout=10,
    ) as connection:
        yield connection


def admit(node: Node) -> None:
    """Let the backup's role read the table of blobs."""
    setup.query(node, f"grant select on public.files_blob to {BACKUP};")


def everything(connection: psycopg.Connection) -> Iterator[Blob]:
    """Every blob there is now, in pages: no transaction lasts."""
    after = 0
    while rows := connection.execute(
        "select id, key, size, sha256 from files_blob where id > %s order by id limit %s", (after, PAGE)
    ).fetchall():
        yield from (Blob(key, size, digest) for _, key, size, digest in rows)
        after = rows[-1][0]


@dataclass(frozen=True)
class Caught:
    """How far the repository is: all that was committed before `reached_at` is in it, but for `missing`."""

    reached_at: datetime
    copied: int
    missing: tuple[str, ...]
    """Keys that the database names and the portal's own store does not have."""


def catch_up(
    node: Node,
    vault: Vault,
    ledger: Ledger,
    *,
    heard: Callable[[Moved], None] = lambda _: None,
    from_start: bool,
) -> Caught:
    """Copy what the repository lacks; from the beginning of the table, or from where all is known.

    The mark below which all is known is an id. It advances to the highest id of an earlier pass once every
    transaction of that time has ended: until then one of them may still commit a smaller id.
    """
    packs.learn_once(vault, ledger)
    with ledger.alone(), reading(node) as connection:
        row = connection.execute(
            "select statement_timestamp(),"
            " pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,"
            " (select coalesce(max(id), 0) from files_blob) from pg_current_snapshot() s"
        ).fetchone()
        assert row is not None  # noqa: S101 - an aggregate has a row
        now, oldest, following, highest = row
        mark = 0 if from_start else int(ledger.note("mark") or 0)
        count, missing = 0, list[str]()
        # No further than what there was: where people write all the time a pass would have no end, and so the
        # time line would end where the pass began.
        for portion in _portions_of(_lacking(connection, ledger, after=mark, until=highest)):
            arrived = _copy(vault, ledger, portion, heard)
            count += len(arrived)
            missing += [blob.key for blob in portion if blob.key not in arrived]
        waiting = ledger.note("waiting").split()
        if not waiting or oldest >= int(waiting[1]):
            ledger.write(mark=int(waiting[0]) if waiting else 0, waiting=f"{highest} {following}")
        ledger.write(reached_at=now.astimezone(UTC).isoformat())
    return Caught(now, count, tuple(missing))


def _lacking(connection: psycopg.Connection, ledger: Ledger, *, after: int, until: int) -> Iterator[Blob]:
    """The blobs of these ids that are not known to be in the repository."""
    while rows := connection.execute(
        "select id, key, size, sha256 from files_blob where id > %s and id <= %s order by id limit %s",
        (after, until, PAGE),
    ).fetchall():
        unknown = {*ledger.unknown([key for _, key, *_ in rows])}
        yield from (Blob(key, size, digest) for _, key, size, digest in rows if key in unknown)
        after = rows[-1][0]


def _portions_of(lacking: Iterable[Blob]) -> Iterator[list[Blob]]:
    """Some packs at a time, or a page of what is large: so much is begun again after a kill."""
    portion, large, filled = list[Blob](), 0, 0
    for blob in lacking:
        portion.append(blob)
        large, filled = large + (blob.size >= SMALL), filled + min(blob.size, SMALL)
        if large >= PAGE or filled >= _PACKS_AT_A_TIME * FULL or len(portion) >= _PACKS_AT_A_TIME * MOST:
            yield portion
            portion, large, filled = [], 0, 0
    if portion:
        yield portion


def _copy(
    vault: Vault, ledger: Ledger, wanted: Sequence[Blob], heard: Callable[[Moved], None]
) -> dict[str, int]:
    """Copy these; those that have arrived, with their sizes.

    What the portal's store does not have is passed over: asking for it first would be one request more for
    every blob. Those that differ from the database are what the store has of them, or have not arrived.
    """
    vault.require()
    packed = packs.add(vault, ledger, wanted, heard)
    single = {blob.key: blob.size for blob in wanted if blob.key not in packed.arrived}
    # What the store has lost, or a restore has yet to bring back, may lie there already, and is only noted.
    if copied := single.keys() - packed.missing:
        vault.take(copied, heard)
    return packed.arrived | (_arrived_singly(vault, ledger, single) if single else {})


def _arrived_singly(vault: Vault, ledger: Ledger, sizes: Mapping[str, int]) -> dict[str, int]:
    """Look which have arrived, and only then note them."""
    there = vault.sizes(sizes)
    differing = [key for key, size in there.items() if size != sizes[key]]
    held = vault.live_sizes(differing) if differing else {}
    arrived = {key: size for key, size in there.items() if size in (sizes[key], held.get(key))}
    ledger.add(arrived, datetime.now(UTC))
    return arrived


type Take = Callable[[Vault, Ledger, Sequence[Blob]], list[Blob]]


def heal(
    vault: Vault, ledger: Ledger, listed: Mapping[str, Blob], *, others: Sequence[Vault] = ()
) -> set[str]:
    """Copy anew what is damaged in the repository and the portal's store still has, or one of the other
    repositories; what is whole again.

    Over what lies there, which goes only when the whole of it has arrived.
    """
    ways: list[Take] = [_take_anew, *(partial(_take_over, other=one) for one in others)]
    healed: set[str] = set()
    for page in batched(sorted(ledger.damaged() & listed.keys()), PAGE, strict=False):
        with ledger.alone():
            left, sound = [listed[key] for key in page], set[str]()
            for take in ways:
                if left and (tried := take(vault, ledger, left)):
                    hashes = packs.hashes(vault, ledger, [blob.key for blob in tried])
                    sound |= {blob.key for blob in tried if is_sound(blob, hashes)}
                    left = [blob for blob in left if blob.key not in sound]
            ledger.found(sound=sound)
            healed |= sound
    return healed


def _take_anew(vault: Vault, ledger: Ledger, wanted: Sequence[Blob]) -> list[Blob]:
    """Copy these from the portal's store, as far as it has them; those that were tried."""
    sizes = vault.live_sizes(blob.key for blob in wanted)
    there = {blob.key: blob for blob in wanted if sizes.get(blob.key) == blob.size}
    arrived = packs.add(vault, ledger, there.values()).arrived
    if single := [key for key in there if key not in arrived]:
        vault.take(single, lambda _: None, is_anew=True)
        # What was damaged in a pack is looked for by itself from now on.
        ledger.add({key: there[key].size for key in single}, datetime.now(UTC))
    return [*there.values()]


def _take_over(vault: Vault, ledger: Ledger, wanted: Sequence[Blob], *, other: Vault) -> list[Blob]:
    """Copy these from another repository, as far as it has them; those that were tried.

    An engine is told of one repository alone, so they come through a folder of this machine, some at a time.
    """
    owner, tried = users.account(users.DATABASE), list[Blob]()
    # One that is away costs nothing: it is no worse than it was.
    with suppress(BackupRefused, CommandFailed), packs.known(other) as theirs:
        sizes = packs.sizes(other, theirs, [blob.key for blob in wanted])
        for portion in portions(blob for blob in wanted if sizes.get(blob.key) == blob.size):
            folder, keys = (
                vault.node.data("backup") / "tmp" / secrets.token_hex(8),
                [one.key for one in portion],
            )
            as_owner.make_folder(folder, owner)
            try:
                # One that is damaged there too costs itself alone: afterwards each is looked at.
                with suppress(CommandFailed):
                    packs.fetch(other, theirs, keys, folder)
                with suppress(CommandFailed):
                    vault.take_from(folder, keys)
                ledger.add({one.key: one.size for one in portion}, datetime.now(UTC))
                tried += portion
            finally:
                as_owner.remove(folder, owner)
    return tried


def portions(blobs: Iterable[Blob]) -> Iterator[list[Blob]]:
    """Some at a time: what has to be on a disk of this machine on its way has room there."""
    portion: list[Blob] = []
    for blob in blobs:
        portion.append(blob)
        if len(portion) >= PORTION or sum(one.size for one in portion) >= PORTION_BYTES:
            yield portion
            portion = []
    if portion:
        yield portion


def is_sound(blob: Blob, hashes: Mapping[str, str]) -> bool:
    """Whether a blob could be read, which is authenticated, and is what the portal has seen of it."""
    return blob.key in hashes and blob.sha256 in ("", hashes[blob.key])


def bring_back(
    vault: Vault, blobs: Iterable[Blob], heard: Callable[[Moved], None] = lambda _: None
) -> tuple[int, list[Blob]]:
    """Give the portal's store what it lacks of these; how many, and those that are not whole there either."""
    count, missing = 0, list[Blob]()
    with packs.known(vault) as ledger, Live(vault) as live:
        for page in batched(blobs, MOST, strict=False):
            there = live.sizes([one.key for one in page])
            wanted = [one for one in page if there.get(one.key) != one.size]
            if not wanted:
                continue
            lost = give_back(vault, ledger, wanted, heard)
            missing += lost
            count += len(wanted) - len(lost)
    return count, missing


def give_back(
    vault: Vault, ledger: Ledger, wanted: Sequence[Blob], heard: Callable[[Moved], None]
) -> list[Blob]:
    """Those of these that the portal's store does not have whole afterwards."""
    failure: CommandFailed | None = None
    done: set[str] = set()
    try:
        known = {one.key: one.sha256 for one in wanted if one.sha256}
        done = packs.give_back(vault, ledger, {one.key: one.size for one in wanted}, heard, hashes=known)
    except CommandFailed as error:
        failure = error
    unsure = [one for one in wanted if one.key not in done]
    there = vault.live_sizes(one.key for one in unsure) if unsure else {}
    lost = [one for one in unsure if there.get(one.key) != one.size]
    if failure is not None:
        vault.require()
        # One that is damaged costs itself alone. One that can be read has failed for another reason.
        if not lost or packs.hashes(vault, ledger, [one.key for one in lost]):
            raise failure
    return lost


class Live:
    """Which blobs the portal's store has. Where many are asked for, all that it has is listed once."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        # A file that has no name, as SQLite makes it: there may be millions.
        self._listed: sqlite3.Connection | None = None

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        if self._listed:
            self._listed.close()

    def sizes(self, keys: Sequence[str]) -> dict[str, int]:
        if self._listed is None and len(keys) < PAGE:
            return self._vault.live_sizes(keys)
        listed = self._listed = self._listed or self._list()
        found: dict[str, int] = {}
        for page in batched(keys, PAGE, strict=False):
            marks = ",".join("?" * len(page))
            found |= dict(listed.execute(f"select key, size from live where key in ({marks})", page))  # noqa: S608
        return found

    def _list(self) -> sqlite3.Connection:
        listed = sqlite3.connect("", isolation_level=None)
        listed.execute("create table live (key text primary key, size integer) without rowid")
        for answer in self._vault.engine([Part("list")]):
            listed.executemany("insert or replace into live values (?, ?)", answer.get("listed", ()))
        return listed


def bring_back_from_any(vaults: Iterable[Vault], blobs: Sequence[Blob]) -> list[Blob]:
    """Give the portal's store what one of these has of what another one did not; those that nobody has."""
    left = [*blobs]
    for vault in vaults:
        if not left:
            break
        # One that is away costs nothing: they are missing already.
        with suppress(BackupRefused, CommandFailed):
            bring_back(vault, left)
        there = vault.live_sizes(one.key for one in left)
        left = [one for one in left if there.get(one.key) != one.size]
    return left
