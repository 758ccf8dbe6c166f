"""Makes a set on each target. Interrupted, it begins again: what was copied stays, no half set is seen."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import psycopg

from appliance.agent.journal import Journal
from appliance.agent.operations import performing
from appliance.cluster import https, patroni
from appliance.cluster.etcd import EtcdAway
from appliance.cluster.topology import Topology, TopologyRefused
from appliance.node import Node
from appliance.paths import Paths
from appliance.quoting import Unwritable
from appliance.runner import CommandFailed
from appliance.services import portal
from backup import (
    blobs,
    log_gaps,
    moments,
    object_lock,
    packs,
    pgbackrest,
    recall,
    retention,
    rotation,
    row_counts,
    sets,
    settings,
    setup,
    state_file,
)
from backup.blob import Blob
from backup.ledger import Ledger, ledger_of
from backup.priority import lower_priority
from backup.progress import Meter, size, told_of_silence
from backup.rclone import Moved, Vault
from backup.schedule import kind_of_next
from backup.settings import BackupRefused, Settings, Target

TROUBLE = (BackupRefused, CommandFailed, OSError, TimeoutError, Unwritable, psycopg.Error)
KEEPS_UP_SECONDS, LOOK_SECONDS = 120.0, 1.0
"""Until a copy of the database has caught up with who has just taken the lead."""


@dataclass(frozen=True)
class Plan:
    """What will be made on one target, and why so."""

    target: Target
    kind: str
    reason: str

    def __str__(self) -> str:
        word = "A full" if self.kind == "full" else "An incremental"
        return f"{word} backup to {self.target.name}: {self.reason}."


def decide(
    target: Target, known: list[sets.BackupSet], asked: str, plan: Settings, *, now: datetime, zone: ZoneInfo
) -> Plan:
    """Which kind of backup it is going to be."""
    if asked == "full":
        return Plan(target, "full", "it was asked for")
    good_fulls = [one.began_at for one in known if one.kind == "full" and not one.problem]
    if not good_fulls:
        return Plan(target, "full", "there is none yet that others could build on")
    if known[-1].problem:
        return Plan(target, "full", "the newest one is damaged, so nothing is built on it")
    kind = kind_of_next(plan.schedule, last_full=max(good_fulls), now=now, zone=zone)
    if asked == "auto" and kind == "full":
        return Plan(target, "full", f"the last full one is {plan.full_every_days} days old")
    return Plan(target, "incr", "only what changed since the last one")


def main() -> None:
    lower_priority()
    with performing(BackupRefused) as journal:
        node = Node.load(Paths.from_environment())
        moments.use_zone_of(node)
        chosen = settings.load(node.paths)
        sets.sweep_staging(node)
        asked = str(journal.arguments.get("kind", "auto"))
        names = journal.arguments.get("targets") or [one.name for one in chosen.targets]
        said, failed = [], []
        for name in names:
            target = chosen.target(str(name))
            try:
                if target.closed:
                    raise BackupRefused("It is closed: no backup is made there any more.")
                with told_of_silence(journal, target.name):
                    is_extra = bool(journal.arguments.get("is_extra", False))
                    said.append(to_target(node, chosen, target, asked, journal, is_extra=is_extra))
            except TROUBLE as error:
                # The other targets get theirs all the same.
                failed.append(f"{target.name}: {error}")
                with ledger_of(node, target) as ledger:
                    ledger.write(attempt_at=datetime.now(UTC).isoformat(), problem=error)
        if chosen.closed:
            try:
                chosen = rotation.expire_closed(node, rotation.close_followed(node, chosen))
            except TROUBLE as error:
                # With the next backup once more: nothing depends on it.
                said.append(f"What an older key opens could be neither closed nor thinned out: {error}")
        state_file.write(node)
        if failed:
            raise BackupRefused(" ".join((*failed, *said)))
        journal.end("done", " ".join(said))


def to_target(
    node: Node, chosen: Settings, target: Target, asked: str, journal: Journal, *, is_extra: bool = False
) -> str:
    """Make one set, thin out the older ones, and say in a sentence what came of it."""
    take_the_lead(node, journal)
    vault, zone, now = Vault(node, chosen, target), ZoneInfo(node.box.time_zone), datetime.now(UTC)
    sets.refresh(node, vault, rings=setup.mend_ring(node, target.name))
    plan = decide(target, sets.known(node, target), asked, chosen, now=now, zone=zone)
    journal.progress(str(plan))
    with ledger_of(node, target) as ledger:
        packs.learn(vault, ledger)
        with blobs.reading(node) as connection:
            listed = {blob.key: blob for blob in blobs.everything(connection)}
        if blobs.heal(vault, ledger, listed, others=vault.others):
            sets.assess(node, vault, ledger)
        # Before the database: what it will name is mostly there, and what is left afterwards is little.
        copy(node, vault, ledger, journal)
        if plan.kind == "full":
            packs.gather(vault, ledger, listed)
        before = _counted(node)
        meter = Meter(
            f"Database to {target.name}", journal.progress,
            total=_database_bytes(node), kind="database", target=target.name,
        )  # fmt: skip
        pgbackrest.back_up(node, target, plan.kind, lambda _, share: meter.at(int(meter.total * share)))
        done_at = datetime.now(UTC)
        held, after = pgbackrest.stored(node, target), _counted(node)
        stored = held[-1]
        # Listed first: what comes meanwhile is none of this set's, and need not be in the repository.
        with blobs.reading(node) as connection:
            listed |= {blob.key: blob for blob in blobs.everything(connection)}
        caught = copy(node, vault, ledger, journal)
        taken_over = _take_over_what_is_to_come(node, vault, ledger, listed, caught)
        gone = listed.keys() & ({*caught.missing, *ledger.damaged()} - taken_over)
        for key in gone:
            listed.pop(key)
        made = sets.BackupSet(
            label=stored.label,
            kind=stored.kind,
            parent=stored.parent,
            began_at=stored.began_at,
            ended_at=stored.ended_at,
            version=portal.version(node),
            timeline=stored.timeline,
            first_wal=stored.first_wal,
            last_wal=stored.last_wal,
            database_bytes=stored.database_bytes,
            stored_bytes=stored.stored_bytes,
            blobs=len(listed),
            blob_bytes=sum(blob.size for blob in listed.values()),
            missing=len(gone),
            rows=row_counts.bounds(before, _settled(node, before, after)),
            is_extra=is_extra,
            target=target.number,
            done_at=done_at,
        )
        journal.progress(f"Writing the manifest of {made.label}.")
        sets.store(node, vault, made, listed.values())
        ledger.write(attempt_at=datetime.now(UTC).isoformat(), problem="")
        thinned = thin(node, chosen, vault, ledger, held=held, live=set(listed))
        # Last: there is a set whatever the store says to it.
        object_lock.renew_in_time(node, target, ledger, journal.progress)
    lost = f" {made.missing} files nobody has any more." if made.missing else ""
    went = f" {thinned} old ones went." if thinned else ""
    return (
        f"{made.label} on {target.name}: "
        f"database {size(made.database_bytes)}, {size(made.stored_bytes)} new; "
        f"{made.blobs} files ({size(made.blob_bytes)}).{lost}{went}"
    )


def take_the_lead(node: Node, journal: Journal) -> None:
    """pgBackRest reads the files of the server that leads, and reads them on its own machine."""
    if node.membership is None:
        return
    known, me = node.membership.topology, node.membership.me
    try:
        if patroni.leader(node.paths, known) == me.name:
            return
        if me.is_drained:
            raise BackupRefused(
                f"A backup is made by {me.name} while it leads the database, and it is drained: "
                f"`boxctl cluster resume {me.name}` first."
            )
        _wait_until_it_keeps_up(node, known, me.name, journal)
        journal.progress(f"{me.name} takes the lead of the database. Nobody can write for a few seconds.")
        patroni.switch_over(node.paths, known, to=me.name)
    except (TopologyRefused, EtcdAway, patroni.PatroniAway, https.NodeAway, https.NodeRefused) as error:
        raise BackupRefused(f"{me.name} has to lead the database for a backup. {error}") from error


def _wait_until_it_keeps_up(node: Node, known: Topology, name: str, journal: Journal) -> None:
    """Who has just lost the lead, or its power, follows the next leader within seconds. Where it does not,
    the switchover says so."""
    deadline, told = time.monotonic() + KEEPS_UP_SECONDS, False
    while not any(one.name == name and one.is_well for one in patroni.copies(node.paths, known)):
        if not told:
            journal.progress(f"Waiting until {name} has caught up with who leads the database.")
            told = True
        if time.monotonic() > deadline:
            return
        time.sleep(LOOK_SECONDS)


def _take_over_what_is_to_come(
    node: Node, vault: Vault, ledger: Ledger, listed: Mapping[str, Blob], caught: blobs.Caught
) -> set[str]:
    """What a restore has yet to bring back is not lost: a repository that lacks it takes it over from
    another. Refused where that cannot be: a set would say that it is gone."""
    absent = listed.keys() & {*caught.missing}
    if not absent or not recall.under_way(node):
        return set()
    ledger.found(damaged=absent)
    healed = blobs.heal(vault, ledger, listed, others=vault.others)
    # Read again: what nobody has is known as soon as all was tried.
    if (left := absent - healed) and (to_come := recall.under_way(node)):
        raise BackupRefused(
            f"{len(left)} files are neither there nor in the portal's store yet: {to_come}. A backup would "
            f"have to say that they are lost, and is made once they are back."
        )
    return healed


def copy(node: Node, vault: Vault, ledger: Ledger, journal: Journal) -> blobs.Caught:
    meter = Meter(f"Files to {vault.target.name}", journal.progress, target=vault.target.name)

    def heard(moved: Moved) -> None:
        meter.total = moved.total
        meter.at(moved.done, rate=moved.rate)

    return blobs.catch_up(node, vault, ledger, heard=heard, from_start=True)


def thin(
    node: Node,
    chosen: Settings,
    vault: Vault,
    ledger: Ledger,
    *,
    held: Sequence[pgbackrest.Stored],
    live: set[str],
) -> int:
    """Take out what the rule does not keep: sets, then blobs that nobody names any more.

    `held` are all database backups of the repository, `live` the keys of the blobs that the portal has.
    """
    target, zone = vault.target, ZoneInfo(node.box.time_zone)
    known = {one.label: one for one in log_gaps.candidates(node, target)}
    # A database backup without a manifest is left of a run that was interrupted.
    left = retention.Condition.UNFINISHED
    for stored in held:
        known.setdefault(
            stored.label, retention.Candidate(stored.label, stored.ended_at, stored.parent, left)
        )
    going = retention.superfluous(
        known.values(), chosen.rule, zone, locked_since=target.locked_since(datetime.now(UTC))
    )
    for label in going:
        sets.forget(node, target, label)
        vault.forget_set(label)
        pgbackrest.remove(node, target, label)
    staying = sets.known(node, target)
    # Where it is not known what a set lists, everything is listed.
    if going and all(one.is_readable for one in staying):
        removable = retention.removable_blobs(
            ledger.copied(),
            named_by_kept=({blob.key for blob in sets.blobs_of(node, vault, one.label)} for one in staying),
            live=live,
            oldest_kept_at=min(one.began_at for one in staying),
        )
        if removable:
            with ledger.alone():
                packs.forget(vault, ledger, removable)
    return len(going)


def _counted(node: Node) -> row_counts.Count:
    """The rows of a very large database may take too long to count: no backup fails for that."""
    try:
        return row_counts.count(node)
    except (CommandFailed, TimeoutError):
        return row_counts.Count()


def _settled(node: Node, before: row_counts.Count, after: row_counts.Count) -> row_counts.Count:
    """What was not counted, or not to its end, bounds nothing."""
    try:
        return row_counts.settle(node, before, after)
    except (CommandFailed, TimeoutError):
        return row_counts.Count()


def _database_bytes(node: Node) -> int:
    from appliance.services.database import setup

    return int(setup.query(node, "select sum(pg_database_size(oid)) from pg_database", database="postgres"))


if __name__ == "__main__":
    main()
