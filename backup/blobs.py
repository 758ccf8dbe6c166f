"""Which blobs there are, which of them a repository has, and how the rest gets there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import batched
from typing import NamedTuple

import psycopg

from appliance import as_owner, users
from appliance.node import Node
from appliance.runner import CommandFailed
from appliance.services.database import setup
from appliance.services.database.names import BACKUP, NAME
from backup.ledger import PAGE, Ledger
from backup.rclone import Moved, Vault
from backup.settings import BackupRefused

PORTION, PORTION_BYTES = 1000, 256 << 20


class Blob(NamedTuple):
    """What the portal knows of a blob. The hash is empty until the portal has looked at it."""

    key: str
    size: int
    sha256: str


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
    setup.query(node, f"grant select on files_blob to {BACKUP};")


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
    with ledger.alone(), reading(node) as connection:
        row = connection.execute(
            "select statement_timestamp(),"
            " pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,"
            " (select coalesce(max(id), 0) from files_blob) from pg_current_snapshot() s"
        ).fetchone()
        assert row is not None  # noqa: S101 - an aggregate has a row
        now, oldest, following, highest = row
        mark = 0 if from_start else int(ledger.note("mark") or 0)
        after, count, missing = mark, 0, list[str]()
        # No further than what there was: where people write all the time a pass would have no end, and so the
        # time line would end where the pass began.
        while rows := connection.execute(
            "select id, key, size from files_blob where id > %s and id <= %s order by id limit %s",
            (after, highest, PAGE),
        ).fetchall():
            sizes = {key: size for _, key, size in rows}
            unknown = ledger.unknown([*sizes])
            if unknown:
                arrived = _copy(vault, ledger, {key: sizes[key] for key in unknown}, heard)
                count += len(arrived)
                missing += [key for key in unknown if key not in arrived]
            after = rows[-1][0]
        waiting = ledger.note("waiting").split()
        if not waiting or oldest >= int(waiting[1]):
            ledger.write(mark=int(waiting[0]) if waiting else 0, waiting=f"{highest} {following}")
        ledger.write(reached_at=now.astimezone(UTC).isoformat())
    return Caught(now, count, tuple(missing))


def _copy(
    vault: Vault, ledger: Ledger, sizes: Mapping[str, int], heard: Callable[[Moved], None]
) -> dict[str, int]:
    """Copy these, of which the database knows the sizes; look which have arrived, and only then note them.

    What the portal's store does not have is passed over: asking for it first would be one request more for
    every blob. Those that differ from the database are what the store has of them, or have not arrived.
    """
    vault.require()
    vault.take(sizes, heard)
    there = vault.sizes(sizes)
    differing = [key for key, size in there.items() if size != sizes[key]]
    held = vault.live_sizes(differing) if differing else {}
    arrived = {key: size for key, size in there.items() if size in (sizes[key], held.get(key))}
    ledger.add(arrived, datetime.now(UTC))
    return arrived


type Take = Callable[[Vault, Sequence[Blob]], list[Blob]]


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
                if left and (tried := take(vault, left)):
                    hashes = vault.hashes(blob.key for blob in tried)
                    sound |= {blob.key for blob in tried if is_sound(blob, hashes)}
                    left = [blob for blob in left if blob.key not in sound]
            ledger.add({key: listed[key].size for key in sound}, datetime.now(UTC))
            ledger.found(sound=sound)
            healed |= sound
    return healed


def _take_anew(vault: Vault, wanted: Sequence[Blob]) -> list[Blob]:
    """Copy these from the portal's store, as far as it has them; those that were tried."""
    sizes = vault.live_sizes(blob.key for blob in wanted)
    there = [blob for blob in wanted if sizes.get(blob.key) == blob.size]
    if there:
        vault.take([blob.key for blob in there], lambda _: None, is_anew=True)
    return there


def _take_over(vault: Vault, wanted: Sequence[Blob], *, other: Vault) -> list[Blob]:
    """Copy these from another repository, as far as it has them; those that were tried.

    An engine is told of one repository alone, so they come through a folder of this machine, some at a time.
    """
    owner = users.account(users.DATABASE)
    try:
        sizes = other.sizes(blob.key for blob in wanted)
    except (BackupRefused, CommandFailed):
        # It is away: nothing is worse than it was.
        return []
    there = [blob for blob in wanted if sizes.get(blob.key) == blob.size]
    for portion in portions(there):
        folder, keys = vault.node.data("backup") / "tmp" / secrets.token_hex(8), [one.key for one in portion]
        as_owner.make_folder(folder, owner)
        try:
            # One that is damaged there too costs itself alone: afterwards each is looked at.
            with suppress(CommandFailed):
                other.fetch(keys, folder)
            with suppress(CommandFailed):
                vault.take_from(folder, keys)
        finally:
            as_owner.remove(folder, owner)
    return there


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
    for page in batched(blobs, PAGE, strict=False):
        there = vault.live_sizes(one.key for one in page)
        wanted = [one for one in page if there.get(one.key) != one.size]
        if not wanted:
            continue
        failure: CommandFailed | None = None
        try:
            vault.give_back([one.key for one in wanted], heard)
        except CommandFailed as error:
            failure = error
        there = vault.live_sizes(one.key for one in wanted)
        lost = [one for one in wanted if there.get(one.key) != one.size]
        if failure is not None:
            vault.require()
            # One that is damaged costs itself alone. One that can be read has failed for another reason.
            if not lost or vault.hashes(one.key for one in lost):
                raise failure
        missing += lost
        count += len(wanted) - len(lost)
    return count, missing


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
