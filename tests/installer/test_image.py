"""What the image's machine decides at its start; that it starts is for tests/system/test_image.py."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from appliance.cluster import topology
from appliance.files import ensure_folder, write_atomically
from appliance.runner import Completed
from installer import first_password
from installer.image import build, formats, start
from installer.image.start import Machine
from installer.options import is_email

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    for folder in (machine.paths.etc, machine.shadow.parent):
        folder.mkdir(parents=True, exist_ok=True)
    machine.shadow.write_text("root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n")
    return machine


def installed(machine: Machine, hostname: str, *, given: str | None = None) -> None:
    machine.is_installed_mark.parent.mkdir(parents=True, exist_ok=True)
    machine.is_installed_mark.write_text(hostname if given is None else given)
    machine.paths.box_toml.write_text(f'hostname = "{hostname}"\n')


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the name servers know."""
    known: dict[str, list[str]] = {}
    monkeypatch.setattr(start, "_resolve", lambda question: known.get(question, []))
    return known


# --- its name


def test_a_name_that_leads_back_to_the_machine_is_its_name(
    machine: Machine, names: dict[str, list[str]]
) -> None:
    names |= {"10.0.0.7": ["portal.example.com"], "portal.example.com": ["10.0.0.7"]}
    assert start.name_to_install(machine, ["10.0.0.7"]) == "portal.example.com"


@pytest.mark.parametrize(
    ("of_address", "of_name"),
    [
        ([], []),
        (["portal.example.com"], ["10.0.0.8"]),
        (["portal"], ["10.0.0.7"]),
        (["a_b.example.com"], ["10.0.0.7"]),
    ],
)
def test_without_such_a_name_the_address_is_it(
    machine: Machine, names: dict[str, list[str]], of_address: list[str], of_name: list[str]
) -> None:
    names["10.0.0.7"] = of_address
    names |= dict.fromkeys(of_address, of_name)
    assert start.name_to_install(machine, ["10.0.0.7"]) == "10.0.0.7"


@pytest.mark.parametrize(
    ("now", "found", "wanted"),
    [
        ("portal.example.com", ["10.0.0.9"], None),
        ("10.0.0.7", ["10.0.0.7"], None),
        ("10.0.0.7", ["10.0.0.9", "10.0.0.7"], None),
        ("10.0.0.7", ["10.0.0.9"], "10.0.0.9"),
    ],
)
def test_a_box_keeps_its_name_unless_that_is_an_address_of_before(
    machine: Machine, names: dict[str, list[str]], now: str, found: list[str], wanted: str | None
) -> None:
    installed(machine, now)
    assert start.name_to_install(machine, found) == wanted


def test_a_name_that_somebody_has_chosen_or_that_is_a_clusters_is_left_alone(
    machine: Machine, names: dict[str, list[str]]
) -> None:
    """The address at which a router lets people in is on no interface, nor need one that moves be."""
    installed(machine, "203.0.113.5", given="10.0.0.7")
    assert start.name_to_install(machine, ["10.0.0.8"]) is None
    installed(machine, "10.0.0.7")
    file = topology.file_of(machine.paths)
    ensure_folder(file.parent, mode=0o700)
    write_atomically(file, "{}", mode=0o600)
    assert start.name_to_install(machine, ["10.0.0.8"]) is None


def test_a_box_that_was_removed_is_not_made_again(machine: Machine, names: dict[str, list[str]]) -> None:
    installed(machine, "portal.example.com")
    machine.paths.box_toml.unlink()
    assert start.name_to_install(machine, ["10.0.0.7"]) is None
    assert start.where_it_is(machine, now=NOW) == ["Korobka was removed from this machine."]


