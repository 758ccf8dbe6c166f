"""A set as one file: opened as docs/admin/backup.md says, by the commands of that very page."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from appliance.agent import operations
from appliance.agent.disk import ballast_size
from appliance.agent.journal import Journal
from appliance.services.database.names import BIN, SUPERUSER
from backup import blobs, download_file, second_box, sets
from backup.operations import download
from tests.appliance.boxes import ROOT, boxctl, query
from tests.backup.conftest import MARKER, Kept
from tests.backup.operating import back_up, flipped
from tests.backup.test_damage import file_of

PAGE = ROOT / "docs/admin/backup.md"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="korobka-file-") as path:
        yield Path(path)


def documented() -> list[str]:
    """The commands of the page's section, block by block."""
    section = PAGE.read_text(encoding="utf-8").partition("## A set as one file")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_it_opens_with_the_commands_that_the_page_says(kept: Kept, folder: Path) -> None:
    keys = kept.add_blobs(3)
    made = back_up(kept)
    there = kept.keys()
    file = folder / "korobka.tar.age"
    said = boxctl(kept.node, "backup", "download", file)
    assert said.returncode == 0, said.stderr
    (key,) = re.findall(r"AGE-SECRET-KEY-\w+", said.stdout)
    assert MARKER.encode() not in file.read_bytes()
    (folder / "key.txt").write_text(key + "\n")

    # Somebody's own server, in the place of the one that the reader has.
    server = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "PGHOST": str(kept.node.run("database")),
        "PGPORT": str(kept.node.box.database.port),
        "PGUSER": SUPERUSER,
    }
    # The box that it is tried in has a database of that name.
    commands = [re.sub(r"(createdb |dbname=)korobka", r"\1opened", block) for block in documented()]
    outputs = [
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=folder, env=server, check=True, capture_output=True, text=True,
        ).stdout
        for block in commands
    ]  # fmt: skip
    assert len(outputs) == 3
    for name in keys:
        assert (folder / "files" / name).read_bytes() == kept.contents[name]
    assert set(query(kept.node, "select key from files_blob", database="opened").split()) == there
    assert f'"label": "{made.label}"' in (folder / "set.json").read_text()
    query(kept.node, "drop database opened", database="postgres")
    assert not second_box.place_of(kept.node, download_file.PLACE).exists()


def test_a_damaged_file_costs_itself_and_the_file_says_so(kept: Kept, folder: Path) -> None:
    gone, whole = kept.add_blobs(2)
    back_up(kept)
    file = folder / "set.age"
    with flipped(file_of(kept, gone)):
        said = boxctl(kept.node, "backup", "download", file)
    assert said.returncode == 0, said.stderr
    assert "1 files are damaged or missing, and not in it" in said.stdout
    (key,) = re.findall(r"AGE-SECRET-KEY-\w+", said.stdout)
    (folder / "key.txt").write_text(key + "\n")
    opened = subprocess.run(
        ["age", "--decrypt", "--identity", folder / "key.txt", file], check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(opened)) as tar:
        names = set(tar.getnames())
        missing = tar.extractfile("MISSING")
        assert missing is not None
        assert missing.read().decode() == f"files/{gone}\n"
    assert f"files/{whole}" in names
    assert f"files/{gone}" not in names


def test_without_room_for_all_that_passes_through_nothing_is_begun(
    kept: Kept, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The portal itself must never run out of it; the file lies on its disk here."""
    kept.add_blobs(1, size=1 << 20)
    made = back_up(kept)
    _, recipient = download_file.new_key()
    said = {"target": "disk", "set": made.label, "file": str(folder / "set.age"), "recipient": recipient}
    total = 1 << 40
    spared = max(total // 20, 4 * ballast_size(total)) + (512 << 20)
    # The second box's database and what goes into the file; and what passes through, some at a time.
    work = max(made.database_bytes, blobs.PORTION_BYTES + (1 << 20))
    needed = spared + 2 * made.database_bytes + work + made.blob_bytes
    for free, is_begun in ((needed - (2 << 20), False), (needed + (2 << 20), True)):
        usage = shutil.disk_usage(folder)._replace(total=total, free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
        journal = Journal.begin(kept.node.paths.operations, "download", said, by="a test")
        monkeypatch.setenv(operations.JOURNAL_VARIABLE, str(journal.path))
        with nullcontext() if is_begun else pytest.raises(SystemExit):
            download.main()
        assert journal.state().state == ("done" if is_begun else "failed"), journal.state().progress.text
        assert is_begun or "There is no room for that" in journal.state().progress.text


def test_a_file_that_was_changed_does_not_open(folder: Path) -> None:
    identity, recipient = download_file.new_key()
    file, key = folder / "set.age", folder / "key.txt"
    key.write_text(identity)
    sums: dict[str, str] = {}
    with download_file.closed(file, recipient) as tar:
        download_file.add_text(tar, "a", "what is in it", sums)
    assert sums == {"a": hashlib.sha256(b"what is in it").hexdigest()}
    opened = ["age", "--decrypt", "--identity", str(key), str(file)]
    assert b"what is in it" in subprocess.run(opened, check=True, capture_output=True).stdout
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)
    assert subprocess.run(opened, check=False, capture_output=True).returncode != 0


def test_a_file_that_is_there_is_not_written_over(kept: Kept, folder: Path) -> None:
    if not sets.known(kept.node, kept.target):
        back_up(kept)
    (folder / "set.age").write_text("somebody's")
    assert "is there already" in boxctl(kept.node, "backup", "download", folder / "set.age").stderr
    assert (folder / "set.age").read_text() == "somebody's"
