"""A set: a database backup with the files that belong to it and the configuration of the box."""

from __future__ import annotations

import gzip
import json
import re
import secrets
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from appliance import as_owner, users
from appliance.agent.codec import Malformed, decode, encode, known_fields
from appliance.files import ensure_folder, new_file, write_atomically
from appliance.node import Node
from appliance.runner import CommandFailed
from backup import configuration, moments, pgbackrest
from backup.blob import Blob
from backup.ledger import Ledger
from backup.rclone import Vault
from backup.retention import Condition
from backup.settings import BackupRefused, Target
from backup.timeline import Segment, Timeline

FORMAT, UNREADABLE = 1, 0
LONGEST_LINE = 1 << 20
"""Of a manifest, in characters; the first tells of the set, the others of a file each."""
# As pgBackRest calls them (user guide, "Backup label"). They become names of files.
_LABEL = re.compile(r"\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?")
MANIFEST, CONFIGURATION = "manifest.jsonl.gz", "configuration.tar.gz"


@dataclass(frozen=True)
class BackupSet:
    """The first line of a manifest."""

    label: str
    kind: str
    parent: str | None
    began_at: datetime
    ended_at: datetime
    """As pgBackRest tells it: in whole seconds, rounded down."""
    version: str
    """Of the box that it was made from."""
    timeline: int
    first_wal: str
    last_wal: str
    database_bytes: int
    stored_bytes: int
    blobs: int
    blob_bytes: int
    missing: int = 0
    """Files that the database named and the portal's store did not have."""
    rows: dict[str, tuple[int, ...]] = field(default_factory=dict, repr=False)
    """By table the fewest and the most rows that it can have: see `backup.row_counts`."""
    format: int = FORMAT
    verified_at: datetime | None = None
    problem: str = ""
    """What the last verification found of its database or its log: it is not counted as a good one."""
    damaged_files: int = 0
    """Of what it names in the repository, or missing there: all else comes back."""
    is_extra: bool = False
    """Made because of a restore or a gap, not by schedule or wish."""
    target: int = 0
    """The number of the target that it was made on, by the configuration that it holds; 0: not known."""
    done_at: datetime | None = None
    """When pgBackRest had returned, and it had surely ended. None: made before that was noted."""

    def is_from_before(self, moment: datetime) -> bool:
        """Whether it had ended by then. No moment within a backup can be recovered from it."""
        return (self.done_at or self.ended_at + timedelta(seconds=1)) <= moment

    @property
    def log_end(self) -> Segment:
        """The segment with which its log ends."""
        return Segment.parse(self.last_wal) or Segment(self.timeline, 0)

    @property
    def is_readable(self) -> bool:
        """Whether it is known what it lists."""
        return self.format != UNREADABLE

    @property
    def condition(self) -> Condition:
        if self.problem:
            return Condition.DAMAGED
        return Condition.FILES_DAMAGED if self.damaged_files else Condition.WHOLE

    @property
    def trouble(self) -> str:
        """What is wrong with it, in words; empty: it is whole."""
        files = f"{self.damaged_files} of its files are damaged or missing." if self.damaged_files else ""
        return " ".join(filter(None, (self.problem, files)))

    def __str__(self) -> str:
        words = {"full": "full", "diff": "differential", "incr": "incremental"}[self.kind]
        return f"{self.label}, {words}, {moments.shown(self.ended_at)}"


def folder_of(node: Node, target: Target) -> Path:
    """Where this machine keeps copies of the manifests, so that a list needs no target."""
    folder = node.data("backup") / "sets" / str(target.number)
    ensure_folder(folder, mode=0o700)
    return folder


def known(node: Node, target: Target) -> list[BackupSet]:
    """The sets of a target, oldest first, as this machine remembers them."""
    files = sorted(folder_of(node, target).glob("*.json"))
    return [_header(file.read_text(encoding="utf-8"), file.name) for file in files]


def _header(line: str, place: str) -> BackupSet:
    """A newer release may have written more, and this one be what a box went back to."""
    return decode(BackupSet, known_fields(BackupSet, json.loads(line)), place=place)


