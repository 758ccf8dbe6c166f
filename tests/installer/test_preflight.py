"""Every check finds what it is for, names a cure, and nothing is changed when it does."""

from __future__ import annotations

import dataclasses
import datetime
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from appliance import certificates, users
from appliance.paths import Paths
from installer import facts, preflight
from installer.facts import Disk, Facts, Listener
from installer.options import Options
from installer.preflight import Finding
from tests import require

CHECKOUT = Path(__file__).resolve().parents[2]
WithFacts = Callable[..., Facts]


def the_only_finding(machine: Facts, options: Options) -> Finding:
    (finding,) = preflight.findings(machine, options)
    assert finding.cure
    return finding


def test_a_good_machine_has_no_findings(good_machine: Facts, options: Options) -> None:
    assert preflight.findings(good_machine, options) == []


def test_another_system(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(system="ubuntu 24.04"), options)
    assert "ubuntu 24.04" in finding.problem
    assert "Debian 13" in finding.cure


def test_another_processor(with_facts: WithFacts, options: Options) -> None:
    assert "aarch64" in the_only_finding(with_facts(architecture="aarch64"), options).problem


def test_another_python(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(python=(3, 11)), options)
    assert "3.11" in finding.problem
    assert "/usr/bin/python3" in finding.cure


def test_little_memory(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(memory=1 << 30), options)
    assert "1024 MiB" in finding.problem
    assert "2 GiB" in finding.cure


def test_little_disk_names_the_folder(with_facts: WithFacts, options: Options) -> None:
    disks = (Disk(Path("/var/lib/korobka"), 3 << 30, runs_programs=True),)
    assert "/var/lib/korobka" in the_only_finding(with_facts(disks=disks), options).problem


def test_an_installed_box_needs_less_disk(with_facts: WithFacts, options: Options) -> None:
    disks = (Disk(Path("/var/lib/korobka"), 3 << 30, runs_programs=True),)
    assert preflight.findings(with_facts(disks=disks, is_installed=True), options) == []


def test_a_release_does_not_run_from_noexec(with_facts: WithFacts, options: Options) -> None:
    disks = (Disk(options.paths.releases, 50 << 30, runs_programs=False),)
    assert "noexec" in the_only_finding(with_facts(disks=disks), options).problem


@pytest.mark.parametrize(
    ("port", "cure"),
    [(80, "--http-port"), (443, "--https-port"), (8333, "--store-port"), (8340, "--store-port")],
)
def test_a_taken_port_names_who_has_it(with_facts: WithFacts, options: Options, port: int, cure: str) -> None:
    finding = the_only_finding(with_facts(listeners=(Listener(port, "nginx", is_ours=False),)), options)
    assert f"{port}" in finding.problem
    assert "nginx" in finding.problem
    assert cure in finding.cure


def test_the_boxs_own_ports_are_no_finding(with_facts: WithFacts, options: Options) -> None:
    machine = with_facts(listeners=(Listener(443, "haproxy", is_ours=True),))
    assert preflight.findings(machine, options) == []


def test_an_external_store_needs_no_ports(with_facts: WithFacts, options: Options) -> None:
    machine = with_facts(listeners=(Listener(8333, "weed", is_ours=False),))
    assert preflight.findings(machine, dataclasses.replace(options, engine="external")) == []


def test_one_port_for_both(good_machine: Facts, options: Options) -> None:
    options = dataclasses.replace(options, http_port=8443, https_port=8443)
    assert "same port" in the_only_finding(good_machine, options).problem


def test_a_port_that_is_none(good_machine: Facts, options: Options) -> None:
    assert "70000" in the_only_finding(good_machine, dataclasses.replace(options, https_port=70000)).problem


def test_low_ports_are_roots(with_facts: WithFacts, tmp_path: Path) -> None:
    found = preflight.findings(with_facts(is_root=False), Options(prefix=Path("/srv/box"), hostname="a.test"))
    assert [finding.check for finding in found] == ["ports", "ports"]
    assert all("above 1023" in finding.cure for finding in found)


