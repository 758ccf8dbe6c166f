"""Every check finds what it is for, names a cure, and nothing is changed when it does."""

from __future__ import annotations

import dataclasses
import itertools
import os
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance import certificates, users
from appliance.paths import Paths
from installer import facts, preflight
from installer.facts import Disk, Facts, Listener
from installer.findings import Finding
from installer.options import SECRET, Options
from installer.release import Source
from tests import require

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLING = CHECKOUT / "docs/admin/install.md"
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


def test_an_external_store_needs_no_ports(
    with_facts: WithFacts, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "hush")
    options = dataclasses.replace(options, endpoint="https://s3.example.com", access_key="portal")
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


def test_an_older_release_than_the_running_one(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(going_back="The tables are of a newer release."), options)
    assert (finding.check, finding.problem) == ("release", "The tables are of a newer release.")
    assert "--restore" in finding.cure


def test_an_archive_that_was_changed(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(is_source_damaged=True), options)
    assert "not as it was packed" in finding.problem


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


# --- what was given, or guessed


@pytest.mark.parametrize(
    "email", ["olga", "olga@debian", "@example.com", "olga@example..com", "ol ga@example.com"]
)
def test_an_address_of_the_administrator_that_is_none(
    good_machine: Facts, options: Options, email: str
) -> None:
    finding = the_only_finding(good_machine, dataclasses.replace(options, admin_email=email))
    assert email in finding.problem
    assert "--admin-email" in finding.cure


def test_a_machine_without_a_domain_needs_an_address(with_facts: WithFacts) -> None:
    bare = Options(hostname="debian")
    assert "admin@debian" in the_only_finding(with_facts(), bare).problem
    assert preflight.findings(with_facts(), dataclasses.replace(bare, admin_email="olga@example.com")) == []
    assert preflight.findings(with_facts(is_installed=True), bare) == []


@pytest.mark.parametrize("zone", ["Moon/Sea", "europe/moscow", "../etc/passwd", ""])
def test_a_time_zone_that_is_none(good_machine: Facts, options: Options, zone: str) -> None:
    assert "--time-zone" in the_only_finding(good_machine, dataclasses.replace(options, time_zone=zone)).cure


def test_a_store_elsewhere_needs_its_address_and_its_keys(good_machine: Facts, options: Options) -> None:
    found = preflight.findings(good_machine, dataclasses.replace(options, engine="external"))
    assert [("--endpoint" in one.cure, "--access-key" in one.cure) for one in found] == [
        (True, False), (False, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "endpoint", ["s3.example.com", "ftp://s3.example.com", "https://s3.example.com/bucket"]
)
def test_an_address_of_a_store_that_is_none(
    good_machine: Facts, options: Options, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv(SECRET, "hush")
    store = dataclasses.replace(options, engine="external", access_key="portal", endpoint=endpoint)
    assert repr(endpoint) in the_only_finding(good_machine, store).problem
    good = dataclasses.replace(store, endpoint="https://s3.example.com:9000")
    assert preflight.findings(good_machine, good) == []


def test_an_address_without_a_store_elsewhere(good_machine: Facts, options: Options) -> None:
    store = dataclasses.replace(options, endpoint="https://s3.example.com")
    assert "--engine external" in the_only_finding(good_machine, store).cure


def test_an_engine_whose_program_is_missing(
    good_machine: Facts, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert (
        "no program minio"
        in the_only_finding(good_machine, dataclasses.replace(options, engine="minio")).problem
    )


def test_logs_may_have_a_small_disk(with_facts: WithFacts, options: Options) -> None:
    def with_log(free: int) -> Facts:
        return with_facts(disks=(Disk(options.paths.log, free, runs_programs=False),))

    assert preflight.findings(with_log(300 << 20), options) == []
    assert str(options.paths.log) in the_only_finding(with_log(200 << 20), options).problem


def test_somebody_elses_account_is_not_adopted(with_facts: WithFacts, options: Options) -> None:
    machine = with_facts(foreign_users=(("korobka", "it is a member of sudo"),))
    finding = the_only_finding(machine, options)
    assert "korobka" in finding.problem
    assert "sudo" in finding.problem
    assert "usermod" in finding.cure


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
    finding = the_only_finding(good_machine, with_pair(options, *pair))
    assert finding.is_warning
    assert "authority that this machine knows" in finding.problem


def chain_of(
    folder: Path, *, days: tuple[int, int] = (-1, 300), name: str = "portal.example.com"
) -> list[Path]:
    """A root, an intermediate, a server's certificate, its key: each in a file."""
    files = [folder / name for name in ("root.crt", "middle.crt", "server.crt", "server.key")]
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(3)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, one)]) for one in ("root", "middle", name)]
    now = datetime.now(UTC)
    for number in range(3):
        issuer = max(number - 1, 0)
        begin, end = days if number == 2 else (-10, 300)
        builder = certificates.builder(
            names[number], names[issuer], keys[number],
            not_before=now + timedelta(days=begin), not_after=now + timedelta(days=end),
        ).add_extension(x509.BasicConstraints(ca=number < 2, path_length=None), critical=True)  # fmt: skip
        if number == 2:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        files[number].write_bytes(certificates.certificate_pem(builder.sign(keys[issuer], hashes.SHA256())))
    files[3].write_bytes(certificates.key_pem(keys[2]))
    return files


