"""What pgBackRest and rclone are told, from targets that somebody means ill with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from appliance import config
from appliance.node import Machine, Node
from appliance.paths import Paths
from appliance.quoting import Unwritable
from backup import pgbackrest
from backup.keys import KeyRing, MasterKey
from backup.settings import BackupRefused, Settings, Target

TARGETS = (
    Target(1, "disk", "folder", "/mnt/backup"),
    Target(
        1, "s3", "s3", "korobka", "https://s3.example.com:9000", "bucket", "us-east-1", "access", "secret",
    ),
    Target(1, "away", "sftp", "/home/backup", "backup@nas.example.com:2222"),
)  # fmt: skip
NOT_WRITTEN = {"name", "host_key"}
TEXTS = [
    pytest.param(target, field.name, id=f"{target.kind}-{field.name}")
    for target in TARGETS
    for field in dataclasses.fields(Target)
    if isinstance(getattr(target, field.name), str)
    and getattr(target, field.name)
    and field.name not in ("kind", *NOT_WRITTEN)
    and not (target.kind != "s3" and field.name == "region")
]


@pytest.fixture
def node(tmp_path: Path) -> Node:
    paths = Paths(tmp_path)
    paths.data.mkdir(parents=True)
    return Node(paths, config.Box(), config.new_secrets(), Machine(memory_mb=2048, cores=2))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.kind)
def test_what_is_meant_well_is_written(node: Node, target: Target) -> None:
    text = pgbackrest.config_text(node, Settings(MasterKey.new().value.hex(), KeyRing().dump()), [target])
    assert "repo1-path=" in text


@pytest.mark.parametrize(("target", "name"), TEXTS)
def test_no_text_of_a_target_brings_a_line_of_its_own(node: Node, target: Target, name: str) -> None:
    """`cmd-ssh` would run as the database's user, outside of any sandbox."""
    chosen = Settings(MasterKey.new().value.hex(), KeyRing().dump())
    for control in ("\n", "\r", "\x00", "\u2028"):
        meant_ill: dict[str, Any] = {name: f"{getattr(target, name)}{control}cmd-ssh=/tmp/evil"}
        evil = dataclasses.replace(target, **meant_ill)
        with pytest.raises((Unwritable, BackupRefused)) as refused:
            pgbackrest.config_text(node, chosen, [evil])
        # It may be a secret.
        assert target.kind == "sftp" or "evil" not in str(refused.value)
