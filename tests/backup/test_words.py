"""What `boxctl backup` says, and how it ends when nobody listens or answers."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.node import Node
from appliance.runner import CommandFailed, Completed
from backup import moments, rclone
from backup.commands.operations import KINDS
from backup.settings import BackupRefused, Target
from backup.timeouts import told_of_full_target
from box.core.registry.capabilities import keepsakes
from tests.appliance.boxes import boxctl
from tests.backup.conftest import Kept

ROOT = Path(__file__).parents[2]
DISK = Target(1, "disk", "folder", "/mnt/backup")


def test_every_kind_of_thing_that_is_put_back_is_named_where_it_is_looked_for() -> None:
    assert set(KINDS) == {key for key, _ in keepsakes.items()}
    page = (ROOT / "docs/admin/backup.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


def unread(*command: str | Path, env: dict[str, str]) -> tuple[int, str]:
    """How a program ends whose output nobody reads, and what it complains of."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=env) as one:
        assert one.stdout is not None
        assert one.stderr is not None
        one.stdout.close()
        said = one.stderr.read().decode()
    return one.returncode, said


def test_whoever_has_seen_enough_gets_no_complaint(kept: Kept) -> None:
    assert unread(sys.executable, "manage.py", "help", env=dict(os.environ)) == (0, "")
    env = {**os.environ, "KOROBKA_PREFIX": str(kept.node.paths.prefix)}
    assert unread(sys.executable, "-m", "backup", "schedule", env=env) == (0, "")


def test_a_key_is_not_confirmed_by_silence(kept: Kept) -> None:
    done = boxctl(kept.node, "backup", "key", "confirm")
    said = " ".join(done.stderr.split())
    assert done.returncode == 1
    assert "the key is not confirmed" in said
    assert "Traceback" not in said


def test_an_unknown_kind_is_refused_before_a_set_is_opened(kept: Kept) -> None:
    done = boxctl(kept.node, "backup", "find", "drive.file", "budget", "--as", "anna")
    assert done.returncode == 2
    assert "drive.item" in done.stderr


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1)), st.integers(-12, 14))  # noqa: DTZ001
def test_what_is_said_of_a_moment_can_be_typed_back(at: datetime, hours: int) -> None:
    elsewhere = timezone(timedelta(hours=hours))
    assert moments.understood(moments.shown(at), elsewhere) == at.replace(microsecond=0)


def test_a_moment_is_said_as_it_is_meant(kept: Kept) -> None:
    box = kept.node.box.__class__(**{**vars(kept.node.box), "time_zone": "Europe/Moscow"})
    moments.use_zone_of(Node(kept.node.paths, box, kept.node.secrets, kept.node.machine))
    assert moments.shown(datetime(2026, 11, 24, 14, 30, tzinfo=UTC)) == "2026-11-24 17:30:00+03:00"


@pytest.mark.parametrize(
    "words",
    [
        "ERROR: [082]: unable to write '/mnt/backup/x': [28] No space left on device",
        '{"level":"error","msg":"Failed to copy: write /x: no space left on device","source":"a.go:1"}',
        "XMinioStorageFull: Storage backend has reached its minimum free drive threshold.",
    ],
)
def test_a_full_target_is_told_in_words(words: str) -> None:
    with (
        pytest.raises(BackupRefused, match=r"disk \(/mnt/backup\) is full") as told,
        told_of_full_target(DISK),
    ):
        raise CommandFailed(Completed(("rclone",), 1, words, ""))
    assert "{" not in str(told.value)


def test_of_what_rclone_says_for_programs_people_are_told_the_sentences() -> None:
    lines = (
        '{"level":"notice","msg":"","stats":{"bytes":1}}\n'
        '{"level":"error","msg":"a: Failed to copy: permission denied","source":"a.go:1"}\n'
        '{"level":"error","msg":"a: Failed to copy: permission denied","source":"a.go:1"}\n'
        "plain words"
    )
    with pytest.raises(CommandFailed) as told, rclone._told_plainly():
        raise CommandFailed(Completed(("rclone",), 1, lines, ""))
    assert str(told.value).splitlines()[1:] == ["a: Failed to copy: permission denied", "plain words"]