def test_a_web_server_that_would_come_back(with_facts: WithFacts, options: Options) -> None:
    machine = with_facts(starting_services=frozenset({"nginx", "ssh"}))
    assert "systemctl disable --now nginx" in the_only_finding(machine, options).cure
    assert preflight.findings(machine, dataclasses.replace(options, http_port=8080, https_port=8443)) == []


def test_a_missing_locale(with_facts: WithFacts, options: Options) -> None:
    assert "libc-bin" in the_only_finding(with_facts(has_utf8_locale=False), options).cure


def test_a_clock_older_than_the_release(good_machine: Facts, options: Options) -> None:
    machine = dataclasses.replace(good_machine, released_at=good_machine.now + timedelta(minutes=1))
    finding = the_only_finding(machine, options)
    assert "2026-11-24 12:01" in finding.problem
    assert "timedatectl" in finding.cure


def test_a_clock_that_is_not_synchronised(with_facts: WithFacts, options: Options) -> None:
    machine = with_facts(is_clock_synchronised=False)
    finding = the_only_finding(machine, options)
    assert finding.is_warning
    assert str(finding).startswith("Warning: ")
    assert "systemd-timesyncd" in finding.cure


def test_an_unwritable_prefix(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(unwritable=Path("/srv")), options)
    assert "/srv" in finding.problem
    assert "--prefix" in finding.cure


def test_a_prefix_that_the_services_cannot_reach(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(closed_folder=Path("/root")), options)
    assert "/root" in finding.problem
    assert "o+x" in finding.cure
    assert not finding.is_warning


def test_a_prefix_too_long_for_sockets(good_machine: Facts, options: Options) -> None:
    def at(length: int) -> list[Finding]:
        prefix = Path("/" + "p" * (length - 1))
        return preflight.findings(good_machine, dataclasses.replace(options, prefix=prefix))

    longest = preflight.SOCKET_LIMIT - len(f"/run/korobka/{preflight.LONGEST_SOCKET}")
    assert at(longest) == []
    (finding,) = at(longest + 3)
    assert "3 characters too long" in finding.problem


@pytest.mark.parametrize("name", ["with space", "коробка", "quote'"])
def test_a_prefix_that_engines_would_not_take(good_machine: Facts, options: Options, name: str) -> None:
    assert (
        "characters"
        in the_only_finding(good_machine, dataclasses.replace(options, prefix=Path("/srv") / name)).problem
    )


def test_only_root_installs_for_the_machine(with_facts: WithFacts, options: Options) -> None:
    options = dataclasses.replace(options, http_port=8080, https_port=8443)
    assert "sudo" in the_only_finding(with_facts(is_root=False), options).cure


def test_missing_packages_are_a_finding_for_others_than_root(with_facts: WithFacts) -> None:
    options = Options(prefix=Path("/srv/box"), hostname="a.test", http_port=8080, https_port=8443)
    machine = with_facts(is_root=False, missing_packages=("haproxy",))
    assert "haproxy" in the_only_finding(machine, options).problem
    assert preflight.findings(with_facts(missing_packages=("haproxy",)), options) == []


@pytest.mark.parametrize("name", ["under_score.test", "-dash.test", "a..b", "x" * 64, "пример.рф"])
def test_a_host_name_that_is_none(good_machine: Facts, options: Options, name: str) -> None:
    assert "--hostname" in the_only_finding(good_machine, dataclasses.replace(options, hostname=name)).cure


