"""A target on a machine that speaks SFTP: OpenSSH's own server, with the box's key and no shell."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appliance.node import Node
from appliance.paths import Paths
from backup import disaster_recovery, packs, pgbackrest, sets, settings, setup
from backup.rclone import Vault
from backup.settings import BackupRefused, Target
from backup.targets import kind_of, sftp
from tests import require
from tests.appliance.boxes import wait_until
from tests.backup.conftest import MARKER, Kept
from tests.backup.operating import perform
from tests.ports import hold

SSHD = Path("/usr/sbin/sshd")


@dataclass(frozen=True)
class Host:
    """Where it is, and what it lets in."""

    place: str
    folder: Path
    authorized: Path
    pid: int


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with running_host() as found:
        yield found


@contextmanager
def running_host() -> Iterator[Host]:
    """An OpenSSH server that lets in what is written into its file of keys."""
    require.programs(str(SSHD), "ssh-keygen", cure="apt-get install openssh-server openssh-client")
    folder = Path(tempfile.mkdtemp(prefix="korobka-sshd-"))
    port = hold()
    key, authorized = folder / "host_key", folder / "authorized_keys"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    authorized.touch()
    lines = (
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {key}", f"AuthorizedKeysFile {authorized}",
        "StrictModes no", "UsePAM no", "PermitRootLogin yes", "PasswordAuthentication no",
        "Subsystem sftp internal-sftp", "ForceCommand internal-sftp", f"PidFile {folder / 'pid'}",
    )  # fmt: skip
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    place = f"root@127.0.0.1:{port}"
    with subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=subprocess.DEVNULL) as run:
        try:
            wait_until(lambda: is_there(place))
            yield Host(place, folder, authorized, run.pid)
        finally:
            run.terminate()
    shutil.rmtree(folder)


def is_there(place: str) -> bool:
    try:
        return bool(sftp.scan(place))
    except BackupRefused:
        return False


@pytest.fixture(scope="module")
def nas(kept: Kept, host: Host) -> Iterator[Target]:
    (host.folder / "backups").mkdir()
    wanted = Target(kept.free_number, "nas", "sftp", str(host.folder / "backups"), host.place)
    with pytest.raises(BackupRefused) as refused:
        kind_of(wanted).introduced(kept.node, wanted, "", option="--host-key")
    # What it asks for is done by hand, once.
    host.authorized.write_text(sftp.public_key(kept.node, wanted) + "\n")
    said = next(word for word in str(refused.value).split() if word.startswith("SHA256:"))
    target = kind_of(wanted).introduced(kept.node, wanted, said, option="--host-key")
    setup.add_target(kept.node, kept.settings, target, lambda _: None)
    yield target
    # Before the host goes: the database would wait for it at its end.
    setup.remove_target(kept.node, kept.settings, target.name, lambda _: None)


def test_the_key_is_the_boxs_own_and_the_fingerprint_is_the_hosts(
    kept: Kept, host: Host, nas: Target
) -> None:
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", host.folder / "host_key.pub"], capture_output=True, text=True, check=True
    ).stdout
    assert sftp.fingerprint(nas.host_key) in shown
    assert sftp.key_file(kept.node, nas).stat().st_mode & 0o777 == 0o400
    assert sftp.public_key(kept.node, nas) == sftp.public_key(kept.node, nas)


def test_a_set_is_made_verified_and_encrypted_there(kept: Kept, host: Host, nas: Target) -> None:
    keys = kept.add_blobs(3)
    state = perform(kept, "backup", kind="full", targets=["nas"])
    assert state.state == "done", state.progress.text
    assert sets.known(kept.node, nas)
    vault = Vault(kept.node, kept.settings, nas)
    with packs.known(vault) as ledger:
        assert set(packs.sizes(vault, ledger, keys)) == set(keys)
    assert perform(kept, "verify", target="nas", all=True).state == "done"
    files = [path for path in (host.folder / "backups").rglob("*") if path.is_file()]
    assert files
    assert not any(MARKER.encode() in path.read_bytes() for path in files)


def test_the_configuration_comes_back_from_there_onto_an_empty_machine(
    kept: Kept, host: Host, nas: Target, empty_machine: Paths
) -> None:
    state = perform(kept, "backup", kind="full", targets=["nas"])
    assert state.state == "done", state.progress.text
    place = disaster_recovery.place(f"sftp://{nas.endpoint}{nas.path}")

    def begin(host_key: str = "") -> None:
        disaster_recovery.begin(
            empty_machine, place, kept.key,
            moment=None, version="0.1.0", say=lambda _: None, host_key=host_key,
        )  # fmt: skip

    with pytest.raises(BackupRefused, match="give it with --restore-host-key") as refused:
        begin()
    said = str(refused.value)
    assert not empty_machine.secrets_toml.exists()
    # It asks to be let in, as the old machine did.
    (line,) = (part.strip() for part in said.splitlines() if "ssh-ed25519" in part)
    with host.authorized.open("a") as authorized:
        authorized.write(line + "\n")
    begin(sftp.fingerprint(nas.host_key))
    node = Node.load(empty_machine)
    found = settings.load(empty_machine).target("nas")
    assert (found.number, found.endpoint, found.host_key) == (nas.number, nas.endpoint, nas.host_key)
    # With the new machine's own key: the old one's may have been taken away there.
    assert sftp.public_key(node, found).split()[1] == line.split()[1]
    pgbackrest.write_config(node, settings.load(empty_machine))
    assert [one.label for one in pgbackrest.stored(node, found)]
    with pytest.raises(BackupRefused, match="Name the folder there"):
        disaster_recovery.place("sftp://backup@nas.example.com")


def test_another_host_in_its_place_is_refused(kept: Kept, nas: Target) -> None:
    other = "AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
    host, port = nas.endpoint.partition("@")[2].split(":")
    changed = replace(nas, host_key=f"[{host}]:{port} ssh-ed25519 {other}")
    sftp.write_files(kept.node, changed)
    try:
        with pytest.raises(BackupRefused, match=r"cannot be (read|written)"):
            Vault(kept.node, kept.settings, changed).probe()
    finally:
        sftp.write_files(kept.node, nas)
    Vault(kept.node, kept.settings, nas).probe()


def test_what_is_no_place_is_refused() -> None:
    assert sftp.parts("backup@nas.example.com") == ("backup", "nas.example.com", 22)
    assert sftp.parts("backup@nas:2222") == ("backup", "nas", 2222)
    for words in ("nas", "backup@", "backup@nas:port", "-oProxyCommand=x@nas", "a b@nas"):
        with pytest.raises(BackupRefused, match="is no place"):
            sftp.parts(words)
