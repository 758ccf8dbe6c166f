"""A set as one encrypted file that is opened without Korobka: a tar in `age`, with the database as a dump.

`python -m backup.download_file` makes it, in namespaces of its own. How it is opened: docs/admin/backup.md.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance import as_owner, runner, users
from appliance.node import Node
from appliance.paths import Paths
from appliance.runner import CommandFailed
from appliance.services.database.names import BIN, NAME, SUPERUSER
from backup import blobs, packs, second_box, sets, settings
from backup.blob import Blob
from backup.child_messages import channel, send, send_progress
from backup.rclone import Vault
from backup.sets import BackupSet
from backup.settings import BackupRefused, Settings, Target

PLACE = "download"


def program(name: str = "age") -> str:
    found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise BackupRefused("age is missing: `apt-get install age`.")
    return found


def new_key() -> tuple[str, str]:
    """A key that opens, and the other half of it, which only closes."""
    lines = runner.run([program("age-keygen")]).stdout.splitlines()
    identity = next(line for line in lines if line.startswith("AGE-SECRET-KEY-"))
    recipient = next(line for line in lines if line.startswith("# public key: "))
    return identity, recipient.removeprefix("# public key: ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("target", "set", "recipient"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--file", type=Path, required=True)
    given = parser.parse_args()
    node = Node.load(Paths.from_environment())
    with channel():
        chosen = settings.load(node.paths)
        target = chosen.target(given.target)
        one = sets.chosen(sets.known(node, target), given.set)
        with closed(given.file, given.recipient) as file:
            pack(node, chosen, target, one, file)


def passing(node: Node, one: BackupSet, listed: Iterable[Blob], file: Path) -> int:
    """Bytes that the portal's disk has to have beside the database: for what is on its way into the file, and
    for the file itself where it lies there."""
    sizes = [blob.size for blob in listed]
    # A portion ends with the file that is too much.
    work = max(one.database_bytes, blobs.PORTION_BYTES + max(sizes, default=0))
    is_there = file.parent.stat().st_dev == node.paths.data.stat().st_dev
    return work + (one.database_bytes + sum(sizes) if is_there else 0)


@contextmanager
def closed(file: Path, recipient: str) -> Iterator[tarfile.TarFile]:
    """A tar of which nothing but an encrypted file reaches the disk."""
    file.unlink(missing_ok=True)
    with (
        # Wherever root wants it, but never through a link that somebody has put there.
        os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as out,
        runner.fed([program(), "--encrypt", "--recipient", recipient], to=out) as pipe,
        tarfile.open(fileobj=pipe, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield tar


def pack(node: Node, chosen: Settings, target: Target, one: BackupSet, tar: tarfile.TarFile) -> None:
    vault = Vault(node, chosen, target)
    sums: dict[str, str] = {}
    copy = second_box.prepare(node, chosen, target, one, PLACE)
    send_progress("Bringing the database back.")
    second_box.bring_database(node, copy, target, one)
    send_progress("Writing the database.")
    me = users.account(users.DATABASE)
    dump = copy.data("database") / "database.dump"
    runner.run(
        [BIN / "pg_dump", "--format=custom", "--compress=zstd:3", f"--file={dump}", NAME],
        env={
            "PGHOST": str(copy.run("database")), "PGPORT": str(copy.box.database.port), "PGUSER": SUPERUSER,
        },
        user=me,
    )  # fmt: skip
    add(tar, dump, "database.dump", sums, within=copy.data("database"))
    as_owner.remove(dump, me)
    send_progress("Writing the configuration.")
    work = node.data("backup") / "tmp" / PLACE
    as_owner.remove(work, me)
    as_owner.make_folder(work, me)
    vault.get(f"sets/{one.label}/{sets.CONFIGURATION}", work / sets.CONFIGURATION)
    add(tar, work / sets.CONFIGURATION, sets.CONFIGURATION, sums, within=work.parent)
    listed = list(sets.blobs_of(node, vault, one.label))
    lost = add_files(tar, vault, listed, work, sums)
    if lost:
        add_text(tar, "MISSING", "".join(f"files/{key}\n" for key in lost), sums)
        send(missing=len(lost))
    add_text(tar, "files.jsonl", "".join(json.dumps(blob._asdict()) + "\n" for blob in listed), sums)
    add_text(tar, "set.json", json.dumps({"label": one.label, "version": one.version}) + "\n", sums)
    # Last, for only now it is known.
    add_text(tar, "SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in sums.items()), {})
    as_owner.remove(work, me)


def add_files(
    tar: tarfile.TarFile, vault: Vault, listed: list[Blob], work: Path, sums: dict[str, str]
) -> list[str]:
    """The files, some at a time: there need not be room for all of them once more. The keys of those that are
    damaged or missing: they are left out, and all else is there."""
    done, total, me = 0, sum(blob.size for blob in listed), users.account(users.DATABASE)
    lost: list[str] = []
    with packs.known(vault) as ledger:
        for page in blobs.portions(listed):
            send_progress("Writing files.", done >> 20, max(total >> 20, 1))
            try:
                packs.fetch(vault, ledger, [blob.key for blob in page], work)
            except CommandFailed:
                # A target that is away is no damage.
                vault.require()
            for blob in page:
                try:
                    add(
                        tar,
                        work / blob.key,
                        f"files/{blob.key}",
                        sums,
                        within=work.parent,
                        digest=blob.sha256,
                    )
                except (FileNotFoundError, Damaged):
                    lost.append(blob.key)
                done += blob.size
            # Some at a time: each alone would take a program of its own.
            as_owner.remove(work, me)
            as_owner.make_folder(work, me)
    return lost


class Damaged(Exception):
    """It is not what it was."""


def add(
    tar: tarfile.TarFile, file: Path, name: str, sums: dict[str, str], *, within: Path, digest: str = ""
) -> None:
    """A file of the engines' folder `within` under a name, and its checksum, which is `digest` where that is
    known. Raises `Damaged` before anything of another is written."""
    with as_owner.reading(file, within=within) as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
        if digest not in ("", found):
            raise Damaged(name)
        sums[name] = found
        opened.seek(0)
        known = os.fstat(opened.fileno())
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = known.st_size, 0o600, int(known.st_mtime)
        tar.addfile(entry, opened)


def add_text(tar: tarfile.TarFile, name: str, text: str, sums: dict[str, str]) -> None:
    data = text.encode()
    sums[name] = hashlib.sha256(data).hexdigest()
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    tar.addfile(entry, io.BytesIO(data))


if __name__ == "__main__":
    main()