@pytest.mark.parametrize("is_made", [True, False])
def test_where_the_box_was_removed_the_console_says_so_and_nothing_is_tried_again(
    tmp_path: Path, is_made: bool
) -> None:
    """With the box goes the program that would say it. Where the box was never made, that has failed."""
    text = (build.FILES / "usr/local/lib/korobka-image/start").read_text()
    for folder in ("/opt/", "/var/", "/run/"):
        text = text.replace(folder, f"{tmp_path}{folder}")
    told = tmp_path / "told"
    (tmp_path / "agetty").write_text(f'#!/bin/sh\necho "$@" >>{told}\n')
    (tmp_path / "agetty").chmod(0o755)
    if is_made:
        (tmp_path / "var/lib/korobka-image").mkdir(parents=True)
        (tmp_path / "var/lib/korobka-image/installed").write_text("10.0.0.7")
    for _time in range(2):
        done = subprocess.run(
            ["sh", "-s"], input=text, text=True, check=False, cwd=tmp_path,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )  # fmt: skip
        assert (done.returncode == 0) is is_made
    issue = tmp_path / "run/issue.d/korobka.issue"
    if is_made:
        assert issue.read_text() == "\n  Korobka was removed from this machine.\n\n"
        assert issue.stat().st_mode & 0o777 == 0o600
        assert told.read_text() == "--reload\n"
    else:
        assert not issue.exists()


def test_the_first_administrator_has_an_address_that_the_portal_takes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    def run(words: list[str], **_: object) -> Completed:
        given.append(words[words.index("--admin-email") + 1])
        return Completed((), 0, "", "")

    monkeypatch.setattr(start, "run", run)
    for name in ("portal.example.com", "10.0.0.7"):
        start.install(machine, name)
    assert given == ["admin@portal.example.com", start.ADMINISTRATOR]
    assert all(map(is_email, given))
    assert machine.is_installed_mark.read_text() == "10.0.0.7"


# --- root's password