def chosen(found: Sequence[BackupSet], label: str) -> BackupSet:
    """The set of this name, or the newest whole one; where none is, the newest good one."""
    fitting = [one for one in found if (one.label == label if label else not one.problem)]
    fitting = [one for one in fitting if not one.damaged_files] or fitting
    if not fitting:
        raise BackupRefused(
            f"There is no set {label}. `boxctl backup list` names those there are."
            if label
            else "There is no good set yet: `boxctl backup now` makes one."
        )
    return fitting[-1]


def lived(node: Node, target: Target, moment: datetime | None) -> Timeline | None:
    """The time line on which the box lived at a moment, or lives, as far as the target tells."""
    backed_up: dict[int, datetime] = {}
    for one in known(node, target):
        backed_up[one.timeline] = min(one.began_at, backed_up.get(one.timeline, one.began_at))
    return pgbackrest.lived(node, target, moment, backed_up)


def remember(node: Node, target: Target, one: BackupSet) -> None:
    text = json.dumps(encode(one), indent=1) + "\n"
    write_atomically(folder_of(node, target) / f"{one.label}.json", text, mode=0o600)


def forget(node: Node, target: Target, label: str) -> None:
    for suffix in (".json", ".jsonl.gz"):
        (folder_of(node, target) / f"{label}{suffix}").unlink(missing_ok=True)


def refresh(node: Node, vault: Vault, *, rings: Sequence[str] | None = None) -> None:
    """Learn from the repository itself which sets there are. `rings`: see `Vault.require`."""
    vault.require(rings)
    folder = folder_of(node, vault.target)
    there = {name for name in (found.rstrip("/") for found in vault.names("sets")) if _LABEL.fullmatch(name)}
    if not there:
        # With another key everything looks empty, which must not be taken for word that all sets are gone.
        vault.refuse_other_key()
    for one in known(node, vault.target):
        if one.label not in there:
            forget(node, vault.target, one.label)
    known_well = {one.label for one in known(node, vault.target) if one.is_readable}
    for label in sorted(there):
        local = folder / f"{label}.jsonl.gz"
        if label in known_well:
            continue
        if MANIFEST not in vault.names(f"sets/{label}"):
            continue
        try:
            _fetch_manifest(vault, label, local)
            one = _header(next(lines_in(local)), label)
            if one.label != label:
                raise Malformed(f"It calls itself {one.label!r}.")
        except (*_UNREADABLE, CommandFailed) as error:
            # A target that is away is no damage.
            vault.require()
            local.unlink(missing_ok=True)
            found = _unlisted(node, vault.target, label, error)
            if found is None:
                continue
            one = found
        remember(node, vault.target, one)


_UNREADABLE = (OSError, EOFError, ValueError, StopIteration, zlib.error, Malformed)


def _unlisted(node: Node, target: Target, label: str, error: Exception) -> BackupSet | None:
    """A set whose manifest cannot be read: it counts as damaged, and not as one that never was."""
    stored = next((one for one in pgbackrest.stored(node, target) if one.label == label), None)
    if stored is None:
        return None
    return BackupSet(
        label=label,
        kind=stored.kind,
        parent=stored.parent,
        began_at=stored.began_at,
        ended_at=stored.ended_at,
        version="",
        timeline=stored.timeline,
        first_wal=stored.first_wal,
        last_wal=stored.last_wal,
        database_bytes=stored.database_bytes,
        stored_bytes=stored.stored_bytes,
        blobs=0,
        blob_bytes=0,
        format=UNREADABLE,
        problem=f"Its manifest cannot be read: {str(error).splitlines()[-1]}",
    )


def store(node: Node, vault: Vault, one: BackupSet, blobs: Iterable[Blob]) -> None:
    """Write a set into the repository. The manifest comes last: with it, the set exists."""
    # Root's own folder, in which the engines may read.
    outgoing, group = node.data("backup") / "outgoing", users.group_id(users.DATABASE)
    manifest, packed = outgoing / MANIFEST, outgoing / CONFIGURATION
    with (
        new_file(manifest, mode=0o640, group=group) as file,
        gzip.open(file, "wt", encoding="utf-8", compresslevel=5) as lines,
    ):
        lines.write(json.dumps(encode(one)) + "\n")
        lines.writelines(json.dumps(blob) + "\n" for blob in blobs)
    with new_file(packed, mode=0o640, group=group) as file:
        file.write(configuration.pack(node.paths))
    vault.put(packed, configuration_key(one.label))
    vault.put(manifest, f"sets/{one.label}/{MANIFEST}")
    manifest.rename(folder_of(node, vault.target) / f"{one.label}.jsonl.gz")
    packed.unlink()
    remember(node, vault.target, one)


