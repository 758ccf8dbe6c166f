"""A second box is configured as the box itself: a set that somebody has written decides nothing there."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from appliance import certificates, config, folders, service_files, users
from appliance.node import Node
from appliance.paths import Paths
from appliance.services.balancer.service import SERVICE as BALANCER
from appliance.services.objects.service import SERVICE as OBJECTS
from backup import second_box, sets
from backup.keys import MasterKey
from backup.rclone import Vault
from backup.settings import BackupRefused, Settings, Target
from tests import require
from tests.backup.made_up import a_set

OWN = '[balancer]\ntrusted_proxies = ["10.0.0.7"]\n[database]\nmax_connections = 60\n'
DISK = Target(1, "disk", "folder", "/nowhere")


@pytest.fixture
def node() -> Iterator[Node]:
    """A box that was never started."""
    require.root("Only root makes a second box")
    users.create()
    prefix = Path(tempfile.mkdtemp(prefix="korobka-"))
    prefix.chmod(0o755)
    paths = Paths(prefix)
    folders.prepare(paths)
    paths.box_toml.write_text(OWN)
    config.create_secrets(paths)
    yield Node.load(paths)
    shutil.rmtree(prefix)


def beside(node: Node, said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Node:
    """What is made of a set that holds this as its configuration."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in said.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))

    # A fake of the engines alone: as their user may have it after they have fetched it.
    @contextmanager
    def taken_out(vault: Vault, name: str) -> Iterator[IO[bytes]]:
        packed.seek(0)
        yield packed

    monkeypatch.setattr(sets, "taken_out", taken_out)
    monkeypatch.setattr(Vault, "require", lambda _: None)
    chosen = Settings(MasterKey.new().value.hex(), "", targets=(DISK,))
    return second_box.prepare(node, chosen, DISK, a_set(), "forged")


def test_what_somebody_has_written_into_a_set_decides_neither_what_root_reads_nor_what_is_started(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, ours = tmp_path / "shadow", node.secrets
    secret.write_text("root:secret")
    theirs = node.paths.secrets_toml.read_text()
    for value in (ours.secret_key, ours.objects_access_key):
        theirs = theirs.replace(value, value[::-1])
    strange = Paths(tmp_path / "strange")
    strange.tls.mkdir(parents=True)
    certificates.ensure(strange, node.box.public_name)
    shown = {f"tls/{file.name}": file.read_text() for file in strange.tls.iterdir()}
    said = {
        "box.toml": f'[telephony]\nca_file = "{secret}"\nphones = ["a=wss://pbx.example.com:1"]\n'
        '[objects]\nprogram = "/tmp/mine"\n[database]\nmax_connections = 123\n'
        '[balancer]\ntrusted_proxies = ["0.0.0.0/0"]\n',
        "secrets.toml": theirs,
        **shown,
        "backup/backup.json": "{}",
        "release-signers": "theirs",
    }
    found = beside(node, said, monkeypatch)
    service_files.apply(found, only=(BALANCER, OBJECTS))
    etc = found.paths.etc
    written = {path: path.read_bytes() for path in etc.rglob("*") if path.is_file()}
    assert [path for path, text in written.items() if b"root:secret" in text] == []
    assert found.box.objects.program == ""
    assert (found.box.telephony.ca_file, found.box.telephony.phones) == ("", ())
    assert found.box.balancer.trusted_proxies == ("10.0.0.7",)
    assert [path for path, text in written.items() if text.decode() in shown.values()] == []
    assert {path.name for path in etc.iterdir()} == {"backup", "box.toml", "generated", "secrets.toml", "tls"}
    assert list(found.paths.backup.iterdir()) == []
    # What its data cannot be read without is the set's; whoever reads its other secrets knows none of ours.
    assert found.box.database.max_connections == 123
    assert found.secrets.secret_key == ours.secret_key[::-1]
    keys = {ours.objects_access_key, ours.objects_access_key[::-1]}
    assert found.secrets.objects_access_key not in keys
    assert found.secrets.database_owner_password != ours.database_owner_password


@pytest.mark.parametrize(
    "said",
    [
        {"box.toml": "nonsense = 1\n", "secrets.toml": 'secret_key = "k"\n'},
        {"box.toml": ""},
        {"secrets.toml": "secret_key = 1\n"},
        {"secrets.toml": "nonsense"},
    ],
)
def test_a_set_without_a_configuration_of_its_own_is_told_as_such(
    node: Node, said: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupRefused, match="of this set"):
        beside(node, said, monkeypatch)
