"""Reads what the repository holds and compares: the database's checksums, the log, the files."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import batched

from appliance.agent.journal import Journal
from appliance.agent.operations import performing
from appliance.node import Node
from appliance.paths import Paths
from backup import blobs, database, sets, settings, telling, watching
from backup.blobs import Blob
from backup.operations.back_up import TROUBLE
from backup.progress import told_of_silence
from backup.settings import BackupRefused, Settings, Target
from backup.timeline import Segment, gaps
from backup.vault import Vault
from backup.yielding import give_way

SAMPLE = 500
_PAGE = 200


def main() -> None:
    give_way()
    with performing(*TROUBLE) as journal:
        node = Node.load(Paths.from_environment())
        chosen = settings.load(node.paths)
        target = chosen.target(str(journal.arguments["target"]))
        with told_of_silence(journal, target.name):
            found = verify(
                node, chosen, target, journal,
                label=str(journal.arguments.get("set", "")), is_complete=bool(journal.arguments.get("all")),
            )  # fmt: skip
        telling.write(node)
        bad = [f"{label}: {problem}" for label, problem in found.items() if problem]
        if bad:
            raise BackupRefused(f"Damaged on {target.name}. {' '.join(bad)}")
        journal.end(
            "done", f"{len(found)} set{'s' if len(found) != 1 else ''} on {target.name}: all is well."
        )


def verify(
    node: Node, chosen: Settings, target: Target, journal: Journal, *, label: str, is_complete: bool
) -> dict[str, str]:
    """What is wrong with each set that was looked at, in words; empty: nothing."""
    vault = Vault(node, chosen, target)
    sets.refresh(node, vault)
    known = sets.known(node, target)
    looked_at = [one for one in known if label in ("", one.label)]
    if not looked_at:
        raise BackupRefused(f"There is no set {label} on {target.name}." if label else "There is no set yet.")
    problems: dict[str, list[str]] = {one.label: [] for one in looked_at}
    there = {stored.label: stored for stored in database.stored(node, target)}
    held = database.segments(node, target)
    for number, one in enumerate(looked_at):
        journal.progress(f"{one.label}: database", number, len(looked_at))
        if one.label not in there:
            problems[one.label].append("Its database backup is gone.")
        elif said := database.verify(node, target, one.label):
            problems[one.label].append(f"Its database backup is damaged: {said}")
        first, last = Segment.parse(one.first_wal), Segment.parse(one.last_wal)
        if first and last:
            missing = gaps([segment for segment in held if segment <= last], since=first)
            problems[one.label] += [f"Log that it needs: {gap}." for gap in missing]
            if last not in held:
                problems[one.label].append(f"Log that it needs: {last} is missing.")
    bad = _bad_blobs(node, vault, looked_at, journal, is_complete=is_complete)
    for one in looked_at:
        touched = sum(blob.key in bad for blob in sets.blobs_of(node, vault, one.label)) if bad else 0
        if touched:
            problems[one.label].append(f"{touched} of its files are damaged or missing.")
        sets.found_wrong(node, target, one, " ".join(problems[one.label]))
    watching.note(node, target, held)
    if bad:
        _heal(node, vault, sorted(bad))
    return {name: " ".join(words) for name, words in problems.items()}


def _bad_blobs(
    node: Node, vault: Vault, looked_at: Sequence[sets.BackupSet], journal: Journal, *, is_complete: bool
) -> set[str]:
    """Blobs that are not there with their size, or, of a sample or of all, do not have their hash."""
    wanted: dict[str, Blob] = {}
    for one in looked_at:
        wanted |= {blob.key: blob for blob in sets.blobs_of(node, vault, one.label)}
    bad: set[str] = set()
    for page in batched(wanted.values(), blobs.PAGE, strict=False):
        sizes = vault.sizes(blob.key for blob in page)
        bad |= {blob.key for blob in page if sizes.get(blob.key) != blob.size}
    sound = [blob for blob in wanted.values() if blob.key not in bad]
    chosen = sound if is_complete else random.sample(sound, min(SAMPLE, len(sound)))
    for number, page in enumerate(batched(chosen, _PAGE, strict=False)):
        journal.progress("Reading files", number * _PAGE, len(chosen))
        hashes = vault.hashes(blob.key for blob in page)
        # Without a hash in the manifest, that it could be decrypted, which is authenticated, must do.
        bad |= {
            blob.key for blob in page if blob.key not in hashes or blob.sha256 not in ("", hashes[blob.key])
        }
    return bad


def _heal(node: Node, vault: Vault, keys: list[str]) -> None:
    """Have those copied anew that the portal's store still has. Others are left as they are."""
    for page in batched(keys, blobs.PAGE, strict=False):
        live = list(vault.live_sizes(page))
        if live:
            with blobs.ledger_of(node, vault.target) as ledger, ledger.alone():
                ledger.remove(live)
                ledger.write(mark=0, waiting="")
                vault.forget(live)


if __name__ == "__main__":
    main()
