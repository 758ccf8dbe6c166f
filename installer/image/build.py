"""The disk of the image: a Debian of packages, the release built in it, and both ways to boot.

No loop device and no mounted file system: a partition table, and file systems that are written into their
places from a folder. What differs from machine to machine is not in it, but made at the first start.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.runner import run
from installer import release
from installer.release import Report

FILES = Path(__file__).with_name("files")
SUITE = "trixie"
LABEL = "korobka"
"""Of the file system: the boot loader finds it by that, on whatever disk."""
SYSTEM = (
    "systemd-sysv", "udev", "dbus", "systemd-resolved", "systemd-timesyncd", "systemd-repart",
    "linux-image-amd64", "initramfs-tools", "zstd", "grub-cloud-amd64",
    "ca-certificates", "iproute2", "iputils-ping", "openssh-server", "less", "nano",
)  # fmt: skip
"""What a machine needs to be one. grub-cloud is Debian's GRUB for BIOS and UEFI at once, and nothing more."""
PROGRAMS = {
    "mmdebstrap": "mmdebstrap", "sfdisk": "fdisk", "mke2fs": "e2fsprogs", "mkfs.vfat": "dosfstools",
    "mcopy": "mtools", "qemu-img": "qemu-utils",
}  # fmt: skip
"""What building one takes, each with the package that brings it."""

_OF_THIS_MACHINE = ("ports", "conflicting services", "clock synchronisation")
"""Checks of the installer that look at the machine where the image is built."""
# Not called korobka-...: the box's installer takes away such units where it has not written them.
_SERVICES = (
    "systemd-networkd", "systemd-resolved", "systemd-timesyncd", "ssh",
    "make-box.service", "make-box.timer",
)  # fmt: skip
_OF_ONE_MACHINE = (
    "etc/ssh/ssh_host_*", "etc/ssl/private/ssl-cert-snakeoil.key", "etc/ssl/certs/ssl-cert-snakeoil.pem",
    "etc/machine-id", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed", "etc/resolv.conf",
    "var/log/**/*", "var/lib/apt/lists/*", "var/cache/apt/*.bin", "var/cache/apt/archives/*.deb",
    "root/.cache/**/*", "tmp/*",
)  # fmt: skip
"""What packages made while they were installed, and what tells of the machine where that was."""


@dataclass(frozen=True)
class Partition:
    """A part of the disk, in MiB."""

    kind: str
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


BIOS = Partition("21686148-6449-6E6F-744E-656564454649", start=1, size=1)
EFI = Partition("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", start=BIOS.end, size=128)
ROOT = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"
"""The kind by which systemd-repart knows which one to grow."""
_SPARE = 1024
"""MiB of room in the file system, before it grows to its disk."""
_MIB = 1 << 20


class CannotBuild(Exception):
    """This machine is not one to build an image on; the text says what it lacks."""


def build(archive: Path, disk: Path, report: Report) -> None:
    """Writes the raw disk of a machine that becomes a box of this release. As root."""
    if os.geteuid() != 0:
        raise CannotBuild("Only root can build an image: its files belong to other users.")
    if missing := {package for program, package in PROGRAMS.items() if not shutil.which(program)}:
        raise CannotBuild(f"Programs are missing here: apt-get install {' '.join(sorted(missing))}")
    with tempfile.TemporaryDirectory(dir=disk.parent, prefix=".image-") as scratch:
        tree = Path(scratch) / "tree"
        report("installing Debian")
        # In a mount namespace of its own: an interrupted mmdebstrap would leave /dev in the tree.
        debstrap: list[str | Path] = [
            "mmdebstrap",
            "--variant=minbase",
            f"--include={','.join(SYSTEM)}",
            SUITE,
            tree,
        ]
        run(["unshare", "--mount", "--propagation=private", *debstrap], timeout=1800)
        tree.chmod(0o755)
        report("building the release in it")
        put_release(tree, archive)
        report("preparing its start")
        put_files(tree)
        put_boot_loader(tree)
        forget(tree)
        report("writing the disk")
        write_disk(tree, disk)


def put_release(tree: Path, archive: Path) -> None:
    """The first stage of the release's own installer, and what a node of a cluster needs beside it."""
    unpacked = tree / _UNPACKED[1:]
    unpacked.mkdir()
    run(["tar", "xf", archive, "-C", unpacked, "--strip-components=1", "--no-same-owner"])
    # The resolver that was installed does not run yet.
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    accepted = [word for check in _OF_THIS_MACHINE for word in ("--accept", check)]
    # Who will be called how is decided at the first start; here it is only looked at.
    named = ("--hostname", "portal.korobka.internal", "--admin-email", "admin@korobka.internal")
    with _nothing_starts(tree):
        _inside(tree, f"{_UNPACKED}/install.sh", "--build", *named, *accepted)
        statement = (
            "from pathlib import Path; from installer import packages; "
            f"packages.install(Path('{_UNPACKED}/{release.BUNDLE}'), packages.OF_CLUSTERS)"
        )
        _inside(tree, "env", f"PYTHONPATH={_UNPACKED}", "python3", "-P", "-B", "-c", statement)
    shutil.rmtree(unpacked)


_UNPACKED = "/root/release"


