"""What is noted of a repository: kept whole by its locks, and begun anew where it is not."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance import config
from appliance.node import Machine, Node
from appliance.paths import Paths
from backup.ledger import ledger_of, noted
from backup.settings import BackupRefused, Target

TARGET = Target(3, "disk", "folder", "/mnt/backup")
PAGE_BYTES = 4096


@pytest.fixture
def node(empty_machine: Paths) -> Node:
    return Node(empty_machine, config.Box(), config.new_secrets(), Machine.here())


def file_of(node: Node) -> Path:
    return node.data("backup") / f"ledger-{TARGET.number}.db"


def locks(path: Path) -> list[str]:
    """What this process has locked of a file (proc_locks(5))."""
    known, lines = path.stat(), Path("/proc/locks").read_text(encoding="ascii").splitlines()
    place = f"{os.major(known.st_dev):02x}:{os.minor(known.st_dev):02x}:{known.st_ino}"
    return [line for line in lines if f" {os.getpid()} {place} " in line]


def fill(node: Node) -> None:
    with ledger_of(node, TARGET) as ledger:
        ledger.add({f"key {number}": number for number in range(3000)}, datetime.now(UTC))


def test_who_opens_it_too_takes_nobodys_locks(node: Node) -> None:
    """The threads of the service do: without its lock, another process believes that it is the last one, and
    takes the log of changes away."""
    with ledger_of(node, TARGET) as ledger:
        ledger.write(wanted="full")
        before = locks(file_of(node))
        assert before
        with ledger_of(node, TARGET) as other:
            assert other.note("wanted") == "full"
        assert locks(file_of(node)) == before


def test_it_is_made_for_root_alone_and_is_no_link(node: Node, tmp_path: Path) -> None:
    with ledger_of(node, TARGET):
        assert file_of(node).stat().st_mode & 0o777 == 0o600
    file_of(node).unlink()
    file_of(node).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="is a link"), ledger_of(node, TARGET):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_one_that_is_no_database_any_more_is_begun_anew(node: Node) -> None:
    fill(node)
    file_of(node).write_bytes(b"x" * PAGE_BYTES)
    with ledger_of(node, TARGET) as ledger:
        assert ledger.copied() == {}
    assert file_of(node).with_suffix(".damaged").exists()
    assert noted(node) == {TARGET.number}


def test_one_with_a_damaged_page_is_put_aside_with_a_word_and_the_next_is_empty(node: Node) -> None:
    fill(node)
    content = file_of(node).read_bytes()
    file_of(node).write_bytes(content[: 4 * PAGE_BYTES] + bytes(len(content) - 4 * PAGE_BYTES))
    with (
        pytest.raises(BackupRefused, match=r"was put aside as .*Begin this again"),
        ledger_of(node, TARGET) as ledger,
    ):
        ledger.copied()
    with ledger_of(node, TARGET) as ledger:
        assert ledger.copied() == {}
        ledger.add({"key": 1}, datetime.now(UTC))
        assert ledger.copied().keys() == {"key"}
