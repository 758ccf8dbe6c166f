"""A box from a checkout on a fresh Debian 13 with systemd: installed, repaired, upgraded, removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from appliance import certificates
from appliance.paths import Paths

from . import boxes
from .boxes import ADMINISTRATOR, PASSWORD, Installation
from .machines import CHECKOUT, Machine


@pytest.fixture(scope="module")
def box(fresh_systemd: Machine, first_installation: Installation) -> Machine:
    assert first_installation.code == 0, str(first_installation)
    return fresh_systemd


def test_one_command_installs(
    box: Machine, first_installation: Installation, figure: Callable[[str], None]
) -> None:
    figure(f"first run from a checkout: {first_installation.seconds:.0f} s (target: 360 s)")
    assert f"https://{box.hostname}/" in first_installation.output
    assert ADMINISTRATOR in first_installation.output
    assert PASSWORD not in first_installation.output


def test_the_printed_address_answers_with_the_sign_in_page(box: Machine) -> None:
    assert boxes.is_sign_in_page(box)


def test_the_authority_does_not_vouch_for_other_names(box: Machine, tmp_path: Path) -> None:
    authority = certificates.read_authority(Paths(box.root))
    assert authority is not None
    foreign = certificates.issue(authority, "portal.example.org")
    (tmp_path / "foreign.pem").write_bytes(foreign.pem())
    ca = box.root / "etc/korobka/tls/ca.crt"
    verdict = subprocess.run(
        ["openssl", "verify", "-purpose", "sslserver", "-CAfile", ca, tmp_path / "foreign.pem"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verdict.returncode != 0
    assert "permitted subtree violation" in verdict.stdout + verdict.stderr
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        boxes.ask(box, "/", name="portal.example.org")


def test_all_is_well(box: Machine) -> None:
    boxes.wait_until_well(box)
    assert "Nothing found" in boxes.boxctl(box, "doctor")


def test_the_second_run_has_nothing_to_do(box: Machine, figure: Callable[[str], None]) -> None:
    boxes.wait_until_well(box)
    files, processes = boxes.files(box), boxes.main_processes(box)
    again = boxes.install(box)
    figure(f"second run from a checkout: {again.seconds:.1f} s (target: 30 s)")
    assert again.code == 0, str(again)
    assert "Everything was as it should be: nothing to do." in again.output
    assert boxes.files(box) == files
    assert boxes.main_processes(box) == processes


def test_only_the_balancer_listens_outside(box: Machine) -> None:
    found = boxes.listeners(box)
    outside = {address for address in found if not address.startswith(("127.0.0.1:", "[::1]:"))}
    assert {address.rpartition(":")[2] for address in outside} == {"80", "443"}
    assert {found[address] for address in outside} == {"haproxy"}


def test_debians_own_services_stay_off(box: Machine) -> None:
    for name in ("haproxy", "memcached"):
        state = box.run(["systemctl", "is-enabled", name], check=False).stdout.strip()
        assert state == "masked"
    assert list((box.root / "etc/postgresql").glob("*/*")) == []


def test_secrets_are_in_no_argument_list(box: Machine) -> None:
    secrets = [
        line.split('"')[1]
        for line in (box.root / "etc/korobka/secrets.toml").read_text().splitlines()
        if '"' in line
    ]
    assert len(secrets) > 5
    for process in box.processes():
        line = " ".join(process.cmdline())
        assert not [secret for secret in (*secrets, PASSWORD) if secret in line], process.name()


def test_everything_comes_back_after_a_power_cut(box: Machine) -> None:
    box.power_cut()
    box.start()
    boxes.wait_until_well(box)
    assert boxes.is_sign_in_page(box)


def test_damage_is_repaired(box: Machine) -> None:
    (box.root / "etc/korobka/generated/balancer/haproxy.cfg").unlink()
    (box.root / "usr/local/bin/boxctl").write_text("#!/bin/sh\nexit 1\n")
    box.run(["systemctl", "stop", "korobka-cache"])
    again = boxes.install(box)
    assert again.code == 0, str(again)
    boxes.wait_until_well(box)
    assert "Nothing found" in boxes.boxctl(box, "doctor")


def test_doctor_names_what_is_wrong_and_its_cure(box: Machine) -> None:
    box.run(["systemctl", "stop", "korobka-push"])
    toml = box.root / "etc/korobka/box.toml"
    before = toml.read_text()
    toml.write_text(f"{before}\n[logs]\nfiles = 5\nsize = 3\n")
    found = box.run(["boxctl", "doctor"], check=False)
    assert found.returncode == 1
    assert f"box.toml, line {len(before.splitlines()) + 4}: logs.size" in found.stdout
    toml.write_text(before)
    found = box.run(["boxctl", "doctor"], check=False)
    assert found.returncode == 1
    assert "push is stopped" in found.stdout
    assert "boxctl restart push" in found.stdout
    box.run(["systemctl", "start", "korobka-push"])
    boxes.wait_until_well(box)
    assert "Nothing found" in boxes.boxctl(box, "doctor")


def test_the_next_version_upgrades_a_box_with_data(box: Machine) -> None:
    boxes.boxctl(box, "user", "create", "anna@example.com", "--first-name", "Anna")
    next_version = box.root / "root/next"
    ignored = shutil.ignore_patterns(
        ".git", ".venv", "node_modules", "build", "dist", "__pycache__", ".*_cache"
    )
    shutil.copytree(CHECKOUT, next_version, ignore=ignored)
    project = next_version / "pyproject.toml"
    project.write_text(project.read_text().replace('version = "', 'version = "9.', 1))

    failures: list[str] = []
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            try:
                status, _, _ = boxes.ask(box, "/healthz")
                if status != 200:
                    failures.append(f"{status}")
            except OSError as error:
                failures.append(str(error))
            time.sleep(0.05)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        upgraded = boxes.install(box, source="/root/next")
    finally:
        over.set()
        visitor.join()
    assert upgraded.code == 0, str(upgraded)
    assert "/9." in str((box.root / "opt/korobka/current").readlink())
    assert failures == []
    boxes.wait_until_well(box)
    people = boxes.boxctl(box, "user", "list")
    assert "anna" in people.lower()
    assert "olga" in people.lower()


def test_uninstalling_keeps_the_data_and_installing_brings_it_back(box: Machine) -> None:
    refused = box.run(["boxctl", "uninstall"], check=False)
    assert refused.returncode == 1
    assert "--yes" in refused.stdout
    boxes.boxctl(box, "uninstall", "--yes")
    assert not list((box.root / "etc/systemd/system").glob("korobka*"))
    assert not (box.root / "opt/korobka/releases").exists()
    assert not (box.root / "usr/local/bin/boxctl").exists()
    assert [process.name() for process in box.processes() if process.username().startswith("korobka")] == []
    assert (box.root / "var/lib/korobka/database").is_dir()
    again = boxes.install(box)
    assert again.code == 0, str(again)
    assert "anna" in boxes.boxctl(box, "user", "list").lower()


def test_purging_leaves_nothing(box: Machine) -> None:
    boxes.boxctl(box, "uninstall", "--purge", "--yes")
    for name in ("etc/korobka", "opt/korobka", "var/lib/korobka", "var/log/korobka", "usr/local/bin/boxctl"):
        assert not (box.root / name).exists(), name
    assert "korobka" not in (box.root / "etc/passwd").read_text()


# --- interruptions


def test_an_installation_killed_anywhere_is_finished_by_the_next() -> None:
    with Machine("systemd") as machine:
        for mark in ("Debian packages", "copying the source", "collecting the static files", "Secrets: done",
                     "creating the cluster", "Object store: done", "Running release"):  # fmt: skip
            _install_until(machine, mark)
        last = boxes.install(machine)
        assert last.code == 0, str(last)
        boxes.wait_until_well(machine)
        assert boxes.is_sign_in_page(machine)
        assert "Nothing found" in boxes.boxctl(machine, "doctor")
        releases = machine.root / "opt/korobka/releases"
        assert [folder for folder in releases.iterdir() if folder.name.startswith(".")] == []


def _install_until(machine: Machine, mark: str) -> None:
    """Starts install.sh and kills it, with everything that it has started, when it says `mark`."""
    log = machine.root / "root/install.log"
    log.write_text("")
    script = f"exec /src/install.sh --hostname {machine.hostname} > /root/install.log 2>&1"
    runner = threading.Thread(
        target=machine.run, args=(["sh", "-c", script],), kwargs={"env": machine.registries, "check": False}
    )
    runner.start()
    deadline = time.monotonic() + 600
    while mark not in log.read_text() and runner.is_alive():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    for process in machine.processes():
        with contextlib.suppress(psutil.Error, ProcessLookupError):  # it has just ended by itself
            words = " ".join(process.cmdline())
            if "installer install" in words or "install.sh" in words:
                os.kill(process.pid, signal.SIGKILL)
    runner.join(60)
    assert "The portal:" not in log.read_text(), f"it was over before it said {mark!r}"
