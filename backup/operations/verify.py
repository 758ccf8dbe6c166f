"""Reads what the repository holds and compares: the database's checksums, the log, the files."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import batched

import psycopg

from appliance.agent.journal import Journal
from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import CommandFailed
from backup import blobs, log_gaps, moments, packs, pgbackrest, sets, settings, setup, state_file
from backup.blob import Blob
from backup.ledger import PAGE, Ledger, ledger_of
from backup.operations.back_up import TROUBLE
from backup.priority import lower_priority
from backup.progress import told_of_silence
from backup.rclone import Vault
from backup.settings import BackupRefused, Settings, Target
from backup.timeline import Segment, gaps

SAMPLE = 500


def _files(count: int) -> str:
    return "1 damaged file was" if count == 1 else f"{count} damaged files were"


@dataclass(frozen=True)
class Found:
    """What is wrong with each set that was looked at, in words (empty: nothing), once it was healed."""

    wrong: Mapping[str, str]
    healed: int
    """Files that were damaged and are whole again."""
    holes: Sequence[str] = ()
    """What of the log between the sets is damaged or missing, in words."""


def main() -> None:
    lower_priority()
    with performing(*TROUBLE) as journal:
        node = Node.load(Paths.from_environment())
        moments.use_zone_of(node)
        chosen = settings.load(node.paths)
        target = chosen.target(str(journal.arguments["target"]))
        with told_of_silence(journal, target.name):
            found = verify(
                node, chosen, target, journal,
                label=str(journal.arguments.get("set", "")), is_complete=bool(journal.arguments.get("all")),
            )  # fmt: skip
        state_file.write(node)
        bad = [f"{label}: {problem}" for label, problem in found.wrong.items() if problem] + [*found.holes]
        healed = f" {_files(found.healed)} copied anew." if found.healed else ""
        if bad:
            raise BackupRefused(f"Damaged on {target.name}. {' '.join(bad)}{healed}")
        count = len(found.wrong)
        journal.end("done", f"{count} set{'s' if count != 1 else ''} on {target.name}: all is well.{healed}")


def verify(
    node: Node, chosen: Settings, target: Target, journal: Journal, *, label: str, is_complete: bool
) -> Found:
    """Read and compare, and heal what the portal still has."""
    vault = Vault(node, chosen, target)
    sets.refresh(node, vault, rings=setup.mend_ring(node, target.name))
    known = sets.known(node, target)
    looked_at = [one for one in known if label in ("", one.label)]
    if not looked_at:
        raise BackupRefused(f"There is no set {label} on {target.name}." if label else "There is no set yet.")
    problems: dict[str, list[str]] = {one.label: [] for one in looked_at}
    there = {stored.label: stored for stored in pgbackrest.stored(node, target)}
    verified = None if label else _read_everything(node, target, journal)
    with ledger_of(node, target) as ledger:
        if verified:
            before = log_gaps.damaged_log(ledger)
            ledger.found(
                damaged=map(log_gaps.log_key, verified.damaged),
                sound=map(log_gaps.log_key, before - verified.damaged),
            )
        damaged = log_gaps.damaged_log(ledger)
    held = [segment for segment in pgbackrest.segments(node, target) if segment not in damaged]
    for number, one in enumerate(looked_at):
        journal.progress(f"{one.label}: database", number, len(looked_at))
        if one.label not in there:
            problems[one.label].append("Its database backup is gone.")
            continue
        said = verified.wrong.get(one.label) if verified else None
        if said is None:
            said = pgbackrest.verify(node, target, one.label)
        if said:
            problems[one.label].append(f"Its database backup is damaged: {said}")
        first, last = Segment.parse(one.first_wal), Segment.parse(one.last_wal)
        if first and last:
            missing = gaps([segment for segment in held if segment <= last], since=first)
            problems[one.label] += [f"Log that it needs: {gap}." for gap in missing]
            if last not in held:
                problems[one.label].append(f"Log that it needs: {last} is missing.")
        if not one.is_readable:
            problems[one.label].append(one.problem)
        sets.found_wrong(node, target, one, " ".join(problems[one.label]))
    log_gaps.note(node, target, held)
    holes = log_gaps.note_holes(node, target, held)
    if verified and verified.unnamed:
        holes.append(f"{verified.unnamed} segments of the log are damaged: `pgbackrest verify` names them.")
    healed = _look_at_files(node, vault, looked_at, journal, is_all=not label, is_complete=is_complete)
    wrong = {one.label: one.trouble for one in sets.known(node, target) if one.label in problems}
    return Found(wrong, healed, holes)


def _read_everything(node: Node, target: Target, journal: Journal) -> pgbackrest.Verified | None:
    """None where it came to no end: then every set is read by itself, which says what is wrong with which."""
    journal.progress("All sets and all of the log: database")
    try:
        return pgbackrest.verify_everything(node, target)
    except CommandFailed:
        return None


def _look_at_files(
    node: Node,
    vault: Vault,
    looked_at: Sequence[sets.BackupSet],
    journal: Journal,
    *,
    is_all: bool,
    is_complete: bool,
) -> int:
    """Note of every set what of its files is damaged, once what can be healed is; how many were. With
    `is_all` also of those that no set names yet: the next one will."""
    readable = [one for one in looked_at if one.is_readable]
    wanted = _copied_since(node, vault) if is_all else {}
    for one in readable:
        wanted |= {blob.key: blob for blob in sets.blobs_of(node, vault, one.label)}
    lost, read = _bad_configurations(node, vault, readable)
    with ledger_of(node, vault.target) as ledger:
        packs.learn(vault, ledger)
        bad, sound = _bad_blobs(vault, ledger, wanted, journal, is_complete=is_complete)
        # Noted before it is healed: killed meanwhile, the next backup goes on with it.
        ledger.found(damaged=bad | lost, sound=sound | read)
        if bad:
            journal.progress("Copying anew what is damaged.")
        healed = blobs.heal(vault, ledger, wanted, others=vault.others)
        sets.assess(node, vault, ledger)
    return len(healed & bad)


def _copied_since(node: Node, vault: Vault) -> dict[str, Blob]:
    """What the portal has now, and the repository is thought to have."""
    with ledger_of(node, vault.target) as ledger:
        copied = ledger.copied()
    # Where the database is away, sets say what there is.
    with suppress(psycopg.Error), blobs.reading(node) as connection:
        return {blob.key: blob for blob in blobs.everything(connection) if blob.key in copied}
    return {}


def _bad_blobs(
    vault: Vault, ledger: Ledger, wanted: Mapping[str, Blob], journal: Journal, *, is_complete: bool
) -> tuple[set[str], set[str]]:
    """Blobs that are not there with their size, or, of a sample or of all, do not have their hash; and those
    that were read and are sound."""
    bad: set[str] = set()
    for page in batched(wanted.values(), PAGE, strict=False):
        sizes = packs.sizes(vault, ledger, [blob.key for blob in page])
        bad |= {blob.key for blob in page if sizes.get(blob.key) != blob.size}
    there = [blob for blob in wanted.values() if blob.key not in bad]
    chosen = there if is_complete else random.sample(there, min(SAMPLE, len(there)))
    sound: set[str] = set()
    for number, page in enumerate(batched(chosen, PAGE, strict=False)):
        journal.progress("Reading files", number * PAGE, len(chosen))
        hashes = packs.hashes(vault, ledger, [blob.key for blob in page])
        sound |= {blob.key for blob in page if blobs.is_sound(blob, hashes)}
    bad |= {blob.key for blob in chosen} - sound
    if bad:
        # With the target away nothing can be read: no damage, and no reason to copy anything anew.
        vault.require()
    return bad, sound


def _bad_configurations(
    node: Node, vault: Vault, looked_at: Sequence[sets.BackupSet]
) -> tuple[set[str], set[str]]:
    """The same of what lies beside the files of each set. A manifest is put back from this machine's copy."""
    names = [f"{one.label}/{name}" for one in looked_at for name in (sets.CONFIGURATION, sets.MANIFEST)]
    read = vault.hashes(names, "sets").keys()
    if len(read) < len(names):
        vault.require()
    for one in looked_at:
        if f"{one.label}/{sets.MANIFEST}" not in read:
            sets.put_manifest_back(node, vault, one.label)
    bad = {one.label for one in looked_at if f"{one.label}/{sets.CONFIGURATION}" not in read}
    whole = {one.label for one in looked_at} - bad
    return set(map(sets.configuration_key, bad)), set(map(sets.configuration_key, whole))


if __name__ == "__main__":
    main()