# --- certificates


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key in two files."""
    return write_pair(tmp_path, "one")


def write_pair(folder: Path, name: str) -> tuple[Path, Path]:
    bundle = certificates.issue(certificates.create_authority("portal.example.com"), "portal.example.com")
    whole = bundle.pem().decode()
    cut = whole.index("-----BEGIN PRIVATE")
    (folder / f"{name}.crt").write_text(whole[:cut])
    (folder / f"{name}.key").write_text(whole[cut:])
    return folder / f"{name}.crt", folder / f"{name}.key"


def with_pair(options: Options, certificate: Path | None, key: Path | None) -> Options:
    return dataclasses.replace(options, certificate=certificate, key=key)


def test_a_good_pair(good_machine: Facts, options: Options, pair: tuple[Path, Path]) -> None:
    assert preflight.findings(good_machine, with_pair(options, *pair)) == []


def test_a_certificate_without_its_key(
    good_machine: Facts, options: Options, pair: tuple[Path, Path]
) -> None:
    assert "--key" in the_only_finding(good_machine, with_pair(options, pair[0], None)).cure


def test_an_unreadable_certificate(good_machine: Facts, options: Options, pair: tuple[Path, Path]) -> None:
    finding = the_only_finding(good_machine, with_pair(options, pair[0].with_name("none.crt"), pair[1]))
    assert "none.crt cannot be read" in finding.problem


def test_a_key_of_another_certificate(
    good_machine: Facts, options: Options, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    _, other_key = write_pair(tmp_path, "two")
    assert "is not the key" in the_only_finding(good_machine, with_pair(options, pair[0], other_key)).problem


def test_a_file_that_is_no_certificate(
    good_machine: Facts, options: Options, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    der = tmp_path / "der.crt"
    der.write_bytes(b"\x30\x82\x01")
    assert "PEM" in the_only_finding(good_machine, with_pair(options, der, pair[1])).problem


def test_a_key_with_a_password(
    good_machine: Facts, options: Options, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    locked = tmp_path / "locked.key"
    command = [
        "openssl",
        "pkey",
        "-in",
        str(pair[1]),
        "-aes256",
        "-passout",
        "pass:secret",
        "-out",
        str(locked),
    ]
    subprocess.run(command, check=True)
    assert "has a password" in the_only_finding(good_machine, with_pair(options, pair[0], locked)).problem


# --- the real machine


def test_gathering_changes_nothing_and_finds_who_listens(tmp_path: Path) -> None:
    prefix = tmp_path / "box"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        here = facts.gather(Options(prefix=prefix).paths, datetime.datetime.now(datetime.UTC))
    assert any(listener.port == port and not listener.is_ours for listener in here.listeners)
    assert here.unwritable is None
    assert not here.is_installed
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_others_may_not_enter_is_seen_at_any_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "are_separated", lambda: True)
    tmp_path.chmod(0o700)
    for prefix in (tmp_path / "box", tmp_path / "deep/er/box"):
        here = facts.gather(Options(prefix=prefix).paths, datetime.datetime.now(datetime.UTC))
        assert here.closed_folder is not None
        assert tmp_path.is_relative_to(here.closed_folder)
    open_one = Path(tempfile.mkdtemp(dir="/var/tmp"))
    open_one.chmod(0o755)
    assert facts.gather(Options(prefix=open_one / "box").paths, here.now).closed_folder is None
    open_one.rmdir()


def test_a_prefix_that_others_could_exchange(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(unsafe_way="/srv may be written by others."), options)
    assert (finding.check, finding.problem) == ("prefix", "/srv may be written by others.")


def test_a_folder_that_others_may_write_is_no_place_for_a_box(tmp_path: Path) -> None:
    require.root("only root is led astray")
    assert facts.gather(Paths(tmp_path / "box"), datetime.datetime.now(datetime.UTC)).unsafe_way == ""
    tmp_path.chmod(0o777)
    found = facts.gather(Paths(tmp_path / "box"), datetime.datetime.now(datetime.UTC)).unsafe_way
    assert found.startswith(f"{tmp_path} may be written by others")


def test_a_file_in_the_way_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    here = facts.gather(Options(prefix=tmp_path / "file/box").paths, datetime.datetime.now(datetime.UTC))
    assert here.unwritable == tmp_path / "file"


def test_the_installer_stops_before_anything_is_changed(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    _, other_key = write_pair(tmp_path, "two")
    prefix = tmp_path / "box"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [
            "/usr/bin/python3", "-P", "-B", "-m", "installer", "install", "--prefix", str(prefix),
            "--hostname", "a.test",
            "--https-port", str(port), "--http-port", "70000", "--certificate", str(pair[0]),
            "--key", str(other_key),
        ]  # fmt: skip
        ended = subprocess.run(
            command,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.returncode == 1, ended.stderr
    assert f"Port {port} is taken by" in ended.stdout
    assert "70000 is no port" in ended.stdout
    assert "is not the key" in ended.stdout
    assert ended.stdout.count("Cure:") >= 3
    assert "Nothing was changed." in ended.stdout
    assert not prefix.exists()
