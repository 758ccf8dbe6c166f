"""What is asked and answered at a terminal: nobody waits for who types, and what counts comes first."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.agent.journal import Journal
from backup import settings
from backup.commands import holders, targets
from backup.settings import BackupRefused
from tests.appliance.boxes import ROOT, boxctl, wait_until
from tests.backup.conftest import Kept
from tests.backup.operating import ended, some_set


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="korobka-file-") as path:
        yield Path(path)


def is_free(kept: Kept) -> bool:
    with settings.changing(kept.node.paths, is_patient=False) as is_mine:
        return is_mine


def given(**said: object) -> Namespace:
    names = (
        "at", "every_hours", "full_every_days", "keep_last", "keep_days", "keep_weeks", "keep_months",
        "drill_every_days", "folder", "s3", "sftp", "host_key",
    )  # fmt: skip
    return Namespace(**{**dict.fromkeys(names), "remove": False, **said})


@pytest.mark.usefixtures("at_terminal")
def test_no_backup_waits_for_who_types_a_secret(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []

    def typed(_: str) -> str:
        free.append(is_free(kept))
        return ""

    monkeypatch.setattr(getpass, "getpass", typed)
    monkeypatch.delenv("KOROBKA_BACKUP_SECRET_KEY", raising=False)
    with pytest.raises(BackupRefused, match="The secret key is missing"):
        targets.set_up(
            kept.node, given(name="away", s3="https://s3.example.com", bucket="korobka", access_key="box")
        )
    assert free == [True]


def test_a_new_key_is_shown_before_anything_else(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """What a year of backups amounts to takes a while to be counted, in which a terminal may go."""

    def gone(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(targets, "change_targets", lambda *_: (kept.settings, kept.key))
    monkeypatch.setattr(targets, "_show_calendar", gone)
    with pytest.raises(KeyboardInterrupt):
        targets.set_up(kept.node, given(name="disk", folder=str(folder), bandwidth=0))
    assert str(kept.key) in capsys.readouterr().out


def test_the_schedule_is_changed_by_one_at_a_time(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []
    save = settings.save

    def seen(*said: object) -> None:
        free.append(is_free(kept))
        save(*said)  # type: ignore[arg-type]

    monkeypatch.setattr(settings, "save", seen)
    targets.change_schedule(kept.node, given(keep_last=4))
    assert kept.settings.keep_last == 4
    assert free == [False]
    kept.begin_anew()


def test_a_key_is_confirmed_by_one_at_a_time(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    free: dict[str, bool] = {}
    save = settings.save

    def typed(_: str) -> str:
        free["typing"] = is_free(kept)
        return kept.key.groups[1 if "2" in _ else 6]

    def seen(*said: object) -> None:
        free["saving"] = is_free(kept)
        save(*said)  # type: ignore[arg-type]

    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr(settings, "save", seen)
    holders.keys(kept.node, Namespace(action="confirm", holder=""))
    assert kept.settings.holders[0].is_confirmed
    assert free == {"typing": True, "saving": False}
    kept.begin_anew()


@pytest.mark.parametrize("said", ["--keep-days=-1", "--keep-last=0", "--drill-every-days=-1", "--at=25:00"])
def test_numbers_that_make_no_sense_are_refused_at_the_terminal_too(kept: Kept, said: str) -> None:
    before = kept.settings
    done = boxctl(kept.node, "backup", "schedule", said)
    assert done.returncode != 0
    assert kept.settings == before


def test_the_key_of_a_file_is_shown_before_the_file_is_made(kept: Kept, folder: Path) -> None:
    some_set(kept)
    process = subprocess.Popen(
        [sys.executable, "-m", "appliance.cli", "backup", "download", str(folder / "set.age")],
        env={
            **os.environ, "KOROBKA_PREFIX": str(kept.node.paths.prefix), "PYTHONPATH": str(ROOT),
            "PYTHONSAFEPATH": "1",
        },
        cwd="/", stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip

    def has_begun() -> bool:
        (newest, *_) = Journal.all(kept.node.paths.operations)
        return newest.kind == "download" and newest.noted("progress") is not None

    wait_until(has_begun)
    os.killpg(process.pid, signal.SIGKILL)
    said, _ = process.communicate()
    assert "AGE-SECRET-KEY-" in said
    (newest, *_) = Journal.all(kept.node.paths.operations)
    assert ended(kept, newest).state == "done"
    assert (folder / "set.age").exists()
