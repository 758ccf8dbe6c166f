"""A file for whoever helps: what they need is in it, and nothing that opens anything."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from appliance import config
from appliance.commands import support
from appliance.node import Node
from appliance.paths import Paths
from tests.appliance.boxes import boxctl, running_box


@pytest.fixture(scope="module")
def box() -> Iterator[Node]:
    with running_box("agent", "cache") as node:
        yield node


def unpacked(file: Path) -> dict[str, str]:
    with tarfile.open(file) as tar:
        found = {}
        for entry in tar:
            content = tar.extractfile(entry)
            assert content is not None
            found[entry.name.removeprefix("korobka-support/")] = content.read().decode()
        return found


def test_the_bundle_holds_what_helps_and_no_secret(box: Node, tmp_path: Path) -> None:
    leaked = box.secrets.objects_secret_key
    (box.paths.log / "cache.log").open("a").write(f"somebody logged {leaked} here\n")
    file = tmp_path / "bundle.tar.gz"
    done = boxctl(box, "support", str(file))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    found = unpacked(file)
    assert {service["name"] for service in json.loads(found["status.json"])["services"]} >= {"agent", "cache"}
    assert "somebody logged [secret] here" in found["logs/cache.txt"]
    assert "debian" in found["os-release.txt"].lower()
    whole = "".join(found.values())
    for name, secret in asdict(box.secrets).items():
        assert secret.splitlines()[-2 if secret.startswith("-----") else 0] not in whole, name


@pytest.mark.parametrize("wrong", [b"[web]\nworkers = many\n", b'name = "\xff"\n'])
def test_the_bundle_comes_where_the_configuration_is_wrong(wrong: bytes, box: Node, tmp_path: Path) -> None:
    """It is what one wants help with."""
    before = box.paths.box_toml.read_bytes()
    file = tmp_path / "bundle.tar.gz"
    (box.paths.log / "cache.log").open("a").write("what the cache said\n")
    box.paths.box_toml.write_bytes(wrong)
    try:
        done = boxctl(box, "support", str(file))
    finally:
        box.paths.box_toml.write_bytes(before)
    assert done.returncode == 0, done.stderr
    found = unpacked(file)
    assert found["box.toml"] == wrong.decode(errors="replace")
    assert "what the cache said" in found["logs/cache.txt"]
    assert "Traceback" not in "".join(found.values())


def test_a_file_that_is_there_stays(box: Node, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")
    assert boxctl(box, "support", str(file)).returncode == 1
    assert file.read_text() == "mine"


def test_keys_of_backups_are_secrets_too(box: Node) -> None:
    box.paths.backup.mkdir(exist_ok=True)
    key = "Zm9yYmlkZGVuLWtleS1vZi1hLXRhcmdldA=="
    (box.paths.backup / "pgbackrest.conf").write_text(f"repo1-s3-key-secret={key}\n")
    try:
        secrets = support.secrets_of(box.paths)
    finally:
        (box.paths.backup / "pgbackrest.conf").unlink()
        box.paths.backup.rmdir()
    assert support.without(secrets, f"key {key}.") == "key [secret]."
    assert secrets == sorted(secrets, key=len, reverse=True)


@pytest.mark.parametrize(
    "line", ["repo1-s3-key-secret={}", "secret_access_key = {}", '  "password": "{}",', "pass: {}"]
)
def test_a_password_that_somebody_has_chosen_is_a_secret_too(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path)
    paths.backup.mkdir(parents=True)
    monkeypatch.setattr(config, "load_secrets", lambda paths: config.new_secrets())
    chosen, root_key = "my cat's name!", "ABCDE-FGHJK-MNPQR-STVWX-YZ012-34567-89ABC-DEFGH"
    (paths.backup / "pgbackrest.conf").write_text(f"[global]\n{line.format(chosen)}\n")
    (paths.etc / "root.key").write_text(f"{root_key}\n")
    secrets = support.secrets_of(paths)
    assert support.without(secrets, f"tried {chosen} and {root_key}.") == "tried [secret] and [secret]."


def test_a_monitor_is_given_a_token_once(box: Node) -> None:
    done = boxctl(box, "metrics", "token")
    assert done.returncode == 0, done.stderr
    token = done.stdout.partition("shown this once: ")[2].split()[0]
    assert token not in box.paths.box_toml.read_text()
    assert boxctl(box, "metrics", "networks", "10.0.0.0/8", "fd00::/8").returncode == 0
    assert '"10.0.0.0/8", "fd00::/8"' in box.paths.box_toml.read_text()
    refused = boxctl(box, "metrics", "networks", "everywhere")
    assert refused.returncode == 1
    assert "metrics.networks" in refused.stderr
    assert boxctl(box, "metrics", "off").returncode == 0
    assert "10.0.0.0" not in box.paths.box_toml.read_text()