def put_files(tree: Path) -> None:
    """What makes a machine of it: its network, its start, its disk."""
    shutil.copytree(FILES, tree, dirs_exist_ok=True)
    _inside(tree, "systemctl", "enable", *_SERVICES)


def put_boot_loader(tree: Path) -> None:
    """GRUB's parts for BIOS and UEFI; from the first update on, Debian's packages see to them."""
    modules = tree / "boot/grub/i386-pc"
    shutil.copytree(tree / "usr/lib/grub/i386-pc", modules, ignore=shutil.ignore_patterns("*.img"))
    _inside(
        tree, "grub-mkimage", "--format=i386-pc", "--prefix=(,gpt3)/boot/grub",
        "--output=/boot/grub/i386-pc/core.img", "biosdisk", "part_gpt", "ext2", "search_label", "normal",
    )  # fmt: skip
    shutil.copy(tree / "usr/lib/grub/i386-pc/boot.img", modules)
    efi = tree / "boot/efi/EFI"
    for name, source in (
        ("BOOT/BOOTX64.EFI", "usr/lib/shim/shimx64.efi.signed"),
        ("BOOT/grubx64.efi", "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"),
        ("BOOT/mmx64.efi", "usr/lib/shim/mmx64.efi.signed"),
    ):
        (efi / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree / source, efi / name)
    # Where the signed GRUB looks.
    (efi / "debian").mkdir()
    (efi / "debian/grub.cfg").write_text(
        f"search --label {LABEL} --set root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n"
    )


def forget(tree: Path) -> None:
    """No key, no name and no trace of the machine on which the image was built."""
    for pattern in _OF_ONE_MACHINE:
        for found in tree.glob(pattern):
            if found.is_symlink() or not found.is_dir():
                found.unlink()
    # Empty, and not missing: systemd makes one at every start that has none.
    (tree / "etc/machine-id").touch()
    (tree / "etc/hostname").write_text("korobka\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 korobka\n::1 localhost\n")
    (tree / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")


def write_disk(tree: Path, disk: Path) -> None:
    """A partition table with three parts; the machine's own files in the last one, which can grow."""
    used = int(run(["du", "-sm", "--apparent-size", tree]).stdout.split()[0])
    root = Partition(ROOT, start=EFI.end, size=used * 5 // 4 + _SPARE)
    with disk.open("wb") as file:
        file.truncate((root.end + 1) * _MIB)  # the table stands at the end once more
    rows = [f"start={one.start}MiB, size={one.size}MiB, type={one.kind}" for one in (BIOS, EFI, root)]
    run(["sfdisk", "--quiet", disk], stdin="\n".join(["label: gpt", *rows, ""]))
    efi = tree / "boot/efi/EFI"
    put_efi(efi, disk)
    shutil.rmtree(efi)  # that of the machine is mounted here
    format_root = ["mke2fs", "-q", "-t", "ext4", "-L", LABEL, "-E", f"offset={root.start * _MIB}"]
    run([*format_root, "-d", tree, disk, f"{root.size}M"], timeout=1800)
    _embed(tree, disk)


def put_efi(files: Path, disk: Path) -> None:
    """Writes the file system that UEFI starts from into its part: the folder EFI with these files."""
    # One sector a cluster: with less than 65,525 of them it is no FAT32 by Microsoft's specification, which
    # that of UEFI (13.3) refers to, and firmware finds nothing to start. mkfs.vfat would take eight.
    format_efi = ["mkfs.vfat", "-F", "32", "-s", "1", "-n", "EFI", f"--offset={EFI.start * _MIB // 512}"]
    run([*format_efi, disk, str(EFI.size * _MIB // 1024)])
    run(["mcopy", "-s", "-i", f"{disk}@@{EFI.start}M", files, "::/"])


def _embed(tree: Path, disk: Path) -> None:
    """Writes GRUB for BIOS before and into the first part, by its own tool.

    That insists on a device on which its folder lies, although it does not need one: here it is told that the
    disk itself is mounted.
    """
    (tree / "tmp/mountinfo").write_text(f"1 0 1:1 / / rw - ext4 /mnt/{disk.name} rw\n")
    script = 'mount --bind /tmp/mountinfo /proc/$$/mountinfo; exec "$0" "$@"'
    _inside(
        tree, "sh", "-ec", script, "/usr/lib/grub/i386-pc/grub-bios-setup", "--skip-fs-probe",
        "--directory=/boot/grub/i386-pc", f"/mnt/{disk.name}", shown=disk.parent,
    )  # fmt: skip


def _inside(tree: Path, *command: str, shown: Path | None = None) -> None:
    """Runs a command in the tree, with this machine's devices and `shown` at /mnt."""
    script = (
        'for one in dev proc sys; do mount --rbind "/$one" "$0/$one"; done; '
        '[ -z "$1" ] || mount --bind "$1" "$0/mnt"; shift; exec chroot "$0" "$@"'
    )
    # What is mounted goes with the namespace.
    within = ["unshare", "--mount", "--propagation=private", "sh", "-ec", script, str(tree), str(shown or "")]
    run([*within, *command], env={"HOME": "/root", "LC_ALL": "C.UTF-8"}, timeout=3600)


@contextmanager
def _nothing_starts(tree: Path) -> Iterator[None]:
    """Debian's packages start their services, unless this file says no (policy-rc.d of invoke-rc.d)."""
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    yield
    policy.unlink()