def sweep_staging(node: Node) -> None:
    """Remove what an operation that was killed had in its hands; of those that use it one runs at a time."""
    for left in (node.data("backup") / "outgoing").iterdir():
        left.unlink(missing_ok=True)
    for left in (node.data("backup") / "tmp").iterdir():
        as_owner.remove(left, users.account(users.DATABASE))


@contextmanager
def taken_out(vault: Vault, name: str) -> Iterator[IO[bytes]]:
    """A file of the repository: the engines put it where they may, and root reads it there."""
    folder = vault.node.data("backup") / "tmp"
    local = folder / secrets.token_hex(8)
    try:
        vault.get(name, local)
        with as_owner.reading(local, within=folder) as file:
            yield file
    finally:
        as_owner.remove(local, users.account(users.DATABASE))


def _fetch_manifest(vault: Vault, label: str, local: Path) -> None:
    part = local.with_name(f".{local.name}")
    with taken_out(vault, f"sets/{label}/{MANIFEST}") as file, new_file(part) as copy:
        shutil.copyfileobj(file, copy)
    part.replace(local)


def manifest_of(node: Node, vault: Vault, label: str) -> Path:
    """This machine's copy of a set's manifest."""
    local = folder_of(node, vault.target) / f"{label}.jsonl.gz"
    if not local.exists():
        _fetch_manifest(vault, label, local)
    return local


def put_manifest_back(node: Node, vault: Vault, label: str) -> None:
    """Into the repository, where it is damaged or gone."""
    outgoing = node.data("backup") / "outgoing" / MANIFEST
    with (
        manifest_of(node, vault, label).open("rb") as file,
        new_file(outgoing, mode=0o640, group=users.group_id(users.DATABASE)) as copy,
    ):
        shutil.copyfileobj(file, copy)
    vault.put(outgoing, f"sets/{label}/{MANIFEST}")
    outgoing.unlink()


def blobs_of(node: Node, vault: Vault, label: str) -> Iterator[Blob]:
    """What a set's manifest lists."""
    lines = lines_in(manifest_of(node, vault, label))
    next(lines)
    for line in lines:
        yield Blob(*json.loads(line))


def lines_in(manifest: Path) -> Iterator[str]:
    """One after the other, none longer than a box writes one: root reads what the engines' user may have
    written. Raises `ValueError`."""
    with gzip.open(manifest, "rt", encoding="utf-8") as lines:
        while line := lines.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise ValueError("It has a line that is longer than any of a manifest.")
            yield line


def found_wrong(node: Node, target: Target, one: BackupSet, problem: str) -> None:
    """Note what a verification found, or that it found nothing."""
    remember(node, target, replace(one, verified_at=datetime.now(UTC), problem=problem))


def configuration_key(label: str) -> str:
    """What the configuration of a set is called in a repository, and among the files that are damaged."""
    return f"sets/{label}/{CONFIGURATION}"


def assess(node: Node, vault: Vault, ledger: Ledger) -> None:
    """Look at all sets again: how many of the files that each names are damaged by now."""
    damaged = ledger.damaged()
    for one in known(node, vault.target):
        if not one.is_readable or not (damaged or one.damaged_files):
            continue
        files = sum(blob.key in damaged for blob in blobs_of(node, vault, one.label)) if damaged else 0
        count = files + (configuration_key(one.label) in damaged)
        if count != one.damaged_files:
            remember(node, vault.target, replace(one, damaged_files=count))


def configuration_of(
    node: Node, vault: Vault, wanted: BackupSet
) -> tuple[BackupSet, configuration.Configuration]:
    """The configuration that a set holds, or where it cannot be read, the nearest one; and which that is."""
    others = (one for one in known(node, vault.target) if one.label != wanted.label)
    failure: Exception | None = None
    for one in (wanted, *sorted(others, key=lambda one: abs(one.ended_at - wanted.ended_at))):
        try:
            with taken_out(vault, configuration_key(one.label)) as packed:
                return one, configuration.read(packed)
        except (configuration.NoConfiguration, OSError, CommandFailed) as error:
            # A target that is away is no damage.
            vault.require()
            failure = failure or error
    raise failure or BackupRefused(f"There is no configuration of {wanted.label}.")
