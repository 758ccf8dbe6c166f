"""A key that opens the backups is shown to whoever asked for it, whatever comes up afterwards."""

from __future__ import annotations

import errno
import os
from argparse import Namespace
from typing import Any

import pytest

from appliance.agent import proofs
from appliance.agent.protocol import AddKeyHolder, RotateKeys
from appliance.supervise import SupervisorError
from backup import answers, rotation, setup, state_file
from backup.commands import holders, targets
from backup.keys import KeyRing, RecoveryKey
from backup.settings import BackupRefused
from tests.backup.conftest import Kept
from tests.backup.operating import back_up


def opens(kept: Kept, key: str) -> bool:
    ring = (kept.repository / "keyring.json").read_text(encoding="utf-8")
    return KeyRing.parse(ring).open(RecoveryKey.parse(key)) == kept.settings.master


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_state_that_cannot_be_noted_keeps_no_key_back(
    rotated: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(state_file, "write", full)
        handed = answers.rotate_keys(rotated.node, RotateKeys("anna"))
        boris = answers.add_holder(rotated.node, AddKeyHolder("boris"))
    assert opens(rotated, handed.key) and opens(rotated, boris.key)
    rotated.settle_down(RecoveryKey.parse(handed.key))


def test_where_no_proofs_can_be_noted_the_key_of_before_stays_the_only_one(
    rotated: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rotated.settings
    with monkeypatch.context() as patched:
        patched.setattr(proofs, "admit", full)
        with pytest.raises(OSError, match="No space left"):
            rotation.rotate(rotated.node, before, "anna")
        with pytest.raises(OSError, match="No space left"):
            setup.add_holder(rotated.node, before, "gleb")
    assert rotated.settings == before
    assert opens(rotated, str(rotated.key))
    assert back_up(rotated).problem == ""


def test_boxctl_shows_a_new_key_though_the_log_does_not_arrive(
    rotated: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise BackupRefused("The log does not arrive")

    with monkeypatch.context() as patched:
        patched.setattr(setup, "enforce", refuse)
        with pytest.raises(BackupRefused, match="does not arrive"):
            holders.keys(rotated.node, Namespace(action="rotate", holder="anna"))
    (shown,) = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith("    ")]
    assert opens(rotated, shown)
    setup.enforce(rotated.node, lambda _: None)
    rotated.settle_down(RecoveryKey.parse(shown))


def test_boxctl_shows_the_first_key_though_the_service_does_not_start(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = RecoveryKey.new()

    def fail(*_: Any) -> None:
        raise SupervisorError("The service does not start")

    monkeypatch.setattr(targets, "change_targets", lambda *_: (kept.settings, key))
    monkeypatch.setattr(setup, "keep_up", fail)
    given = Namespace(remove=False, name="disk", folder="/mnt", s3=None, sftp=None, bandwidth=None)
    with pytest.raises(SupervisorError, match="does not start"):
        targets.set_up(kept.node, given)
    assert str(key) in capsys.readouterr().out