@pytest.fixture
def programs(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that were run; `chpasswd` and `passwd` do what they would do to the file."""
    called: list[str] = []

    def run(words: list[str], *, stdin: str = "", **_: object) -> Completed:
        called.append(words[0])
        if words[0] == "chpasswd":
            machine.shadow.write_text("root:$y$hash:20400:0:99999:7:::\n")
        elif words[0] == "passwd":
            machine.shadow.write_text("root:$y$hash:0:0:99999:7:::\n")
        return Completed((), 0, "", "")

    monkeypatch.setattr(start, "run", run)
    return called


def test_root_gets_a_password_that_is_told_until_root_has_another_one(
    machine: Machine, programs: list[str]
) -> None:
    made = start.make_root_password(machine)
    assert made is not None
    assert machine.root_password.stat().st_mode & 0o777 == 0o600
    assert start.make_root_password(machine) == made
    assert programs == ["chpasswd", "passwd"]
    machine.shadow.write_text("root:$y$other:20401:0:99999:7:::\n")
    assert start.make_root_password(machine) is None
    assert not machine.root_password.exists()


def test_a_start_that_was_cut_short_gives_a_password_again(machine: Machine, programs: list[str]) -> None:
    fresh = machine.root_password.with_suffix(".new")
    fresh.parent.mkdir(parents=True)
    fresh.write_text("told-to-nobody")
    machine.shadow.write_text("root:$y$hash:20400:0:99999:7:::\n")
    made = start.make_root_password(machine)
    assert made not in (None, "told-to-nobody")
    assert not fresh.exists()


def test_a_password_that_was_chosen_is_left_alone(machine: Machine, programs: list[str]) -> None:
    machine.shadow.write_text("root:$y$chosen:20401:0:99999:7:::\n")
    assert start.make_root_password(machine) is None
    assert programs == []


# --- its console


def test_the_console_tells_the_address_and_for_a_day_the_password(machine: Machine) -> None:
    installed(machine, "10.0.0.7")
    release = machine.paths.releases / "one"
    release.mkdir(parents=True)
    (release / "pyproject.toml").write_text('[project]\nversion = "1.2"\n')
    machine.paths.current.symlink_to(release)
    first_password.keep(machine.paths, start.ADMINISTRATOR, "abcde-fghij", now=NOW)
    told = "\n".join(start.where_it_is(machine, now=NOW))
    assert "https://10.0.0.7/" in told
    assert "abcde-fghij" in told
    told = "\n".join(start.where_it_is(machine, now=NOW.replace(day=25, minute=1)))
    assert "https://10.0.0.7/" in told
    assert "abcde" not in told


def test_what_a_program_says_cannot_write_over_the_console(machine: Machine, programs: list[str]) -> None:
    start.tell(machine, ["\x1b[2J\\u\\4 and more"], "secret-one")
    text = machine.issue.read_text()
    assert "\x1b" not in text
    assert "\\" not in text
    assert "secret-one" in text
    assert machine.issue.stat().st_mode & 0o777 == 0o600
    assert programs == ["agetty"]
    start.tell(machine, ["\x1b[2J\\u\\4 and more"], "secret-one")
    assert programs == ["agetty"]


# --- the disk


def test_parts_stand_one_after_the_other() -> None:
    assert build.BIOS.start >= 1
    assert build.EFI.start == build.BIOS.end


def test_the_units_of_the_image_are_none_of_the_boxs() -> None:
    """Its installer would take them away, in the middle of what they have begun."""
    units = [file.name for file in (build.FILES / "etc/systemd/system").iterdir()]
    assert units
    assert [name for name in units if name.startswith("korobka")] == []


def test_a_machine_that_lacks_programs_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "mcopy" else f"/usr/bin/{name}")
    with pytest.raises(build.CannotBuild, match=r"apt-get install mtools$"):
        build.build(tmp_path / "archive", tmp_path / "disk", print)


def test_what_belongs_to_one_machine_is_forgotten(tmp_path: Path) -> None:
    for name in (
        "etc/ssh/ssh_host_rsa_key", "etc/ssl/private/ssl-cert-snakeoil.key", "etc/machine-id",
        "var/lib/systemd/random-seed", "var/log/apt/term.log", "var/cache/apt/archives/a.deb",
        "var/lib/apt/lists/x", "etc/resolv.conf",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("of the builder")
    (tmp_path / "etc/ssh/sshd_config").write_text("stays")
    build.forget(tmp_path)
    left = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {"etc/ssh/sshd_config", "etc/machine-id", "etc/hostname", "etc/hosts"}
    assert (tmp_path / "etc/machine-id").read_text() == ""


def test_the_description_names_the_disk_as_it_is(tmp_path: Path) -> None:
    vmdk = tmp_path / "korobka-1.vmdk"
    vmdk.write_bytes(b"disk")
    formats.pack_ova(vmdk, tmp_path / "korobka-1.ova")
    with tarfile.open(tmp_path / "korobka-1.ova") as ova:
        assert ova.getnames() == ["korobka-1.ovf", "korobka-1.mf", "korobka-1.vmdk"]
        described = ova.extractfile("korobka-1.ovf")
        assert described is not None
        root = ElementTree.fromstring(described.read())
    space = "{http://schemas.dmtf.org/ovf/envelope/1}"
    (file,) = root.iter(f"{space}File")
    (disk,) = root.iter(f"{space}Disk")
    assert (file.get(f"{space}href"), file.get(f"{space}size")) == ("korobka-1.vmdk", "4")
    assert disk.get(f"{space}capacity") == str(formats.CAPACITY)
    assert disk.get(f"{space}fileRef") == file.get(f"{space}id")


def test_firmware_takes_the_part_that_it_starts_from_for_fat32(tmp_path: Path) -> None:
    """The number of clusters decides that, and mkfs.vfat would choose it by the size of the whole disk."""
    disk, files = tmp_path / "disk", tmp_path / "EFI"
    files.mkdir()
    with disk.open("wb") as file:
        file.truncate(3 << 30)
    build.put_efi(files, disk)
    with disk.open("rb") as file:
        file.seek(build.EFI.start << 20)
        boot = file.read(512)
    per_cluster, reserved, fats = struct.unpack_from("<BHB", boot, 13)
    (sectors,) = struct.unpack_from("<I", boot, 32)
    (of_each_fat,) = struct.unpack_from("<I", boot, 36)
    assert (sectors - reserved - fats * of_each_fat) // per_cluster >= 65_525
