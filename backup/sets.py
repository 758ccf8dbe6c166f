"""A set: a database backup with the files that belong to it and the configuration of the box."""

from __future__ import annotations

import gzip
import io
import json
import re
import secrets
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from appliance import theirs, users
from appliance.agent.codec import decode, encode
from appliance.files import ensure_folder, new_file, write_atomically
from appliance.node import Node
from appliance.paths import Paths
from backup.blobs import Blob
from backup.retention import Candidate
from backup.settings import BackupRefused, Target
from backup.vault import Vault

FORMAT = 1
# As pgBackRest calls them (user guide, "Backup label"). They become names of files.
_LABEL = re.compile(r"\d{8}-\d{6}F(_\d{8}-\d{6}[DI])?")
MANIFEST, CONFIGURATION = "manifest.jsonl.gz", "configuration.tar.gz"
# Made anew from the rest by every start of the box, or of this machine alone.
_NOT_CONFIGURATION = ("generated", "notices-due")


@dataclass(frozen=True)
class BackupSet:
    """The first line of a manifest."""

    label: str
    kind: str
    parent: str | None
    began_at: datetime
    ended_at: datetime
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
    """By table the fewest and the most rows that it can have: see `backup.rows`."""
    format: int = FORMAT
    verified_at: datetime | None = None
    problem: str = ""
    """What the last verification found; such a set is not counted as a good one."""

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.label, self.ended_at, self.parent, is_good=not self.problem)

    def __str__(self) -> str:
        words = {"full": "full", "diff": "differential", "incr": "incremental"}[self.kind]
        return f"{self.label}, {words}, {self.ended_at:%Y-%m-%d %H:%M} UTC"


def folder_of(node: Node, target: Target) -> Path:
    """Where this machine keeps copies of the manifests, so that a list needs no target."""
    folder = node.data("backup") / "sets" / str(target.number)
    ensure_folder(folder, mode=0o700)
    return folder


def known(node: Node, target: Target) -> list[BackupSet]:
    """The sets of a target, oldest first, as this machine remembers them."""
    files = sorted(folder_of(node, target).glob("*.json"))
    return [
        decode(BackupSet, json.loads(file.read_text(encoding="utf-8")), place=file.name) for file in files
    ]


def chosen(found: Sequence[BackupSet], label: str) -> BackupSet:
    """The set of this name, or the newest good one."""
    fitting = [one for one in found if (one.label == label if label else not one.problem)]
    if not fitting:
        raise BackupRefused(
            f"There is no set {label}. `boxctl backup list` names those there are."
            if label
            else "There is no good set yet: `boxctl backup now` makes one."
        )
    return fitting[-1]


def remember(node: Node, target: Target, one: BackupSet) -> None:
    text = json.dumps(encode(one), indent=1) + "\n"
    write_atomically(folder_of(node, target) / f"{one.label}.json", text, mode=0o600)


def forget(node: Node, target: Target, label: str) -> None:
    for suffix in (".json", ".jsonl.gz"):
        (folder_of(node, target) / f"{label}{suffix}").unlink(missing_ok=True)


def refresh(node: Node, vault: Vault) -> None:
    """Learn from the repository itself which sets there are."""
    vault.require()
    folder = folder_of(node, vault.target)
    there = {name for name in (found.rstrip("/") for found in vault.names("sets")) if _LABEL.fullmatch(name)}
    if not there:
        # With another key everything looks empty, which must not be taken for word that all sets are gone.
        vault.refuse_other_key()
    for one in known(node, vault.target):
        if one.label not in there:
            forget(node, vault.target, one.label)
    for label in sorted(there):
        local = folder / f"{label}.jsonl.gz"
        if (folder / f"{label}.json").exists():
            continue
        if MANIFEST not in vault.names(f"sets/{label}"):
            continue
        _fetch_manifest(vault, label, local)
        with gzip.open(local, "rt", encoding="utf-8") as lines:
            one = decode(BackupSet, json.loads(next(lines)), place=label)
        if one.label != label:
            raise BackupRefused(f"The manifest of {label} calls itself another set: it is damaged.")
        remember(node, vault.target, one)


def store(node: Node, vault: Vault, one: BackupSet, blobs: Iterable[Blob]) -> None:
    """Write a set into the repository. The manifest comes last: with it, the set exists."""
    # Root's own folder, in which the engines may read.
    outgoing, group = node.data("backup") / "outgoing", users.group_id(users.DATABASE)
    manifest, configuration = outgoing / MANIFEST, outgoing / CONFIGURATION
    with (
        new_file(manifest, mode=0o640, group=group) as file,
        gzip.open(file, "wt", encoding="utf-8", compresslevel=5) as lines,
    ):
        lines.write(json.dumps(encode(one)) + "\n")
        lines.writelines(json.dumps(blob) + "\n" for blob in blobs)
    with new_file(configuration, mode=0o640, group=group) as file:
        file.write(pack_configuration(node.paths))
    vault.put(configuration, f"sets/{one.label}/{CONFIGURATION}")
    vault.put(manifest, f"sets/{one.label}/{MANIFEST}")
    manifest.rename(folder_of(node, vault.target) / f"{one.label}.jsonl.gz")
    configuration.unlink()
    remember(node, vault.target, one)


def sweep_staging(node: Node) -> None:
    """Remove what an operation that was killed had in its hands; of those that use it one runs at a time."""
    for left in (node.data("backup") / "outgoing").iterdir():
        left.unlink(missing_ok=True)
    for left in (node.data("backup") / "tmp").iterdir():
        theirs.remove(left, users.account(users.DATABASE))


@contextmanager
def taken_out(vault: Vault, name: str) -> Iterator[IO[bytes]]:
    """A file of the repository: the engines put it where they may, and root reads it there."""
    folder = vault.node.data("backup") / "tmp"
    local = folder / secrets.token_hex(8)
    try:
        vault.get(name, local)
        with theirs.reading(local, within=folder) as file:
            yield file
    finally:
        theirs.remove(local, users.account(users.DATABASE))


def _fetch_manifest(vault: Vault, label: str, local: Path) -> None:
    with taken_out(vault, f"sets/{label}/{MANIFEST}") as file, new_file(local) as copy:
        shutil.copyfileobj(file, copy)


def blobs_of(node: Node, vault: Vault, label: str) -> Iterator[Blob]:
    """What a set's manifest lists."""
    local = folder_of(node, vault.target) / f"{label}.jsonl.gz"
    if not local.exists():
        _fetch_manifest(vault, label, local)
    with gzip.open(local, "rt", encoding="utf-8") as lines:
        next(lines)
        for line in lines:
            yield Blob(*json.loads(line))


def found_wrong(node: Node, target: Target, one: BackupSet, problem: str) -> None:
    """Note what a verification found, or that it found nothing."""
    remember(node, target, replace(one, verified_at=datetime.now(UTC), problem=problem))


def pack_configuration(paths: Paths) -> bytes:
    """The box's folder of configuration, with its secrets, as a tar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in sorted(paths.etc.iterdir()):
            if path.name not in _NOT_CONFIGURATION:
                tar.add(path, arcname=path.name)
    return packed.getvalue()


def unpack_configuration(packed: IO[bytes], paths: Paths) -> None:
    """Put the configuration of a set in the place of this box's."""
    with tarfile.open(fileobj=packed, mode="r:gz") as tar:
        # No links: what is written there afterwards would go where they lead.
        found = [entry for entry in tar if entry.isreg() or entry.isdir()]
        tar.extractall(paths.etc, found, filter="data")