def joined(folder: Path, *files: Path) -> Path:
    whole = folder / "chain.pem"
    whole.write_text("".join(file.read_text() for file in files))
    return whole


def test_a_chain_is_good_in_any_order(good_machine: Facts, options: Options, tmp_path: Path) -> None:
    root, middle, server, key = chain_of(tmp_path)
    for order in itertools.permutations((root, middle, server)):
        whole = joined(tmp_path, *order)
        assert preflight.findings(good_machine, with_pair(options, whole, key)) == []
        bundle = certificates.Bundle.read(whole, key)
        certificates.check(bundle, "portal.example.com")
        assert [one.subject.rfc4514_string() for one in (bundle.certificate, *bundle.chain)] == [
            "CN=portal.example.com", "CN=middle", "CN=root",
        ]  # fmt: skip


def test_a_chain_without_its_intermediate_is_told(
    good_machine: Facts, options: Options, tmp_path: Path
) -> None:
    _, _, server, key = chain_of(tmp_path)
    finding = the_only_finding(good_machine, with_pair(options, server, key))
    assert finding.is_warning
    assert "intermediate" in finding.cure


@pytest.mark.parametrize(("days", "word"), [((-10, -1), "has expired"), ((1, 10), "not valid yet")])
def test_a_certificate_of_another_time(
    good_machine: Facts, options: Options, tmp_path: Path, days: tuple[int, int], word: str
) -> None:
    _, middle, server, key = chain_of(tmp_path, days=days)
    whole = joined(tmp_path, server, middle)
    assert word in the_only_finding(good_machine, with_pair(options, whole, key)).problem


def test_a_certificate_for_another_name(good_machine: Facts, options: Options, tmp_path: Path) -> None:
    _, middle, server, key = chain_of(tmp_path, name="other.example.org")
    whole = joined(tmp_path, server, middle)
    assert "another name" in the_only_finding(good_machine, with_pair(options, whole, key)).problem


def test_a_pfx_is_called_one(good_machine: Facts, options: Options, tmp_path: Path) -> None:
    _, _, server, key = chain_of(tmp_path)
    pfx = tmp_path / "portal.pfx"
    command = [
        "openssl",
        "pkcs12",
        "-export",
        "-in",
        str(server),
        "-inkey",
        str(key),
        "-out",
        str(pfx),
        "-passout",
        "pass:x",
    ]
    subprocess.run(command, check=True)
    finding = the_only_finding(good_machine, with_pair(options, pfx, key))
    assert "PFX" in finding.problem
    assert f"openssl pkcs12 -in {pfx}" in finding.cure


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


def test_the_documentations_lines_take_a_pfx_apart_and_a_password_away(
    good_machine: Facts, options: Options, tmp_path: Path
) -> None:
    """As they stand in docs/admin/install.md; whoever types them is asked for the password."""
    lines = [line for line in INSTALLING.read_text().splitlines() if line.startswith("openssl ")]
    assert len(lines) == 3
    _, middle, server, key = chain_of(tmp_path)
    export = ("-in", server, "-inkey", key, "-certfile", middle, "-out", "portal.pfx", "-passout", "pass:x")
    lock = ("-in", key, "-aes256", "-passout", "pass:x", "-out", "locked.key")
    for words in (("pkcs12", "-export", *export), ("pkey", *lock)):
        subprocess.run(["openssl", *words], cwd=tmp_path, check=True)
    certificate, plain = tmp_path / "portal.crt", tmp_path / "portal.key"
    for line in lines:
        # Without a terminal of its own openssl asks on standard input.
        typed = subprocess.run(
            shlex.split(line), cwd=tmp_path, input="x\n", text=True, capture_output=True, check=False,
            start_new_session=True,
        )  # fmt: skip
        assert typed.returncode == 0, typed.stderr
        if plain.exists():
            finding = the_only_finding(good_machine, with_pair(options, certificate, plain))
            assert finding.is_warning and "authority that this machine knows" in finding.problem


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
        here = facts.gather(Options(prefix=prefix).paths, Source(CHECKOUT))
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
        here = facts.gather(Options(prefix=prefix).paths, Source(CHECKOUT))
        assert here.closed_folder is not None
        assert tmp_path.is_relative_to(here.closed_folder)
    open_one = Path(tempfile.mkdtemp(dir="/var/tmp"))
    open_one.chmod(0o755)
    assert facts.gather(Options(prefix=open_one / "box").paths, Source(CHECKOUT)).closed_folder is None
    open_one.rmdir()


def test_a_prefix_that_others_could_exchange(with_facts: WithFacts, options: Options) -> None:
    finding = the_only_finding(with_facts(unsafe_way="/srv may be written by others."), options)
    assert (finding.check, finding.problem) == ("prefix", "/srv may be written by others.")


def test_a_folder_that_others_may_write_is_no_place_for_a_box(tmp_path: Path) -> None:
    require.root("only root is led astray")
    assert facts.gather(Paths(tmp_path / "box"), Source(CHECKOUT)).unsafe_way == ""
    tmp_path.chmod(0o777)
    found = facts.gather(Paths(tmp_path / "box"), Source(CHECKOUT)).unsafe_way
    assert found.startswith(f"{tmp_path} may be written by others")


def test_a_file_in_the_way_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    here = facts.gather(Options(prefix=tmp_path / "file/box").paths, Source(CHECKOUT))
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
