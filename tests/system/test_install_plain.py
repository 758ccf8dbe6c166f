"""A box from the release archive on a Debian 13 without systemd, with only Debian's mirror in reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.release import Source

from . import boxes, registries
from .boxes import Installation
from .machines import CHECKOUT, Machine


@pytest.fixture(scope="module")
def unpacked(fresh_plain: Machine, archive: Path) -> str:
    """Where the archive lies on the machine; nothing but Debian's mirror can be reached from there."""
    fresh_plain.proxy.allowed = registries.debian_only
    target = fresh_plain.root / "root" / archive.name
    target.write_bytes(archive.read_bytes())
    fresh_plain.run(["tar", "xf", archive.name, "--no-same-owner"], cwd="/root")
    return f"/root/{archive.name.removesuffix('.tar.gz')}"


@pytest.fixture(scope="module")
def installation(fresh_plain: Machine, unpacked: str) -> Installation:
    return boxes.install(fresh_plain, source=unpacked)


@pytest.fixture(scope="module")
def box(fresh_plain: Machine, installation: Installation) -> Machine:
    assert installation.code == 0, str(installation)
    return fresh_plain


def test_the_archive_needs_only_a_debian_mirror(
    box: Machine, installation: Installation, figure: Callable[[str], None]
) -> None:
    figure(f"first run from an archive: {installation.seconds:.0f} s (target: 360 s)")
    assert box.proxy.asked
    assert [host for host in box.proxy.asked if not registries.debian_only(host)] == []


def test_it_is_said_that_nothing_starts_the_box_after_a_restart(installation: Installation) -> None:
    assert "NOTHING starts the box after a restart" in installation.output
    assert "boxctl start && exec sleep infinity" in installation.output


def test_the_portal_answers(box: Machine) -> None:
    assert boxes.is_sign_in_page(box)


def test_all_is_well(box: Machine) -> None:
    boxes.wait_until_well(box)
    assert "Nothing found" in boxes.boxctl(box, "doctor")


def test_the_release_is_named_by_its_version_and_its_content(box: Machine) -> None:
    source = Source(CHECKOUT)
    assert (box.root / "opt/korobka/current").readlink().name == source.name


def test_the_second_run_has_nothing_to_do(box: Machine, unpacked: str, figure: Callable[[str], None]) -> None:
    boxes.wait_until_well(box)
    files, processes = boxes.files(box), boxes.main_processes(box)
    again = boxes.install(box, source=unpacked)
    figure(f"second run from an archive: {again.seconds:.1f} s (target: 30 s)")
    assert again.code == 0, str(again)
    assert "Everything was as it should be: nothing to do." in again.output
    assert boxes.files(box) == files
    assert boxes.main_processes(box) == processes


def test_after_a_restart_it_stands_still_until_what_was_said_is_run(
    box: Machine, installation: Installation
) -> None:
    box.power_cut()
    box.start()
    assert [process for process in box.processes() if "korobka" in " ".join(process.cmdline())] == []
    said = re.search(r"sh -c '(.* start) && exec sleep infinity'", installation.output)
    assert said
    box.run(["sh", "-c", said[1]])
    boxes.wait_until_well(box)
    assert boxes.is_sign_in_page(box)


def test_a_taken_port_stops_it_before_anything_is_changed(archive: Path) -> None:
    with Machine("plain") as machine:
        machine.run(["sh", "-c", "apt-get update -q && apt-get install -yq python3"], env=machine.registries)
        server = "import http.server; http.server.ThreadingHTTPServer(('', 443), None).serve_forever()"
        machine.run(["sh", "-c", f'setsid /usr/bin/python3 -c "{server}" >/dev/null 2>&1 &'])
        before = boxes.files(machine, ("etc", "opt", "usr", "var"))
        refused = boxes.install(machine, "--certificate", "/etc/hostname", "--key", "/etc/none")
        assert refused.code == 1
        assert "Port 443 is taken by python3" in refused.output
        assert "/etc/none cannot be read" in refused.output
        assert "Nothing was changed." in refused.output
        assert boxes.files(machine, ("etc", "opt", "usr", "var")) == before


def test_an_ordinary_user_installs_a_box_of_their_own(archive: Path) -> None:
    with Machine("plain") as machine:
        machine.run(["useradd", "--create-home", "anna"])
        name = archive.name.removesuffix(".tar.gz")
        (machine.root / "home/anna" / archive.name).write_bytes(archive.read_bytes())
        machine.run(["tar", "xf", archive.name, "--no-same-owner"], cwd="/home/anna", user="anna")
        options = ("--prefix", "/home/anna/box", "--https-port", "8443", "--http-port", "8080")
        source = f"/home/anna/{name}"

        machine.run(["sh", "-c", "apt-get update -q && apt-get install -yq python3"], env=machine.registries)
        refused = boxes.install(machine, *options, source=source, user="anna")
        assert refused.code == 1
        assert "As root: apt-get install --no-install-recommends postgresql-17" in refused.output
        assert not (machine.root / "home/anna/box").exists()

        (cure,) = (line for line in refused.output.splitlines() if "As root: " in line)
        machine.run(["sh", "-c", f"{cure.partition('As root: ')[2]} -y -q"], env=machine.registries)
        machine.proxy.allowed = lambda _: False
        done = boxes.install(machine, *options, source=source, user="anna")
        assert done.code == 0, str(done)
        status, _, _ = boxes.ask(
            machine, "/healthz", ca=machine.root / "home/anna/box/etc/korobka/tls/ca.crt", port=8443
        )
        assert status == 200
        again = boxes.install(machine, *options, source=source, user="anna")
        assert "nothing to do." in again.output, str(again)

        own = "/home/anna/box/usr/local/bin/boxctl"
        assert "Nothing found" in machine.run([own, "doctor"], user="anna").stdout
        machine.run([own, "uninstall", "--purge", "--yes"], user="anna")
        assert not (machine.root / "home/anna/box").exists()
        assert [process for process in machine.processes() if process.username() == "anna"] == []


def test_purging_leaves_nothing(box: Machine) -> None:
    boxes.boxctl(box, "uninstall", "--purge", "--yes")
    for name in ("etc/korobka", "opt/korobka", "var/lib/korobka", "var/log/korobka", "usr/local/bin/boxctl"):
        assert not (box.root / name).exists(), name
    assert "korobka" not in (box.root / "etc/passwd").read_text()
    assert [process for process in box.processes() if "korobka" in " ".join(process.cmdline())] == []
